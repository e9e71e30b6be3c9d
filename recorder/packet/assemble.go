package packet

import (
	"errors"
	"time"
)

// A depacketizer knows one codec's RTP payload. It is told the payloads of one
// frame after the other, each without a hole.
type depacketizer interface {
	// starts reports whether the payload proves by itself that it is the first
	// one of its frame.
	starts(payload []byte) bool
	// reset forgets the frame it has begun.
	reset()
	// add appends what the payload holds to the frame.
	add(frame, payload []byte) ([]byte, error)
	// finish completes the frame and describes it in f.
	finish(frame []byte, f *Frame) ([]byte, error)
}

var (
	// errPayload says that a payload is not what its codec's RTP format allows.
	errPayload = errors.New("malformed payload")
	// errNoPicture says that the packets up to a marker hold no picture, only
	// parameter sets perhaps: nothing is missing.
	errNoPicture = errors.New("no picture")
)

func newDepacketizer(c Codec) depacketizer {
	switch c {
	case VP8:
		return &vp8{}
	case VP9:
		return &vp9{}
	case AV1:
		return &av1{}
	case H264:
		return &h264{}
	case H265:
		return &h265{}
	}
	return nil
}

// assembler puts the packets of a video track together to frames. A frame counts
// only if its beginning is proven, by the end of the frame before it or by its
// own first packet; if its last packet has the marker, which every codec's RTP
// format asks for; and if nothing between them is missing.
type assembler struct {
	codec    Codec
	depack   depacketizer
	maxBytes int
	maxTime  time.Duration
	stats    *Stats

	state assembly
	// frame is the one under assembly, and after push has returned whole the one
	// that is whole, until the next push.
	frame Frame
	// size is how many bytes of payload have gone into it.
	size int
	// buf is the memory of the frame's payload, used again for every frame.
	buf []byte
}

type assembly uint8

const (
	// adrift: after a gap; nothing is known of where a frame begins.
	adrift assembly = iota
	// skipping what is left of the frame at frame.Timestamp.
	skipping
	// between frames: the next packet begins one.
	between
	// open: a frame has begun.
	open
)

// gap tells that packets are missing before the next one. It reports whether a
// frame broke.
func (a *assembler) gap() (broken bool) {
	if broken = a.state == open; broken {
		a.stats.Incomplete++
	}
	a.state = adrift
	return broken
}

// push takes the next packet with a payload. It reports whether a frame is whole
// now, and whether one broke.
func (a *assembler) push(p *packet) (whole, broken bool) {
	first := false
	switch another := a.another(p); a.state {
	case adrift:
		if first = a.depack.starts(p.payload); !first {
			broken = true
			if another { // else it has been counted
				a.stats.Incomplete++
			}
			a.skip(p.ts)
		}
	case skipping:
		first = another
	case between:
		first = true
	case open:
		if first = another; first {
			a.stats.Incomplete++
			broken = true
		}
	}
	if first {
		a.begin(p)
	}
	if a.state == open && !a.add(p) {
		broken = true
	}
	if p.marker {
		if a.state == open {
			whole = a.finish(&broken)
		}
		a.state = between
	}
	return whole, broken
}

// another reports whether the packet, which follows the last one without a gap,
// belongs to another frame. LiveKit's server ends a frame of VP8 that it has not
// got the rest of with a blank one at the same timestamp.
func (a *assembler) another(p *packet) bool {
	return p.ts != a.frame.Timestamp || a.codec == VP8 && a.depack.starts(p.payload)
}

func (a *assembler) begin(p *packet) {
	a.depack.reset()
	a.buf, a.size = a.buf[:0], 0
	a.frame = Frame{Codec: a.codec, Timestamp: p.ts, Arrival: p.arrival, LastArrival: p.arrival}
	a.state = open
}

// skip gives up the frame at ts.
func (a *assembler) skip(ts Timestamp) {
	a.frame.Timestamp = ts
	a.state = skipping
}

// add appends a packet to the open frame and reports whether it still stands.
func (a *assembler) add(p *packet) bool {
	a.frame.Arrival = min(a.frame.Arrival, p.arrival)
	a.frame.LastArrival = max(a.frame.LastArrival, p.arrival)
	a.size += len(p.payload)
	if a.size > a.maxBytes {
		a.stats.TooLarge++
	} else if a.frame.LastArrival-a.frame.Arrival > a.maxTime {
		a.stats.TooSlow++
	} else if buf, err := a.depack.add(a.buf, p.payload); err != nil {
		a.stats.Incomplete++
	} else {
		a.buf = buf
		return true
	}
	a.skip(p.ts)
	return false
}

// finish completes the open frame and reports whether there is one.
func (a *assembler) finish(broken *bool) bool {
	buf, err := a.depack.finish(a.buf, &a.frame)
	switch {
	case errors.Is(err, errNoPicture):
		return false
	case err != nil:
		a.stats.Incomplete++
		*broken = true
		return false
	}
	a.buf, a.frame.Payload = buf, buf
	return true
}
