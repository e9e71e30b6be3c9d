package recording

import (
	"cmp"
	"slices"
)

// Merge puts together what is known of one recording on several disks: each source
// is solved from the journal of one, and all have at least one. Their timelines are
// laid onto each other by wall clock. Where several tell of one turn, the first does.
// Of turns, those that no source tells of are Away. The sources are left as they are,
// and their order counts for nothing else.
//
// What a node recorded after its turn had passed to another does not count: what lies
// after the next turn's beginning is left out, and tracks that reach into it end there.
func Merge(turns []Turn, sources ...*Manifest) *Manifest {
	sources = slices.Clone(sources)
	zero := sources[0].StartedAt
	for _, m := range sources {
		if m.StartedAt.Before(zero) {
			zero = m.StartedAt
		}
	}
	for i, m := range sources {
		sources[i] = m.later(Seconds(m.StartedAt.Sub(zero)))
	}
	last := slices.MaxFunc(sources, func(a, b *Manifest) int { return cmp.Compare(a.lastEpoch(), b.lastEpoch()) })
	merged := *last
	merged.StartedAt = zero
	merged.Turns, merged.Parts, merged.Participants = nil, []Part{}, []Participant{}
	merged.Pauses, merged.Layouts, merged.Refused, merged.DroppedDatagrams = nil, nil, nil, 0
	slices.SortStableFunc(sources, func(a, b *Manifest) int { return cmp.Compare(a.firstEpoch(), b.firstEpoch()) })
	for _, m := range sources {
		merged.add(m)
	}
	for _, t := range turns {
		if !merged.has(t.Epoch) {
			merged.Turns = append(merged.Turns, Turn{Epoch: t.Epoch, Node: t.Node, Away: true})
		}
	}
	merged.order()
	merged.StoppedAt = zero.Add(merged.Duration.Duration())
	return &merged
}

// add takes what another manifest tells of turns that m does not tell of.
func (m *Manifest) add(other *Manifest) {
	for _, t := range other.Turns {
		if !t.Away && !m.has(t.Epoch) {
			m.Turns = append(m.Turns, t)
			for _, p := range other.Parts {
				if p.Epoch == t.Epoch {
					m.Parts = append(m.Parts, p)
				}
			}
		}
	}
	for _, p := range other.Participants {
		i := slices.IndexFunc(m.Participants, func(q Participant) bool { return q.Identity == p.Identity })
		if i < 0 {
			m.Participants = append(m.Participants, p)
			continue
		}
		q := &m.Participants[i]
		q.Name, q.Kind = cmp.Or(p.Name, q.Name), cmp.Or(p.Kind, q.Kind)
		q.Present = joined(slices.Concat(q.Present, p.Present))
		q.Speaking = union(slices.Concat(q.Speaking, p.Speaking))
	}
	m.Pauses = union(slices.Concat(m.Pauses, other.Pauses))
	m.Layouts = append(m.Layouts, other.Layouts...)
	for _, r := range other.Refused {
		if !slices.ContainsFunc(m.Refused, func(q RefusedTrack) bool { return q.SID == r.SID && q.At == r.At }) {
			m.Refused = append(m.Refused, r)
		}
	}
	m.DroppedDatagrams += other.DroppedDatagrams
	m.Duration = max(m.Duration, other.Duration)
}

// order brings what was gathered into the order of time, and ends each turn where the
// next begins.
func (m *Manifest) order() {
	slices.SortFunc(m.Turns, func(a, b Turn) int { return cmp.Compare(a.Epoch, b.Epoch) })
	next := Seconds(1<<63 - 1)
	for i := len(m.Turns) - 1; i >= 0; i-- {
		t := &m.Turns[i]
		if t.Away {
			continue
		}
		m.Parts = slices.DeleteFunc(m.Parts, func(p Part) bool { return p.Epoch == t.Epoch && p.Start >= next })
		for j := range m.Parts {
			if m.Parts[j].Epoch == t.Epoch {
				m.Parts[j].Tracks = before(m.Parts[j].Tracks, next)
			}
		}
		t.To = max(t.From, min(t.To, next))
		next = t.From
	}
	slices.SortStableFunc(m.Parts, func(a, b Part) int { return cmp.Compare(a.Epoch, b.Epoch) })
	slices.SortStableFunc(m.Layouts, func(a, b LayoutChange) int { return cmp.Compare(a.At, b.At) })
	m.Layouts = slices.CompactFunc(m.Layouts, func(a, b LayoutChange) bool { return a.Layout == b.Layout })
	slices.SortStableFunc(m.Refused, func(a, b RefusedTrack) int { return cmp.Compare(a.At, b.At) })
}

// before ends tracks at a position, and leaves those out that begin after it.
func before(tracks []Track, end Seconds) []Track {
	tracks = slices.DeleteFunc(slices.Clone(tracks), func(t Track) bool { return t.Start >= end })
	for i := range tracks {
		tracks[i].End = min(tracks[i].End, end)
	}
	return tracks
}

// later is a copy of the manifest whose timeline begins by so much earlier: all
// positions are that much later.
func (m *Manifest) later(by Seconds) *Manifest {
	c := *m
	c.Duration += by
	c.Turns = slices.Clone(m.Turns)
	for i := range c.Turns {
		if !c.Turns[i].Away {
			c.Turns[i].From += by
			c.Turns[i].To += by
		}
	}
	c.Pauses = moved(m.Pauses, by)
	c.Layouts = slices.Clone(m.Layouts)
	for i := range c.Layouts {
		c.Layouts[i].At += by
	}
	c.Refused = slices.Clone(m.Refused)
	for i := range c.Refused {
		c.Refused[i].At += by
	}
	c.Participants = slices.Clone(m.Participants)
	for i := range c.Participants {
		p := &c.Participants[i]
		p.Present = slices.Clone(p.Present)
		for j := range p.Present {
			p.Present[j].From += by
			p.Present[j].To += by
		}
		p.Speaking = moved(p.Speaking, by)
	}
	c.Parts = slices.Clone(m.Parts)
	for i := range c.Parts {
		p := &c.Parts[i]
		p.Start += by
		p.Tracks = slices.Clone(p.Tracks)
		for j := range p.Tracks {
			p.Tracks[j] = p.Tracks[j].later(by)
		}
	}
	return &c
}

func (t Track) later(by Seconds) Track {
	t.Start += by
	t.End += by
	t.Sync = slices.Clone(t.Sync)
	for i := range t.Sync {
		t.Sync[i].Timeline += by
	}
	t.Sizes = slices.Clone(t.Sizes)
	for i := range t.Sizes {
		t.Sizes[i].At += by
	}
	t.Muted, t.Gaps = moved(t.Muted, by), moved(t.Gaps, by)
	t.Freezes, t.Stalled = moved(t.Freezes, by), moved(t.Stalled, by)
	return t
}

func moved(list []Interval, by Seconds) []Interval {
	list = slices.Clone(list)
	for i := range list {
		list[i].From += by
		list[i].To += by
	}
	return list
}

// union joins intervals that overlap.
func union(list []Interval) []Interval {
	slices.SortFunc(list, func(a, b Interval) int { return cmp.Compare(a.From, b.From) })
	var out []Interval
	for _, v := range list {
		if n := len(out); n > 0 && v.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, v.To)
			continue
		}
		out = append(out, v)
	}
	return out
}

// joined joins stays under one LiveKit session that overlap.
func joined(list []Presence) []Presence {
	slices.SortFunc(list, func(a, b Presence) int { return cmp.Compare(a.From, b.From) })
	out := []Presence{}
	for _, v := range list {
		i := slices.IndexFunc(out, func(o Presence) bool { return o.SID == v.SID && v.From <= o.To })
		if i < 0 {
			out = append(out, v)
			continue
		}
		out[i].To = max(out[i].To, v.To)
	}
	return out
}

func (m *Manifest) lastEpoch() (last int64) {
	for _, t := range m.Turns {
		if !t.Away {
			last = max(last, t.Epoch)
		}
	}
	return last
}

func (m *Manifest) firstEpoch() int64 {
	first := int64(1<<63 - 1)
	for _, t := range m.Turns {
		if !t.Away {
			first = min(first, t.Epoch)
		}
	}
	return first
}
