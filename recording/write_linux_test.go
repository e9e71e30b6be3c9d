package recording

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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

// limitFiles makes the kernel refuse every byte beyond the first n of a file.
func limitFiles(t *testing.T, n uint64) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // which comes with the refusal
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}))
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

// TestJournalOnAFullDisk: what was refused is an error from then on, and what
// was written before stays whole.
func TestJournalOnAFullDisk(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	j, err := OpenJournal(dir)
	must(t, err)
	must(t, j.Append(Entry{At: 1000, End: &EndEntry{Reason: EndedByStop}}))
	must(t, j.Flush())
	info, err := os.Stat(filepath.Join(dir, JournalFile))
	must(t, err)
	limitFiles(t, uint64(info.Size())+20)
	must(t, j.Append(Entry{At: 2000, End: &EndEntry{Reason: EndedByStop}}))
	for _, call := range []func() error{j.Flush, j.Flush, j.Sync, func() error { return j.Append(Entry{}) }, j.Close} {
		if err := call(); !errors.Is(err, syscall.EFBIG) {
			t.Errorf("error is %v, want %v", err, syscall.EFBIG)
		}
	}
	entries, skipped, err := ReadJournal(dir)
	must(t, err)
	if len(entries) != 1 || entries[0].At != 1000 || skipped != 1 {
		t.Errorf("read %d entries, skipped %d", len(entries), skipped)
	}
}
