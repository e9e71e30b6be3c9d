package compose

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roomreel/roomreel/recording"
)

// composerProcess is a composer of its own, with this ffmpeg.
func composerProcess(t *testing.T, a recording.Archive, ffmpeg string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), composerArchive+"="+filepath.Dir(a.Root()), composerFFmpeg+"="+ffmpeg)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// standing is an ffmpeg that stands still once it has written some of a file.
// Its process is to be found in the file pid.
func standing(t *testing.T, file string) (program, calls, pid string) {
	t.Helper()
	pid = filepath.Join(t.TempDir(), "pid")
	program, calls = wrapper(t, fmt.Sprintf(`case "$last" in %s)
	(until [ -s "$last" ]; do sleep 0.01; done; kill -STOP $$ && echo $$ > %s.new && mv %s.new %s) > /dev/null 2>&1 &
esac`, file, pid, pid, pid))
	return program, calls, pid
}

func stood(t *testing.T, pid string) *os.Process {
	t.Helper()
	var text []byte
	eventually(t, "ffmpeg stands still half-way", func() bool {
		var err error
		text, err = os.ReadFile(pid)
		return err == nil
	})
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// comings are three people who come one after the other: three pieces and one
// stretch of sound.
func comings() []person {
	return []person{
		{identity: "ann", colour: "red", to: 6, tone: 440, steady: true},
		{identity: "bob", colour: "green", from: 2, videoAt: 2, audioAt: 2, to: 6, noAudio: true},
		{identity: "eve", colour: "blue", from: 4, videoAt: 4, audioAt: 4, to: 6, noAudio: true},
	}
}

// interruptible is a wish whose pieces take some tenths of a second each.
var interruptible = recording.CompositionSpec{Width: 960, Height: 540}

// kept lists the pieces that are finished.
func kept(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(recording.CompositionsDir(dir), cacheName, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// digests are those of the recorded parts.
func digests(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.webm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no parts: %v", err)
	}
	out := map[string][32]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = sha256.Sum256(b)
	}
	return out
}

// tempFiles are those of a film that is being made, or of one that was.
func tempFiles(t *testing.T, dir string) []string {
	t.Helper()
	return slices.DeleteFunc(folder(t, dir), func(name string) bool { return !strings.HasPrefix(name, ".") })
}

// A composer that is killed takes its ffmpeg with it, and the next one goes on:
// what was encoded is not encoded again.
func TestComposerIsKilled(t *testing.T) {
	t.Parallel()
	a, id, dir := archive(t, comings()...)
	parts := digests(t, dir)
	film := newComposition(id, interruptible)
	film.Spec, _ = Normalize(film.Spec)
	if err := save(dir, film); err != nil {
		t.Fatal(err)
	}
	standingFFmpeg, _, pid := standing(t, "piece0002*")
	first := composerProcess(t, a, standingFFmpeg)
	ffmpeg := stood(t, pid)
	eventually(t, "the others are encoded", func() bool { return len(kept(t, dir)) == 3 })
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	eventually(t, "ffmpeg has died with it", func() bool {
		return errors.Is(ffmpeg.Signal(syscall.Signal(0)), os.ErrProcessDone) || zombie(ffmpeg.Pid)
	})
	stateOf := func() recording.Composition {
		film, err := load(filepath.Join(recording.CompositionsDir(dir), film.ID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		return film
	}
	if got := stateOf(); got.State != recording.CompositionRunning {
		t.Errorf("a film whose composer was killed is %s", got.State)
	}
	if len(tempFiles(t, dir)) == 0 {
		t.Error("the killed composer left nothing half-made: it was not killed in the middle")
	}

	plain, calls := wrapper(t, "")
	composerProcess(t, a, plain)
	eventually(t, "the next composer has ended the film", func() bool { return stateOf().State.Final() })
	ready := stateOf()
	if ready.State != recording.CompositionReady || ready.Error != nil {
		t.Fatalf("the film is %+v", ready)
	}
	if again := encoded(t, calls); !slices.Equal(again, []string{"piece0002.mp4"}) {
		t.Errorf("%v were encoded again", again)
	}
	eventually(t, "nothing half-made is left", func() bool { return len(tempFiles(t, dir)) == 0 })
	checkComings(t, dir, ready)
	if got := digests(t, dir); !reflect.DeepEqual(got, parts) {
		t.Error("the recorded parts have changed")
	}
}

// zombie reports whether a process is dead, but nobody has asked for its end:
// in a container its new parent may never.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(b), ") Z ")
}

func checkComings(t *testing.T, dir string, film recording.Composition) {
	t.Helper()
	d := decode(t, filepath.Join(recording.CompositionsDir(dir), film.File), interruptible.Width, interruptible.Height, DefaultFrameRate)
	if len(d.frames) != 180 {
		t.Fatalf("the film has %d frames", len(d.frames))
	}
	for _, want := range []struct {
		at     float64
		x, y   int
		colour string
	}{{1.5, 480, 270, "red"}, {3.5, 240, 270, "red"}, {3.5, 720, 270, "green"}, {5.5, 240, 140, "red"}, {5.5, 720, 140, "green"}, {5.5, 480, 400, "blue"}} {
		if got := d.colour(want.at, want.x, want.y); got != want.colour {
			t.Errorf("at %v s (%d,%d) is %s, not %s", want.at, want.x, want.y, got, want.colour)
		}
	}
}

// A disk that is really full while ffmpeg writes: the film failed and says why,
// nothing half-made is left to take more room, the parts are as they were, and
// once there is room a retry encodes the rest.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := filesystem(t, 100<<20)
	root := filepath.Join(disk, "data")
	a, err := recording.OpenArchive(root)
	if err != nil {
		t.Fatal(err)
	}
	id := recording.NewID(recording.PrefixRecording)
	dir, err := a.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	meeting(t, dir, comings()...)
	parts := digests(t, dir)

	// Whoever else uses the disk fills it to the last byte while the last piece
	// is being made.
	ballast := filepath.Join(disk, "ballast")
	others, _ := wrapper(t, `case "$last" in piece0002*)
	until [ "$(ls "`+cacheOf(dir).dir+`"/*.json 2>/dev/null | wc -l)" = 3 ]; do sleep 0.01; done
	cat /dev/zero > '`+ballast+`' 2>/dev/null
esac`)
	q, err := NewQueue(a, Options{FFmpeg: others})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	film, updates := begin(t, q, id, interruptible)
	failed := until(t, updates, recording.CompositionFailed)
	if failed.Error == nil || failed.Error.Code != recording.CodeDiskFull || !strings.Contains(failed.Error.Message, "make room") {
		t.Errorf("failed as %+v", failed.Error)
	}
	eventually(t, "the job is gone", func() bool { _, here := q.here(film.ID); return !here })
	checkStored(t, dir, failed)
	if left := tempFiles(t, dir); len(left) > 0 {
		t.Errorf("half-made files take room: %q", left)
	}
	if got := digests(t, dir); !reflect.DeepEqual(got, parts) {
		t.Error("the recorded parts have changed")
	}
	if n := len(kept(t, dir)); n != 3 {
		t.Errorf("%d pieces are kept, not 3", n)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	q.Close()
	plain, calls := wrapper(t, "")
	next := queue(t, a, Options{FFmpeg: plain})
	ready := retry(t, next, id, film.ID)
	checkComings(t, dir, ready)
	if again := encoded(t, calls); !slices.Contains(again, "piece0002.mp4") || slices.Contains(again, "piece0000.mp4") {
		t.Errorf("%v were encoded again", again)
	}
	next.Close()
}

// It is the recording's own disk that has to have room, wherever its folder lies.
func TestRoomOfOwnDisk(t *testing.T) {
	t.Parallel()
	dir := filesystem(t, 40<<20)
	meeting(t, dir, person{identity: "ann", colour: "red", to: 1})
	film, err := Compose(t.Context(), dir, testSpec("opus"), nil)
	if recording.CodeOf(err) != recording.CodeDiskFull || !strings.Contains(err.Error(), "MiB free") {
		t.Errorf("got %v, %+v", err, film)
	}
}

// filesystem is one of its own with so many bytes.
func filesystem(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a file system to fill")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skipf("a file system to fill cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// The end of a film that cannot be written down is told all the same, and is
// written as soon as it can be.
func TestEndIsWrittenLater(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, id, dir := archive(t, person{identity: "ann", colour: "red", to: 1})
	program, _ := wrapper(t, "exit 1")
	told := make(chan recording.CompositionState, 10)
	var inTheWay string
	q := queue(t, a, Options{FFmpeg: program, Notify: func(_ context.Context, film recording.Composition) {
		told <- film.State
		if film.State == recording.CompositionRunning {
			inTheWay = filepath.Join(recording.CompositionsDir(dir), film.ID+".json")
			if err := errors.Join(os.Remove(inTheWay), os.MkdirAll(filepath.Join(inTheWay, "x"), 0o755)); err != nil {
				t.Error(err)
			}
		}
	}})
	film, updates := begin(t, q, id, testSpec("mp4"))
	failed := until(t, updates, recording.CompositionFailed)
	eventually(t, "it could not be written", func() bool { return q.unwritten(film.ID) != nil })
	if _, err := q.Retry(ctx, id, film.ID); err == nil || recording.CodeOf(err) == recording.CodeAlreadyStopped {
		t.Errorf("a retry that cannot be written down: %v", err)
	}
	if err := os.RemoveAll(inTheWay); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the job is gone", func() bool { _, here := q.here(film.ID); return !here })
	checkStored(t, dir, failed)
	if open, err := q.opts.Claims.Open(ctx); err != nil || len(open) > 0 {
		t.Errorf("jobs are open: %+v, %v", open, err)
	}
	close(told)
	var states []recording.CompositionState
	for s := range told {
		states = append(states, s)
	}
	if want := []recording.CompositionState{recording.CompositionRunning, recording.CompositionFailed}; !slices.Equal(states, want) {
		t.Errorf("%v were told, not %v", states, want)
	}
}

// checkStored asserts that a composition is on disk as it was told.
func checkStored(t *testing.T, dir string, told recording.Composition) {
	t.Helper()
	stored, err := load(filepath.Join(recording.CompositionsDir(dir), told.ID+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(told, stored, cmpopts.IgnoreUnexported(recording.Error{})); diff != "" {
		t.Errorf("not as told on disk (-told +stored):\n%s", diff)
	}
}

// What a composer that was killed has left of another film goes after a day.
func TestAbandonedTries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	work := func(name string, old bool) string {
		path := filepath.Join(recording.CompositionsDir(dir), name)
		if err := errors.Join(os.MkdirAll(path, 0o755), os.WriteFile(filepath.Join(path, logName), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if old {
			then := now().Add(-2 * abandoned)
			if err := errors.Join(os.Chtimes(filepath.Join(path, logName), then, then), os.Chtimes(path, then, then)); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	own, other, old := work(".com_1.x.tmp", false), work(".com_2.x.tmp", false), work(".com_3.x.tmp", true)
	pieces := work(cacheName, true)
	if err := clearTries(dir, "com_1"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{own: false, other: true, old: false, pieces: true} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) == want {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}
