package egress

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/livekit/psrpc"
)

// Files are placed below one folder whatever their names say, durably, and in the
// place of older ones.
func TestPlace(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	w := &Worker{opts: Options{Output: filepath.Join(dir, "out")}}
	made := filepath.Join(elsewhere, "made")
	for _, tt := range []struct{ name, want string }{
		{"a.mp4", "out/a.mp4"},
		{"deep/er/a.mp4", "out/deep/er/a.mp4"},
		{filepath.Join(dir, "out/b.mp4"), "out/b.mp4"},
		{"a.mp4", "out/a.mp4"}, // again
	} {
		if err := os.WriteFile(made, []byte(tt.name), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := w.place(t.Context(), file{}, tt.name, made)
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(dir, tt.want); got != want {
			t.Errorf("%s: at %s, want %s", tt.name, got, want)
		}
		if b, err := os.ReadFile(got); err != nil || string(b) != tt.name {
			t.Errorf("%s holds %q, %v", got, b, err)
		}
		if err := os.Remove(made); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "out", ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}

	if err := os.Symlink(elsewhere, filepath.Join(dir, "out", "away")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(made, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"away/a.mp4", "../a.mp4"} {
		if at, err := w.place(t.Context(), file{}, name, made); err == nil {
			t.Errorf("%s was placed at %s", name, at)
		}
	}
	var refused psrpc.Error
	if err := w.checkPlace(file{path: filepath.Join(elsewhere, "a")}); !errors.As(err, &refused) || refused.Code() != psrpc.InvalidArgument {
		t.Errorf("a file elsewhere: %v", err)
	}
}
