package compose

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// unchanged returns the part that the film is, frame by frame, if it is one: one
// picture that fills the canvas throughout, with its own sound, in a codec that
// the format holds, with nothing drawn over it. Such a film is copied.
func (p *Plan) unchanged(m *recording.Manifest) (recording.Part, bool) {
	s := p.Spec
	none := recording.Part{}
	whole := s.From == 0 && s.To == 0 && len(p.Takes) == 1 && len(p.Segments) == 1 && len(m.Pauses) == 0
	if !whole || s.Title != nil || len(s.Extras) > 0 || !p.bare(&p.Segments[0]) {
		return none, false
	}
	id := p.Sources[p.Segments[0].Tiles[0].Picture.Source].Part
	for _, source := range p.Sources {
		if source.Part != id {
			return none, false
		}
	}
	for _, part := range m.Parts {
		if part.ID != id {
			continue
		}
		pictures, voices := 0, 0
		for _, t := range part.Tracks {
			if t.Kind == recording.Audio {
				voices++
				continue
			}
			pictures++
			fits := t.Codec == s.VideoCodec && len(t.Sizes) == 1 && t.Sizes[0].Width == s.Width && t.Sizes[0].Height == s.Height
			if !fits || len(t.Muted) > 0 {
				return none, false
			}
		}
		heard := voices == 0
		for _, lane := range p.Voices {
			heard = heard || len(lane) > 0
		}
		return part, pictures == 1 && voices <= 1 && heard
	}
	return none, false
}

// bare reports whether a segment of a WebM film is one picture that fills the
// canvas, with nothing drawn over it.
func (p *Plan) bare(g *Segment) bool {
	s := p.Spec
	const cinema = 24 // frames a second: who asks for fewer wants fewer
	if s.Format != "webm" || s.Quality == QualityDraft || s.FrameRate < cinema || s.Logo != nil || s.Timestamp != "" || len(g.Tiles) != 1 || g.Card != nil {
		return false
	}
	t := g.Tiles[0]
	return t.Picture != nil && t.Label == "" && !t.Blur && t.Box == (Box{Width: s.Width, Height: s.Height})
}

// copied reports whether a bare segment can be copied from a keyframe on: it is
// VP8, which keeps nothing outside of its frames, of the canvas' own size.
func (p *Plan) copied(g *Segment) bool {
	if !p.bare(g) || p.Spec.Live || p.Spec.VideoCodec != "vp8" {
		return false
	}
	clip := g.Tiles[0].Picture
	source := p.Sources[clip.Source]
	other := func(s recording.Size) bool { return s.Width != p.Spec.Width || s.Height != p.Spec.Height }
	return source.Codec == "vp8" && clip.From <= g.From && clip.To >= g.To && len(source.Sizes) > 0 && !slices.ContainsFunc(source.Sizes, other)
}

// withCopies replaces the pieces of segments that need no change by a copy from
// the first keyframe on. What is before that is encoded.
func (r *renderer) withCopies(ctx context.Context, pieces []piece) ([]piece, error) {
	least := int(leastCopy.Seconds() * float64(r.plan.Spec.FrameRate))
	var out []piece
	for len(pieces) > 0 {
		s := pieces[0].segment
		n := 1
		for n < len(pieces) && pieces[n].segment == s {
			n++
		}
		own := pieces[:n]
		pieces = pieces[n:]
		if r.plan.copied(s) {
			key, first, err := r.firstKeyframe(ctx, s)
			if err != nil {
				return nil, err
			}
			if copied := s.First + s.Frames - first; copied >= least {
				own = []piece{{segment: s, first: first, frames: copied, copyFrom: key}}
				if first > s.First {
					own = append([]piece{{segment: s, first: s.First, frames: first - s.First}}, own...)
				}
			}
		}
		out = append(out, own...)
	}
	return out, nil
}

// leastCopy is the shortest stretch that is worth being copied.
const leastCopy = 2 * time.Second

// firstKeyframe finds the first one in a segment, in the source's file time, and the
// frame of the film that it becomes: one behind the segment, if there is none.
func (r *renderer) firstKeyframe(ctx context.Context, s *Segment) (*recording.Seconds, int, error) {
	clip := s.Tiles[0].Picture
	source := r.plan.Sources[clip.Source]
	out, err := command(ctx, niceness, "", r.composer.FFprobe, keyframeArgs(r.path(source), source.Index, clip.FileFrom, clip.FileTo)).Output()
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	if err != nil {
		return nil, 0, recording.Errorf(recording.CodeComposeFailed, "part %s: run ffprobe on its file: %w", source.Part, err)
	}
	for line := range bytes.Lines(out) {
		at, flags, _ := strings.Cut(strings.TrimSpace(string(line)), ",")
		seconds, err := strconv.ParseFloat(at, 64)
		if err != nil || !strings.HasPrefix(flags, "K") {
			continue
		}
		key := recording.Seconds(seconds * float64(time.Second))
		if frame := r.plan.frame(source.Clock.film(key)); frame >= s.First {
			return &key, frame, nil
		}
	}
	return nil, s.First + s.Frames, nil
}

// copyTask copies a piece.
func (r *renderer) copyTask(p piece, t task) task {
	source := r.plan.Sources[p.segment.Tiles[0].Picture.Source]
	t.key, t.origins = r.plan.pieceKey(p, nil)
	t.key = hashOf("copied", t.key)
	t.weight /= copyGain
	t.measure = func(now progress) float64 { return float64(now.frames) * p.segment.cost() / copyGain }
	t.command = func() ([]string, string) {
		return r.plan.copyCommand(r.path(source), source, p, t.file), ""
	}
	return t
}

// copyGain is about how much faster copying is than encoding.
const copyGain = 50

// copy makes the film of a part that needs no change.
func (r *renderer) copy(ctx context.Context, part recording.Part) (string, error) {
	const in = "part.webm"
	if err := link(r.path(Source{File: part.File}), filepath.Join(r.work, in)); err != nil {
		return "", err
	}
	film := "film." + r.plan.extension()
	if err := r.composer.ffmpeg(ctx, r.work, r.log, remuxCommand(in, film), nil); err != nil {
		return "", err
	}
	return filepath.Join(r.work, film), nil
}
