package compose

import (
	"cmp"
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
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return fmt.Errorf("create folder of pieces: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("keep piece: %w", err)
	}
	info, err := f.Stat()
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("keep piece: %w", err)
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
	if os.Link(from, to) == nil {
		return nil
	}
	return os.Symlink(from, to)
}

// clear removes everything.
func (c cache) clear() error { return os.RemoveAll(c.dir) }

// prune removes what was not used for age, and of the rest the oldest until
// it takes no more than size bytes.
func (c cache) prune(age time.Duration, size int64) error {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list pieces: %w", err)
	}
	var files []fs.FileInfo
	var total int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !strings.HasSuffix(e.Name(), ".json") {
			files, total = append(files, info), total+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, f := range files {
		if total <= size && time.Since(f.ModTime()) < age {
			break
		}
		total -= f.Size()
		name := filepath.Join(c.dir, f.Name())
		_ = os.Remove(strings.TrimSuffix(name, filepath.Ext(name)) + ".json")
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove piece: %w", err)
		}
	}
	if total == 0 {
		_ = os.RemoveAll(c.dir)
	}
	return nil
}
