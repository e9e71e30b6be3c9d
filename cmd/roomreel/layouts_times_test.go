package main

import (
	"context"
	"encoding/binary"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

// checkTimes composes everyone into a box of their own, and holds flashes, beeps
// and levels against those of the parts.
func (s *stage) checkTimes(ctx context.Context, t *testing.T, m *recording.Manifest, ends []time.Time) {
	t.Helper()
	const width, height = 214, 120
	spec := api.FilmSpec{Layout: "custom", Width: 3 * width, Height: height, FrameRate: 60, HideNames: true}
	domain := recording.CompositionSpec{Layout: spec.Layout, Width: spec.Width, Height: spec.Height, FrameRate: spec.FrameRate}
	names := []string{"anna", "ben", "cleo"}
	var probes []meeting.Probe
	for i, name := range names {
		box := recording.LayoutBox{X: i * width, Width: width, Height: height, Participant: name}
		spec.Boxes = append(spec.Boxes, api.FilmBox{LayoutBox: box})
		domain.Boxes = append(domain.Boxes, box)
		probes = append(probes, meeting.Probe{Tile: meeting.Tile{X: float64(i) / 3, Width: 1.0 / 3, Height: 1}, Tone: meeting.Tone(i)})
	}
	_, film := s.compose(ctx, t, m.ID, spec)
	plan, err := compose.NewPlan(m, domain)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := meeting.Measure(ctx, film, probes...)
	if err != nil {
		t.Fatal(err)
	}
	sound := soundOf(ctx, t, film)
	for i, name := range names {
		recorded, level := s.recorded(ctx, t, m, name, i, plan)
		checkNear(t, name+"'s flashes", recorded.Flashes, shown[i].Flashes)
		checkNear(t, name+"'s beeps", recorded.Beeps, shown[i].Beeps)
		skews := meeting.Skews(shown[i].Flashes, shown[i].Beeps)
		var apart []time.Duration
		for _, k := range skews {
			apart = append(apart, k.By.Abs())
		}
		if slices.Sort(apart); len(apart) < 2 || apart[len(apart)/2] > 20*time.Millisecond {
			t.Errorf("%s: flashes and beeps of the film are %v apart, want at least two, and most within 20ms", name, apart)
		}
		// Beeps that were cut by muting are few: the median is of whole ones.
		from := time.Duration(0)
		for step, end := range ends {
			to := plan.At(recording.Seconds(end.Sub(m.StartedAt))).Duration()
			var levels []float64
			for _, at := range shown[i].Beeps {
				if at > from && at < to {
					levels = append(levels, levelOf(sound, meeting.Tone(i), at))
				}
			}
			if slices.Sort(levels); len(levels) >= 2 {
				if got := levels[len(levels)/2]; math.Abs(got-level) > 1 {
					t.Errorf("%s has %.2f dB in step %d, and %.2f in the part", name, got, step+1, level)
				}
			}
			from = to
		}
	}
}

// recorded returns when somebody flashed and beeped according to their parts,
// in the time of a film, and how loud.
func (s *stage) recorded(ctx context.Context, t *testing.T, m *recording.Manifest, name string, index int, plan compose.Plan) (all meeting.Signal, level float64) {
	t.Helper()
	var levels []float64
	for _, p := range m.Parts {
		if p.Participant != name || slices.ContainsFunc(p.Tracks, func(t recording.Track) bool { return t.Source == "screen_share" }) {
			continue
		}
		file := filepath.Join(s.dir(m.ID), p.File)
		signals, err := meeting.Measure(ctx, file, meeting.Probe{Tile: meeting.WholePicture, Tone: meeting.Tone(index)})
		if err != nil {
			t.Fatal(err)
		}
		sound := soundOf(ctx, t, file)
		film := func(at time.Duration) time.Duration { return plan.At(p.Start + recording.Seconds(at)).Duration() }
		for _, at := range signals[0].Flashes {
			if !unmuting(p, p.Start+recording.Seconds(at)) {
				all.Flashes = append(all.Flashes, film(at))
			}
		}
		for _, at := range signals[0].Beeps {
			all.Beeps = append(all.Beeps, film(at))
			levels = append(levels, levelOf(sound, meeting.Tone(index), at))
		}
	}
	if slices.Sort(levels); len(levels) == 0 {
		t.Fatalf("%s is not heard in any part", name)
	}
	return all, levels[len(levels)/2]
}

// unmuting reports whether a camera has just come back: its first picture, which
// may be one of a flash that had begun, stands from there on.
func unmuting(p recording.Part, at recording.Seconds) bool {
	const moment = recording.Seconds(500 * time.Millisecond)
	return slices.ContainsFunc(p.Tracks, func(t recording.Track) bool {
		return t.Kind == recording.Video && slices.ContainsFunc(t.Muted, func(i recording.Interval) bool { return max(at-i.To, i.To-at) < moment })
	})
}

// checkNear asserts that what was recorded is in the film within 20 ms. What is
// at an edge of muting may be in one of them only.
func checkNear(t *testing.T, what string, recorded, shown []time.Duration) {
	t.Helper()
	skews := meeting.Skews(recorded, shown)
	if w := meeting.Worst(skews); w.By.Abs() > 20*time.Millisecond {
		t.Errorf("%s: at %v the film is %v off", what, w.At, w.By)
	}
	if len(skews) < 2 || len(skews) < len(recorded)*3/4 {
		t.Errorf("%s: of %d recorded %d are in the film, which has %d", what, len(recorded), len(skews), len(shown))
	}
	t.Logf("%s: %d, at worst %v off", what, len(skews), meeting.Worst(skews).By)
}

const soundRate = 48000

// soundOf decodes the first channel of a file's sound, for ffmpeg makes two that
// are alike 3 dB louder where it folds them. Gaps are kept, however short: of a
// busy machine packets are lost one by one, and each would move what follows.
func soundOf(ctx context.Context, t *testing.T, file string) []float64 {
	t.Helper()
	raw, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-i", file, "-map", "0:a", "-af", "aresample=48000:async=1:min_hard_comp=0.01:first_pts=0,pan=mono|c0=c0", "-f", "f32le", "pipe:1").Output()
	if err != nil {
		t.Fatal(err)
	}
	sound := make([]float64, 0, len(raw)/4)
	for ; len(raw) >= 4; raw = raw[4:] {
		sound = append(sound, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
	}
	return sound
}

// levelOf is the strength of a tone in the middle of a beep, in decibels (Goertzel).
func levelOf(sound []float64, tone float64, beep time.Duration) float64 {
	const from, to = 25 * time.Millisecond, 75 * time.Millisecond
	a := int((beep + from).Seconds() * soundRate)
	b := min(len(sound), int((beep+to).Seconds()*soundRate))
	var re, im float64
	for n := a; n < b; n++ {
		s, c := math.Sincos(2 * math.Pi * tone * float64(n) / soundRate)
		re, im = re+sound[n]*c, im+sound[n]*s
	}
	return 20 * math.Log10(2*math.Hypot(re, im)/float64(max(1, b-a))+1e-9)
}
