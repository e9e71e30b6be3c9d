package compose

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Plan is everything there is to know about a film before it is made. It is
// plain data: the same manifest and wish give the same plan. Times are in the
// film unless their name says otherwise.
type Plan struct {
	Recording string                    `json:"recording"`
	Spec      recording.CompositionSpec `json:"spec"`
	// StartedAt is the instant of the timeline's zero.
	StartedAt time.Time         `json:"started_at"`
	Duration  recording.Seconds `json:"duration_s"`
	Frames    int               `json:"frames"`
	Takes     []Take            `json:"takes"`
	Sources   []Source          `json:"sources"`
	Segments  []Segment         `json:"segments"`
	// Voices are lanes of sound that are added up. Clips of one lane do not
	// overlap, so there are no more lanes than voices at one time.
	Voices [][]Clip `json:"voices"`
	// Channels of the sound are 1 where all voices are known to be mono: it
	// takes half as much to encode and sounds the same.
	Channels int `json:"channels"`
}

// Source is a track of a part.
type Source struct {
	Part        string         `json:"part"`
	File        string         `json:"file"`
	Track       int            `json:"track"`
	Kind        recording.Kind `json:"kind"`
	Codec       string         `json:"codec,omitempty"`
	Participant string         `json:"participant"`
	// Channels of sound, 0 if they are not known.
	Channels int `json:"channels,omitempty"`
	// Index counts the file's tracks of this kind, from zero.
	Index int `json:"index"`
	// Take is the index of the take that it is used in.
	Take int `json:"take"`
	// Clock maps file time to film time.
	Clock clock `json:"clock"`
	// Sizes are those that its picture takes, in film time, where they are known.
	Sizes []recording.Size `json:"sizes,omitempty"`
}

// smallest returns the least width and height that the picture has between two
// moments of the film, 0 if it is not known.
func (s Source) smallest(from, to recording.Seconds) (width, height int) {
	for i, size := range s.Sizes {
		if size.At >= to || i+1 < len(s.Sizes) && s.Sizes[i+1].At <= from {
			continue
		}
		if width == 0 {
			width, height = size.Width, size.Height
		}
		width, height = min(width, size.Width), min(height, size.Height)
	}
	return width, height
}

// Segment is a stretch of film in which every tile stays in its place.
type Segment struct {
	From   recording.Seconds `json:"from_s"`
	To     recording.Seconds `json:"to_s"`
	First  int               `json:"first_frame"`
	Frames int               `json:"frames"`
	// At is where it begins on the recording's timeline.
	At recording.Seconds `json:"at_s"`
	// Tiles go from back to front: a later one may lie over an earlier one.
	Tiles []Tile `json:"tiles"`
	// Card fills the canvas; there are no tiles then.
	Card *Card `json:"card,omitempty"`
}

// Tile is a place on the canvas and who is in it. Without Picture it shows the
// participant's card, and without Label no name plate.
type Tile struct {
	Participant string `json:"participant"`
	Stream      string `json:"stream"`
	Label       string `json:"label"`
	Initials    string `json:"initials"`
	// Avatar is the picture on the card in place of initials; see
	// recording.Logo.File.
	Avatar string `json:"avatar,omitempty"`
	Box    Box    `json:"box"`
	// Fit is contain or cover.
	Fit recording.Fit `json:"fit"`
	// Screen is one that is shared.
	Screen bool `json:"screen,omitempty"`
	// Blur makes the picture unrecognisable.
	Blur    bool  `json:"blur,omitempty"`
	Picture *Clip `json:"picture,omitempty"`
}

// Clip is a stretch of a source. A tile's clip may begin long before its
// segment: From is where its first frame that may be seen lies.
type Clip struct {
	Source   int               `json:"source"`
	From     recording.Seconds `json:"from_s"`
	To       recording.Seconds `json:"to_s"`
	FileFrom recording.Seconds `json:"file_from_s"`
	FileTo   recording.Seconds `json:"file_to_s"`
	// SkipLoopFilter lets the decoder leave the loop filter out where no other
	// picture is predicted from the result.
	SkipLoopFilter bool `json:"skip_loop_filter,omitempty"`
}

const (
	// shortest is the least time that a segment lasts.
	shortest = recording.Seconds(250e6)
	// longest is the most film that one composition makes.
	longest = recording.Seconds(48 * time.Hour)
)

// NewPlan plans the film of a recording. Without a range the film goes from
// the first to the last media; a range is cut to that. The error is a
// *recording.Error: CodeInvalidRequest for a wish that cannot be met,
// CodeNoMedia when there is nothing to show, CodeComposeFailed for a manifest
// that makes no sense.
func NewPlan(m *recording.Manifest, wish recording.CompositionSpec) (Plan, error) {
	return planAt(m, wish, noPin)
}

// noPin lets a film begin with its first media.
const noPin = recording.Seconds(-1 << 62)

// planAt is NewPlan for a film whose zero on the timeline is settled already. A
// clock that is fitted anew may move the first media by a little, which must not
// move every frame.
func planAt(m *recording.Manifest, wish recording.CompositionSpec, zero recording.Seconds) (Plan, error) {
	spec, err := Normalize(wish)
	if err != nil {
		return Plan{}, err
	}
	parts, err := chooseParts(m, spec)
	if err != nil {
		return Plan{}, err
	}
	extent, err := filmRange(m.ID, parts, spec)
	if err != nil {
		return Plan{}, err
	}
	const near = recording.Seconds(time.Second)
	if d := extent.From - zero; d < near && d > -near {
		extent.From = zero
	}
	p := Plan{Recording: m.ID, Spec: spec, StartedAt: m.StartedAt}
	p.cut(m, extent)
	all, err := p.place(parts)
	if err != nil {
		return Plan{}, err
	}
	if len(p.Takes) == 0 || len(all) == 0 {
		return Plan{}, recording.Errorf(recording.CodeNoMedia, "recording %s has no media between %v and %v s", m.ID, extent.From, extent.To)
	}
	p.stage(m, all)
	p.Voices = p.voices(all)
	p.Channels = p.channels()
	return p, nil
}

// frameTime returns when frame n is shown.
func frameTime(n, rate int) recording.Seconds {
	return recording.Seconds(int64(n) * int64(time.Second) / int64(rate))
}

// filmRange cuts the wished range to where there is media.
func filmRange(id string, parts []recording.Part, spec recording.CompositionSpec) (interval, error) {
	var all []interval
	for _, p := range parts {
		for _, t := range p.Tracks {
			if t.End > t.Start {
				all = append(all, interval{From: t.Start, To: t.End})
			}
		}
	}
	if len(all) == 0 {
		return interval{}, recording.Errorf(recording.CodeNoMedia, "recording %s has no media to make a film of", id)
	}
	media := interval{From: all[0].From, To: all[0].To}
	for _, i := range all {
		media = interval{From: min(media.From, i.From), To: max(media.To, i.To)}
	}
	cut := interval{From: max(media.From, spec.From), To: min(media.To, or(spec.To, media.To))}
	// Whole frames away from the first media: other ranges have the same frames.
	frame := recording.Seconds(spec.FrameRate)
	second := recording.Seconds(time.Second)
	cut.From = media.From + ((cut.From-media.From)*frame/second*second+frame-1)/frame
	if length(cut) <= 0 {
		return interval{}, recording.Errorf(recording.CodeInvalidRequest,
			"from_s, to_s: the recording has media from %v to %v s only", media.From, media.To)
	}
	if length(cut) > longest {
		return interval{}, recording.Errorf(recording.CodeInvalidRequest,
			"from_s, to_s: %v s is longer than a film may be, which is %v s", length(cut), longest)
	}
	return cut, nil
}

// media is a track with its place in the film, as far as one take has it.
type media struct {
	interval
	// within is the take's stretch of film. The first take's media may begin
	// before it: their last earlier picture is still to be seen.
	within interval
	// shift is what is added to the timeline to have it in the film.
	shift  recording.Seconds
	part   recording.Part
	track  recording.Track
	source int
}

// place finds the tracks that have media in the film, oldest first, and fills
// p.Sources with them.
func (p *Plan) place(parts []recording.Part) ([]media, error) {
	var all []media
	for _, part := range parts {
		if !filepath.IsLocal(part.File) {
			return nil, recording.Errorf(recording.CodeComposeFailed, "part %.60q: its file %.60q lies outside of the recording", part.ID, part.File)
		}
		tracks := slices.SortedFunc(slices.Values(part.Tracks), func(a, b recording.Track) int { return a.Number - b.Number })
		count := map[recording.Kind]int{}
		for _, t := range tracks {
			index := count[t.Kind]
			count[t.Kind]++
			if t.Kind != recording.Audio && t.Kind != recording.Video {
				continue
			}
			for n, take := range p.Takes {
				in := interval{From: t.Start + take.shift(), To: min(t.End+take.shift(), take.film().To)}
				if n > 0 {
					in.From = max(in.From, take.At)
				}
				if in.To <= in.From || in.To <= take.At {
					continue
				}
				all = append(all, media{interval: in, within: take.film(), shift: take.shift(), part: part, track: t, source: len(p.Sources)})
				p.Sources = append(p.Sources, Source{
					Part: part.ID, File: part.File, Track: t.Number, Kind: t.Kind, Codec: t.Codec, Participant: part.Participant, Channels: t.Channels,
					Index: index, Take: n, Clock: newClock(part, t, -take.shift()), Sizes: filmSizes(t, take.shift()),
				})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b media) int {
		return cmp.Or(cmp.Compare(a.part.Epoch, b.part.Epoch), cmp.Compare(a.From, b.From))
	})
	return all, nil
}

func filmSizes(t recording.Track, shift recording.Seconds) []recording.Size {
	sizes := slices.Clone(t.Sizes)
	for i := range sizes {
		sizes[i].At += shift
	}
	return sizes
}

// frame returns the frame nearest to film time t, within the film.
func (p *Plan) frame(t recording.Seconds) int {
	t = min(max(t, 0), p.Duration)
	second := recording.Seconds(time.Second)
	return min(p.Frames, int((t*recording.Seconds(p.Spec.FrameRate)+second/2)/second))
}

// clip cuts film time from..to out of a source.
func (p *Plan) clip(source int, begin, from, to recording.Seconds) *Clip {
	c := p.Sources[source].Clock
	return &Clip{Source: source, From: begin, To: to, FileFrom: c.file(from), FileTo: c.file(to)}
}
