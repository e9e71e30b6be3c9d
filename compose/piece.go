package compose

import (
	"crypto/sha256"
	hexadecimal "encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// piece is what one ffmpeg process encodes: a segment or a stretch of a long one.
type piece struct {
	segment       *Segment
	first, frames int
	// grows is of what ends with a live film: more of it may come.
	grows bool
	// copyFrom is the keyframe from which on the piece is copied, in the
	// source's file time, or nil.
	copyFrom *recording.Seconds
}

const (
	// A cut costs the decoding since the keyframe before it, so pieces are
	// long; but every core should have one, and the last must not run alone
	// for ever.
	minPiece = 15 * time.Second
	// Films from longFilm on are cut on a grid of the timeline: another range
	// of the same recording has the same pieces.
	longFilm  = 10 * time.Minute
	pieceCell = time.Minute
	// minTail is the shortest that the end of a live film is cut into.
	minTail = 4 * time.Second
)

// pieces divides the film so that n processes are busy.
func (p *Plan) pieces(n int) []piece {
	frames := func(d time.Duration) int { return int(d.Seconds() * float64(p.Spec.FrameRate)) }
	switch {
	case p.Spec.Live:
		return divideLast(p.gridPieces(frames(liveCell)), n, frames(minTail))
	case p.Frames >= frames(longFilm):
		return p.gridPieces(frames(pieceCell))
	}
	aim := max((p.Frames+n-1)/n, frames(minPiece))
	var out []piece
	for i := range p.Segments {
		s := &p.Segments[i]
		parts := max(1, (s.Frames+aim/2)/aim)
		for k := range parts {
			from, to := s.Frames*k/parts, s.Frames*(k+1)/parts
			out = append(out, piece{segment: s, first: s.First + from, frames: to - from})
		}
	}
	return out
}

// gridPieces cuts every segment at whole cells of the timeline.
func (p *Plan) gridPieces(cell int) []piece {
	var out []piece
	for i := range p.Segments {
		s := &p.Segments[i]
		origin := int(math.Round((s.At - s.From).Float() * float64(p.Spec.FrameRate)))
		for first, end := s.First, s.First+s.Frames; first < end; {
			next := min(end, first+cell-(origin+first)%cell)
			out = append(out, piece{segment: s, first: first, frames: next - first})
			first = next
		}
	}
	return out
}

// divideLast divides the last piece of a live film, which cannot be encoded
// while the meeting runs, so that n processes are busy with it afterwards.
func divideLast(pieces []piece, n, least int) []piece {
	if len(pieces) == 0 {
		return pieces
	}
	last := pieces[len(pieces)-1]
	parts := max(1, min(n, last.frames/least))
	pieces = pieces[:len(pieces)-1]
	for k := range parts {
		from, to := last.frames*k/parts, last.frames*(k+1)/parts
		pieces = append(pieces, piece{segment: last.segment, first: last.first + from, frames: to - from, grows: true})
	}
	return pieces
}

// pieceVersion is part of every key: raise it when the same plan is to look
// otherwise.
const pieceVersion = 5

// origin is where in a part a made file was taken from, at three moments of the
// timeline. A clock that was fitted anew may differ a little from then.
type origin struct {
	Part  string                 `json:"part"`
	Track int                    `json:"track"`
	Sync  [3]recording.SyncPoint `json:"sync"`
}

// clockDrift is how far pictures and sound may be from where a clock that was
// fitted anew would have put them: half of a video frame at 60 a second.
const clockDrift = recording.Seconds(8 * time.Millisecond)

// matches reports whether a made file is still right under newer clocks.
func matches(made, wanted []origin) bool {
	return slices.EqualFunc(made, wanted, func(a, b origin) bool {
		for i := range a.Sync {
			d := (a.Sync[i].File - a.Sync[i].Timeline) - (b.Sync[i].File - b.Sync[i].Timeline)
			if d > clockDrift || d < -clockDrift {
				return false
			}
		}
		return a.Part == b.Part && a.Track == b.Track
	})
}

// origins samples the sources of what lies between two moments of the film.
func (p *Plan) origins(sources []int, from, to recording.Seconds) []origin {
	slices.Sort(sources)
	out := []origin{}
	for _, n := range slices.Compact(sources) {
		s := p.Sources[n]
		o := origin{Part: s.Part, Track: s.Track}
		for i, t := range []recording.Seconds{from, (from + to) / 2, to} {
			o.Sync[i] = recording.SyncPoint{File: s.Clock.file(t), Timeline: t - p.Takes[s.Take].shift()}
		}
		out = append(out, o)
	}
	return out
}

// pieceKey names what a piece shows: equal keys, equal pictures. Clocks are
// left out, for origins to compare.
func (p *Plan) pieceKey(c piece, assets []string) (key string, from []origin) {
	start, end := frameTime(c.first, p.Spec.FrameRate), frameTime(c.first+c.frames, p.Spec.FrameRate)
	segment := *c.segment
	segment.From, segment.To, segment.At, segment.First, segment.Frames = 0, 0, 0, 0, c.frames
	spec := p.Spec
	spec.From, spec.To, spec.Extras, spec.Priority, spec.Live, spec.Audio = 0, 0, nil, "", false, ""
	if spec.Format == "hls" {
		spec.Format = "mp4"
	}
	var sources []int
	segment.Tiles = slices.Clone(segment.Tiles)
	var clips []any
	for i, t := range segment.Tiles {
		if t.Picture == nil {
			continue
		}
		s := p.Sources[t.Picture.Source]
		sources = append(sources, t.Picture.Source)
		frame := func(at recording.Seconds) int {
			return p.frame(min(max(at, start), end)) - c.first
		}
		clips = append(clips, i, s.Part, s.File, s.Track, frame(t.Picture.From), frame(t.Picture.To), t.Picture.SkipLoopFilter)
		segment.Tiles[i].Picture = nil
	}
	at := p.timeline(start).Duration().Round(time.Millisecond).Milliseconds()
	return hashOf("picture", spec, segment, clips, assets, at), p.origins(sources, start, end)
}

// stretchKey names what a stretch of sound holds.
func (p *Plan) stretchKey(s stretch, codec *soundCodec) (key string, from []origin) {
	var sources []int
	var clips []any
	milliseconds := func(t recording.Seconds) int64 { return t.Duration().Round(20 * time.Millisecond).Milliseconds() }
	for l, lane := range s.lanes {
		for _, c := range lane {
			sources = append(sources, c.Source)
			clips = append(clips, l, p.Sources[c.Source].Part, p.Sources[c.Source].Track, milliseconds(c.From-at(s.begin)), milliseconds(c.To-at(s.begin)))
		}
	}
	position := p.timeline(at(s.from)).Duration().Round(time.Millisecond).Milliseconds()
	return hashOf("sound", codec.args(p.Channels), s.from-s.begin, s.end-s.begin, s.keep, clips, position), p.origins(sources, at(s.begin), at(s.end))
}

func hashOf(what ...any) string {
	b, err := json.Marshal(append([]any{pieceVersion}, what...))
	if err != nil {
		panic(fmt.Sprintf("compose: plain data cannot be encoded: %v", err)) // numbers are finite, maps have text keys
	}
	sum := sha256.Sum256(b)
	return hexadecimal.EncodeToString(sum[:16])
}
