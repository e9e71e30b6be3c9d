package compose

import (
	"sort"

	"github.com/roomreel/roomreel/recording"
)

// clock maps a source's file time to film time, piecewise linearly and
// extended beyond its ends, like recording.Track.Sync.
type clock []recording.SyncPoint

// clockTolerance is how far a point may lie from its neighbours' line to be
// left out: far below a frame of video and what an ear can tell.
const clockTolerance = recording.Seconds(1e6)

// rates outside of these bounds are no clock skew.
const minRate, maxRate = 0.5, 2.0

// newClock moves a track's mapping from the timeline to a film that begins at zero.
// Points that no clock gets to from the one before are left out: media that the network
// held back and then delivered at once may seem to be from elsewhere.
func newClock(p recording.Part, t recording.Track, zero recording.Seconds) clock {
	if len(t.Sync) == 0 {
		return clock{{File: 0, Timeline: p.Start - zero}}
	}
	var c clock
	for _, s := range t.Sync {
		s.Timeline -= zero
		if len(c) == 0 || leads(c[len(c)-1], s) {
			c = append(c, s)
		}
	}
	return c.simplify()
}

// leads reports whether a clock may get from a to b: at a rate within bounds, or by a
// step forward.
func leads(a, b recording.SyncPoint) bool {
	if a.File == b.File {
		return a.Timeline <= b.Timeline
	}
	rate := float64(b.Timeline-a.Timeline) / float64(b.File-a.File)
	return a.File < b.File && rate >= minRate && rate <= maxRate
}

// simplify drops points that change nothing, by Ramer, Douglas and Peucker.
func (c clock) simplify() clock {
	if len(c) < 3 {
		return c
	}
	chord, worst, at := c.line(0, len(c)-1), clockTolerance, 0
	for i := 1; i < len(c)-1; i++ {
		if d := max(chord(c[i].File)-c[i].Timeline, c[i].Timeline-chord(c[i].File)); d > worst {
			worst, at = d, i
		}
	}
	if at == 0 {
		return clock{c[0], c[len(c)-1]}
	}
	head := c[:at+1].simplify()
	return append(head[:len(head)-1:len(head)-1], c[at:].simplify()...)
}

// window leaves out the points that say nothing about file time from..to.
func (c clock) window(from, to recording.Seconds) clock {
	for len(c) > 2 && c[1].File <= from {
		c = c[1:]
	}
	for len(c) > 2 && c[len(c)-2].File >= to {
		c = c[:len(c)-1]
	}
	return c
}

// line returns the straight line through points i and j.
func (c clock) line(i, j int) func(file recording.Seconds) recording.Seconds {
	return recording.Track{Sync: []recording.SyncPoint{c[i], c[j]}}.At
}

// film returns where file time lies in the film.
func (c clock) film(file recording.Seconds) recording.Seconds {
	return recording.Track{Sync: c}.At(file)
}

// file is the inverse of film. Film time that a step of the clock skipped
// belongs to the step.
func (c clock) file(film recording.Seconds) recording.Seconds {
	if len(c) == 1 {
		return c[0].File + film - c[0].Timeline
	}
	i := sort.Search(len(c)-2, func(i int) bool { return film < c[i+1].Timeline }) + 1
	a, b := c[i-1], c[i]
	if a.File == b.File {
		if i == len(c)-1 {
			return b.File + max(0, film-b.Timeline)
		}
		return a.File
	}
	return a.File + recording.Seconds(float64(film-a.Timeline)*float64(b.File-a.File)/float64(b.Timeline-a.Timeline))
}
