package compose

import (
	"math"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// chooseParts returns the parts of everyone whom the film is to have, and the
// videos from outside as parts of their own, newer than all that was recorded.
func chooseParts(m *recording.Manifest, spec recording.CompositionSpec) ([]recording.Part, error) {
	if w := spec.Withdrawn; w != nil {
		for _, identity := range w.Participants {
			if !slices.ContainsFunc(m.Participants, func(p recording.Participant) bool { return p.Identity == identity }) {
				return nil, recording.Errorf(recording.CodeInvalidRequest,
					"withdrawn.participants: nobody in the recording has the identity %.60q; a misspelt one would be shown", identity)
			}
		}
	}
	var parts []recording.Part
	for _, p := range m.Parts {
		if wanted(spec, p.Participant) {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 && len(m.Parts) > 0 {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "include, exclude: nobody who was recorded is left")
	}
	for i, e := range spec.External {
		if !wanted(spec, e.Participant) {
			continue
		}
		stream := camera
		for _, p := range parts {
			if p.Participant == e.Participant && !slices.ContainsFunc(p.Tracks, func(t recording.Track) bool { return t.Source == screenSource }) {
				stream = p.Stream
				break
			}
		}
		if e.Duration <= 0 {
			return nil, recording.Errorf(recording.CodeInvalidRequest, "external[%d]: the length of %.60q is not known", i, e.File)
		}
		end := or(e.End, e.At+e.Duration)
		if rate := float64(end-e.At) / float64(e.Duration); rate < minRate || rate > maxRate {
			return nil, recording.Errorf(recording.CodeInvalidRequest,
				"external[%d].end_s: no drift stretches the %v s of %.60q to the %v s from at_s to end_s", i, e.Duration, e.File, end-e.At)
		}
		parts = append(parts, recording.Part{
			ID: "external", File: e.File, Participant: e.Participant, Stream: stream, Epoch: math.MaxInt64,
			Start: e.At, Duration: e.Duration,
			Tracks: []recording.Track{{
				Number: 1, Source: camera, Kind: recording.Video, Start: e.At, End: end,
				Sync:  []recording.SyncPoint{{File: 0, Timeline: e.At}, {File: e.Duration, Timeline: end}},
				Sizes: []recording.Size{{At: e.At, Width: e.Width, Height: e.Height}},
			}},
		})
	}
	return parts, nil
}

// wanted reports whether somebody is to be seen and heard.
func wanted(spec recording.CompositionSpec, identity string) bool {
	return (len(spec.Include) == 0 || slices.Contains(spec.Include, identity)) && !slices.Contains(spec.Exclude, identity)
}

func (p *Plan) withdrawn(identity string) recording.WithdrawalMode {
	if w := p.Spec.Withdrawn; w != nil && slices.Contains(w.Participants, identity) {
		return w.Mode
	}
	return ""
}

// blurred and silenced tell what is withheld of a participant.
func (p *Plan) blurred(identity string) bool {
	mode := p.withdrawn(identity)
	return mode == recording.WithdrawalBlur || mode == recording.WithdrawalBoth
}

func (p *Plan) silenced(identity string) bool {
	mode := p.withdrawn(identity)
	return mode == recording.WithdrawalSilence || mode == recording.WithdrawalBoth
}

// nobody is what somebody is called whose name is withheld.
const nobody = "Participant"

// called is what the film calls a participant.
func (p *Plan) called(who recording.Participant) string {
	if p.blurred(who.Identity) {
		return nobody
	}
	name, _ := nameFor(who.Name, who.Identity)
	return name
}
