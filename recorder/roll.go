package recorder

import (
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
)

// Roll is when a part has become so long that another follows it: parts of a long
// meeting can be uploaded while it goes on, and a damaged one costs less. Zero
// means never.
type Roll struct {
	Duration time.Duration
	Bytes    int64
}

// oneFile reports whether the part should stay the only one of its stream: its
// recording is to be uploaded to one URL, which takes one file.
func (p *part) oneFile() bool { return p.c.rec.Delivery.UploadURL != "" }

// isLong reports whether the part has become too long by now.
func (p *part) isLong(r Roll, now time.Duration) bool {
	if p.oneFile() {
		return false
	}
	return r.Duration > 0 && now-p.zero >= r.Duration || r.Bytes > 0 && p.w.Size() >= r.Bytes
}

// rolls reports whether the part, which has become too long, ends before the frame:
// at a keyframe, or at any sound where no pictures flow.
func (s *stream) rolls(p *part, f *packet.Frame, at time.Duration) bool {
	if !p.isLong(s.bot.opts.Roll, at) {
		return false
	}
	if !f.Codec.Audio() {
		return f.Keyframe
	}
	pictures := s.tracks[1]
	return pictures == nil || p.slots[1] == nil || at-time.Duration(pictures.arrived.Load()) > flowing
}

// linger is how long a part waits for its participant to publish again, before it
// is made whole.
const linger = time.Minute

// isOver reports whether the tracks that the part was written from have ended, and
// none has come in their place.
func (p *part) isOver(now time.Duration) bool {
	for _, pt := range p.slots {
		if pt != nil && pt.live != nil {
			return false
		}
	}
	return p.left > 0 && now-p.left >= linger && !p.oneFile()
}
