package recorder

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// trackEnded keeps what a track counted before another takes its slot.
func (p *part) trackEnded(t *track, now time.Duration) {
	if pt := p.slots[slotOf(t.codec)]; pt != nil && pt.live == t {
		pt.past = pt.past.plus(t.counted.minus(pt.base))
		pt.live = nil
		p.left = now
	}
}

// endPart finalises the part of c, if there is one, beside the stream's
// goroutine.
func (s *stream) endPart(c *capture, why recording.EndReason, cause *recording.Error) {
	p := s.parts[c]
	if p == nil {
		return
	}
	for _, t := range s.tracks {
		if t != nil {
			if t.clock.running {
				s.noteClock(p, t, "")
			}
			p.trackEnded(t, s.bot.now())
		}
	}
	delete(s.parts, c)
	at := s.bot.now()
	c.finalizing.Go(func() { p.finalize(at, why, cause) })
}

// failPart ends the part of c after its file could not be written. The other
// parts live on, and after a pause a new one is tried.
func (s *stream) failPart(c *capture, err error) {
	s.log.Error("part cannot be written", "recording", c.rec.ID, "error", err)
	code := recording.CodeWriteFailed
	if recording.IsDiskFull(err) {
		code = recording.CodeDiskFull
	}
	const pause = 5 * time.Second
	s.failed[c] = s.bot.now() + pause
	cause := recording.Errorf(code, "write part: %w", err)
	if s.parts[c] != nil {
		s.endPart(c, recording.EndedByWrite, cause)
		return
	}
	id, now := recording.NewID(recording.PrefixPart), s.bot.now()
	c.note(now, recording.Entry{Part: &recording.PartEntry{
		ID: id, Participant: s.key.identity, Stream: s.key.stream, Start: c.timeline(now),
	}})
	c.note(now, recording.Entry{PartEnd: &recording.PartEndEntry{ID: id, Reason: recording.EndedByWrite, Error: cause}})
}

// finalize completes the file and tells the journal.
func (p *part) finalize(at time.Duration, why recording.EndReason, cause *recording.Error) {
	summary, err := p.w.Finalize()
	if errors.Is(err, webm.ErrEmpty) {
		err = os.Remove(filepath.Join(p.c.dir, p.name+webm.OpenSuffix))
	}
	if err != nil {
		if cause == nil {
			cause = recording.Errorf(recording.CodeWriteFailed, "finalise part: %w", err)
		}
		summary = p.w.Summary()
	}
	end := &recording.PartEndEntry{
		ID: p.id, Reason: why, Error: cause,
		Duration: recording.Seconds(summary.Duration), Bytes: summary.Size,
	}
	for _, pt := range p.slots {
		if pt == nil {
			continue
		}
		totals := recording.TrackTotals{
			Number: pt.number, Packets: pt.past.packets, Lost: pt.past.lost, Duplicates: pt.past.duplicates,
			Frames: pt.past.frames, Bytes: pt.past.bytes,
		}
		for _, t := range summary.Tracks {
			if t.Number == pt.number {
				totals.First, totals.Last = recording.Seconds(t.First), recording.Seconds(max(t.Last, pt.end))
			}
		}
		end.Tracks = append(end.Tracks, totals)
	}
	p.c.note(at, recording.Entry{PartEnd: end})
}
