package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/roomreel/roomreel/recording"
)

// Fetcher brings back a part that was uploaded and is no longer in the data
// folder. The error is CodeNotFound where it is not known.
type Fetcher interface {
	Fetch(ctx context.Context, recordingID, file string) (io.ReadCloser, error)
}

// fetchedName is the folder of parts that were brought back, inside the work
// folder: they last as long as the work does.
const fetchedName = "fetched"

// fetch brings back the sources that are missing.
func (r *renderer) fetch(ctx context.Context) error {
	if r.composer.Fetcher == nil {
		return nil
	}
	for _, s := range r.plan.Sources {
		if _, err := os.Stat(r.path(s)); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := r.fetchOne(ctx, s); err != nil {
			return recording.Errorf(recording.CodeOf(recording.AsError(err, recording.CodeComposeFailed)), "part %s: fetch %s from storage: %w", s.Part, s.File, err)
		}
	}
	return nil
}

func (r *renderer) fetchOne(ctx context.Context, s Source) (err error) {
	from, err := r.composer.Fetcher.Fetch(ctx, r.plan.Recording, s.File)
	if err != nil {
		return err
	}
	defer from.Close()
	path := filepath.Join(r.work, fetchedName, filepath.Base(s.File))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, from); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return nil
}
