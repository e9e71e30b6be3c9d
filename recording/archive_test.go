package recording

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func id(prefix string, last byte) string { return prefix + "_" + digits[:31] + string(last) }

func openArchive(t *testing.T) Archive {
	t.Helper()
	a, err := OpenArchive(t.TempDir())
	must(t, err)
	return a
}

func TestOpenArchive(t *testing.T) {
	data := filepath.Join(t.TempDir(), "new", "data")
	a, err := OpenArchive(data)
	must(t, err)
	if !filepath.IsAbs(a.Root()) || len(names(t, a.Root())) != 0 {
		t.Errorf("root is %s with %v", a.Root(), names(t, a.Root()))
	}
	if _, err := OpenArchive(data); err != nil {
		t.Errorf("to open it again: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := OpenArchive(file); err == nil {
		t.Error("a file was opened as an archive")
	}
}

func TestArchiveCreateAndIDs(t *testing.T) {
	a := openArchive(t)
	for _, last := range []byte{'c', 'a', 'b', 'a'} { // the last again: it is kept
		dir, err := a.Create(id("rec", last))
		must(t, err)
		f, err := os.OpenFile(filepath.Join(dir, "kept"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		must(t, err)
		_, err = f.WriteString("x")
		must(t, errors.Join(err, f.Close()))
	}
	if got := mustRead(t, filepath.Join(a.Root(), id("rec", 'a'), "kept")); got != "xx" {
		t.Errorf("a folder that was there was not kept: %q", got)
	}
	// What is no recording is none of ours.
	must(t, os.Mkdir(filepath.Join(a.Root(), "lost+found"), 0o755))
	must(t, os.WriteFile(filepath.Join(a.Root(), id("rec", 'd')), nil, 0o600))
	must(t, os.Symlink(t.TempDir(), filepath.Join(a.Root(), id("rec", 'e'))))
	ids, err := a.IDs()
	must(t, err)
	if diff := cmp.Diff([]string{id("rec", 'a'), id("rec", 'b'), id("rec", 'c')}, ids); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "..", "../rec_" + digits, "rec_" + strings.Repeat("../", 11), id("prt", '0')} {
		if _, err := a.Create(bad); CodeOf(err) != CodeInvalidID {
			t.Errorf("Create(%q): %v", bad, err)
		}
		if _, err := a.Dir(bad); CodeOf(err) != CodeInvalidID {
			t.Errorf("Dir(%q): %v", bad, err)
		}
		if _, err := a.Manifest(bad); CodeOf(err) != CodeInvalidID {
			t.Errorf("Manifest(%q): %v", bad, err)
		}
	}
	if _, err := a.Manifest(id("rec", 'a')); CodeOf(err) != CodeNotFound {
		t.Errorf("without a manifest: %v", err)
	}
}

// hostile makes a recording's folder with a secret beside it, and returns the
// names by which a file inside might lead to it.
func hostile(t *testing.T, a Archive, inside string) map[string]string {
	t.Helper()
	secret := filepath.Join(a.Root(), "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	must(t, os.MkdirAll(filepath.Join(inside, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(inside, "good.webm"), []byte("good"), 0o600))
	must(t, os.Symlink(secret, filepath.Join(inside, "absolute-link")))
	up, err := filepath.Rel(inside, secret)
	must(t, err)
	must(t, os.Symlink(up, filepath.Join(inside, "relative-link")))
	must(t, os.Symlink(a.Root(), filepath.Join(inside, "folder-link")))
	return map[string]string{
		"parent":              up,
		"parent by a detour":  "sub/../" + up,
		"absolute":            secret,
		"absolute link":       "absolute-link",
		"relative link":       "relative-link",
		"through a link":      "folder-link/secret",
		"NUL":                 "good.webm\x00",
		"empty":               "",
		"file as a folder":    "good.webm/../" + up,
		"the password's file": "/etc/passwd",
	}
}

func TestOpenPart(t *testing.T) {
	a := openArchive(t)
	rec, prt := id("rec", '0'), id("prt", '0')
	dir, err := a.Create(rec)
	must(t, err)
	open := func(file string) (*os.File, *Part, error) {
		must(t, WriteManifest(dir, &Manifest{ID: rec, Parts: []Part{{ID: prt, File: file, Participant: "ada"}}}))
		return a.OpenPart(rec, prt)
	}
	for name, file := range hostile(t, a, dir) {
		if f, _, err := open(file); err == nil {
			b, _ := io.ReadAll(f)
			t.Errorf("%s: %q was opened: %q", name, file, b)
			f.Close()
		}
	}
	f, p, err := open("good.webm")
	must(t, err)
	defer f.Close()
	if b, _ := io.ReadAll(f); string(b) != "good" || p.Participant != "ada" {
		t.Errorf("read %q of %+v", b, p)
	}
	if _, _, err := open("gone.webm"); CodeOf(err) != CodeNotFound {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, c := range []struct {
		rec, part string
		want      Code
	}{
		{rec, "../" + prt, CodeInvalidID},
		{rec, "", CodeInvalidID},
		{"..", prt, CodeInvalidID},
		{rec, id("prt", '1'), CodeNotFound},
		{id("rec", '1'), prt, CodeNotFound},
	} {
		if _, _, err := a.OpenPart(c.rec, c.part); CodeOf(err) != c.want {
			t.Errorf("OpenPart(%q, %q): %v, want %s", c.rec, c.part, err, c.want)
		}
	}
}

func TestOpenFilm(t *testing.T) {
	a := openArchive(t)
	rec := id("rec", '0')
	dir, err := a.Create(rec)
	must(t, err)
	open := func(file string) (*os.File, error) {
		return a.OpenFilm(Composition{RecordingID: rec, State: CompositionReady, File: file})
	}
	if _, err := open("good.webm"); !errors.Is(err, &Error{Code: CodeNotFound}) && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder of films: %v", err)
	}
	for name, file := range hostile(t, a, CompositionsDir(dir)) {
		if f, err := open(file); err == nil {
			t.Errorf("%s: %q was opened", name, file)
			f.Close()
		}
	}
	f, err := open("good.webm")
	must(t, err)
	defer f.Close()
	for _, state := range []CompositionState{"", CompositionQueued, CompositionRunning, CompositionFailed, CompositionCanceled} {
		if _, err := a.OpenFilm(Composition{RecordingID: rec, State: state, File: "good.webm"}); CodeOf(err) != CodeNotReady {
			t.Errorf("a composition that is %q: %v", state, err)
		}
	}
}
