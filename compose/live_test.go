package compose

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/roomreel/roomreel/recording"
)

// A film that is composed live has most of its pieces when the recording ends,
// uses them, and shows what one that was made afterwards would.
func TestLive(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const length = 100
	a, id, dir := archive(t,
		person{identity: "ann", colour: "red", to: length, tone: 440, steady: true},
		person{identity: "bob", colour: "green", from: 40, videoAt: 40, audioAt: 40, to: length},
	)
	whole, err := a.Manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	// The recording goes on: its manifest is not there, its parts are open.
	if err := os.Remove(filepath.Join(dir, recording.ManifestFile)); err != nil {
		t.Fatal(err)
	}
	for _, p := range whole.Parts {
		if err := os.Rename(filepath.Join(dir, p.File), filepath.Join(dir, p.File+openSuffix)); err != nil {
			t.Fatal(err)
		}
	}
	var upTo atomic.Int64
	upTo.Store(int64(sec(5)))
	snapshot := func(context.Context, string) (*recording.Manifest, error) {
		return upToNow(whole, recording.Seconds(upTo.Load())), nil
	}
	// The recorder finishes its parts just when ffmpeg is about to open them.
	program, calls := wrapper(t, `case "$last" in piece0000*) for f in "`+dir+`"/*`+openSuffix+`; do mv "$f" "${f%`+openSuffix+`}"; done; esac`)
	q := queue(t, a, Options{FFmpeg: program, Snapshot: snapshot})
	spec := testSpec("mp4")
	spec.Live, spec.FrameRate = true, 30
	film, err := q.Start(ctx, id, spec)
	if err != nil {
		t.Fatal(err)
	}
	upTo.Store(int64(sec(80)))
	pieces := func() int {
		kept, err := filepath.Glob(filepath.Join(recording.CompositionsDir(dir), cacheName, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		return len(kept)
	}
	// Up to 60, all cells of 15 s of the picture and of the sound have settled at
	// 80, and one more of the picture as somebody joins in it.
	const settled = 9
	eventually(t, "what has settled is composed", func() bool { return pieces() == settled })
	if got := encoded(t, calls); len(got) != settled {
		t.Errorf("%v were tried for %d pieces", got, settled)
	}

	// It ends; a clock that was fitted anew moved a part by a little.
	if err := os.WriteFile(calls, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range whole.Parts[0].Tracks {
		track := &whole.Parts[0].Tracks[i]
		track.Start += sec(0.003)
		for k := range track.Sync {
			track.Sync[k].Timeline += sec(0.003)
		}
	}
	ready := finished(t, q, dir, whole, film.ID)
	again := encoded(t, calls)
	if want := []string{"piece0005.mp4", "piece0006.mp4", "piece0007.mp4", "piece0008.mp4", "sound0_0004.aac", "sound0_0005.aac", "sound0_0006.aac"}; !slices.Equal(again, want) {
		t.Errorf("after the end %v were encoded, not %v", again, want)
	}
	d := decode(t, filepath.Join(recording.CompositionsDir(dir), ready.File), testWidth, testHeight, 30)
	if n := len(d.frames); n < length*30-1 || n > length*30+1 {
		t.Errorf("the film has %d frames", n)
	}
	for _, want := range []struct {
		at     float64
		x      int
		colour string
	}{{20.5, 80, "red"}, {35.5, 160, "red"}, {45.5, 80, "red"}, {45.5, 240, "green"}, {90.5, 240, "green"}} {
		if got := d.colour(want.at, want.x, 90); got != want.colour {
			t.Errorf("at %v s x=%d is %s, not %s", want.at, want.x, got, want.colour)
		}
	}
	for _, second := range []float64{45, 59, 60, 61, 89, 90, 91} {
		if flash, beep := d.flash(second-0.2, 240, 90), d.beep(0); flash-second > 0.05 || beep > 1 {
			t.Errorf("the flash of second %v is at %v", second, flash)
		}
	}
	for _, name := range folder(t, dir) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("left behind: %s", name)
		}
	}
}

// finished ends a recording, and returns its film when that is ready.
func finished(t *testing.T, q *Queue, dir string, whole *recording.Manifest, film string) recording.Composition {
	t.Helper()
	if err := recording.WriteManifest(dir, whole); err != nil {
		t.Fatal(err)
	}
	updates, err := q.Watch(context.Background(), whole.ID, film)
	if err != nil {
		t.Fatal(err)
	}
	return until(t, updates, recording.CompositionReady)
}

// upToNow is what a snapshot of a recording says at a time.
func upToNow(whole *recording.Manifest, now recording.Seconds) *recording.Manifest {
	m := *whole
	m.State, m.Duration = recording.Active, now
	m.Parts, m.Participants = nil, nil
	for _, p := range whole.Parts {
		if p.Start >= now {
			continue
		}
		p.Tracks = slices.Clone(p.Tracks)
		for i := range p.Tracks {
			p.Tracks[i].End = min(p.Tracks[i].End, now)
		}
		m.Parts = append(m.Parts, p)
	}
	for _, p := range whole.Participants {
		if p.Present[0].From >= now {
			continue
		}
		p.Present = slices.Clone(p.Present)
		p.Present[0].To = min(p.Present[0].To, now)
		m.Participants = append(m.Participants, p)
	}
	return &m
}

// What is encoded at low priority when the recording ends is broken off, and its
// film made with all cores.
func TestLiveBreaksOff(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, id, dir := archive(t, person{identity: "ann", colour: "red", to: 40, tone: 440, steady: true})
	whole, err := a.Manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, recording.ManifestFile)); err != nil {
		t.Fatal(err)
	}
	snapshot := func(context.Context, string) (*recording.Manifest, error) { return upToNow(whole, sec(40)), nil }
	// While it runs, its first picture never comes to an end.
	held := filepath.Join(t.TempDir(), "held")
	program, _ := wrapper(t, `case "$PWD/$last" in *.live.tmp/piece*) echo $$ > "`+held+`"; exec sleep 600;; esac`)
	q := queue(t, a, Options{FFmpeg: program, Snapshot: snapshot})
	spec := testSpec("mp4")
	spec.Live = true
	film, err := q.Start(ctx, id, spec)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	eventually(t, "a picture is begun", func() bool {
		b, err := os.ReadFile(held)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil
	})

	ready := finished(t, q, dir, whole, film.ID)
	if ready.Duration < sec(39.9) {
		t.Errorf("the film lasts %v s", ready.Duration.Float())
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process that was broken off: %v", err)
	}
	for _, name := range folder(t, dir) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("left behind: %s", name)
		}
	}
}

// A live film of a recording that fails ends with it, and none is begun of one that
// has failed.
func TestLiveRecordingFails(t *testing.T) {
	t.Parallel()
	a, id, dir := archive(t, person{identity: "ann", colour: "red", to: 1})
	m, err := a.Manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, recording.ManifestFile)); err != nil {
		t.Fatal(err)
	}
	q := queue(t, a, Options{Snapshot: func(context.Context, string) (*recording.Manifest, error) {
		if m, err := a.Manifest(id); err == nil {
			return m, nil
		}
		return nil, recording.Errorf(recording.CodeNotReady, "nothing is written yet")
	}})
	spec := testSpec("mp4")
	spec.Live = true
	_, updates := begin(t, q, id, spec)
	until(t, updates, recording.CompositionRunning)
	m.State, m.Ended, m.Parts = recording.Failed, recording.EndedByFailure, nil
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	if film := until(t, updates, recording.CompositionFailed); film.Error.Code != recording.CodeNoMedia {
		t.Errorf("it failed with %v", film.Error)
	}
	if _, err := q.Start(t.Context(), id, spec); recording.CodeOf(err) != recording.CodeNoMedia {
		t.Errorf("another: %v", err)
	}
}

// Of a format that has no film of everybody nothing is encoded ahead.
func TestLivePeople(t *testing.T) {
	m := &recording.Manifest{
		ID: "rec_1", State: recording.Active, Duration: sec(60), Participants: []recording.Participant{present("ann", "Ann", 0, 60)},
		Parts: []recording.Part{partOf("p1", "ann", "camera", track("video", 1, 0, 60), track("audio", 2, 0, 60))},
	}
	for format, want := range map[string]bool{"webm": true, "people": false} {
		if p, err := planSettled(m, recording.CompositionSpec{Format: format, Live: true}, 0); err != nil || (p != nil) != want {
			t.Errorf("%s: planned %v, %v", format, p != nil, err)
		}
	}
}
