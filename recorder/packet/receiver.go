package packet

import (
	"time"

	"github.com/pion/rtp"
)

// An Option changes how a [Receiver] works.
type Option func(*Receiver)

// WithWait sets how long to wait for a missing packet before it is declared
// lost. The default is one second for video, which is repaired by retransmission,
// and 200 ms for Opus, which LiveKit's SDK does not ask to be sent again.
func WithWait(d time.Duration) Option { return func(r *Receiver) { r.order.wait = d } }

// WithLimit sets how many packets may wait for a missing one, at least 1, and so
// how much memory they take: [BufferSize] for each. The default is 2048 for video
// and 256 for Opus.
func WithLimit(packets int) Option { return func(r *Receiver) { r.order.limit = max(packets, 1) } }

// WithKeyframeInterval sets how long after a keyframe [Receiver.WantKeyframe]
// asks for another, so that a recording can be seeked and no damage lasts. The
// default is 10 s; 0 turns it off.
func WithKeyframeInterval(d time.Duration) Option {
	return func(r *Receiver) { r.wish.interval = d }
}

// WithFrameLimits sets the most bytes that may make up a frame, and the longest
// time between the first and the last of its packets to come. What exceeds either
// is dropped. The default is 10 MiB and 5 s.
func WithFrameLimits(bytes int, span time.Duration) Option {
	return func(r *Receiver) { r.frames.maxBytes, r.frames.maxTime = bytes, span }
}

// A Receiver takes the RTP packets of one track and gives out whole frames, in
// order. It must be used by one goroutine at a time.
type Receiver struct {
	codec  Codec
	header rtp.Header
	order  reorder
	frames assembler
	gate   gate
	wish   keyframeWish
	stats  Stats

	// What was lost since the last packet with a payload, and the last frame.
	gap       Gap
	frameLost int64
	reset     bool
	lastTS    Timestamp

	// pending are the events of the last packet that are still to be given out.
	pending [4]Event
	given   int
	made    int
}

// NewReceiver returns a receiver for a track of the codec, which must be one of
// the constants.
func NewReceiver(codec Codec, options ...Option) *Receiver {
	r := &Receiver{
		codec:  codec,
		order:  reorder{wait: time.Second, limit: 2048, clock: mediaClock{rate: codec.ClockRate()}},
		frames: assembler{codec: codec, depack: newDepacketizer(codec), maxBytes: 10 << 20, maxTime: 5 * time.Second},
		wish:   keyframeWish{interval: 10 * time.Second},
	}
	if codec.Audio() {
		r.order.wait, r.order.limit = 200*time.Millisecond, 256
	}
	for _, o := range options {
		o(r)
	}
	r.frames.stats = &r.stats
	return r
}

// Push takes the RTP packet in the first n bytes of buf, which came at arrival,
// and becomes the owner of buf. After it, call [Receiver.Next] until that has
// nothing more.
func (r *Receiver) Push(buf *Buffer, n int, arrival time.Duration) Outcome {
	p := packet{arrival: arrival, buf: buf}
	var ok bool
	if p.payload, ok = r.parse(buf, n); !ok {
		buf.Release()
		r.stats.Malformed++
		return Malformed
	}
	p.marker = r.header.Marker
	bytes := len(p.payload)
	o := r.order.push(p, r.header.SequenceNumber, r.header.Timestamp)
	r.stats.count(o)
	switch o {
	case Accepted, Resync, Jump, Overflow:
		r.stats.Bytes += int64(bytes)
		if bytes > 0 {
			r.wish.media = max(r.wish.media, arrival)
		}
	}
	return o
}

// parse reads the header into r.header and returns the payload, without the
// padding that may follow it (RFC 3550 section 5.1).
func (r *Receiver) parse(buf *Buffer, n int) (payload []byte, ok bool) {
	if n < 0 || n > BufferSize {
		return nil, false
	}
	b := buf.data[:n]
	size, err := r.header.Unmarshal(b)
	if err != nil || r.header.Version != 2 {
		return nil, false
	}
	payload = b[size:]
	if !r.header.Padding {
		return payload, true
	}
	if len(payload) == 0 {
		return nil, false
	}
	padding := int(b[n-1])
	if padding == 0 || padding > len(payload) {
		return nil, false
	}
	return payload[:len(payload)-padding], true
}

// Next returns what has become of the packets by now, which is on the clock of
// the arrivals; false if there is nothing yet. It must be called until then after
// every [Receiver.Push], and at the [Receiver.Deadline].
func (r *Receiver) Next(now time.Duration) (Event, bool) {
	for r.given == r.made {
		r.given, r.made = 0, 0
		p, ok := r.order.take(now)
		if !ok {
			return nil, false
		}
		r.handle(&p)
		p.buf.Release()
	}
	e := r.pending[r.given]
	r.pending[r.given] = nil
	r.given++
	return e, true
}

// Deadline returns when [Receiver.Next] has something to do even if no more
// packet comes; false if it has nothing to do until then.
func (r *Receiver) Deadline() (time.Duration, bool) {
	if r.given < r.made {
		return 0, true
	}
	return r.order.deadline()
}

// Drain ends the wait for the packets that are missing now, because they will
// not come any more or because what there is is needed now. Next then returns
// everything that was pushed. More packets may be pushed afterwards.
func (r *Receiver) Drain() { r.order.drain() }

// WantKeyframe reports whether the caller should ask the publisher for a keyframe
// now. It is to be called often, and takes it that the caller does what it says:
// requests for the same keyframe are 500 ms apart at first and up to 4 s later on,
// and cease when packets do.
func (r *Receiver) WantKeyframe(now time.Duration) bool {
	return !r.codec.Audio() && r.wish.wants(now)
}

// Stats returns what was counted so far.
func (r *Receiver) Stats() Stats { return r.stats }

func (r *Receiver) emit(e Event) {
	r.pending[r.made] = e
	r.made++
}
