package recording

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "part.webm")
	broken := errors.New("the line is cut")
	for _, step := range []struct {
		text string
		err  error
		want string
	}{{"half", broken, ""}, {"all of it", nil, "all of it"}, {"half", broken, "all of it"}} {
		err := WriteWhole(path, func(w io.Writer) error {
			if _, err := io.WriteString(w, step.text); err != nil {
				t.Error(err)
			}
			return step.err
		})
		if !errors.Is(err, step.err) {
			t.Errorf("%q: %v", step.text, err)
		}
		if got, _ := os.ReadFile(path); string(got) != step.want {
			t.Errorf("after %q there is %q, want %q", step.text, got, step.want)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left beside it: %v, %v", files, err)
	}
	if err := WriteWhole(filepath.Join(dir, "absent", "part.webm"), func(io.Writer) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("into no folder: %v", err)
	}
}
