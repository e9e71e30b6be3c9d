package compose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// cacheName is the folder of finished pieces, inside a recording's compositions.
const cacheName = ".pieces"

// cache keeps what was encoded of one recording, by what it shows: for a retry
// after a crash, for other films of the same recording, and for a film that is
// composed while the meeting runs. A damaged or torn entry is no entry.
type cache struct{ dir string }

func cacheOf(dir string) cache {
	return cache{filepath.Join(recording.CompositionsDir(dir), cacheName)}
}

// entry is written after its file: a file without entry is not finished.
type entry struct {
	File    string   `json:"file"`
	Bytes   int64    `json:"bytes"`
	Origins []origin `json:"origins"`
}

// take links the file that is kept under key to path, if there is one that fits.
func (c cache) take(key string, wanted []origin, path string) bool {
	b, err := os.ReadFile(filepath.Join(c.dir, key+".json"))
	if err != nil {
		return false
	}
	var e entry
	if json.Unmarshal(b, &e) != nil || e.File != filepath.Base(e.File) || !matches(e.Origins, wanted) {
		return false
	}
	kept := filepath.Join(c.dir, e.File)
	info, err := os.Stat(kept)
	if err != nil || info.Size() != e.Bytes || e.Bytes == 0 {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(kept, now, now) // it was used
	return link(kept, path) == nil
}

// has reports whether take would find something.
func (c cache) has(key string, wanted []origin) bool {
	b, err := os.ReadFile(filepath.Join(c.dir, key+".json"))
	var e entry
	return err == nil && json.Unmarshal(b, &e) == nil && matches(e.Origins, wanted)
}

// put keeps a finished file, durably, and leaves it where it is as well.
func (c cache) put(key string, from []origin, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("keep piece: %w", err)
	}
	info, err := f.Stat()
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("keep piece: %w", err)
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return fmt.Errorf("create folder of pieces: %w", err)
	}
	e := entry{File: key + filepath.Ext(path), Bytes: info.Size(), Origins: from}
	kept := filepath.Join(c.dir, e.File)
	if err := os.Rename(path, kept); err != nil {
		return fmt.Errorf("keep piece: %w", err)
	}
	if err := link(kept, path); err != nil {
		return fmt.Errorf("keep piece: %w", err)
	}
	return recording.WriteJSON(filepath.Join(c.dir, key+".json"), e)
}

// link gives a file a second name; where the file system cannot do that, a
// pointer to it.
func link(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(from, to); err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(from, to)
}

// clear removes everything.
func (c cache) clear() error { return os.RemoveAll(c.dir) }

// keptFile is a piece in the cache of some recording.
type keptFile struct {
	path string
	used time.Time
	size int64
}

// files lists the pieces, finished or not.
func (c cache) files() ([]keptFile, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list pieces: %w", err)
	}
	var files []keptFile
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) != ".json" {
			files = append(files, keptFile{filepath.Join(c.dir, e.Name()), info.ModTime(), info.Size()})
		}
	}
	return files, nil
}

// prune removes the pieces that were not used for age and, of the rest, those
// that were used longest ago, until all together take no more than size bytes.
// Those of the caches that are needed are counted, and stay.
func prune(caches []cache, needed func(cache) bool, age time.Duration, size int64) error {
	var files []keptFile
	var total int64
	var failed error
	for _, c := range caches {
		list, err := c.files()
		failed = errors.Join(failed, err)
		for _, f := range list {
			total += f.size
		}
		if !needed(c) {
			files = append(files, list...)
		}
	}
	slices.SortFunc(files, func(a, b keptFile) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if total <= size && time.Since(f.used) < age {
			break
		}
		// A file without its entry is no piece; an entry without its file neither.
		_ = os.Remove(strings.TrimSuffix(f.path, filepath.Ext(f.path)) + ".json")
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("remove piece: %w", err))
			continue
		}
		total -= f.size
	}
	for _, c := range caches {
		if !needed(c) {
			_ = os.Remove(c.dir) // where it is empty
		}
	}
	return failed
}
