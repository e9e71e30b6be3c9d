package compose

import (
	"fmt"
	"slices"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Take is a stretch of the recording's timeline that the film shows without a
// cut. Before its first frame a card may stand.
type Take struct {
	// From and To are on the recording's timeline.
	From recording.Seconds `json:"from_s"`
	To   recording.Seconds `json:"to_s"`
	// At is where it begins in the film, First its first frame there.
	At     recording.Seconds `json:"at_s"`
	First  int               `json:"first_frame"`
	Frames int               `json:"frames"`
}

// shift is what is added to a time on the timeline to have it in the film.
func (t Take) shift() recording.Seconds { return t.At - t.From }

// film is the take's stretch of film.
func (t Take) film() interval { return interval{From: t.At, To: t.At + t.To - t.From} }

const (
	// titleTime and markTime are how long cards stand.
	titleTime = recording.Seconds(4 * time.Second)
	markTime  = recording.Seconds(3 * time.Second)
)

// Card is a text that fills the canvas.
type Card struct {
	Text     string `json:"text"`
	Subtitle string `json:"subtitle,omitempty"`
}

// cut divides the timeline between from and to into takes, and puts cards
// between them. It sets the length of the film.
func (p *Plan) cut(m *recording.Manifest, extent interval) {
	if t := p.Spec.Title; t != nil {
		p.card(cleanUpTo(t.Text, mostText), clean(t.Subtitle), t.Duration, extent.From)
	}
	var pauses []interval
	for _, q := range union(m.Pauses, 0) {
		if length(q) >= shortest {
			pauses = append(pauses, q)
		}
	}
	for _, rest := range subtract(extent, pauses) {
		if n := len(p.Takes); n > 0 {
			p.pause(interval{From: p.Takes[n-1].To, To: rest.From})
		}
		frames := max(1, p.frames(length(rest)))
		p.Takes = append(p.Takes, Take{From: rest.From, To: rest.To, At: p.Duration, First: p.Frames, Frames: frames})
		p.extend(frames)
	}
}

// pause puts in place of a pause what was wished for.
func (p *Plan) pause(q interval) {
	switch p.Spec.Pauses {
	case recording.PausesMark:
		p.card("Recording paused", "for "+lengthText(length(q).Duration()), markTime, q.From)
	case recording.PausesKeep:
		p.card("Recording paused", "", length(q), q.From)
	}
}

func (p *Plan) card(text, subtitle string, lasts, at recording.Seconds) {
	frames := max(1, p.frames(lasts))
	p.Segments = append(p.Segments, Segment{
		From: p.Duration, To: frameTime(p.Frames+frames, p.Spec.FrameRate), First: p.Frames, Frames: frames,
		At: at, Tiles: []Tile{}, Card: &Card{Text: text, Subtitle: subtitle},
	})
	p.extend(frames)
}

func (p *Plan) extend(frames int) {
	p.Frames += frames
	p.Duration = frameTime(p.Frames, p.Spec.FrameRate)
}

// frames is how many frames last nearest to d.
func (p *Plan) frames(d recording.Seconds) int {
	second := recording.Seconds(time.Second)
	return int((d*recording.Seconds(p.Spec.FrameRate) + second/2) / second)
}

// filmed returns where stretches of the timeline lie in the film, in parts
// where pauses were cut out of them.
func (p *Plan) filmed(timeline []interval) []interval {
	var out []interval
	for _, t := range p.Takes {
		for _, i := range timeline {
			i = interval{From: max(i.From, t.From) + t.shift(), To: min(i.To, t.To) + t.shift()}
			if length(i) > 0 {
				out = append(out, i)
			}
		}
	}
	return union(out, 0)
}

// At returns where a moment of the recording's timeline lies in the film. What
// the film leaves out belongs to the beginning of what follows, or to the end.
func (p *Plan) At(timeline recording.Seconds) recording.Seconds {
	i := slices.IndexFunc(p.Takes, func(t Take) bool { return timeline < t.To })
	if i < 0 {
		return p.Duration
	}
	return max(timeline, p.Takes[i].From) + p.Takes[i].shift()
}

// timeline is the inverse of At. What lies in a card belongs to the end of the
// take before.
func (p *Plan) timeline(film recording.Seconds) recording.Seconds {
	i := slices.IndexFunc(p.Takes, func(t Take) bool { return film < t.At })
	if i < 0 {
		i = len(p.Takes)
	}
	t := p.Takes[max(0, i-1)]
	return film - t.shift()
}

// lengthText says how long something lasted, to people.
func lengthText(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	}
	return fmt.Sprintf("%d s", s)
}
