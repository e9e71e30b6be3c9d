package recorder

import (
	"path/filepath"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// A part is one media file of a stream while it is written. It belongs to the
// stream's goroutine.
type part struct {
	id       string
	name     string // of the file
	matroska bool   // rather than WebM
	c        *capture
	w        *webm.Writer
	// zero is where the file begins on the bot's clock.
	zero  time.Duration
	slots [2]*partTrack
	media bool
	// left is when the last track that it was written from ended, on the bot's
	// clock.
	left time.Duration
}

// partTrack is one track of a part; several LiveKit tracks may follow each
// other in it.
type partTrack struct {
	number     int
	codec      packet.Codec
	parameters *packet.Parameters
	head       webm.Track // as the file has it
	live       *track
	// end is where the sound written so far ends, in file time.
	end           time.Duration
	width, height int
	largest       int  // picture so far, in pixels
	keyframe      bool // one has been written
	// first is when its media begins, in file time.
	first time.Duration
	// base is what live had counted before it came here, past what those before
	// it counted here.
	base, past totals
}

// totals are the counters of a track that go into the manifest.
type totals struct{ packets, lost, duplicates, frames, bytes int64 }

func (t totals) plus(u totals) totals {
	return totals{t.packets + u.packets, t.lost + u.lost, t.duplicates + u.duplicates, t.frames + u.frames, t.bytes + u.bytes}
}

func (t totals) minus(u totals) totals {
	return totals{t.packets - u.packets, t.lost - u.lost, t.duplicates - u.duplicates, t.frames - u.frames, t.bytes - u.bytes}
}

// part returns the part that c's recording writes the frame to, beginning one
// with the first frame that a file can begin with; nil if it is none.
func (s *stream) part(c *capture, f *packet.Frame, at time.Duration) (*part, error) {
	if p := s.parts[c]; p != nil {
		why := recording.EndedByCodec
		switch {
		case p.adopts(f, at):
			return p, p.redescribe(f)
		case p.fits(f) && s.rolls(p, f, at):
			why = recording.EndedByRoll
		case p.fits(f):
			return p, nil
		case !f.Keyframe:
			return nil, nil
		}
		s.endPart(c, why, nil)
	}
	if !f.Keyframe {
		return nil, nil
	}
	id := recording.NewID(recording.PrefixPart)
	p := &part{id: id, name: id + ".webm", c: c, zero: at}
	if p.matroska = s.matroska || !containers[f.Codec].WebM(); p.matroska {
		p.name = id + ".mkv"
	}
	w, err := webm.Create(filepath.Join(c.dir, p.name), webm.Options{Date: s.bot.origin.Add(at)})
	if err != nil {
		return nil, err
	}
	p.w = w
	s.parts[c] = p
	c.note(at, recording.Entry{Part: &recording.PartEntry{
		ID: id, File: p.name, Participant: s.key.identity, Stream: s.key.stream, Start: c.timeline(at),
	}})
	return p, nil
}

// number returns the number of t in the file, or 0 when it is not in it.
func (p *part) number(t *track) int {
	if p == nil {
		return 0
	}
	if pt := p.slots[slotOf(t.codec)]; pt != nil && pt.live == t {
		return pt.number
	}
	return 0
}

// file converts a time on the bot's clock to file time.
func (p *part) file(at time.Duration) recording.Seconds {
	return recording.Seconds((at - p.zero).Round(time.Microsecond))
}

// write adds a frame that lies at the given time on the bot's clock.
func (p *part) write(t *track, f *packet.Frame, at time.Duration) error {
	pt, err := p.track(t, f, at)
	if err != nil || pt == nil {
		return err
	}
	to := max(at-p.zero, 0)
	if t.kind == recording.Audio {
		return p.writeSound(pt, f, to)
	}
	pt.keyframe = pt.keyframe || f.Keyframe
	if !pt.keyframe {
		return nil
	}
	if f.Width > 0 && (f.Width != pt.width || f.Height != pt.height) {
		if err := p.resize(pt, f, to); err != nil {
			return err
		}
	}
	return p.block(pt, to, f.Keyframe, f.Payload)
}

// track returns the slot of t in the file, declaring it with its first frame.
func (p *part) track(t *track, f *packet.Frame, at time.Duration) (*partTrack, error) {
	i := slotOf(t.codec)
	pt := p.slots[i]
	if pt != nil && pt.live == t {
		return pt, nil
	}
	if pt == nil {
		if !f.Keyframe {
			return nil, nil
		}
		pt = &partTrack{number: i + 1, codec: t.codec, parameters: f.Parameters, first: at - p.zero}
		head, err := describe(pt.number, f)
		if err != nil {
			return nil, err
		}
		if err := p.w.SetTrack(head); err != nil {
			return nil, err
		}
		pt.head, p.slots[i] = head, pt
	}
	pt.live, pt.base, pt.keyframe = t, t.counted, f.Keyframe
	p.c.note(at, recording.Entry{Track: &recording.TrackEntry{
		Part: p.id, Number: pt.number, SID: t.sid, Source: t.source, Kind: t.kind,
		Codec: t.codecName(), SSRC: t.ssrc, ClockRate: int(t.clock.rate),
	}})
	p.c.note(at, recording.Entry{Clock: &recording.ClockEntry{
		Part: p.id, Number: pt.number, RTP: int64(f.Timestamp), File: p.file(at), Arrival: p.c.timeline(f.Arrival), Channels: t.channels,
	}})
	return pt, nil
}

// resize follows a change of picture size. The head holds the largest picture
// so far: browsers begin small, and players open their window once.
func (p *part) resize(pt *partTrack, f *packet.Frame, to time.Duration) error {
	larger := pt.width > 0 && f.Width*f.Height > pt.largest
	pt.largest = max(pt.largest, f.Width*f.Height)
	pt.width, pt.height = f.Width, f.Height
	p.c.note(p.zero+to, recording.Entry{Size: &recording.SizeEntry{
		Part: p.id, Number: pt.number, File: recording.Seconds(to), Width: f.Width, Height: f.Height,
	}})
	if !larger {
		return nil
	}
	if f.Keyframe {
		return p.redescribe(f)
	}
	pt.head.Width, pt.head.Height = f.Width, f.Height
	return p.w.SetTrack(pt.head)
}

func (p *part) block(pt *partTrack, to time.Duration, keyframe bool, payload []byte) error {
	if err := p.w.WriteBlock(webm.Block{Track: pt.number, Time: to, Keyframe: keyframe, Payload: payload}); err != nil {
		return err
	}
	p.c.heard(p.zero + to)
	if p.media {
		return nil
	}
	p.media = true
	if err := p.w.FlushIfDue(time.Now()); err != nil {
		return err
	}
	p.c.media(p.zero + to)
	return nil
}

// flush keeps the promise of how soon bytes reach the kernel and the disk, as
// closely as the stream's beat allows. A failure shows at the next block.
func (p *part) flush() { _ = p.w.FlushIfDue(time.Now().Add(beat / 2)) }

// movable returns how much of a move of all that was written of t its file can
// take: none if t is not all that its slot holds.
func (p *part) movable(t *track, by time.Duration) time.Duration {
	pt := p.slots[slotOf(t.codec)]
	switch {
	case pt == nil:
		return by
	case pt.live != t || pt.past != (totals{}):
		return 0
	}
	return p.w.Movable(pt.number, by)
}

// move moves all that was written of t.
func (p *part) move(t *track, by time.Duration) error {
	pt := p.slots[slotOf(t.codec)]
	if pt == nil || by == 0 {
		return nil
	}
	return p.w.Move(pt.number, by)
}
