package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// Storage brings recordings that have ended, and their films, from the data
// folder into a bucket, and back where somebody needs them.
type Storage struct {
	Archive recording.Archive
	Bucket  *Bucket
	// Uploads does the work. It must have the Bucket as its target of s3 URLs,
	// and the Archive's root as its Dir.
	Uploads *Uploads
	// Release removes media files here once the bucket has them, whole by size,
	// and nobody waits for them: no upload that has not arrived, no film that is
	// being made.
	Release bool
}

// Settle does what is due for a recording: it queues the files that are not in
// the bucket, writes into the manifest where those are that arrived, and
// releases what may be. It may be called at any time and again and again, by one
// caller at a time; call it when something of the recording was uploaded or made.
// A recording that goes on, or is not on this node, is left alone.
func (s *Storage) Settle(ctx context.Context, id string) error {
	m, err := s.Archive.Manifest(id)
	if recording.CodeOf(err) == recording.CodeNotFound || err == nil && !m.State.Final() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store recording: %w", err)
	}
	dir, err := s.Archive.Dir(id)
	if err != nil {
		return err
	}
	news, whole := false, true
	for i, part := range m.Parts {
		if part.Location != "" || !exists(filepath.Join(dir, part.File)) {
			continue // the node that has it brings it
		}
		location, err := s.put(ctx, id, part.File, part.MediaType())
		if err != nil {
			return fmt.Errorf("store recording: %w", err)
		}
		m.Parts[i].Location = location
		news, whole = news || location != "", whole && location != ""
	}
	if news {
		if err := recording.WriteManifest(dir, m); err != nil {
			return fmt.Errorf("store recording: %w", err)
		}
	}
	if !whole {
		return nil
	}
	if m, err = s.gather(ctx, id, dir, m); err != nil {
		return fmt.Errorf("store recording: %w", err)
	}
	if whole, err = s.putOwn(ctx, id, dir); err != nil {
		return fmt.Errorf("store recording: %w", err)
	}
	busy, err := s.settleFilms(ctx, id, dir)
	if err != nil || !whole || busy || !s.Release {
		return err
	}
	return s.release(ctx, id, dir, m)
}

// gather adds to the manifest here what the one in storage tells of other nodes'
// turns, lest a poorer one replaces it.
func (s *Storage) gather(ctx context.Context, id, dir string, m *recording.Manifest) (*recording.Manifest, error) {
	if len(m.Turns) < 2 {
		return m, nil
	}
	stored, err := s.Manifest(ctx, id)
	switch {
	case recording.CodeOf(err) == recording.CodeNotFound:
		return m, nil
	case err != nil:
		return nil, err
	case !stored.TellsMore(m):
		return m, nil
	}
	m = recording.Merge(m.Turns, m, stored)
	return m, recording.WriteManifest(dir, m)
}

// putOwn queues journal and manifest and reports whether both have arrived. The
// journals of several nodes lie side by side.
func (s *Storage) putOwn(ctx context.Context, id, dir string) (whole bool, err error) {
	name, err := recording.JournalName(dir)
	if err != nil {
		return false, err
	}
	journal, err := s.putAs(ctx, id, recording.JournalFile, name, "")
	if err != nil {
		return false, err
	}
	manifest, err := s.put(ctx, id, recording.ManifestFile, "")
	return journal != "" && manifest != "", err
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// put queues a file of a recording, once for each content, and returns where it
// is as soon as it has arrived. A file that is not here is left out.
func (s *Storage) put(ctx context.Context, id, file, contentType string) (location string, err error) {
	return s.putAs(ctx, id, file, file, contentType)
}

// putAs is put for a file that has another name in storage.
func (s *Storage) putAs(ctx context.Context, id, file, as, contentType string) (location string, err error) {
	name := path.Join(id, file)
	info, err := os.Stat(filepath.Join(s.Archive.Root(), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	version := fmt.Sprint(name, " ", info.Size())
	replaced := strings.HasSuffix(file, ".json")
	if replaced { // and small
		content, err := os.ReadFile(filepath.Join(s.Archive.Root(), filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		// Of each folder its own: another one may have put the same, and then less.
		version = s.Uploads.opts.Storage + " " + name + " " + string(content)
	}
	location = s.Bucket.Location(path.Join(id, as))
	up, err := s.Uploads.Add(ctx, Upload{
		ID: uploadID(location, version), RecordingID: id, Path: name, URL: location, ContentType: contentType, Replaced: replaced,
	})
	if err != nil || up.State != Done {
		return "", err
	}
	return location, nil
}

// uploadID names the upload of one version of a file to one place for good.
func uploadID(place, version string) string {
	return recording.DerivedID(PrefixUpload, place+"\n"+version)
}

// settleFilms does for the films of a recording what Settle does. Busy says that
// one is being made, which needs the parts.
func (s *Storage) settleFilms(ctx context.Context, id, dir string) (busy bool, err error) {
	folder := recording.CompositionsDir(dir)
	docs, err := filepath.Glob(filepath.Join(folder, recording.PrefixComposition+"_*.json"))
	if err != nil {
		return false, err
	}
	for _, doc := range docs {
		b, err := os.ReadFile(doc)
		if err != nil {
			return false, fmt.Errorf("store film: %w", err)
		}
		var film map[string]any // to keep fields that are not ours
		var known recording.Composition
		if err := errors.Join(json.Unmarshal(b, &film), json.Unmarshal(b, &known)); err != nil || recording.CheckID(recording.PrefixComposition, known.ID) != nil {
			continue // not a composition's own file
		}
		busy = busy || !known.State.Final()
		if known.State != recording.CompositionReady {
			continue
		}
		if err := s.settleFilm(ctx, known, film, doc); err != nil {
			return busy, fmt.Errorf("store film: %w", err)
		}
	}
	return busy, nil
}

// settleFilm stores a film with what was made beside it, tells where the film is
// in its document, doc, and releases it.
func (s *Storage) settleFilm(ctx context.Context, film recording.Composition, fields map[string]any, doc string) error {
	folder := filepath.Dir(doc)
	files, err := filesBelow(filepath.Join(folder, film.ID))
	if err != nil {
		return err
	}
	if film.File != "" { // there is none beside a file per participant
		files = append(files, filepath.Join(folder, film.File))
	}
	whole := true
	for _, name := range files {
		inside, err := filepath.Rel(filepath.Dir(folder), name)
		if err != nil {
			return err
		}
		location, err := s.put(ctx, film.RecordingID, filepath.ToSlash(inside), "")
		if err != nil {
			return err
		}
		whole = whole && location != ""
		if filepath.Base(name) == film.File && film.Location == "" && location != "" {
			film.Location, fields["location"] = location, location
			if err := recording.WriteJSON(doc, fields); err != nil {
				return err
			}
		}
	}
	if film.File != "" && film.Location == "" {
		return nil
	}
	stored, err := s.put(ctx, film.RecordingID, path.Join(filepath.Base(folder), filepath.Base(doc)), "application/json")
	if err != nil || stored == "" || film.File == "" || !whole || !s.Release {
		return err
	}
	return s.remove(ctx, film.RecordingID, filepath.Join(folder, film.File), film.Location)
}

// filesBelow lists the files in a folder and below it; none if there is none.
func filesBelow(folder string) (files []string, err error) {
	err = filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, name)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return files, err
}

func (s *Storage) release(ctx context.Context, id, dir string, m *recording.Manifest) error {
	for _, part := range m.Parts {
		if err := s.remove(ctx, id, filepath.Join(dir, part.File), part.Location); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a file here, if the bucket has all of it and no upload still
// wants it.
func (s *Storage) remove(ctx context.Context, id, file, location string) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("release file: %w", err)
	}
	wanted, err := s.wanted(ctx, id, filepath.Base(file))
	if err != nil || wanted {
		return err
	}
	size, err := s.Bucket.Size(ctx, location)
	switch {
	case err != nil:
		return fmt.Errorf("release file: %w", err)
	case size != info.Size():
		return recording.Errorf(CodeStorageFailed, "release file: the storage has %d of the %d bytes of %s", size, info.Size(), filepath.Base(file))
	}
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("release file: %w", err)
	}
	return nil
}

// wanted reports whether there is an upload of a file that has not arrived.
func (s *Storage) wanted(ctx context.Context, id, file string) (bool, error) {
	query := Query{Recording: id, States: []State{Pending, Running, Failed}, Limit: 200}
	for {
		page, err := s.Uploads.List(ctx, query)
		if err != nil {
			return true, err
		}
		if slices.ContainsFunc(page.Items, func(u Upload) bool { return path.Base(u.Path) == file }) {
			return true, nil
		}
		if page.Next == "" {
			return false, nil
		}
		query.Cursor = page.Next
	}
}

// Fetch brings the parts of a recording back that were released, for who needs
// them as files; the next Settle releases them again. With them come the named
// files that are not here: paths inside the recording, as the bucket has them.
func (s *Storage) Fetch(ctx context.Context, id string, files ...string) error {
	m, err := s.Archive.Manifest(id)
	if err != nil {
		return fmt.Errorf("fetch recording: %w", err)
	}
	dir, err := s.Archive.Dir(id)
	if err != nil {
		return err
	}
	for _, part := range m.Parts {
		file := filepath.Join(dir, part.File)
		if _, err := os.Stat(file); part.Location == "" || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := s.Bucket.Fetch(ctx, part.Location, file); err != nil {
			return fmt.Errorf("fetch recording: part %s: %w", part.ID, err)
		}
	}
	for _, name := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("fetch recording: %w", err)
		}
		if err := s.Bucket.Fetch(ctx, s.Bucket.Location(path.Join(id, name)), file); err != nil {
			return fmt.Errorf("fetch recording: %s: %w", name, err)
		}
	}
	return nil
}

// Manifest reads the manifest of a recording that is not on this node.
func (s *Storage) Manifest(ctx context.Context, id string) (*recording.Manifest, error) {
	o, err := s.Bucket.Open(ctx, s.Bucket.Location(path.Join(id, recording.ManifestFile)))
	if err != nil {
		return nil, fmt.Errorf("read manifest from storage: %w", err)
	}
	defer o.Close()
	var m recording.Manifest
	if err := json.NewDecoder(o).Decode(&m); err != nil {
		return nil, fmt.Errorf("read manifest from storage: %w", err)
	}
	return &m, nil
}
