package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// compositionsDir is the folder of films inside a recording's directory.
const compositionsDir = "compositions"

// Archive is the folder that holds one directory per recording.
type Archive struct{ root string }

// OpenArchive opens the recordings folder below data, creating it if needed.
// It proves by writing that the folder can be used.
func OpenArchive(data string) (Archive, error) {
	root := filepath.Join(data, "recordings")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return Archive{}, fmt.Errorf("open data folder: %w", err)
	}
	probe, err := os.CreateTemp(root, ".probe-*")
	if err != nil {
		return Archive{}, fmt.Errorf("write to data folder: %w", err)
	}
	_ = probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return Archive{}, fmt.Errorf("write to data folder: %w", err)
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return Archive{}, fmt.Errorf("open data folder: %w", err)
	}
	return Archive{root: abs}, nil
}

// Root is the absolute path of the folder.
func (a Archive) Root() string { return a.root }

// Dir returns the directory of a recording. It need not exist.
func (a Archive) Dir(id string) (string, error) {
	if err := CheckID(PrefixRecording, id); err != nil {
		return "", err
	}
	return filepath.Join(a.root, id), nil
}

// Create makes the directory of a recording, durably. An existing one is kept:
// a recording that moves to another node goes on in the same directory.
func (a Archive) Create(id string) (string, error) {
	dir, err := a.Dir(id)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create recording folder: %w", err)
	}
	return dir, SyncDir(a.root)
}

// IDs lists the recordings in the archive, oldest first.
func (a Archive) IDs() ([]string, error) {
	entries, err := os.ReadDir(a.root)
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && CheckID(PrefixRecording, e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Manifest reads the manifest of a recording. The error is a *Error with
// CodeNotFound when there is none.
func (a Archive) Manifest(id string) (*Manifest, error) {
	dir, err := a.Dir(id)
	if err != nil {
		return nil, err
	}
	m, err := ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Errorf(CodeNotFound, "recording %s has no manifest on this node", id)
	}
	return m, err
}

// Has reports whether a file is in the directory of a recording.
func (a Archive) Has(id, file string) bool {
	_, err := os.Stat(filepath.Join(a.root, id, file))
	return err == nil
}

// OpenPart opens the media file of a part for reading.
func (a Archive) OpenPart(id, part string) (*os.File, *Part, error) {
	if err := CheckID(PrefixPart, part); err != nil {
		return nil, nil, err
	}
	m, err := a.Manifest(id)
	if err != nil {
		return nil, nil, err
	}
	p := m.Part(part)
	if p == nil {
		return nil, nil, Errorf(CodeNotFound, "recording %s has no part %s", id, part)
	}
	if err := m.PartsKept(); err != nil {
		return nil, nil, err
	}
	dir, err := a.Dir(id)
	if err != nil {
		return nil, nil, err
	}
	f, err := openBelow(dir, p.File)
	if err != nil {
		return nil, nil, err
	}
	return f, p, nil
}

// OpenFilm opens the file of a composition that is ready for reading.
func (a Archive) OpenFilm(c Composition) (*os.File, error) {
	dir, err := a.Dir(c.RecordingID)
	if err != nil {
		return nil, err
	}
	if c.State != CompositionReady {
		return nil, Errorf(CodeNotReady, "composition %s is %s: its film can be downloaded once it is ready", c.ID, c.State)
	}
	if c.File == "" {
		return nil, Errorf(CodeNotFound, "composition %s has files, but no film", c.ID)
	}
	return openBelow(CompositionsDir(dir), c.File)
}

// OpenCompositionFile opens one of the files of a composition that is ready for
// reading: the film, or what was made beside it.
func (a Archive) OpenCompositionFile(c Composition, name string) (*os.File, error) {
	if name == c.File {
		return a.OpenFilm(c)
	}
	dir, err := a.Dir(c.RecordingID)
	if err != nil {
		return nil, err
	}
	if c.State != CompositionReady {
		return nil, Errorf(CodeNotReady, "composition %s is %s: its files can be downloaded once it is ready", c.ID, c.State)
	}
	if err := CheckID(PrefixComposition, c.ID); err != nil {
		return nil, err
	}
	if name == "" || filepath.Base(name) != name {
		return nil, Errorf(CodeNotFound, "composition %s has no file %.60q", c.ID, name)
	}
	return openBelow(filepath.Join(CompositionsDir(dir), c.ID), name)
}

// FilmOf returns the recording that a composition is of.
func (a Archive) FilmOf(composition string) (string, error) {
	if err := CheckID(PrefixComposition, composition); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(a.root, PrefixRecording+"_*", compositionsDir, composition+".json"))
	if err != nil {
		return "", fmt.Errorf("look for composition: %w", err)
	}
	if len(found) == 0 {
		return "", Errorf(CodeNotFound, "there is no composition %s on this node", composition)
	}
	return filepath.Base(filepath.Dir(filepath.Dir(found[0]))), nil
}

// RemoveFilm deletes a composition that is final, with every file of it. A hold on
// the recording forbids it: CodeLegalHold.
func (a Archive) RemoveFilm(c Composition) error {
	dir, err := a.Dir(c.RecordingID)
	if err != nil {
		return err
	}
	if err := CheckID(PrefixComposition, c.ID); err != nil {
		return err
	}
	if held, err := a.Hold(c.RecordingID); err != nil || held != nil {
		if err == nil {
			err = Errorf(CodeLegalHold, "recording %s is under a legal hold: lift that first", c.RecordingID)
		}
		return err
	}
	if !c.State.Final() {
		return Errorf(CodeNotReady, "composition %s is %s: cancel it first", c.ID, c.State)
	}
	files, err := filepath.Glob(filepath.Join(CompositionsDir(dir), c.ID+"*"))
	if err != nil {
		return fmt.Errorf("delete film: %w", err)
	}
	for _, file := range files {
		if err := os.RemoveAll(file); err != nil {
			return fmt.Errorf("delete film: %w", err)
		}
	}
	return SyncDir(CompositionsDir(dir))
}

// Film reads what is written down of a composition that is ready.
func (a Archive) Film(recordingID, id string) (Composition, error) {
	var c Composition
	dir, err := a.Dir(recordingID)
	if err != nil {
		return c, err
	}
	if err := CheckID(PrefixComposition, id); err != nil {
		return c, err
	}
	b, err := os.ReadFile(filepath.Join(CompositionsDir(dir), id+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return c, Errorf(CodeNotFound, "recording %s has no composition %s on this node", recordingID, id)
	}
	if err != nil {
		return c, fmt.Errorf("read composition: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("read composition %s: %w", id, err)
	}
	if c.State != CompositionReady {
		return c, Errorf(CodeNotReady, "composition %s is %s", id, c.State)
	}
	return c, nil
}

// CompositionsDir is the folder of films of the recording in dir.
func CompositionsDir(dir string) string { return filepath.Join(dir, compositionsDir) }

// openBelow opens name inside dir and refuses whatever would leave it.
func openBelow(dir, name string) (*os.File, error) {
	f, err := os.OpenInRoot(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Errorf(CodeNotFound, "file %s is not on this node", name)
	}
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	return f, nil
}
