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
	// screenShare is LiveKit's name of the stream of a shared screen.
	screenShare = "screen_share"
)

// seat is one who can have a tile: a participant, or one more picture of theirs.
type seat struct {
	participant, stream string
	label, initials     string
	shared              bool
	shown               []interval
	runs                []run
}

// run is a stretch in which a seat has moving pictures.
type run struct {
	interval
	source int
}

// at returns the run that covers t, or -1.
func (s *seat) at(t recording.Seconds) int {
	return slices.IndexFunc(s.runs, func(r run) bool { return holds(r.interval, t) })
}

func (s *seat) visible(t recording.Seconds) bool {
	return slices.ContainsFunc(s.shown, func(i interval) bool { return holds(i, t) })
}

// media is a track with its place in the film.
type media struct {
	interval
	part   recording.Part
	track  recording.Track
	source int
}

// findSeats lists everyone who has a picture or a voice in the film, in the
// order in which they are to be placed: shared screens, then by first sight.
func findSeats(m *recording.Manifest, zero recording.Seconds, all []media) []*seat {
	type key struct{ participant, stream string }
	byKey := map[key]*seat{}
	var seats []*seat
	main := mainStreams(all)
	names := map[string]string{}
	present := map[string][]interval{}
	for _, p := range m.Participants {
		names[p.Identity] = p.Name
		for _, stay := range p.Present {
			present[p.Identity] = append(present[p.Identity], interval{From: stay.From - zero, To: stay.To - zero})
		}
	}
	heard := map[key][]interval{}
	for _, t := range all {
		k := key{t.part.Participant, t.part.Stream}
		s := byKey[k]
		if s == nil {
			s = &seat{participant: k.participant, stream: k.stream}
			s.label, s.initials = nameFor(names[k.participant], k.participant)
			if main[k.participant] != k.stream {
				s.shared = k.stream == screenShare
				s.label += " · " + cmp.Or(map[string]string{screenShare: "screen"}[k.stream], clean(k.stream))
			}
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
		if main[k.participant] == k.stream {
			s.shown = append(append(s.shown, heard[k]...), stays(present[k.participant], heard[k])...)
		}
		s.shown = union(s.shown, hold)
	}
	seats = slices.DeleteFunc(seats, func(s *seat) bool { return len(s.shown) == 0 })
	slices.SortStableFunc(seats, func(a, b *seat) int {
		if a.shared != b.shared {
			return map[bool]int{true: -1, false: 1}[a.shared]
		}
		return cmp.Or(cmp.Compare(a.shown[0].From, b.shown[0].From), strings.Compare(a.participant, b.participant), strings.Compare(a.stream, b.stream))
	})
	return seats
}

// mainStreams tells which stream stands for a participant: the camera, or the
// first that is no shared screen. It has a tile even while it has no picture.
func mainStreams(all []media) map[string]string {
	const camera = "camera"
	main := map[string]string{}
	for _, t := range all {
		who, stream := t.part.Participant, t.part.Stream
		if _, has := main[who]; stream == camera || !has && stream != screenShare {
			main[who] = stream
		}
	}
	return main
}

// show adds a video track's pictures; where it overlaps an earlier track of
// the same stream the newer one is shown.
func (s *seat) show(t media) {
	var kept []run
	for _, r := range s.runs {
		for _, rest := range subtract(r.interval, []interval{t.interval}) {
			kept = append(kept, run{rest, r.source})
		}
	}
	muted := make([]interval, len(t.track.Muted))
	shift := t.From - t.track.Start
	for i, q := range t.track.Muted {
		muted[i] = interval{From: q.From + shift, To: q.To + shift}
	}
	for _, i := range subtract(t.interval, muted) {
		kept = append(kept, run{i, t.source})
	}
	slices.SortFunc(kept, func(a, b run) int { return cmp.Compare(a.From, b.From) })
	s.runs = kept
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
