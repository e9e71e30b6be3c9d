package compose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// Fetch brings the parts of a recording back into its directory that were
// uploaded and are no longer there. They may be released again at any time.
type Fetch func(ctx context.Context, recordingID string) error

// heldName is the folder, inside the work folder, of second names of the
// sources: a part that is released meanwhile stays as long as the work does.
const heldName = "sources"

// fetch brings back the sources that are missing, and holds on to all of them.
func (r *renderer) fetch(ctx context.Context) error {
	if r.composer.Fetch == nil {
		return nil
	}
	missing := func(s Source) bool {
		_, err := os.Stat(r.path(s))
		return errors.Is(err, fs.ErrNotExist)
	}
	if i := slices.IndexFunc(r.plan.Sources, missing); i >= 0 {
		if err := r.composer.Fetch(ctx, r.plan.Recording); err != nil {
			return recording.Errorf(recording.AsError(err, recording.CodeComposeFailed).Code, "part %s: bring it here: %w", r.plan.Sources[i].Part, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(r.work, heldName), 0o755); err != nil {
		return fmt.Errorf("hold parts: %w", err)
	}
	for _, s := range r.plan.Sources {
		held := filepath.Join(r.work, heldName, filepath.Base(s.File))
		if exists(held) || missing(s) {
			continue
		}
		if err := link(r.path(s), held); err != nil {
			return fmt.Errorf("hold parts: %w", err)
		}
	}
	return nil
}
