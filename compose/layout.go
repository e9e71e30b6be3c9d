package compose

import (
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// Box is a rectangle on the canvas, in pixels from the upper left corner. All
// four numbers are even, because chroma is subsampled.
type Box struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

func (b Box) overlaps(o Box) bool {
	return b.X < o.X+o.Width && o.X < b.X+b.Width && b.Y < o.Y+o.Height && o.Y < b.Y+b.Height
}

// place is a box on the canvas and who stands in it.
type place struct {
	actor
	box Box
	fit recording.Fit
}

// layout says who stands where at a moment, from back to front. Who has no
// place stays hidden.
type layout func(cast) []place

// layoutRecorded follows what the recording was told while it ran, and is the
// grid until it was told something.
const (
	layoutRecorded = "recorded"
	layoutGrid     = "grid"
)

var layouts = map[string]layout{
	layoutGrid:     grid,
	"speaker":      speaker,
	"host-bottom":  hostBottom,
	"host-only":    hostOnly,
	"single":       single,
	"pip":          pip,
	"share":        share,
	"custom":       custom,
	layoutRecorded: nil,
}

// gridMost is how many tiles the grid shows at once; who comes later is heard only.
const gridMost = 49

// grid places all alike. A shared screen would be unreadable so, and stands
// large with the others beside it.
func grid(c cast) []place {
	if screen := c.screen(); screen != nil {
		return beside(c, *screen, c.without(*screen))
	}
	boxes := gridBoxes(c.canvas.Width, c.canvas.Height, len(c.actors))
	places := make([]place, len(boxes))
	for i, b := range boxes {
		places[i] = place{c.actors[i], b, recording.FitAuto}
	}
	return places
}

// speaker shows the shared screen, or else the active speaker, large and the
// others beside.
func speaker(c cast) []place {
	large := c.screen()
	if large == nil {
		large = c.speaker()
	}
	if large == nil {
		return nil
	}
	return beside(c, *large, c.without(*large))
}

// share shows the shared screen as large as can be, with the speaker beside.
// Without a screen it is the speaker layout.
func share(c cast) []place {
	screen := c.screen()
	if screen == nil {
		return speaker(c)
	}
	var others []actor
	if s := c.speaker(); s != nil && s.seat != screen.seat {
		others = []actor{*s}
	}
	return beside(c, *screen, others)
}

// single shows the shared screen, or else the active speaker, alone. A wish
// for somebody in particular goes before the screen.
func single(c cast) []place {
	alone := c.find(c.focus)
	if alone == nil {
		alone = c.screen()
	}
	if alone == nil {
		alone = c.speaker()
	}
	return c.fill(alone)
}

// pip fills the canvas with the shared screen, or else the active speaker, and
// insets one more: the speaker over a screen, else the host, else the next.
func pip(c cast) []place {
	large := c.screen()
	inset := c.speaker()
	if large == nil {
		large, inset = c.speaker(), c.find(c.host)
	}
	if large == nil {
		return nil
	}
	if inset == nil || inset.seat == large.seat {
		inset = nil
		if rest := c.without(*large); len(rest) > 0 {
			inset = &rest[0]
		}
	}
	return append(c.fill(large), c.inset(inset)...)
}

// hostOnly shows the host alone, or the host's screen with the host inset.
func hostOnly(c cast) []place {
	host := c.find(c.host)
	for i := range c.actors {
		if s := &c.actors[i]; s.screen && s.participant == c.host && s.live() {
			return append(c.fill(s), c.inset(host)...)
		}
	}
	return c.fill(host)
}

// hostBottom shows the host above, in three quarters of the height, and the
// others in a row below. A shared screen takes the host's place, and the host
// the row's first.
func hostBottom(c cast) []place {
	host := c.find(c.host)
	above := c.screen()
	if above == nil {
		above = host
	}
	if above == nil {
		return grid(c)
	}
	row := c.without(*above)
	if len(row) == 0 {
		return c.fill(above)
	}
	slices.SortStableFunc(row, func(a, b actor) int { return btoi(b.participant == c.host) - btoi(a.participant == c.host) })
	w, h := c.canvas.Width, even(c.canvas.Height*540/720)
	aw, ah := fitShape(w, h, above.shape())
	places := []place{{*above, Box{X: even((w - aw) / 2), Y: even((h - ah) / 2), Width: aw, Height: ah}, recording.FitContain}}
	below := c.canvas.Height - h
	const narrowest = 40
	most := max(1, w/narrowest)
	row = pick(row, most, c.speaker())
	width := min(even(w/len(row)), even(below*16/9))
	left := even((w - width*len(row)) / 2)
	for i, a := range row {
		places = append(places, place{a, Box{X: left + i*width, Y: h, Width: width, Height: below}, recording.FitAuto})
	}
	return places
}

// beside places one large and others in a strip: to its right on a wide
// canvas, below it on a tall one. The strip shows as many as have room, the
// speaker among them.
func beside(c cast, large actor, others []actor) []place {
	if len(others) == 0 {
		return c.fill(&large)
	}
	w, h, g := c.canvas.Width, c.canvas.Height, gutter(c.canvas.Height)
	wide := w >= h
	var tw, th, most int
	if wide {
		tw, th = fit(w/5, h)
		most = max(1, (h-g)/(th+g))
	} else {
		g = gutter(w)
		tw, th = fit((w-3*g)/2, h/6)
		most = max(1, (w-g)/(tw+g))
	}
	others = pick(others, most, c.speaker())
	n := len(others)
	shape := usual // all cameras alike, so that nothing jumps when the speaker changes
	if large.screen {
		shape = large.shape()
	}
	var lw, lh int
	if wide {
		lw, lh = fitShape(w-tw-3*g, h-2*g, shape)
	} else {
		lw, lh = fitShape(w-2*g, h-th-3*g, shape)
	}
	// The block of both stands in the middle of the canvas.
	places := make([]place, 0, n+1)
	if wide {
		left := (w - lw - g - tw) / 2
		places = append(places, place{large, Box{even(left), even((h - lh) / 2), lw, lh}, recording.FitAuto})
		top := (h - n*th - (n-1)*g) / 2
		for i, a := range others {
			places = append(places, place{a, Box{even(left + lw + g), even(top + i*(th+g)), tw, th}, recording.FitAuto})
		}
		return places
	}
	top := (h - lh - g - th) / 2
	places = append(places, place{large, Box{even((w - lw) / 2), even(top), lw, lh}, recording.FitAuto})
	left := (w - n*tw - (n-1)*g) / 2
	for i, a := range others {
		places = append(places, place{a, Box{even(left + i*(tw+g)), even(top + lh + g), tw, th}, recording.FitAuto})
	}
	return places
}

// pick leaves most of the actors, in their order: the speaker first of all,
// then who has a picture, then who came first.
func pick(actors []actor, most int, speaker *actor) []actor {
	if len(actors) <= most {
		return actors
	}
	rank := func(a actor) int {
		switch {
		case speaker != nil && a.seat == speaker.seat:
			return 0
		case a.live():
			return 1
		}
		return 2
	}
	chosen := slices.Clone(actors)
	slices.SortStableFunc(chosen, func(a, b actor) int { return rank(a) - rank(b) })
	chosen = chosen[:most]
	return slices.DeleteFunc(slices.Clone(actors), func(a actor) bool {
		return !slices.ContainsFunc(chosen, func(b actor) bool { return a.seat == b.seat })
	})
}

// gridBoxes are n tiles, as large as the canvas allows, the block centred, and
// its last row too. They are of 16:9, or less wide where that fills the canvas
// better, down to 4:3, where cameras still fill them. One alone fills the canvas.
func gridBoxes(width, height, n int) []Box {
	n = min(n, gridMost)
	switch n {
	case 0:
		return nil
	case 1:
		return []Box{{Width: width, Height: height}}
	}
	g := gutter(height)
	var cols, rows, w, h int
	for c := 1; c <= n; c++ {
		r := (n + c - 1) / c
		cw, ch := (width-g*(c+1))/c, (height-g*(r+1))/r
		tw, th := fitShape(cw, ch, min(max(float64(cw)/float64(max(1, ch)), squarest), usual))
		if tw*th > w*h {
			cols, rows, w, h = c, r, tw, th
		}
	}
	top := (height - rows*h - (rows-1)*g) / 2
	boxes := make([]Box, n)
	for i := range boxes {
		row := i / cols
		inRow := min(cols, n-row*cols)
		left := (width - inRow*w - (inRow-1)*g) / 2
		boxes[i] = Box{
			X: even(left + (i%cols)*(w+g)), Y: even(top + row*(h+g)),
			Width: w, Height: h,
		}
	}
	return boxes
}

// gutter is the room between tiles of a canvas whose side is given.
func gutter(side int) int { return even(max(4, side/90)) }

// fit returns the largest even 16:9 size within w×h.
func fit(w, h int) (int, int) {
	if w*9 > h*16 {
		w = h * 16 / 9
	} else {
		h = w * 9 / 16
	}
	return max(2, even(w)), max(2, even(h))
}

// fitShape is fit for any ratio of width to height.
func fitShape(w, h int, shape float64) (int, int) {
	if float64(w) > float64(h)*shape {
		w = int(float64(h)*shape + 0.5)
	} else {
		h = int(float64(w)/shape + 0.5)
	}
	return max(2, even(w)), max(2, even(h))
}

func even(v int) int { return v &^ 1 }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
