package compose

import (
	"slices"

	"github.com/roomreel/roomreel/recording"
)

const (
	// muteMargin is kept of a mute at both ends: the news of it may be late,
	// and a first word must not be lost.
	muteMargin = recording.Seconds(500e6)
	// quiet is the length from which a mute is cut out of a clip. Silence
	// inside a clip is held in memory at once, about 0.4 MB for a second.
	quiet = recording.Seconds(30e9)
	// mostClips bounds the files that are open at a time; with more, only
	// longer mutes are cut out.
	mostClips = 200
)

// voices lays every sound of the film into lanes.
func (p *Plan) voices(all []media) [][]Clip {
	clips := p.clips(all, quiet)
	for threshold := quiet * 2; len(clips) > mostClips && threshold < p.Duration; threshold *= 2 {
		clips = p.clips(all, threshold)
	}
	return lay(clips)
}

// channels are what the voices need. What is composed while its meeting runs is
// in stereo, for nobody knows who will come.
func (p *Plan) channels() int {
	stereo := func(c Clip) bool { return p.Sources[c.Source].Channels != 1 }
	if p.Spec.Live || slices.ContainsFunc(p.Voices, func(lane []Clip) bool { return slices.ContainsFunc(lane, stereo) }) {
		return 2
	}
	return 1
}

// clips cuts the audible stretches out of the audio tracks, leaving out mutes
// that last at least threshold. Where two tracks of one microphone overlap,
// after a take-over, only the newer is heard, for else it would echo.
func (p *Plan) clips(all []media, threshold recording.Seconds) []Clip {
	var clips []Clip
	for i, t := range all {
		if t.track.Kind != recording.Audio || p.silenced(t.part.Participant) {
			continue
		}
		var holes []interval
		for _, q := range t.track.Muted {
			hole := interval{From: q.From + t.shift + muteMargin, To: q.To + t.shift - muteMargin}
			if length(hole) >= threshold {
				holes = append(holes, hole)
			}
		}
		for _, newer := range all[i+1:] {
			if newer.track.Kind == recording.Audio && newer.track.Source == t.track.Source &&
				newer.part.Participant == t.part.Participant && newer.part.Stream == t.part.Stream {
				holes = append(holes, newer.interval)
			}
		}
		in := interval{From: max(t.within.From, t.From), To: min(t.within.To, t.To)}
		for _, rest := range subtract(in, holes) {
			clips = append(clips, *p.clip(t.source, rest.From, rest.From, rest.To))
		}
	}
	return clips
}
