package recording

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names lists what is in dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriteJSON(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, v := range []any{map[string]int{"a": 1}, []int{2}, "three"} {
		if err := WriteJSON(path, v); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := mustRead(t, path), "\"three\"\n"; got != want {
		t.Errorf("file is %q, want %q", got, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if diff := cmp.Diff([]string{"a.json"}, names(t, dir)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

func TestWriteJSONFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		value any
		spoil func(t *testing.T, dir, path string)
		want  error
	}{
		{"value that is no JSON", func() {}, func(*testing.T, string, string) {}, nil},
		{"a folder has the name", 1, func(t *testing.T, _, path string) {
			must(t, os.Remove(path))
			must(t, os.MkdirAll(filepath.Join(path, "full"), 0o755))
		}, nil},
		{"read-only folder", 1, func(t *testing.T, dir, _ string) {
			if os.Getuid() == 0 {
				t.Skip("nothing is read-only to root")
			}
			must(t, os.Chmod(dir, 0o555))
			t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
		}, fs.ErrPermission},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a.json")
			must(t, WriteJSON(path, "old"))
			c.spoil(t, dir, path)
			err := WriteJSON(path, c.value)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if diff := cmp.Diff([]string{"a.json"}, names(t, dir)); diff != "" {
				t.Errorf("folder (-want +got):\n%s", diff)
			}
			if info, err := os.Stat(path); err == nil && !info.IsDir() && mustRead(t, path) != "\"old\"\n" {
				t.Errorf("the old file became %q", mustRead(t, path))
			}
		})
	}
	if err := WriteJSON(filepath.Join(t.TempDir(), "gone", "a.json"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v", err)
	}
}

// TestWriteJSONIsAtomic reads a file while it is replaced: it is always whole.
func TestWriteJSONIsAtomic(t *testing.T) {
	dir := t.TempDir()
	m := &Manifest{ID: "rec_" + digits, Participants: make([]Participant, 200)}
	must(t, WriteManifest(dir, m))
	var writer sync.WaitGroup
	written := make(chan struct{})
	writer.Go(func() {
		defer close(written)
		for i := range 25 {
			m := *m
			m.Room = fmt.Sprint(i)
			if err := WriteManifest(dir, &m); err != nil {
				t.Error(err)
			}
		}
	})
	defer writer.Wait()
	for reads := 0; ; reads++ {
		got, err := ReadManifest(dir)
		if err != nil || len(got.Participants) != 200 {
			t.Fatalf("read %d: %v", reads, err)
		}
		select {
		case <-written:
			return
		default:
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
