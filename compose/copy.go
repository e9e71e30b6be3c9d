package compose

import (
	"context"
	"path/filepath"

	"github.com/roomreel/roomreel/recording"
)

// unchanged returns the part that the film is, frame by frame, if it is one: one
// picture that fills the canvas throughout, with its own sound, in a codec that
// the format holds, with nothing drawn over it. Such a film is copied.
func (p *Plan) unchanged(m *recording.Manifest) (recording.Part, bool) {
	s := p.Spec
	none := recording.Part{}
	whole := s.From == 0 && s.To == 0 && len(p.Takes) == 1 && len(p.Segments) == 1 && len(m.Pauses) == 0
	if !whole || s.Format != "webm" || s.Quality == QualityDraft || s.Logo != nil || s.Timestamp != "" || s.Title != nil || len(s.Extras) > 0 {
		return none, false
	}
	segment := p.Segments[0]
	if len(segment.Tiles) != 1 || segment.Card != nil {
		return none, false
	}
	tile := segment.Tiles[0]
	if tile.Picture == nil || tile.Label != "" || tile.Blur || tile.Box != (Box{Width: s.Width, Height: s.Height}) {
		return none, false
	}
	id := p.Sources[tile.Picture.Source].Part
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
