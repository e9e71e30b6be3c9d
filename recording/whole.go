package recording

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteWhole puts what fill writes at path, whole or not at all: it writes beside it
// and renames. It is for what can be had again and, unlike [WriteJSON], does not sync.
// An error of fill is returned as it is.
func WriteWhole(path string, fill func(io.Writer) error) error {
	return replace(path, func(*os.File) error { return nil }, fill)
}

// replace puts what fill writes at path, once settle is done with the file.
func replace(path string, settle func(*os.File) error, fill func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("create %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	const readable fs.FileMode = 0o644
	if err := errors.Join(f.Chmod(readable), settle(f), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("rename %s: %w", filepath.Base(path), err)
	}
	return nil
}
