package compose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

const (
	// hold bridges pauses between two parts of one stream: a roll-over shows
	// the last picture a little longer instead of a flash of the card.
	hold = recording.Seconds(500e6)
	// settle is how long after joining the first media may take for the tile
	// to wait for it, and how long before leaving the last may have come.
	settle = recording.Seconds(2e9)
	// frozen is how long a camera's picture may stand still. Longer, and its
	// card is shown instead of a still face.
	frozen = recording.Seconds(3e9)
	// turned is how much a picture's shape may change within a run.
	turned = 1.02
)

const (
	camera = "camera"
	// screenSource is LiveKit's name of what a shared screen is published as.
	screenSource = "screen_share"
)

// seat is one who can have a tile: a participant, or one more picture of theirs.
type seat struct {
	participant, stream string
	label, initials     string
	// main stands for the participant; screen is one that they share.
	main, screen, blur bool
	shown              []interval
	runs               []run
}

// run is a stretch in which a seat has moving pictures of one shape, the ratio
// of width to height, or 0 if it is not known.
type run struct {
	interval
	source int
	shape  float64
}

// at returns the run that covers t, or -1.
func (s *seat) at(t recording.Seconds) int {
	return slices.IndexFunc(s.runs, func(r run) bool { return holds(r.interval, t) })
}

func (s *seat) visible(t recording.Seconds) bool {
	return slices.ContainsFunc(s.shown, func(i interval) bool { return holds(i, t) })
}

type seatKey struct{ participant, stream string }

// findSeats lists everyone who has a picture or a voice in the film, in the
// order in which they are to be placed: shared screens, then by first sight.
func (p *Plan) findSeats(m *recording.Manifest, all []media) []*seat {
	byKey := map[seatKey]*seat{}
	main, screens := mainStreams(all), screenStreams(all)
	people := map[string]recording.Participant{}
	for _, who := range m.Participants {
		people[who.Identity] = who
	}
	heard := map[seatKey][]interval{}
	var seats []*seat
	for _, t := range all {
		k := seatKey{t.part.Participant, t.part.Stream}
		s := byKey[k]
		if s == nil {
			s = &seat{
				participant: k.participant, stream: k.stream,
				main: main[k.participant] == k.stream, screen: screens[k], blur: p.blurred(k.participant),
			}
			s.name(people[k.participant].Name)
			byKey[k] = s
			seats = append(seats, s)
		}
		heard[k] = append(heard[k], t.interval)
		if t.track.Kind == recording.Video {
			s.show(t)
		}
	}
	for k, s := range byKey {
		s.bridge()
		for _, r := range s.runs {
			s.shown = append(s.shown, r.interval)
		}
		if s.main {
			var present []interval
			for _, stay := range people[k.participant].Present {
				present = append(present, interval{From: stay.From, To: stay.To})
			}
			s.shown = append(append(s.shown, heard[k]...), stays(p.filmed(present), heard[k])...)
		}
		s.shown = union(s.shown, hold)
	}
	seats = slices.DeleteFunc(seats, func(s *seat) bool { return len(s.shown) == 0 })
	slices.SortStableFunc(seats, func(a, b *seat) int {
		return cmp.Or(btoi(b.screen)-btoi(a.screen), cmp.Compare(a.shown[0].From, b.shown[0].From),
			strings.Compare(a.participant, b.participant), strings.Compare(a.stream, b.stream))
	})
	return seats
}

// name sets what the seat is called. Who is unrecognisable has no name either.
func (s *seat) name(name string) {
	s.label, s.initials = nameFor(name, s.participant)
	if s.blur {
		s.label, s.initials = nobody, "–"
	}
	switch {
	case s.screen:
		s.label += " · screen"
	case !s.main:
		if which := clean(s.stream); which != "" {
			s.label += " · " + which
		}
	}
}

// hostOf returns the identity of the host: the wished one, the recording's, or
// who was seen first.
func hostOf(m *recording.Manifest, spec recording.CompositionSpec, seats []*seat) string {
	for _, identity := range []string{spec.Host, m.Host} {
		if slices.ContainsFunc(seats, func(s *seat) bool { return identity != "" && s.participant == identity }) {
			return identity
		}
	}
	if i := slices.IndexFunc(seats, func(s *seat) bool { return s.main }); i >= 0 {
		return seats[i].participant
	}
	return ""
}

// mainStreams tells which stream stands for a participant: the camera, or the
// first that is no shared screen. It has a tile even while it has no picture.
func mainStreams(all []media) map[string]string {
	screens := screenStreams(all)
	main := map[string]string{}
	for _, t := range all {
		who, stream := t.part.Participant, t.part.Stream
		if _, has := main[who]; stream == camera || !has && !screens[seatKey{who, stream}] {
			main[who] = stream
		}
	}
	return main
}

// screenStreams tells which streams are shared screens, by what they were
// published as or, where nothing tells, by LiveKit's names of such streams.
func screenStreams(all []media) map[seatKey]bool {
	screens := map[seatKey]bool{}
	for _, t := range all {
		if t.track.Source == screenSource || t.track.Source == "" && (t.part.Stream == screenSource || t.part.Stream == "screen") {
			screens[seatKey{t.part.Participant, t.part.Stream}] = true
		}
	}
	return screens
}

// show adds a video track's pictures; where it overlaps an earlier track of
// the same stream the newer one is shown.
func (s *seat) show(t media) {
	var kept []run
	for _, r := range s.runs {
		for _, rest := range subtract(r.interval, []interval{t.interval}) {
			kept = append(kept, run{rest, r.source, r.shape})
		}
	}
	var hidden []interval
	hide := func(list []interval, least recording.Seconds) {
		for _, q := range list {
			if length(q) >= least {
				hidden = append(hidden, interval{From: q.From + t.shift, To: q.To + t.shift})
			}
		}
	}
	hide(t.track.Muted, 0)
	if !s.screen { // a screen may well stand still
		hide(t.track.Stalled, frozen)
		hide(t.track.Freezes, frozen)
	}
	for _, i := range subtract(t.interval, hidden) {
		kept = append(kept, shapes(t, i)...)
	}
	slices.SortFunc(kept, func(a, b run) int { return cmp.Compare(a.From, b.From) })
	s.runs = kept
}

// shapes divides a stretch of a track where its picture takes another shape,
// as a phone's does that is turned. Other sizes of the same shape change nothing.
func shapes(t media, i interval) []run {
	out := []run{{i, t.source, 0}}
	for _, size := range t.track.Sizes {
		if size.Width <= 0 || size.Height <= 0 {
			continue
		}
		last := &out[len(out)-1]
		shape, at := float64(size.Width)/float64(size.Height), size.At+t.shift
		switch {
		case at <= last.From || last.shape == 0:
			last.shape = shape
		case at >= last.To || max(shape, last.shape)/min(shape, last.shape) <= turned:
		default:
			next := run{interval{From: at, To: last.To}, t.source, shape}
			last.To = at
			out = append(out, next)
		}
	}
	return out
}

func (s *seat) bridge() {
	for i := 1; i < len(s.runs); i++ {
		if s.runs[i].From-s.runs[i-1].To <= hold {
			s.runs[i-1].To = s.runs[i].From
		}
	}
}

// stays trims a participant's presence to their media where the two begin or
// end at about the same time, so that nobody joins or leaves as a bare card.
func stays(present, heard []interval) []interval {
	out := slices.Clone(present)
	for i := range out {
		first, last := out[i].To, out[i].From
		for _, h := range heard {
			if h.To > out[i].From && h.From < out[i].To {
				first, last = min(first, h.From), max(last, h.To)
			}
		}
		if first > out[i].From && first-out[i].From <= settle {
			out[i].From = first
		}
		if last < out[i].To && out[i].To-last <= settle {
			out[i].To = last
		}
	}
	return out
}
