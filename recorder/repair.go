package recorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// Repair makes the recording in dir whole after a crash: every part that was
// being written is finished from what is there, the journal is closed, and the
// manifest is solved anew. why is the reason of the end that the journal gets
// if it has none. Repair may run again, also after it was interrupted itself. A
// recording that is still being written is refused with webm.ErrInUse.
func Repair(ctx context.Context, dir string, rec recording.Recording, why recording.EndReason) (*recording.Manifest, error) {
	entries, _, err := recording.ReadJournal(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, recording.Errorf(recording.CodeNotFound, "recording %s has no journal on this node", rec.ID)
	}
	if err != nil {
		return nil, err
	}
	s, err := replay(entries, rec)
	if err != nil {
		return nil, err
	}
	var ends []recording.Entry
	add := func(e recording.Entry) {
		e.At, e.Turn = s.end-s.shift, s.epoch.Number
		ends = append(ends, e)
	}
	for _, p := range s.parts {
		if p.finished && !isOpen(dir, p) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("repair recording %s: %w", s.m.ID, err)
		}
		end, err := repairPart(dir, p)
		if err != nil && p.Epoch == s.epoch.Number {
			return nil, fmt.Errorf("repair recording %s: %w", s.m.ID, err)
		}
		add(recording.Entry{PartEnd: end})
	}
	if err := repairUnknown(dir, s); err != nil {
		return nil, err
	}
	if !s.ended {
		add(recording.Entry{End: &recording.EndEntry{Reason: why}})
	}
	if err := appendAll(dir, ends); err != nil {
		return nil, err
	}
	return Solve(dir, rec)
}

// repairUnknown finishes open files that the journal does not name: of a part
// that began the moment before a crash. They are kept, or removed if empty. One that
// cannot be read is left as it is: it must not cost the rest.
func repairUnknown(dir string, s *solver) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for open parts: %w", err)
	}
	for _, e := range entries {
		name, open := strings.CutSuffix(e.Name(), webm.OpenSuffix)
		if !open || slices.ContainsFunc(s.parts, func(p *solvingPart) bool { return p.File == name }) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		_, err := webm.Repair(path)
		_, damaged := errors.AsType[*webm.CorruptError](err)
		switch {
		case errors.Is(err, webm.ErrEmpty):
			err = os.Remove(path)
		case errors.Is(err, webm.ErrNotOurs), damaged:
			err = nil
		}
		if err != nil {
			return fmt.Errorf("repair %s: %w", name, err)
		}
	}
	return nil
}

func appendAll(dir string, entries []recording.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	j, err := recording.OpenJournal(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := j.Append(e); err != nil {
			return errors.Join(err, j.Close())
		}
	}
	return j.Close()
}

func partPath(dir string, p *solvingPart) string {
	return filepath.Join(dir, filepath.Base(p.File))
}

// isOpen reports whether the part's file was never finished.
func isOpen(dir string, p *solvingPart) bool {
	_, err := os.Stat(partPath(dir, p) + webm.OpenSuffix)
	return err == nil
}

// repairPart finishes the file of a part that was left open, by a crash or
// because it could not be written any more; an empty one is removed. The error
// is that somebody still writes it; all others are told in the entry.
func repairPart(dir string, p *solvingPart) (*recording.PartEndEntry, error) {
	end := &recording.PartEndEntry{ID: p.ID, Reason: p.Ended, Error: p.Error}
	path := partPath(dir, p) // finished, if the journal merely does not say so
	if isOpen(dir, p) {
		path += webm.OpenSuffix
	}
	summary, err := webm.Repair(path)
	switch {
	case errors.Is(err, webm.ErrEmpty):
		if err := os.Remove(path); err != nil {
			end.Error = recording.Errorf(recording.CodeWriteFailed, "remove empty part: %w", err)
		}
		return end, nil
	case err != nil:
		end.Error = recording.Errorf(recording.CodeWriteFailed, "repair part: %w", err)
		if errors.Is(err, webm.ErrInUse) {
			return end, err
		}
		return end, nil
	}
	end.Duration, end.Bytes = recording.Seconds(summary.Duration), summary.Size
	for _, t := range summary.Tracks {
		end.Tracks = append(end.Tracks, recording.TrackTotals{
			Number: t.Number, First: recording.Seconds(t.First), Last: recording.Seconds(t.Last),
			Frames: t.Blocks, Bytes: t.Bytes,
		})
	}
	return end, nil
}

// Unfinished reports whether the recording in dir was left open by a crash.
func Unfinished(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("look for unfinished parts: %w", err)
	}
	manifest := false
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), webm.OpenSuffix) {
			return true, nil
		}
		manifest = manifest || e.Name() == recording.ManifestFile
	}
	return !manifest, nil
}
