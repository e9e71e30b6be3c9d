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
// uploaded and are no longer there, and those of the named files that are not.
// Parts may be released again at any time.
type Fetch func(ctx context.Context, recordingID string, files ...string) error

// heldName is the folder, inside the work folder, of second names of the
// sources: a part that is released meanwhile stays as long as the work does, and
// one that is finished meanwhile loses its old name but not this one.
const heldName = "sources"

// fetch brings back the sources that are missing, and holds on to all of them.
func (r *renderer) fetch(ctx context.Context) error {
	if r.composer.Fetch == nil {
		return nil
	}
	var files []string
	for _, s := range r.plan.Sources {
		if !exists(r.path(s)) {
			files = append(files, s.File)
		}
	}
	if len(files) > 0 {
		if err := r.composer.Fetch(ctx, r.plan.Recording, slices.Compact(files)...); err != nil {
			return recording.Errorf(recording.AsError(err, recording.CodeComposeFailed).Code, "bring %s here: %w", files[0], err)
		}
	}
	return r.hold()
}

// hold gives the sources that are there names of their own in the work folder.
func (r *renderer) hold() error {
	r.held = filepath.Join(r.work, heldName)
	for _, s := range r.plan.Sources {
		held := filepath.Join(r.held, s.File)
		if exists(held) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(held), 0o755); err != nil {
			return fmt.Errorf("hold parts: %w", err)
		}
		err := link(r.path(s), held)
		if errors.Is(err, fs.ErrNotExist) { // it may have been finished just now
			err = link(r.path(s), held)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // checkSources tells of one that is not there
			return fmt.Errorf("hold parts: %w", err)
		}
	}
	return nil
}

// summon brings what a wish names, and is in storage only, into the
// recording's directory: videos that clients uploaded there, pictures. What is
// nowhere is left for the message that says so.
func (c Composer) summon(ctx context.Context, dir, recordingID string, spec recording.CompositionSpec) {
	if c.Fetch == nil {
		return
	}
	var files []string
	for _, e := range spec.External {
		if !exists(filepath.Join(dir, e.File)) {
			files = append(files, filepath.ToSlash(e.File))
		}
	}
	for _, file := range pictures(spec) {
		if !exists(filepath.Join(dir, AssetsFolder, file)) && (c.Assets == "" || !exists(filepath.Join(c.Assets, file))) {
			files = append(files, AssetsFolder+"/"+filepath.ToSlash(file))
		}
	}
	for _, file := range files {
		if err := c.Fetch(ctx, recordingID, file); err != nil {
			c.Log.Warn("file is not in storage", "recording", recordingID, "file", file, "error", err)
		}
	}
}
