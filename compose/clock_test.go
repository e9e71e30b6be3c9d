package compose

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

// A point of a mapping that no clock gets to costs nothing but itself.
func TestOddClocks(t *testing.T) {
	point := func(file, timeline float64) recording.SyncPoint {
		return recording.SyncPoint{File: sec(file), Timeline: sec(timeline)}
	}
	for name, tt := range map[string]struct{ sync, want []recording.SyncPoint }{
		"nothing":             {nil, []recording.SyncPoint{point(0, 4)}},
		"skew":                {[]recording.SyncPoint{point(0, 5), point(10, 15.1)}, []recording.SyncPoint{point(0, 5), point(10, 15.1)}},
		"a step":              {[]recording.SyncPoint{point(0, 5), point(5, 10), point(5, 11), point(10, 16)}, []recording.SyncPoint{point(0, 5), point(5, 10), point(5, 11), point(10, 16)}},
		"held back, far":      {[]recording.SyncPoint{point(0, 5), point(29, 34), point(31, 43), point(90, 95)}, []recording.SyncPoint{point(0, 5), point(90, 95)}},
		"backwards":           {[]recording.SyncPoint{point(0, 5), point(2, 1)}, []recording.SyncPoint{point(0, 5)}},
		"backwards by a step": {[]recording.SyncPoint{point(0, 5), point(0, 1), point(9, 14)}, []recording.SyncPoint{point(0, 5), point(9, 14)}},
		"file backwards":      {[]recording.SyncPoint{point(3, 5), point(0, 2), point(9, 11)}, []recording.SyncPoint{point(3, 5), point(9, 11)}},
		"still":               {[]recording.SyncPoint{point(0, 5), point(9, 5)}, []recording.SyncPoint{point(0, 5)}},
		"far too fast":        {[]recording.SyncPoint{point(0, 5), point(1, 1e6)}, []recording.SyncPoint{point(0, 5)}},
	} {
		got := newClock(recording.Part{Start: sec(4)}, recording.Track{Sync: tt.sync}, 0)
		if d := cmp.Diff(clock(tt.want), got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A clock of a thousand points that are on no line makes a film like any other: the flash
// and the beep are where its last points say.
func TestClockOfManyPoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir, person{identity: "anna", colour: "red", from: 0, to: 3, tone: 440})
	random := rand.New(rand.NewPCG(1, 2))
	for i := range m.Parts[0].Tracks {
		sync := []recording.SyncPoint{{}}
		for n := range 1000 {
			at := sec(float64(n+1) * 0.003)
			sync = append(sync, recording.SyncPoint{File: at, Timeline: at + recording.Seconds(random.IntN(2)*1_400_000)})
		}
		m.Parts[0].Tracks[i].Sync = sync
		if c := newClock(m.Parts[0], m.Parts[0].Tracks[i], 0); len(c) < 200 {
			t.Fatalf("the clock has %d points only", len(c))
		}
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	film := made(t, dir, testSpec("mp4"), 3)
	for at := range 3 {
		if flash, beep := film.flash(float64(at), 40, 40), film.beep(float64(at)); flash-float64(at) > 0.04 || beep-flash > 0.03 || flash-beep > 0.03 {
			t.Errorf("after %d s it flashes at %.3f s and beeps at %.3f s", at, flash, beep)
		}
	}
}
