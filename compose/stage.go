package compose

import (
	"fmt"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// stage fills p.Segments with who stands where, cutting the film wherever that
// changes.
func (p *Plan) stage(m *recording.Manifest, all []media) {
	seats := p.findSeats(m, all)
	d := director{
		plan: p, seats: seats, host: hostOf(m, p.Spec, seats),
		turns: p.turns(m, seats), layouts: m.Layouts,
	}
	for _, t := range p.Takes {
		p.Segments = append(p.Segments, d.segments(t)...)
	}
	slices.SortStableFunc(p.Segments, func(a, b Segment) int { return a.First - b.First })
}

// director decides from moment to moment who is to be seen where.
type director struct {
	plan    *Plan
	seats   []*seat
	host    string
	turns   []turn
	layouts []recording.LayoutChange
}

// shot is a stretch of frames in which nothing moves.
type shot struct {
	from, to int
	state    string
	places   []place
}

// segments cuts a take wherever a tile comes, goes, moves or changes between
// picture and card.
func (d *director) segments(t Take) []Segment {
	rate := d.plan.Spec.FrameRate
	edges := d.edges(t)
	var shots []shot
	for i := 1; i < len(edges); i++ {
		s := shot{from: edges[i-1], to: edges[i]}
		mid := frameTime(s.from+s.to, rate) / 2
		s.places = d.places(mid)
		for _, at := range s.places {
			s.state += fmt.Sprintln(slices.Index(d.seats, at.seat), at.run, at.box, at.fit)
		}
		// What is too short to be seen becomes the beginning of what follows.
		if n := len(shots); n > 0 && frameTime(shots[n-1].to-shots[n-1].from, rate) < shortest {
			s.from, shots = shots[n-1].from, shots[:n-1]
		}
		n := len(shots)
		last := i == len(edges)-1 && frameTime(s.to-s.from, rate) < shortest
		if n > 0 && (last || shots[n-1].state == s.state) {
			shots[n-1].to = s.to
			continue
		}
		shots = append(shots, s)
	}
	segments := make([]Segment, len(shots))
	for i, s := range shots {
		segments[i] = d.segment(t, s)
	}
	return segments
}

// edges are the frames of a take at which something may change.
func (d *director) edges(t Take) []int {
	edges := []int{t.First, t.First + t.Frames}
	add := func(film recording.Seconds) {
		if f := d.plan.frame(film); f > t.First && f < t.First+t.Frames {
			edges = append(edges, f)
		}
	}
	for _, s := range d.seats {
		for _, i := range s.shown {
			add(i.From)
			add(i.To)
		}
		for _, r := range s.runs {
			add(r.From)
			add(r.To)
		}
	}
	for _, u := range d.turns {
		add(u.from)
	}
	for _, c := range d.layouts {
		add(c.At + t.shift())
	}
	slices.Sort(edges)
	return slices.Compact(edges)
}

func (d *director) segment(t Take, s shot) Segment {
	p := d.plan
	rate := p.Spec.FrameRate
	g := Segment{
		From: frameTime(s.from, rate), To: frameTime(s.to, rate), First: s.from, Frames: s.to - s.from,
		At: frameTime(s.from, rate) - t.shift(), Tiles: []Tile{},
	}
	for _, at := range s.places {
		seat := at.seat
		tile := Tile{
			Participant: seat.participant, Stream: seat.stream, Label: seat.label, Initials: seat.initials,
			Box: at.box, Fit: resolveFit(at.fit, at.actor, at.box), Screen: seat.screen, Blur: seat.blur,
		}
		if p.Spec.HideNames {
			tile.Label = ""
		}
		if !seat.screen && !seat.blur {
			tile.Avatar = p.Spec.Avatars[seat.participant]
		}
		if at.run >= 0 && fills(seat.runs[at.run].shape, tile) {
			r := seat.runs[at.run]
			from, to := max(g.From, r.From), min(g.To, r.To)
			tile.Picture = p.clip(r.source, r.From, from, to)
			tile.Picture.SkipLoopFilter = p.skipsLoopFilter(tile, from, to)
		}
		g.Tiles = append(g.Tiles, tile)
	}
	return g
}

// fills reports whether there is anything to see of a picture that is shown whole
// in a tile: one that is all but a line would be scaled to nothing.
func fills(shape float64, t Tile) bool {
	if shape == 0 || t.Fit == recording.FitCover {
		return true
	}
	w, h := float64(t.Box.Width), float64(t.Box.Height)
	const least = 2 * turned // what the sizes of a run may differ by
	return min(w, h*shape) >= least && min(h, w/shape) >= least
}

// shrunk is how many pixels of a picture must become one of the film for what
// the loop filter smooths to be lost in it.
const shrunk = 3

// skipsLoopFilter reports whether a tile shows VP8 much smaller than it is. Every
// second picture of LiveKit's cameras is of the highest temporal layer, which
// none refers to: unfiltered, it spoils no other, and decoding all costs a seventh less.
func (p *Plan) skipsLoopFilter(t Tile, from, to recording.Seconds) bool {
	s := p.Sources[t.Picture.Source]
	width, height := s.smallest(from, to)
	return s.Codec == "vp8" && p.Spec.Quality != QualityArchive && width*height >= shrunk*t.Box.Width*t.Box.Height
}

// places asks the layout of the moment who stands where.
func (d *director) places(at recording.Seconds) []place {
	c := cast{
		canvas: Box{Width: d.plan.Spec.Width, Height: d.plan.Spec.Height}, boxes: d.plan.Spec.Boxes,
		host: d.host, focus: d.plan.Spec.Focus, speaking: speakerAt(d.turns, at),
	}
	for _, s := range d.seats {
		if s.visible(at) {
			c.actors = append(c.actors, actor{s, s.at(at)})
		}
	}
	return layouts[d.layoutAt(at)](c)
}

// layoutAt is the layout of a moment: the wished one, or the one that the
// recording had.
func (d *director) layoutAt(film recording.Seconds) string {
	wished := d.plan.Spec.Layout
	if wished != layoutRecorded {
		return wished
	}
	i := slices.IndexFunc(d.plan.Takes, func(t Take) bool { return holds(t.film(), film) })
	name := layoutGrid
	if i < 0 {
		return name
	}
	for _, c := range d.layouts {
		if c.At > film-d.plan.Takes[i].shift() {
			break
		}
		name = or(knownLayout(c.Layout, d.plan.Spec), name)
	}
	return name
}
