package packet

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pion/rtp"
)

// sent is one packet of a script, and what should become of it.
type sent struct {
	at      time.Duration
	seq     uint16
	ts      uint32
	marker  bool
	payload []byte
	want    Outcome
}

// marshal returns the packet as it goes over the wire. One without payload is
// padded, as servers do.
func (s sent) marshal(t testing.TB) []byte {
	t.Helper()
	p := rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: 96, SSRC: 1, SequenceNumber: s.seq, Timestamp: s.ts, Marker: s.marker},
		Payload: s.payload,
	}
	if len(s.payload) == 0 {
		p.Header.Padding, p.Header.PaddingSize = true, 255
	}
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// pushRaw pushes the bytes of a packet.
func pushRaw(r *Receiver, raw []byte, at time.Duration) Outcome {
	buf := GetBuffer()
	return r.Push(buf, copy(buf.Bytes(), raw), at)
}

// next returns all events up to now; frames are copies.
func next(r *Receiver, now time.Duration) []Event {
	var out []Event
	for e, ok := r.Next(now); ok; e, ok = r.Next(now) {
		if f, isFrame := e.(*Frame); isFrame {
			own := *f
			own.Payload = bytes.Clone(f.Payload)
			e = &own
		}
		out = append(out, e)
	}
	return out
}

// run pushes the script and returns all events. It asks for events after every
// packet and at every deadline in between, as the owner of a track does, and
// drains at the end.
func run(t *testing.T, r *Receiver, script []sent) []Event {
	t.Helper()
	var out []Event
	for i, s := range script {
		for at, ok := r.Deadline(); ok && at <= s.at; at, ok = r.Deadline() {
			events := next(r, at)
			if len(events) == 0 {
				t.Fatalf("deadline %v before packet %d had nothing to give", at, i)
			}
			out = append(out, events...)
		}
		if got := pushRaw(r, s.marshal(t), s.at); got != s.want {
			t.Errorf("packet %d (seq %d): %v, want %v", i, s.seq, got, s.want)
		}
		out = append(out, next(r, s.at)...)
	}
	r.Drain()
	last := time.Duration(0)
	if len(script) > 0 {
		last = script[len(script)-1].at
	}
	out = append(out, next(r, last)...)
	if at, ok := r.Deadline(); ok {
		t.Errorf("deadline %v after everything was drained", at)
	}
	return out
}

// frames returns only the frames of events.
func frames(events []Event) []*Frame {
	var out []*Frame
	for _, e := range events {
		if f, ok := e.(*Frame); ok {
			out = append(out, f)
		}
	}
	return out
}

// story tells events in words: for frames, K for a keyframe or P, and the last
// byte of the payload.
func story(events []Event) []string {
	var out []string
	for _, e := range events {
		switch e := e.(type) {
		case *Frame:
			kind := "P"
			if e.Keyframe {
				kind = "K"
			}
			line := fmt.Sprintf("%s%d @%d", kind, e.Payload[len(e.Payload)-1], e.Timestamp)
			if e.Lost > 0 {
				line += fmt.Sprintf(" lost %d", e.Lost)
			}
			if e.Silence {
				line += " silence"
			}
			out = append(out, line)
		case Gap:
			line := fmt.Sprintf("gap %d @%d-%d", e.Lost, e.From, e.To)
			if e.Jump {
				line += " jump"
			}
			out = append(out, line)
		case Reset:
			out = append(out, "reset")
		case FreezeBegin:
			out = append(out, fmt.Sprintf("freeze @%d", e.Timestamp))
		case FreezeEnd:
			out = append(out, fmt.Sprintf("thaw @%d", e.Timestamp))
		}
	}
	return out
}

// wholeBytes compares byte slices at once: cmp takes seconds for a stream.
var wholeBytes = cmp.FilterValues(func(a, b []byte) bool { return len(a)+len(b) > 0 }, cmp.Comparer(bytes.Equal))

func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Frame{}), cmpopts.EquateEmpty(), wholeBytes); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

const ms = time.Millisecond

// opus returns a 20 ms packet of sound that ends with n.
func opus(n int) []byte { return []byte{0x78, 0xAA, byte(n)} }

// sounds returns packets 20 ms apart, numbered and named from first on.
func sounds(first, n int) []sent {
	var out []sent
	for i := range n {
		k := first + i
		out = append(out, sent{at: time.Duration(k) * 20 * ms, seq: uint16(k), ts: uint32(k * 960), payload: opus(k)})
	}
	return out
}

// vp8Packet is a packet of VP8, without extensions in its descriptor: the first
// of a frame if first is set.
func vp8Packet(first bool, data ...byte) []byte {
	if first {
		return append([]byte{0x10}, data...)
	}
	return append([]byte{0x00}, data...)
}

// vp8Key is a VP8 keyframe of the size that ends with n.
func vp8Key(width, height, n int) []byte {
	return []byte{0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, byte(width), byte(width >> 8), byte(height), byte(height >> 8), byte(n)}
}

// vp8Inter is a VP8 inter frame that ends with n.
func vp8Inter(n int) []byte { return []byte{0x11, 0x02, 0x00, byte(n)} }

// picture is a VP8 frame in one packet.
func picture(k int, payload func(n int) []byte) sent {
	return sent{at: time.Duration(k) * 33 * ms, seq: uint16(k), ts: uint32(k * 3000), marker: true, payload: vp8Packet(true, payload(k)...)}
}

func key(n int) []byte { return vp8Key(640, 360, n) }

// pictures is a keyframe and n-1 inter frames, one packet each.
func pictures(first, n int) []sent {
	out := []sent{picture(first, key)}
	for k := first + 1; k < first+n; k++ {
		out = append(out, picture(k, vp8Inter))
	}
	return out
}
