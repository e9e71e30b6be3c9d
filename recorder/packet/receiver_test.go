package packet

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestMalformedPackets(t *testing.T) {
	valid := sent{seq: 1, payload: opus(1)}.marshal(t)
	change := func(f func([]byte) []byte) []byte { return f(bytes.Clone(valid)) }
	for name, raw := range map[string][]byte{
		"empty":                         {},
		"cut":                           valid[:11],
		"version 1":                     change(func(b []byte) []byte { b[0] = 0x40; return b }),
		"CSRCs beyond the end":          change(func(b []byte) []byte { b[0] |= 0x0F; return b }),
		"extension beyond the end":      change(func(b []byte) []byte { b[0] |= 0x10; return append(b[:12], 0xBE, 0xDE, 0, 9) }),
		"padding of nothing":            change(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 0; return b }),
		"padding longer than payload":   change(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 4; return b }),
		"padding without any payload":   change(func(b []byte) []byte { b[0] |= 0x20; return b[:12] }),
		"RTCP, as it looks to a parser": {0x81, 200, 0, 6},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReceiver(Opus)
			equal(t, "outcome", Malformed, pushRaw(r, raw, 0))
			equal(t, "stats", Stats{Malformed: 1}, r.Stats())
		})
	}
	r := NewReceiver(Opus)
	for _, n := range []int{-1, BufferSize + 1} {
		equal(t, "length beyond the buffer", Malformed, r.Push(GetBuffer(), n, 0))
	}
}

// A packet of the largest size fits.
func TestLargestPacket(t *testing.T) {
	p := rtp.Packet{Header: rtp.Header{Version: 2}, Payload: append(opus(1), make([]byte, BufferSize-12-3)...)}
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r := NewReceiver(Opus)
	equal(t, "outcome", Accepted, pushRaw(r, raw, 0))
	equal(t, "payloads", [][]byte{p.Payload}, payloads(next(r, 0)))
}

func TestOutcomeString(t *testing.T) {
	equal(t, "known", "overflow", Overflow.String())
	equal(t, "unknown", "Outcome(99)", Outcome(99).String())
}

// A caller that asks for the deadline between events is told to go on asking.
func TestDeadlineBetweenEvents(t *testing.T) {
	s := sounds(1, 3)
	r := NewReceiver(Opus)
	pushRaw(r, s[0].marshal(t), 0)
	next(r, 0)
	pushRaw(r, s[2].marshal(t), 0)
	r.Drain()
	if e, ok := r.Next(0); !ok || e != (Gap{Lost: 1, From: 960, To: 2880}) {
		t.Fatalf("got %v", e)
	}
	at, ok := r.Deadline()
	equal(t, "deadline", []any{time.Duration(0), true}, []any{at, ok})
	equal(t, "rest", []string{"K3 @2880 lost 1"}, story(next(r, 0)))
}

func TestKeyframeIntervalOff(t *testing.T) {
	r := NewReceiver(VP8, WithKeyframeInterval(0))
	for _, s := range pictures(0, 1000) {
		pushRaw(r, s.marshal(t), s.at)
		next(r, s.at)
		if r.WantKeyframe(s.at) {
			t.Fatalf("asks for a keyframe at %v", s.at)
		}
	}
}
