package browser

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is missing is named, with the command that cures it.
func TestLaunchNamesWhatIsMissing(t *testing.T) {
	t.Run("node packages", func(t *testing.T) {
		module := t.TempDir()
		if err := os.WriteFile(filepath.Join(module, "go.mod"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Chdir(module)
		checkMissing(t, "npm ci --prefix internal/browser")
	})
	t.Run("programs", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		checkMissing(t, "make setup-test")
	})
}

func checkMissing(t *testing.T, cure string) {
	t.Helper()
	_, err := Launch(t.Context())
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), cure) {
		t.Errorf("error %v, want one that says %q", err, cure)
	}
}

// However a browser ends, no process of it is left, and whoever still waits
// for a page is told.
func TestNothingIsLeftRunning(t *testing.T) {
	for name, end := range map[string]func(*Browser, context.CancelFunc) error{
		"closed":      func(b *Browser, _ context.CancelFunc) error { return b.Close() },
		"canceled":    func(_ *Browser, cancel context.CancelFunc) error { cancel(); return nil },
		"node killed": func(b *Browser, _ context.CancelFunc) error { return b.driver.cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			deadline, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			ctx, cancel := context.WithCancel(deadline)
			defer cancel()
			b, err := Launch(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			chromium := descendants(t, b.driver.cmd.Process.Pid)
			if len(chromium) == 0 {
				t.Fatal("node has started no process")
			}
			page, err := b.open(deadline, "waiting")
			if err != nil {
				t.Fatal(err)
			}
			told := make(chan error, 1)
			go func() {
				told <- b.driver.do(deadline, command{Page: page, Call: "play", With: []any{"/files/none"}}, nil)
			}()
			if err := end(b, cancel); err != nil {
				t.Error(err)
			}
			if err := <-told; err == nil {
				t.Error("a page answered that cannot")
			}
			for _, pid := range chromium {
				awaitEnd(deadline, t, pid)
			}
			if err := b.Close(); err != nil {
				t.Errorf("close once more: %v", err)
			}
		})
	}
}

// A page that cannot do what it is told says why.
func TestPageErrorsAreTold(t *testing.T) {
	b, err := Launch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	path := filepath.Join(t.TempDir(), "noise.webm")
	if err := os.WriteFile(path, []byte("this is no film"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Play(t.Context(), path); !errors.Is(err, ErrPage) || !strings.Contains(err.Error(), "code 4") {
		t.Errorf("error %v, want the page's: MEDIA_ERR_SRC_NOT_SUPPORTED, code 4", err)
	}
}

// descendants lists the processes below one, as /proc tells.
func descendants(t *testing.T, parent int) []int {
	t.Helper()
	children, err := filepath.Glob("/proc/" + strconv.Itoa(parent) + "/task/*/children")
	if err != nil || len(children) == 0 {
		t.Skip("/proc does not tell the children of a process")
	}
	var pids []int
	for _, file := range children {
		list, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(list)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(append(pids, pid), descendants(t, pid)...)
		}
	}
	return pids
}

// awaitEnd fails the test if a process outlives ctx.
func awaitEnd(ctx context.Context, t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for syscall.Kill(pid, 0) == nil && !zombie(pid) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("process %d is still running", pid)
		}
	}
}

// zombie tells whether a process has ended, but nobody has asked how: in a
// container without an init, nobody does.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "Z")
}
