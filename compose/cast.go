package compose

import (
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// cast is everyone who could be seen at a moment, and the roles they play.
type cast struct {
	canvas Box
	boxes  []recording.LayoutBox
	// actors stand in reading order: shared screens, then by first sight.
	actors []actor
	// host, focus and speaking are identities, and may be nobody's.
	host, focus, speaking string
}

// actor is a seat at a moment.
type actor struct {
	*seat
	// run is the seat's picture at that moment, or -1 for its card.
	run int
}

func (a actor) live() bool { return a.run >= 0 }

// usual is the shape of tiles, and of pictures of which none is known.
const usual = 16.0 / 9

// squarest is the least wide tile of a grid.
const squarest = 4.0 / 3

// shape is the ratio of width to height that suits what is shown.
func (a actor) shape() float64 {
	if !a.live() || a.runs[a.run].shape == 0 {
		return usual
	}
	// What is narrower or wider than any screen gets bars instead.
	return min(max(a.runs[a.run].shape, 0.5), 3)
}

// find returns a participant's own place, not their screen's.
func (c cast) find(identity string) *actor {
	i := slices.IndexFunc(c.actors, func(a actor) bool { return a.participant == identity && a.main })
	if identity == "" || i < 0 {
		return nil
	}
	return &c.actors[i]
}

// screen returns the screen whose sharing began last, if there is one.
func (c cast) screen() (last *actor) {
	for i := range c.actors {
		a := &c.actors[i]
		if a.screen && a.live() && (last == nil || a.runs[a.run].From >= last.runs[last.run].From) {
			last = a
		}
	}
	return last
}

// speaker returns whom the film is about: the one in focus, the active
// speaker, or while nobody has spoken the first to be seen.
func (c cast) speaker() *actor {
	for _, identity := range []string{c.focus, c.speaking} {
		if a := c.find(identity); a != nil {
			return a
		}
	}
	for _, fits := range []func(actor) bool{
		func(a actor) bool { return !a.screen && a.live() },
		func(a actor) bool { return !a.screen },
		func(actor) bool { return true },
	} {
		if i := slices.IndexFunc(c.actors, fits); i >= 0 {
			return &c.actors[i]
		}
	}
	return nil
}

func (c cast) without(one actor) []actor {
	return slices.DeleteFunc(slices.Clone(c.actors), func(a actor) bool { return a.seat == one.seat })
}

// fill gives the whole canvas to one, if there is one.
func (c cast) fill(a *actor) []place {
	if a == nil {
		return nil
	}
	return []place{{*a, Box{Width: c.canvas.Width, Height: c.canvas.Height}, recording.FitAuto}}
}

// inset gives one, if there is one, a small box over the lower right corner.
func (c cast) inset(a *actor) []place {
	if a == nil {
		return nil
	}
	w, h := fit(c.canvas.Width*24/100, c.canvas.Height*24/100)
	margin := 2 * gutter(min(c.canvas.Width, c.canvas.Height))
	return []place{{*a, Box{even(c.canvas.Width - w - margin), even(c.canvas.Height - h - margin), w, h}, recording.FitAuto}}
}

// resolveFit decides what auto means for a picture in a box: a camera that
// would lose less than a third fills it. A picture that would lose all but a
// sixteenth is shown whole whatever was wished: to fill the box it would have to
// be enlarged beyond measure.
func resolveFit(f recording.Fit, a actor, b Box) recording.Fit {
	auto, kept := f == recording.FitAuto || f == "", 0.0
	if a.live() && a.runs[a.run].shape != 0 {
		box, shape := float64(b.Width)/float64(b.Height), a.runs[a.run].shape
		kept = min(box, shape) / max(box, shape)
	}
	const least = 1.0 / 16
	switch {
	case !auto && (f != recording.FitCover || kept == 0 || kept >= least):
		return f
	case auto && !a.screen && kept > 2.0/3:
		return recording.FitCover
	}
	return recording.FitContain
}
