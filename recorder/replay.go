package recorder

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// solver holds what the replay of a journal has found so far.
type solver struct {
	m     *recording.Manifest
	epoch recording.EpochEntry
	// shift is where the zero of the current epoch lies on the timeline, now
	// the position of the entry at hand, end the latest position seen.
	shift, now, end recording.Seconds
	parts           []*solvingPart
	mutes, stalls   map[string][]recording.Interval // by track
	ended           bool
}

// solvingPart is a part whose journal is being replayed.
type solvingPart struct {
	recording.Part
	shift    recording.Seconds
	finished bool
	tracks   []*solvingTrack
}

// solvingTrack is a track whose journal is being replayed.
type solvingTrack struct {
	recording.Track
	clocks []recording.ClockEntry
	totals recording.TrackTotals
	// In file time until the mapping is known.
	sizes         []recording.Size
	gaps, freezes []recording.Interval
}

// still marks an interval that has not ended yet.
const still = recording.Seconds(-1 << 62)

func solve(entries []recording.Entry, rec recording.Recording) (*recording.Manifest, error) {
	s, err := replay(entries, rec)
	if err != nil {
		return nil, err
	}
	s.finish()
	return s.m, nil
}

// replay reads a journal up to its end.
func replay(entries []recording.Entry, rec recording.Recording) (*solver, error) {
	s := &solver{
		m: &recording.Manifest{
			Version: recording.ManifestVersion,
			ID:      rec.ID, Room: rec.Room, Selection: rec.Selection, Subject: rec.Subject, CreatedAt: rec.CreatedAt,
			State:        recording.Stopped,
			Participants: []recording.Participant{}, Parts: []recording.Part{},
		},
		mutes: map[string][]recording.Interval{}, stalls: map[string][]recording.Interval{},
	}
	for _, e := range entries {
		if e.Epoch != nil && e.Epoch.Wall.IsZero() {
			continue // it does not say when: nothing can be placed by it
		}
		if e.Epoch == nil && s.epoch.Wall.IsZero() {
			return nil, fmt.Errorf("solve journal of %s: the first entry does not open an epoch", rec.ID)
		}
		s.replay(e)
	}
	if s.epoch.Wall.IsZero() {
		return nil, fmt.Errorf("solve journal of %s: it is empty", rec.ID)
	}
	return s, nil
}

func (s *solver) replay(e recording.Entry) {
	switch {
	case e.Epoch != nil:
		s.openEpoch(*e.Epoch)
	case e.Turn != 0 && e.Turn != s.epoch.Number:
		return // of a node that did not know yet that its turn was over
	}
	s.now = s.shift + e.At
	s.end = max(s.end, s.now)
	switch {
	case e.Participant != nil:
		s.participant(*e.Participant)
	case e.Speakers != nil:
		s.speakers(e.Speakers.Identities)
	case e.Mute != nil:
		toggle(s.mutes, e.Mute.SID, e.Mute.Muted, s.now)
	case e.Stall != nil:
		toggle(s.stalls, e.Stall.SID, e.Stall.Stalled, s.now)
	case e.Pause != nil && e.Pause.Paused:
		s.m.Pauses = openLast(s.m.Pauses, s.now)
	case e.Pause != nil:
		closeLast(s.m.Pauses, s.now)
	case e.Drops != nil:
		s.m.DroppedDatagrams += e.Drops.Datagrams
	case e.Selection != nil:
		s.m.Selection = *e.Selection
	case e.Layout != nil:
		s.layout(e.Layout.Layout)
	case e.Part != nil:
		s.parts = append(s.parts, &solvingPart{shift: s.shift, Part: recording.Part{
			ID: e.Part.ID, File: e.Part.File, Participant: e.Part.Participant, Stream: e.Part.Stream,
			Node: s.epoch.Node, Epoch: s.epoch.Number, Start: s.shift + e.Part.Start, Ended: recording.EndedByCrash,
		}})
	case e.Track != nil:
		s.track(*e.Track)
	case e.Clock != nil:
		if t := s.find(e.Clock.Part, e.Clock.Number); t != nil {
			t.clocks = append(t.clocks, *e.Clock)
		}
	case e.Size != nil:
		if t := s.find(e.Size.Part, e.Size.Number); t != nil {
			t.sizes = append(t.sizes, recording.Size{At: e.Size.File, Width: e.Size.Width, Height: e.Size.Height})
		}
	case e.Gap != nil:
		if t := s.find(e.Gap.Part, e.Gap.Number); t != nil {
			t.gaps = append(t.gaps, recording.Interval{From: e.Gap.From, To: e.Gap.To})
		}
	case e.Freeze != nil:
		if t := s.find(e.Freeze.Part, e.Freeze.Number); t != nil {
			t.freezes = append(t.freezes, recording.Interval{From: e.Freeze.From, To: e.Freeze.To})
		}
	case e.Refused != nil:
		s.m.Refused = append(s.m.Refused, recording.RefusedTrack{
			At: s.now, Participant: e.Refused.Participant, SID: e.Refused.SID,
			Source: e.Refused.Source, Codec: e.Refused.Codec, Error: e.Refused.Error,
		})
	case e.PartEnd != nil:
		s.partEnd(*e.PartEnd)
	case e.End != nil:
		s.ended, s.m.Ended, s.m.Error = true, e.End.Reason, e.End.Error
	}
}

// openEpoch places a new epoch by its wall clock. Whoever was present when the
// last one ended has to be seen again.
func (s *solver) openEpoch(e recording.EpochEntry) {
	if s.epoch.Wall.IsZero() {
		s.m.StartedAt = e.Wall
		if s.m.ID == "" {
			s.m.ID, s.m.Room, s.m.Selection, s.m.CreatedAt = e.Recording, e.Room, e.Selection, e.CreatedAt
			s.m.Subject = e.Subject
		}
	}
	s.closeOpen(s.end)
	s.closeTurn()
	s.ended = false
	s.epoch = e
	s.m.RoomSID = cmp.Or(e.RoomSID, s.m.RoomSID)
	// A wall clock that was set back must not make epochs overlap.
	s.shift = max(recording.Seconds(e.Wall.Sub(s.m.StartedAt)), s.end)
	s.m.Turns = append(s.m.Turns, recording.Turn{Epoch: e.Number, Node: e.Node, From: s.shift})
}

// closeTurn ends the turn of the current epoch with the latest that it told.
func (s *solver) closeTurn() {
	if n := len(s.m.Turns); n > 0 {
		s.m.Turns[n-1].To = max(s.m.Turns[n-1].From, s.end)
	}
}

// closeOpen ends every interval that is still open.
func (s *solver) closeOpen(at recording.Seconds) {
	for i := range s.m.Participants {
		p := &s.m.Participants[i]
		for j := range p.Present {
			if p.Present[j].To == still {
				p.Present[j].To = at
			}
		}
		closeLast(p.Speaking, at)
	}
	closeLast(s.m.Pauses, at)
	for _, of := range []map[string][]recording.Interval{s.mutes, s.stalls} {
		for _, list := range of {
			closeLast(list, at)
		}
	}
}

func closeLast(list []recording.Interval, at recording.Seconds) {
	if n := len(list); n > 0 && list[n-1].To == still {
		list[n-1].To = at
	}
}

func openLast(list []recording.Interval, at recording.Seconds) []recording.Interval {
	if n := len(list); n > 0 && list[n-1].To == still {
		return list
	}
	return append(list, recording.Interval{From: at, To: still})
}

// person returns the participant with identity, adding it when it is new.
func (s *solver) person(identity string) *recording.Participant {
	i := slices.IndexFunc(s.m.Participants, func(p recording.Participant) bool { return p.Identity == identity })
	if i < 0 {
		i = len(s.m.Participants)
		s.m.Participants = append(s.m.Participants, recording.Participant{Identity: identity, Present: []recording.Presence{}})
	}
	return &s.m.Participants[i]
}

func (s *solver) participant(e recording.ParticipantEntry) {
	p := s.person(e.Identity)
	p.Name, p.Kind = cmp.Or(e.Name, p.Name), cmp.Or(e.Kind, p.Kind)
	i := slices.IndexFunc(p.Present, func(v recording.Presence) bool { return v.SID == e.SID && v.To == still })
	switch {
	case e.Present && i < 0:
		p.Present = append(p.Present, recording.Presence{SID: e.SID, From: s.now, To: still})
	case !e.Present && i >= 0:
		p.Present[i].To = s.now
		closeLast(p.Speaking, s.now)
	}
}

func (s *solver) speakers(identities []string) {
	for _, id := range identities {
		s.person(id)
	}
	for i := range s.m.Participants {
		p := &s.m.Participants[i]
		if slices.Contains(identities, p.Identity) {
			p.Speaking = openLast(p.Speaking, s.now)
		} else {
			closeLast(p.Speaking, s.now)
		}
	}
}

// layout notes a change; each epoch tells the layout that it begins with.
func (s *solver) layout(name string) {
	if n := len(s.m.Layouts); n > 0 && s.m.Layouts[n-1].Layout == name {
		return
	}
	s.m.Layouts = append(s.m.Layouts, recording.LayoutChange{At: s.now, Layout: name})
}

// toggle opens or closes the interval of a track.
func toggle(of map[string][]recording.Interval, sid string, on bool, at recording.Seconds) {
	if on {
		of[sid] = openLast(of[sid], at)
	} else {
		closeLast(of[sid], at)
	}
}

func (s *solver) find(part string, number int) *solvingTrack {
	p := s.part(part)
	if p == nil {
		return nil
	}
	for _, t := range p.tracks {
		if t.Number == number {
			return t
		}
	}
	return nil
}

func (s *solver) part(id string) *solvingPart {
	for _, p := range slices.Backward(s.parts) {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func (s *solver) track(e recording.TrackEntry) {
	s.m.Refused = slices.DeleteFunc(s.m.Refused, func(r recording.RefusedTrack) bool { // it comes after all
		return r.SID == e.SID && errors.Is(r.Error, &recording.Error{Code: recording.CodeSubscribeFailed})
	})
	if t := s.find(e.Part, e.Number); t != nil {
		if !slices.Contains(t.SIDs, e.SID) {
			t.SIDs = append(t.SIDs, e.SID)
		}
		return
	}
	if p := s.part(e.Part); p != nil {
		p.tracks = append(p.tracks, &solvingTrack{Track: recording.Track{
			Number: e.Number, SIDs: []string{e.SID}, Source: e.Source, Kind: e.Kind, Codec: e.Codec,
		}})
	}
}

func (s *solver) partEnd(e recording.PartEndEntry) {
	p := s.part(e.ID)
	if p == nil {
		return
	}
	p.finished = true
	p.Ended, p.Error, p.Duration, p.Bytes = e.Reason, e.Error, e.Duration, e.Bytes
	for _, totals := range e.Tracks {
		if t := s.find(e.ID, totals.Number); t != nil {
			t.totals = totals
		}
	}
}

// finish closes what is open, maps file times to the timeline, and fills in
// what only the whole journal tells.
func (s *solver) finish() {
	s.closeOpen(s.end)
	s.closeTurn()
	if !s.ended {
		s.m.Ended = recording.EndedByCrash
	}
	if s.m.Ended == recording.EndedByFailure && s.m.Error != nil && len(s.parts) == 0 {
		s.m.State = recording.Failed
	}
	s.m.Duration = s.end
	s.m.StoppedAt = s.m.StartedAt.Add(s.end.Duration())
	for _, p := range s.parts {
		if p.Bytes == 0 && p.Error == nil {
			continue // not one block was written: there is no file
		}
		p.place()
		p.Tracks = []recording.Track{}
		for _, t := range p.tracks {
			t.Muted, t.Stalled = within(s.mutes, t.SIDs), within(s.stalls, t.SIDs)
			p.Tracks = append(p.Tracks, t.Track)
		}
		s.m.Parts = append(s.m.Parts, p.Part)
		s.lasts(p.Part)
	}
}

// lasts lets a turn last as long as its media: a crash takes the end of the journal,
// too.
func (s *solver) lasts(p recording.Part) {
	turns := s.m.Turns
	i := slices.IndexFunc(turns, func(t recording.Turn) bool { return t.Epoch == p.Epoch })
	for _, t := range p.Tracks {
		turns[i].To = max(turns[i].To, t.End)
	}
	if i+1 < len(turns) {
		turns[i].To = min(turns[i].To, turns[i+1].From)
	}
}

// within gathers the intervals of all LiveKit tracks that a track holds.
func within(of map[string][]recording.Interval, sids []string) []recording.Interval {
	var in []recording.Interval
	for _, sid := range sids {
		for _, v := range of[sid] {
			if v.To > v.From {
				in = append(in, v)
			}
		}
	}
	slices.SortFunc(in, func(a, b recording.Interval) int { return cmp.Compare(a.From, b.From) })
	return in
}
