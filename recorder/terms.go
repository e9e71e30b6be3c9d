package recorder

import (
	"context"

	"github.com/roomreel/roomreel/recording"
)

// terms are what a recording takes at the moment. The bot replaces them whole, and
// tells each stream in the order of its frames.
type terms struct {
	selection recording.Selection
	// paused: nothing is written. soundOnly: no pictures are, for want of disk.
	paused, soundOnly bool
	// layout is the one that films follow from now on.
	layout string
}

// takes reports whether the recording wants tracks of this kind of a stream.
func (c *capture) takes(k streamKey, kind recording.Kind) bool {
	return c.terms.Load().selection.Takes(k.identity, k.stream, kind)
}

// writes reports whether frames of this kind of a stream are written.
func (t *terms) writes(k streamKey, kind recording.Kind) bool {
	return !t.paused && (!t.soundOnly || kind == recording.Audio) && t.selection.Takes(k.identity, k.stream, kind)
}

// Update changes which tracks a running recording takes, and pauses or resumes
// it, as rec says. Pictures go on with the next keyframe, which is asked for.
func (b *Bot) Update(ctx context.Context, rec recording.Recording) error {
	return b.ask(ctx, func() error {
		c := b.captures[rec.ID]
		if c == nil {
			return recording.Errorf(recording.CodeNotFound, "recording %s does not run in room %q", rec.ID, b.name)
		}
		old := c.terms.Load()
		next := *old
		next.selection, next.paused, next.layout = rec.Selection, rec.PauseWanted, rec.Layout
		now := b.now()
		if next.paused != old.paused {
			c.note(now, recording.Entry{Pause: &recording.PauseEntry{Paused: next.paused}})
			c.heard(now) // an idle stop counts from the end of a pause
		}
		if next.selection.Key() != old.selection.Key() {
			c.note(now, recording.Entry{Selection: &next.selection})
		}
		if next.layout != old.layout {
			c.note(now, recording.Entry{Layout: &recording.LayoutEntry{Layout: next.layout}})
		}
		b.agree(c, next)
		return nil
	})
}

// agree makes next the terms of c.
func (b *Bot) agree(c *capture, next terms) {
	c.terms.Store(&next)
	for _, s := range b.streams {
		s.refresh(c)
	}
	b.reconcile()
}

// refresh makes c's pictures go on with a keyframe after its terms have changed.
func (s *stream) refresh(c *capture) {
	terms := *c.terms.Load()
	s.queue.call(func() {
		for i := range s.captures {
			if s.captures[i].capture == c {
				s.captures[i].terms = terms
			}
		}
		if p := s.parts[c]; p != nil && p.slots[1] != nil {
			p.slots[1].keyframe = false
		}
		if t := s.tracks[1]; t != nil {
			t.asked = 0
		}
	})
}
