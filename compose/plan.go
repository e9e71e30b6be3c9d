package compose

import (
	"cmp"
	"fmt"
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
	// Zero is where the film begins on the recording's timeline.
	Zero     recording.Seconds `json:"zero_s"`
	Duration recording.Seconds `json:"duration_s"`
	Frames   int               `json:"frames"`
	Sources  []Source          `json:"sources"`
	Segments []Segment         `json:"segments"`
	// Voices are lanes of sound that are added up. Clips of one lane do not
	// overlap, so there are no more lanes than voices at one time.
	Voices [][]Clip `json:"voices"`
}

// Source is a track of a part.
type Source struct {
	Part        string         `json:"part"`
	File        string         `json:"file"`
	Track       int            `json:"track"`
	Kind        recording.Kind `json:"kind"`
	Participant string         `json:"participant"`
	// Index counts the file's tracks of this kind, from zero.
	Index int `json:"index"`
	// Clock maps file time to film time.
	Clock clock `json:"clock"`
}

// Segment is a stretch of film in which every tile stays in its place.
type Segment struct {
	From   recording.Seconds `json:"from_s"`
	To     recording.Seconds `json:"to_s"`
	First  int               `json:"first_frame"`
	Frames int               `json:"frames"`
	Tiles  []Tile            `json:"tiles"`
}

// Tile is a place on the canvas and who is in it. Without Picture it shows the
// participant's card.
type Tile struct {
	Participant string `json:"participant"`
	Stream      string `json:"stream"`
	Label       string `json:"label"`
	Initials    string `json:"initials"`
	Box         Box    `json:"box"`
	Picture     *Clip  `json:"picture,omitempty"`
}

// Clip is a stretch of a source. A tile's clip may begin long before its
// segment: From is where its first frame that may be seen lies.
type Clip struct {
	Source   int               `json:"source"`
	From     recording.Seconds `json:"from_s"`
	To       recording.Seconds `json:"to_s"`
	FileFrom recording.Seconds `json:"file_from_s"`
	FileTo   recording.Seconds `json:"file_to_s"`
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
	return planFor(m, wish, nil)
}

// planFor plans a film of what pinned says, or of the wished range.
func planFor(m *recording.Manifest, wish recording.CompositionSpec, pinned *interval) (Plan, error) {
	spec, err := Normalize(wish)
	if err != nil {
		return Plan{}, err
	}
	extent, err := filmRange(m, spec)
	if err != nil {
		return Plan{}, err
	}
	if pinned != nil {
		extent = *pinned
	}
	fps := recording.Seconds(spec.FrameRate)
	p := Plan{Recording: m.ID, Spec: spec, Zero: extent.From}
	p.Frames = max(1, int((length(extent)*fps+recording.Seconds(time.Second)/2)/recording.Seconds(time.Second)))
	p.Duration = frameTime(p.Frames, spec.FrameRate)
	all, err := p.place(m)
	if err != nil {
		return Plan{}, err
	}
	p.Segments = p.segment(findSeats(m, p.Zero, all))
	p.Voices = p.voices(all)
	return p, nil
}

// frameTime returns when frame n is shown.
func frameTime(n, rate int) recording.Seconds {
	return recording.Seconds(int64(n) * int64(time.Second) / int64(rate))
}

// filmRange cuts the wished range to where there is media.
func filmRange(m *recording.Manifest, spec recording.CompositionSpec) (interval, error) {
	var all []interval
	for _, p := range m.Parts {
		for _, t := range p.Tracks {
			if t.End > t.Start {
				all = append(all, interval{From: t.Start, To: t.End})
			}
		}
	}
	if len(all) == 0 {
		return interval{}, recording.Errorf(recording.CodeNoMedia, "recording %s has no media to make a film of", m.ID)
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

// place finds the tracks that have media in the film, oldest first, and fills
// p.Sources with them.
func (p *Plan) place(m *recording.Manifest) ([]media, error) {
	var all []media
	for _, part := range m.Parts {
		tracks := slices.SortedFunc(slices.Values(part.Tracks), func(a, b recording.Track) int { return a.Number - b.Number })
		count := map[recording.Kind]int{}
		for _, t := range tracks {
			index := count[t.Kind]
			count[t.Kind]++
			in := interval{From: t.Start - p.Zero, To: t.End - p.Zero}
			if t.Kind != recording.Audio && t.Kind != recording.Video || in.To <= in.From || in.To <= 0 || in.From >= p.Duration {
				continue
			}
			if !filepath.IsLocal(part.File) {
				return nil, recording.Errorf(recording.CodeComposeFailed, "part %.60q: its file %.60q lies outside of the recording", part.ID, part.File)
			}
			c, err := newClock(part, t, p.Zero)
			if err != nil {
				return nil, err
			}
			all = append(all, media{interval: in, part: part, track: t, source: len(p.Sources)})
			p.Sources = append(p.Sources, Source{
				Part: part.ID, File: part.File, Track: t.Number, Kind: t.Kind, Participant: part.Participant, Index: index, Clock: c,
			})
		}
	}
	slices.SortStableFunc(all, func(a, b media) int {
		return cmp.Or(cmp.Compare(a.part.Epoch, b.part.Epoch), cmp.Compare(a.From, b.From))
	})
	return all, nil
}

// segment cuts the film wherever somebody comes, goes, or changes between
// picture and card.
func (p *Plan) segment(seats []*seat) []Segment {
	edges := []int{0, p.Frames}
	for _, s := range seats {
		for _, i := range s.shown {
			edges = append(edges, p.frame(i.From), p.frame(i.To))
		}
		for _, r := range s.runs {
			edges = append(edges, p.frame(r.From), p.frame(r.To))
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)

	type scene struct {
		from, to int
		state    string
		seats    []*seat
		runs     []int
	}
	var scenes []scene
	for i := 1; i < len(edges); i++ {
		s := scene{from: edges[i-1], to: edges[i]}
		mid := frameTime(s.from+s.to, p.Spec.FrameRate) / 2
		for n, seat := range seats {
			if seat.visible(mid) {
				s.seats, s.runs = append(s.seats, seat), append(s.runs, seat.at(mid))
				s.state += fmt.Sprintln(n, seat.at(mid))
			}
		}
		// What is too short to be seen becomes the beginning of what follows.
		if n := len(scenes); n > 0 && frameTime(scenes[n-1].to-scenes[n-1].from, p.Spec.FrameRate) < shortest {
			s.from, scenes = scenes[n-1].from, scenes[:n-1]
		}
		n := len(scenes)
		last := i == len(edges)-1 && frameTime(s.to-s.from, p.Spec.FrameRate) < shortest
		if n > 0 && (last || scenes[n-1].state == s.state) {
			scenes[n-1].to = s.to
			continue
		}
		scenes = append(scenes, s)
	}

	segments := make([]Segment, len(scenes))
	for i, s := range scenes {
		g := Segment{
			From: frameTime(s.from, p.Spec.FrameRate), To: frameTime(s.to, p.Spec.FrameRate),
			First: s.from, Frames: s.to - s.from, Tiles: []Tile{},
		}
		for k, box := range layouts[p.Spec.Layout](p.Spec.Width, p.Spec.Height, s.seats) {
			seat := s.seats[k]
			t := Tile{Participant: seat.participant, Stream: seat.stream, Label: seat.label, Initials: seat.initials, Box: box}
			if s.runs[k] >= 0 {
				r := seat.runs[s.runs[k]]
				t.Picture = p.clip(r.source, r.From, max(g.From, r.From), min(g.To, r.To))
			}
			g.Tiles = append(g.Tiles, t)
		}
		segments[i] = g
	}
	return segments
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
