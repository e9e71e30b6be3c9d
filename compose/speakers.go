package compose

import (
	"cmp"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

const (
	// breath is the pause within which somebody still speaks.
	breath = recording.Seconds(1e9)
	// remark is what somebody must say to be looked at: a cough is shorter.
	remark = recording.Seconds(1e9)
	// dwell is how long everybody stays in the picture at least.
	dwell = recording.Seconds(2e9)
)

// turn begins when a participant becomes the active speaker.
type turn struct {
	from        recording.Seconds
	participant string
}

// speech is something that a participant said.
type speech struct {
	interval
	participant string
}

// turns decides who is the active speaker, without flicker: whoever speaks
// stays until they are silent and another speaks; coughs do not count, and
// nobody is shown for a blink.
func (p *Plan) turns(m *recording.Manifest, seats []*seat) []turn {
	var said []speech
	var times []recording.Seconds
	for _, who := range m.Participants {
		if p.silenced(who.Identity) || !slices.ContainsFunc(seats, func(s *seat) bool { return s.participant == who.Identity }) {
			continue
		}
		for _, i := range union(p.filmed(who.Speaking), breath) {
			if length(i) >= remark {
				said = append(said, speech{i, who.Identity})
				times = append(times, i.From, i.To, i.From+dwell, i.To+dwell)
			}
		}
	}
	slices.SortStableFunc(said, func(a, b speech) int { return cmp.Compare(a.From, b.From) })
	slices.Sort(times)

	var turns []turn
	var open []speech // longest speaking first
	for _, at := range slices.Compact(times) {
		open = slices.DeleteFunc(open, func(s speech) bool { return s.To <= at })
		for len(said) > 0 && said[0].From <= at {
			open, said = append(open, said[0]), said[1:]
		}
		if n := len(turns); n > 0 {
			now := turns[n-1]
			speaks := slices.ContainsFunc(open, func(s speech) bool { return s.participant == now.participant })
			if speaks || at < now.from+dwell {
				continue
			}
		}
		if i := slices.IndexFunc(open, func(s speech) bool { return s.To-at >= remark }); i >= 0 {
			turns = append(turns, turn{at, open[i].participant})
		}
	}
	return turns
}

// speakerAt returns who is the active speaker: who was last, while nobody is.
func speakerAt(turns []turn, at recording.Seconds) string {
	i, found := slices.BinarySearchFunc(turns, at, func(t turn, at recording.Seconds) int { return cmp.Compare(t.from, at) })
	if found {
		return turns[i].participant
	}
	if i == 0 {
		return ""
	}
	return turns[i-1].participant
}
