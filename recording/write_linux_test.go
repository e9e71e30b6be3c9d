package recording

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// alone runs the test that calls it in a process of its own, in which it returns
// true: limits hold for a whole process, and the others' files need no limit.
func alone(t *testing.T) bool {
	t.Helper()
	const env = "ROOMREEL_TEST_ALONE"
	if os.Getenv(env) == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), env+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// limitFiles makes the kernel refuse every byte beyond the first n of a file, until
// the returned function is called.
func limitFiles(t *testing.T, n uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // which comes with the refusal
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: before.Max}))
	return func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) }
}

func TestWriteJSONOnAFullDisk(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	must(t, WriteJSON(path, "old"))
	limitFiles(t, 100)
	if err := WriteJSON(path, make([]int, 1000)); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("error is %v, want %v", err, syscall.EFBIG)
	}
	if got := mustRead(t, path); got != "\"old\"\n" {
		t.Errorf("the old file became %q", got)
	}
	if diff := cmp.Diff([]string{"a.json"}, names(t, dir)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

// TestJournalOnAFullDisk: what was refused is written once there is room again, and
// is an error until then. What was written before stays whole.
func TestJournalOnAFullDisk(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	j, err := OpenJournal(dir)
	must(t, err)
	end := func(at Seconds) Entry { return Entry{At: at, End: &EndEntry{Reason: EndedByStop}} }
	must(t, j.Append(end(1000)))
	must(t, j.Flush())
	info, err := os.Stat(filepath.Join(dir, JournalFile))
	must(t, err)
	lift := limitFiles(t, uint64(info.Size())+20)
	must(t, j.Append(end(2000)))
	for _, call := range []func() error{j.Flush, j.Flush, j.Sync} {
		if err := call(); !errors.Is(err, syscall.EFBIG) {
			t.Errorf("error is %v, want %v", err, syscall.EFBIG)
		}
	}
	must(t, j.Append(end(3000)))
	entries, skipped, err := ReadJournal(dir)
	must(t, err)
	if diff := cmp.Diff([]Entry{end(1000)}, entries); diff != "" || skipped != 1 {
		t.Errorf("while it is full: skipped %d\n%s", skipped, diff)
	}
	lift()
	must(t, j.Close())
	entries, skipped, err = ReadJournal(dir)
	must(t, err)
	if diff := cmp.Diff([]Entry{end(1000), end(2000), end(3000)}, entries); diff != "" || skipped != 0 {
		t.Errorf("afterwards: skipped %d\n%s", skipped, diff)
	}
}

// TestJournalWaitsWithinBounds: a disk that stays full costs the journal, not the
// process.
func TestJournalWaitsWithinBounds(t *testing.T) {
	if !alone(t) {
		return
	}
	j, err := OpenJournal(t.TempDir())
	must(t, err)
	limitFiles(t, 100)
	long := Entry{End: &EndEntry{Reason: EndReason(strings.Repeat("x", maxWaiting/2))}}
	for range 3 {
		_ = j.Append(long)
	}
	size := len(j.buf)
	for _, call := range []func() error{func() error { return j.Append(long) }, j.Flush, j.Sync, j.Close} {
		if err := call(); !errors.Is(err, syscall.EFBIG) {
			t.Errorf("error is %v, want %v", err, syscall.EFBIG)
		}
	}
	if len(j.buf) > size {
		t.Error("more waits for the disk than may")
	}
}
