//go:build linux

package main

import (
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

func interval(from, to time.Duration) recording.Interval {
	return recording.Interval{From: recording.Seconds(from), To: recording.Seconds(to)}
}

func TestUncovered(t *testing.T) {
	const s = time.Second
	hole := interval(10*s, 12*s)
	for _, tt := range []struct {
		name   string
		others []recording.Interval
		want   time.Duration
	}{
		{"by nothing", nil, 2 * s},
		{"by itself", []recording.Interval{hole}, 0},
		{"by more", []recording.Interval{interval(9*s, 13*s)}, 0},
		{"by what ends a frame early", []recording.Interval{interval(10*s, 12*s-frameLength)}, 0},
		{"by what lies elsewhere", []recording.Interval{interval(8*s, 9*s), interval(13*s, 14*s)}, 2 * s},
		{"by two halves, out of order", []recording.Interval{interval(11*s, 12*s), interval(10*s, 11*s)}, 0},
		{"but for the middle", []recording.Interval{interval(10*s, 10*s+500*time.Millisecond), interval(11*s, 12*s)}, s/2 - 2*frameLength},
		{"but for the end, by two that overlap", []recording.Interval{interval(9*s, 11*s), interval(10*s, 10*s+s/2)}, s - frameLength},
	} {
		if got := uncovered(hole, tt.others); (got - tt.want).Abs() > time.Microsecond {
			t.Errorf("%s: %v is not covered, want %v", tt.name, got, tt.want)
		}
	}
}

// Marks that come a millisecond later each second have drifted by the distance
// of the halves' middles; one that is missing or late changes nothing.
func TestDrift(t *testing.T) {
	var steady, drifting []time.Duration
	for i := range 20 {
		at := 300*time.Millisecond + time.Duration(i)*time.Second
		steady = append(steady, at)
		drifting = append(drifting, at+time.Duration(i)*time.Millisecond)
	}
	steady = append(steady[:4], steady[5:]...)
	steady[12] += 20 * time.Millisecond
	for name, tt := range map[string]struct {
		marks []time.Duration
		want  float64
	}{"steady": {steady, 0}, "drifting": {drifting, 10}, "none": {nil, 0}} {
		if got := drift(tt.marks); got != tt.want {
			t.Errorf("%s: %v ms, want %v", name, got, tt.want)
		}
	}
}

func TestHearTakesNothingFromATornLine(t *testing.T) {
	flowing := 0
	got := hear(strings.NewReader("TR_a 1000000000\nTR_b 5\nTR_a 2000000000\nTR_a 21"), 2, func() { flowing++ })
	want := map[string]time.Time{"TR_a": time.Unix(2, 0), "TR_b": time.Unix(0, 5)}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if flowing != 1 {
		t.Errorf("told %d times that both tracks flow, want once", flowing)
	}
}

func TestSlope(t *testing.T) {
	from := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var s samples
	for i, files := range []float64{10, 14, 12, 16} { // 10 + 2i, and ±1 beside it
		s = append(s, sample{at: from.Add(time.Duration(i) * 30 * time.Minute), files: files, goroutines: 7})
	}
	files := func(s sample) float64 { return s.files }
	// The residuals are -0.6, 1.8, -1.8 and 0.6: the error is √(7.2 / 2 / 1.25).
	if got, off := s.slope(files); math.Abs(got-3.2) > 1e-9 || math.Abs(off-math.Sqrt(2.88)) > 1e-9 {
		t.Errorf("got %v ± %v per hour", got, off)
	}
	if got, off := s.slope(func(s sample) float64 { return s.goroutines }); math.Abs(got) > 1e-9 || off > 1e-9 {
		t.Errorf("what stays has a slope of %v ± %v", got, off)
	}
	if got, off := s[:1].slope(files); got != 0 || off != 0 {
		t.Errorf("one sample has a slope of %v ± %v", got, off)
	}
}
