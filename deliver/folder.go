package deliver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// FolderID names a folder for good, wherever it is mounted: nodes that share it
// get the same name, see [UploadOptions].Storage. It is kept in the folder.
func FolderID(dir string) (string, error) {
	const prefix = "fld"
	path := filepath.Join(dir, ".folder-id")
	for {
		b, err := os.ReadFile(path)
		id := strings.TrimSpace(string(b))
		switch {
		case err == nil && recording.CheckID(prefix, id) == nil:
			return id, nil
		case err == nil:
			return "", recording.Errorf(recording.CodeInternal, "%s holds no identifier: remove it", path)
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("name folder: %w", err)
		}
		// Of nodes that do this at once, one's link is made.
		f, err := os.CreateTemp(dir, ".folder-id-*")
		if err != nil {
			return "", fmt.Errorf("name folder: %w", err)
		}
		_, err = f.WriteString(recording.NewID(prefix) + "\n")
		if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
			err = os.Link(f.Name(), path)
		}
		if removed := os.Remove(f.Name()); err == nil {
			err = removed
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("name folder: %w", err)
		}
	}
}
