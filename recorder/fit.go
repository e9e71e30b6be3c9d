package recorder

import (
	"cmp"
	"slices"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// observed is one observation of a clock: how much later than zero file time
// the media at file arrived.
type observed struct{ file, delay time.Duration }

func byFile(a, b observed) int { return cmp.Compare(a.file, b.file) }

const (
	// fitWindow is the stretch of which only the least delayed arrival counts:
	// the network adds delay, it never takes any away.
	fitWindow = 30 * time.Second
	// fitWindows bounds the work on long parts.
	fitWindows = 200
	// fitLimit is how far a window may lie from a straight line for the line
	// to be believed.
	fitLimit = 40 * time.Millisecond
)

// fit finds the mapping from file time to the timeline: a constant for a short
// part, else a line (whose slope is the skew of the publisher's clock against
// ours), else the windows themselves, linearly between. The second result is
// the largest distance of a window from the mapping.
func fit(all []observed) ([]recording.SyncPoint, recording.Seconds) {
	slices.SortFunc(all, byFile)
	low := prompt(windows(all))
	first, last := low[0], low[len(low)-1]
	if len(low) < 3 {
		least := slices.MinFunc(low, func(a, b observed) int { return cmp.Compare(a.delay, b.delay) })
		return points(observed{0, least.delay}), recording.Seconds(spread(low, func(time.Duration) time.Duration { return least.delay }))
	}
	slope := theilSen(low)
	at := func(base time.Duration) func(time.Duration) time.Duration {
		return func(file time.Duration) time.Duration {
			return base + time.Duration(slope*float64(file-first.file))
		}
	}
	var bases []time.Duration
	for _, o := range low {
		bases = append(bases, o.delay-time.Duration(slope*float64(o.file-first.file)))
	}
	line := at(median(bases))
	if residual := spread(low, line); residual <= fitLimit {
		return points(observed{0, line(0)}, observed{last.file, line(last.file)}), recording.Seconds(residual)
	}
	// Before the first and after the last of them no slope is known.
	begin, end := observed{all[0].file, first.delay}, observed{all[len(all)-1].file, last.delay}
	return points(slices.Concat([]observed{begin}, low, []observed{end})...), 0
}

// windows returns the least delayed observation of each window of all, which
// is sorted and not empty.
func windows(all []observed) []observed {
	first, last := all[0].file, all[len(all)-1].file
	width := max(fitWindow, (last-first)/fitWindows+1)
	var low []observed
	end := first
	for _, o := range all {
		// The last of several windows takes what is left when that is little: few
		// arrivals have no reliable least.
		if len(low) == 0 || o.file >= end && (len(low) == 1 || last-o.file >= width/3) {
			low = append(low, o)
			end = o.file - (o.file-first)%width + width
		} else if n := len(low) - 1; o.delay < low[n].delay {
			low[n] = o
		}
	}
	return low
}

// prompt leaves out the windows of which all was held back: some before and some after
// them were less delayed, by more than stallLimit. A clock that is so far off is moved.
func prompt(low []observed) (list []observed) {
	later := make([]time.Duration, len(low)) // the least from each on
	for i := len(low) - 1; i >= 0; i-- {
		later[i] = low[i].delay
		if i+1 < len(low) {
			later[i] = min(later[i], later[i+1])
		}
	}
	earlier := low[0].delay
	for i, o := range low {
		earlier = min(earlier, o.delay)
		if o.delay-max(earlier, later[i]) <= stallLimit {
			list = append(list, o)
		}
	}
	return list
}

// theilSen is the median of the slopes between all pairs: a line that up to
// 29 % of outliers cannot move.
func theilSen(low []observed) float64 {
	var slopes []float64
	for i := range low {
		for _, o := range low[i+1:] {
			if o.file > low[i].file {
				slopes = append(slopes, float64(o.delay-low[i].delay)/float64(o.file-low[i].file))
			}
		}
	}
	return median(slopes)
}

func median[T cmp.Ordered](list []T) T {
	var zero T
	if len(list) == 0 {
		return zero
	}
	slices.Sort(list)
	return list[len(list)/2]
}

func spread(list []observed, line func(time.Duration) time.Duration) time.Duration {
	var most time.Duration
	for _, o := range list {
		most = max(most, (o.delay - line(o.file)).Abs())
	}
	return most.Round(time.Microsecond)
}

func points(list ...observed) []recording.SyncPoint {
	var out []recording.SyncPoint
	for _, o := range list {
		p := recording.SyncPoint{
			File:     recording.Seconds(o.file.Round(time.Microsecond)),
			Timeline: recording.Seconds((o.file + o.delay).Round(time.Microsecond)),
		}
		if n := len(out); n == 0 || p.File > out[n-1].File {
			out = append(out, p)
		}
	}
	return out
}
