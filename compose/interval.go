package compose

import (
	"cmp"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

type interval = recording.Interval

func length(i interval) recording.Seconds { return i.To - i.From }

func holds(i interval, t recording.Seconds) bool { return i.From <= t && t < i.To }

// union sorts intervals and joins those that touch or lie no more than gap apart.
func union(list []interval, gap recording.Seconds) []interval {
	list = slices.DeleteFunc(slices.Clone(list), func(i interval) bool { return length(i) <= 0 })
	slices.SortFunc(list, func(a, b interval) int { return cmp.Compare(a.From, b.From) })
	var out []interval
	for _, i := range list {
		if n := len(out); n > 0 && i.From <= out[n-1].To+gap {
			out[n-1].To = max(out[n-1].To, i.To)
			continue
		}
		out = append(out, i)
	}
	return out
}

// subtract returns what is left of i without the holes.
func subtract(i interval, holes []interval) []interval {
	var out []interval
	for _, h := range union(holes, 0) {
		if h.To <= i.From || h.From >= i.To {
			continue
		}
		if h.From > i.From {
			out = append(out, interval{From: i.From, To: h.From})
		}
		i.From = h.To
	}
	if length(i) > 0 {
		out = append(out, i)
	}
	return out
}
