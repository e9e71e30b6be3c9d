//go:build linux

package main

import (
	"math"
	"slices"
	"time"
)

// rounded keeps a figure to 1/parts.
func rounded(figure, parts float64) float64 { return math.Round(figure*parts) / parts }

// milliseconds is a duration in milliseconds, to a tenth.
func milliseconds(d time.Duration) float64 {
	return rounded(float64(d)/float64(time.Millisecond), 10)
}

// middle is the median of a list, which it sorts; zero if there is nothing.
func middle(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}
