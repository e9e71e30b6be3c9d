package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// holdFile is the name of the file that tells of a hold, in the recording's
// directory: a hold must outlive Redis.
const holdFile = "hold.json"

// Hold reads the hold on a recording; nil is none.
func (a Archive) Hold(id string) (*Hold, error) {
	dir, err := a.Dir(id)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, holdFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read hold: %w", err)
	}
	h := new(Hold)
	if err := json.Unmarshal(b, h); err != nil {
		return nil, fmt.Errorf("read hold: %w", err)
	}
	return h, nil
}

// SetHold writes the hold on a recording, durably; nil lifts it. A recording that
// has no directory here is left alone.
func (a Archive) SetHold(id string, h *Hold) error {
	dir, err := a.Dir(id)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	path := filepath.Join(dir, holdFile)
	if h != nil {
		return WriteJSON(path, h)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lift hold: %w", err)
	}
	return SyncDir(dir)
}

// Remove deletes the directory of a recording with all that is in it, unless it
// is held: CodeLegalHold. That there is none is no error.
func (a Archive) Remove(id string) error {
	dir, err := a.Dir(id)
	if err != nil {
		return err
	}
	held, err := a.Hold(id)
	if err != nil {
		return err
	}
	if held != nil {
		return Errorf(CodeLegalHold, "recording %s is under a legal hold: lift that first", id)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("delete recording: %w", err)
	}
	return SyncDir(a.root)
}
