package recorder

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

// observations are made once a second for as long as length, with the delay that
// is true at a file time and noise on top, shuffled.
func observations(length time.Duration, truth func(time.Duration) time.Duration, noise func() time.Duration) []observed {
	var all []observed
	for file := time.Duration(0); file < length || file == 0; file += time.Second {
		all = append(all, observed{file, truth(file) + noise()})
	}
	random().Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// jitter is late by up to most, mostly by little.
func jitter(most time.Duration) func() time.Duration {
	r := random()
	return func() time.Duration {
		f := r.Float64()
		return time.Duration(f * f * float64(most))
	}
}

func skewed(base time.Duration, ppm float64) func(time.Duration) time.Duration {
	return func(file time.Duration) time.Duration { return base + time.Duration(float64(file)*ppm*1e-6) }
}

func TestFit(t *testing.T) {
	const ms = time.Millisecond
	none := func() time.Duration { return 0 }
	outliers := func() func() time.Duration {
		r, small := random(), jitter(80*ms)
		return func() time.Duration {
			if r.IntN(10) == 0 {
				return time.Duration(r.IntN(10_000)) * ms
			}
			return small()
		}
	}()
	step := func(file time.Duration) time.Duration {
		if file >= 30*time.Minute {
			return 1500 * ms
		}
		return 500 * ms
	}
	held := func() func() time.Duration { // for two minutes, and late by ever less for four more
		small := jitter(80 * ms)
		n := 0
		return func() time.Duration {
			n++
			return small() + max(0, min(time.Duration(n-600)*time.Second, 120*time.Second-time.Duration(n-720)*time.Second/2))
		}
	}()
	for _, c := range []struct {
		name   string
		length time.Duration
		truth  func(time.Duration) time.Duration
		noise  func() time.Duration
		// error is the largest that is allowed, but around the step in truth.
		error  time.Duration
		around time.Duration
		points int
	}{
		{"constant", time.Hour, skewed(250*ms, 0), none, 0, -1, 2},
		{"constant, negative", time.Hour, skewed(-250*ms, 0), none, 0, -1, 2},
		{"constant, short", 20 * time.Second, skewed(250*ms, 0), jitter(80 * ms), 8 * ms, -1, 1},
		{"one observation", 0, skewed(250*ms, 0), none, 0, -1, 1},
		{"two windows", 45 * time.Second, skewed(250*ms, 0), jitter(80 * ms), 8 * ms, -1, 1},
		{"three windows", 75 * time.Second, skewed(250*ms, 0), jitter(80 * ms), 8 * ms, -1, 2},
		{"jitter", time.Hour, skewed(0, 0), jitter(80 * ms), 8 * ms, -1, 2},
		{"100 ppm fast", time.Hour, skewed(0, 100), jitter(80 * ms), 8 * ms, -1, 2},
		{"100 ppm slow", time.Hour, skewed(time.Second, -100), jitter(80 * ms), 8 * ms, -1, 2},
		{"20 ppm over 30 h", 30 * time.Hour, skewed(0, 20), jitter(30 * ms), 8 * ms, -1, 2},
		{"outliers", time.Hour, skewed(0, 100), outliers, 8 * ms, -1, 2},
		{"held back", time.Hour, skewed(0, 100), held, 8 * ms, -1, 2},
		{"step", time.Hour, step, jitter(80 * ms), 8 * ms, 30 * time.Minute, 122},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, residual := fit(observations(c.length, c.truth, c.noise))
			if len(points) != c.points {
				t.Errorf("%d points, want %d", len(points), c.points)
			}
			if residual < 0 || residual > recording.Seconds(fitLimit) && len(points) > 1 {
				t.Errorf("residual is %v", residual)
			}
			track := recording.Track{Sync: points}
			for file := time.Duration(0); file <= c.length; file += time.Second {
				if c.around > 0 && (file-c.around).Abs() <= fitWindow {
					continue
				}
				got := track.At(recording.Seconds(file)).Duration() - file
				if off := (got - c.truth(file)).Abs(); off > c.error+time.Microsecond {
					t.Fatalf("at %v off by %v, want at most %v", file, off, c.error)
				}
			}
		})
	}
}

func TestFitFewPoints(t *testing.T) {
	s := func(f float64) recording.Seconds { return recording.Seconds(f * float64(time.Second)) }
	o := func(file, delay float64) observed { return observed{s(file).Duration(), s(delay).Duration()} }
	for _, c := range []struct {
		name     string
		all      []observed
		points   []recording.SyncPoint
		residual recording.Seconds
	}{
		{"one", []observed{o(5, 0.5)}, []recording.SyncPoint{{File: 0, Timeline: s(0.5)}}, 0},
		{"the least delayed of a window", []observed{o(1, 0.7), o(2, 0.5), o(3, 0.9)}, []recording.SyncPoint{{File: 0, Timeline: s(0.5)}}, 0},
		{"the same twice", []observed{o(5, 0.5), o(5, 0.5)}, []recording.SyncPoint{{File: 0, Timeline: s(0.5)}}, 0},
		{"before the file begins", []observed{o(-1, 0.5)}, []recording.SyncPoint{{File: 0, Timeline: s(0.5)}}, 0},
		{"two windows", []observed{o(0, 0.5), o(40, 0.51)}, []recording.SyncPoint{{File: 0, Timeline: s(0.5)}}, s(0.01)},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, residual := fit(c.all)
			if diff := cmp.Diff(c.points, points); diff != "" || residual != c.residual {
				t.Errorf("residual %v, want %v; points (-want +got):\n%s", residual, c.residual, diff)
			}
		})
	}
}

// TestFitNeverFails: whatever a journal holds, there is a mapping, and file
// times grow along it.
func TestFitNeverFails(t *testing.T) {
	holds := func(files, delays []int64, unit time.Duration) bool {
		var all []observed
		for i := range min(len(files), len(delays)) {
			all = append(all, observed{time.Duration(files[i]) % (unit * 100_000), time.Duration(delays[i]) % (unit * 1000)})
		}
		if len(all) == 0 {
			return true
		}
		points, residual := fit(all)
		growing := slices.IsSortedFunc(points, func(a, b recording.SyncPoint) int {
			if a.File < b.File {
				return -1
			}
			return 1
		})
		return len(points) > 0 && growing && residual >= 0
	}
	for _, unit := range []time.Duration{time.Microsecond, time.Millisecond, time.Second, 10 * time.Hour} {
		if err := quick.Check(func(files, delays []int64) bool { return holds(files, delays, unit) }, &quick.Config{MaxCount: 300}); err != nil {
			t.Error(unit, err)
		}
	}
	extreme := []int64{math.MinInt64, -1, 0, 1, math.MaxInt64}
	for _, a := range extreme {
		for _, b := range extreme {
			fit([]observed{{time.Duration(a), time.Duration(b)}, {time.Duration(b), time.Duration(a)}, {0, time.Duration(a)}, {1, time.Duration(b)}})
		}
	}
}
