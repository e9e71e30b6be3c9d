package recorder

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
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

// limitFiles makes the kernel refuse every byte of a file beyond the first n,
// until the returned function is called.
func limitFiles(t *testing.T, n uint64) (lift func()) {
	t.Helper()
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: before.Max}))
	return func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) }
}

// TestStreamWriteError: where the disk refuses a part, that part ends and says
// why; other recordings of the stream go on, and so does this one once it can.
func TestStreamWriteError(t *testing.T) {
	if !alone(t) {
		return
	}
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	signal.Ignore(syscall.SIGXFSZ) // which comes with the refusal
	onStage(t, func(st *stage) {
		all, heard := st.record(recording.Selection{}), st.record(recording.Selection{Kinds: []recording.Kind{recording.Audio}})
		mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
		lift := limitFiles(t, 64<<10) // some 2.5 s with pictures
		defer lift()
		st.play(4*time.Second, mic, cam)
		lift()
		st.play(6*time.Second, mic, cam)
		time.Sleep(keep)
		hm := st.stop(heard)
		_, blocks := readBlocks(t, heard.file(parts(t, hm, 1)[0]))
		sameTimes(t, "sound of the other recording", span(0, 10*time.Second, packetTime), times(blocks, 1))

		m := st.stop(all)
		list := parts(t, m, 2)
		failed, next := list[0], list[1]
		if failed.Ended != recording.EndedByWrite || failed.Error == nil || failed.Error.Code != recording.CodeWriteFailed {
			t.Errorf("the part that failed ended by %s: %v", failed.Ended, failed.Error)
		}
		if next.Ended != recording.EndedByStop || next.Error != nil || m.Ended != recording.EndedByStop || m.Error != nil {
			t.Errorf("the part after it ended by %s: %v; the recording by %s: %v", next.Ended, next.Error, m.Ended, m.Error)
		}
		// A new part is tried a few seconds after, and holds all from then on.
		if from := next.Start.Duration(); from < 5*time.Second || from > 9*time.Second {
			t.Errorf("the next part begins at %v", from)
		}
		if end := next.Start + next.Duration; (end - sec(10)).Duration().Abs() > 40*time.Millisecond {
			t.Errorf("the next part ends at %v, want 10 s", end)
		}
	})
}

// TestFullDiskForAWhile: where the disk refuses everything, the journal too, the
// recording goes on once there is room again, and ends whole.
func TestFullDiskForAWhile(t *testing.T) {
	if !alone(t) {
		return
	}
	sound := opus(t)
	signal.Ignore(syscall.SIGXFSZ) // which comes with the refusal
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic := st.publish("TR_A", packet.Opus, sound)
		st.play(2*time.Second, mic)
		lift := limitFiles(t, 100)
		defer lift()
		st.play(4*time.Second, mic)
		lift()
		st.play(8*time.Second, mic)
		time.Sleep(keep)
		list := parts(t, st.stop(c), 2)
		if list[0].Ended != recording.EndedByWrite || list[1].Ended != recording.EndedByStop {
			t.Errorf("the parts ended by %s and %s", list[0].Ended, list[1].Ended)
		}
		if end := list[1].Start + list[1].Duration; (end - sec(14)).Duration().Abs() > 40*time.Millisecond {
			t.Errorf("the last part ends at %v, want 14 s", end)
		}
	})
}
