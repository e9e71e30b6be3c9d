package recorder

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// A part that could not be finalised after a write error is finished by Repair,
// although the journal says that it has ended.
func TestRepairFailedPart(t *testing.T) {
	if !alone(t) {
		return
	}
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	signal.Ignore(syscall.SIGXFSZ)
	var dir string
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
		lift := limitFiles(t, 64<<10)
		defer lift()
		st.play(4*time.Second, mic, cam)
		lift()
		st.play(6*time.Second, mic, cam)
		st.stop(c)
		dir = c.dir
	})
	m := mustRepair(t, dir)
	for _, p := range m.Parts {
		if _, err := os.Stat(filepath.Join(dir, p.File)); err != nil {
			t.Errorf("part that ended by %s, %d bytes, %v: %v", p.Ended, p.Bytes, p.Duration, err)
		}
	}
	if u, _ := Unfinished(dir); u {
		t.Error("Unfinished after the repair")
	}
}

// A crash just after a part has begun leaves no file that the journal does not
// name.
func TestRepairOrphan(t *testing.T) {
	sound := opus(t)
	for _, after := range []time.Duration{60 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			var dir string
			onStage(t, func(st *stage) {
				c := st.record(recording.Selection{})
				st.play(after, st.publish("TR_A", packet.Opus, sound))
				dir = crash(t, c)
				st.stop(c)
			})
			m := mustRepair(t, dir)
			if u, _ := Unfinished(dir); u {
				t.Errorf("Unfinished after the repair; %d parts", len(m.Parts))
			}
		})
	}
}

// A part of which no block reached the disk leaves no file.
func TestRepairEmptyPart(t *testing.T) {
	dir := t.TempDir()
	writeJournal(t, dir, meeting()[:6])
	w, err := webm.Create(filepath.Join(dir, partAda+".webm"), webm.Options{})
	must(t, err)
	must(t, w.Close())
	mustRepair(t, dir)
	if u, _ := Unfinished(dir); u {
		t.Error("Unfinished after the repair")
	}
}

// A loss of power may leave a file that the journal does not name and of which not one
// byte was written. It costs nothing else.
func TestRepairBesidesDamagedOrphan(t *testing.T) {
	dir := t.TempDir()
	writeJournal(t, dir, meeting())
	orphan := filepath.Join(dir, recording.NewID(recording.PrefixPart)+".webm"+webm.OpenSuffix)
	must(t, os.WriteFile(orphan, make([]byte, 64<<10), 0o600))
	if m := mustRepair(t, dir); len(m.Participants) == 0 || m.Ended == "" {
		t.Errorf("the manifest is %+v", m)
	}
	if _, err := os.Stat(orphan); err != nil {
		t.Errorf("what cannot be read is not kept: %v", err)
	}
}

// A part without track entries has an empty list of them.
func TestSolveTracksNeverNull(t *testing.T) {
	m, err := solve([]recording.Entry{
		{Epoch: &recording.EpochEntry{Number: 1, Wall: meetingStart}},
		{Part: &recording.PartEntry{ID: partAda}},
		{PartEnd: &recording.PartEndEntry{ID: partAda, Bytes: 1}},
	}, recording.Recording{})
	must(t, err)
	if m.Parts[0].Tracks == nil {
		t.Error("tracks are null")
	}
}

// A part that cannot be created is told in the manifest.
func TestStreamCannotCreate(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		dir := c.dir
		st.s.queue.call(func() { c.dir = filepath.Join(dir, "gone") })
		st.play(time.Second, st.publish("TR_A", packet.Opus, sound))
		st.s.queue.call(func() { c.dir = dir })
		m := st.stop(c)
		if len(m.Parts) == 0 && len(m.Refused) == 0 && m.Error == nil {
			t.Error("the manifest does not tell that anything failed")
		}
	})
}

// A single late arrival at the end of a long part does not spoil its line.
func TestFitLongTail(t *testing.T) {
	var all []observed
	for file := time.Duration(0); file <= 3*time.Hour; file += time.Second {
		all = append(all, observed{file, 0})
	}
	all[len(all)-1].delay = 60 * time.Millisecond
	if points, _ := fit(all); len(points) != 2 {
		last := points[len(points)-1]
		t.Errorf("%d points, the last off by %v", len(points), (last.Timeline - last.File).Duration())
	}
}
