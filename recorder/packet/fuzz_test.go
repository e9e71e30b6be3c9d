package packet

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// FuzzReorder pushes packets with arbitrary steps of number and time and holds
// what comes out against what was accepted: strictly in order, everything, and
// what is missing in between declared.
func FuzzReorder(f *testing.F) {
	f.Add([]byte{1, 1, 2, 1, 2, 1, 255, 1, 3, 1, 0, 1}, uint8(0))
	f.Add([]byte{1, 1, 127, 60, 1, 1, 130, 1, 1, 1, 0, 0}, uint8(1))
	f.Add(slices.Repeat([]byte{200, 1, 1, 1}, 40), uint8(2))
	f.Add(append(slices.Repeat([]byte{1, 1}, 30), slices.Repeat([]byte{128, 1, 1, 1, 1, 1, 1, 1}, 12)...), uint8(3))
	f.Fuzz(func(t *testing.T, steps []byte, limit uint8) {
		r := reorder{wait: 200 * ms, limit: int(limit%64) + 1, clock: mediaClock{rate: OpusClock}}
		var (
			seq      = uint16(65500)
			at       time.Duration
			accepted = map[uint32]bool{}
			last     Seq
			begun    bool
		)
		take := func() {
			for {
				out, ok := r.take(at)
				if !ok {
					return
				}
				id := binary.BigEndian.Uint32(out.payload)
				if !accepted[id] {
					t.Fatalf("packet %d came out but was not accepted, or twice", id)
				}
				delete(accepted, id)
				switch {
				case begun && out.seq <= last:
					t.Fatalf("packet number %d after %d", out.seq, last)
				case begun && !out.reset && int64(out.seq-last-1) != out.lost:
					t.Fatalf("%d lost between %d and %d", out.lost, last, out.seq)
				case !begun && out.lost != 0 || out.reset && out.lost != 0:
					t.Fatalf("%d lost before the first packet", out.lost)
				}
				last, begun = out.seq, true
				out.buf.Release()
			}
		}
		for i := 0; i+1 < len(steps); i += 2 {
			step := int(int8(steps[i]))
			if steps[i+1]&0x40 != 0 {
				step *= 251 // far jumps too
			}
			seq += uint16(step)
			at += time.Duration(steps[i+1]&0x3F) * 5 * ms
			buf := GetBuffer()
			p := packet{arrival: at, buf: buf, payload: binary.BigEndian.AppendUint32(buf.data[:0], uint32(i))}
			ts := uint32(seq) * 960
			if steps[i+1]&0x80 != 0 {
				ts = uint32(i) * 960 // a sender that has begun anew
			}
			switch r.push(p, seq, ts) {
			case Accepted, Resync, Jump, Overflow:
				accepted[uint32(i)] = true
			}
			if n := len(r.queue) - r.head; n > 2*r.limit+1 {
				t.Fatalf("%d packets wait", n)
			}
			if i%3 != 0 {
				take()
				if due, ok := r.deadline(); ok && due <= at {
					t.Fatalf("due at %v, now %v, but nothing came", due, at)
				}
			}
		}
		r.drain()
		take()
		if len(accepted) > 0 {
			t.Fatalf("%d accepted packets never came out", len(accepted))
		}
	})
}

// FuzzReceiver pushes arbitrary packets of every codec: the input is split into
// packets, and each gets a header that its first byte asks for.
func FuzzReceiver(f *testing.F) {
	add := func(c Codec, payloads ...[]byte) {
		var in []byte
		for i, p := range payloads {
			control := byte(1)
			if i == len(payloads)-1 {
				control |= 0x80
			}
			in = append(append(append(in, control), byte(len(p)>>8), byte(len(p))), p...)
		}
		f.Add(uint8(c), in)
	}
	add(Opus, opus(1), []byte{0xF8, 0xFF, 0xFE})
	add(VP8, vp8Packet(true, key(1)...))
	add(VP8, vp8Packet(true, key(1)...), vp8Packet(false, 1, 2, 3), []byte{0x90, 0xF0, 0x81, 0x02, 9, 0xA5, 1})
	add(VP9, []byte{0xAE, 0x80, 1, 0, 1, 0x30, 0, 160, 0, 90, 1, 64, 0, 180, 0x82, 0x49, 0x83, 0x42, 0x00, 0x00, 0x9f, 0x00, 0x59}, []byte{0xAC, 0x80, 1, 3, 1, 0x86, 0x00, 0x40, 0x92})
	add(VP9, []byte{0xD8, 0x85, 0x03, 0x02}, []byte{0x94, 0x85, 0x86})
	add(AV1, []byte{0x28, 0x0C, 0x08, 0x00, 0x00, 0x00, 0x24, 0xCE, 0x3F, 0x3A, 0xFF, 0xFC, 0x30, 0x30, 0x10, 7})
	add(AV1, []byte{0x58, 0x30, 0x10}, []byte{0xD0, 1}, []byte{0x90, 2})
	add(H264, []byte{0x67, 0x42, 0xC0, 0x1E, 0xDA, 0x02, 0x80, 0xBF, 0xE5, 0x00}, []byte{0x68, 0xCE, 0x3C, 0x80}, []byte{0x7C, 0x85, 1}, []byte{0x7C, 0x45, 2})
	add(H264, []byte{0x18, 0, 4, 0x68, 0xCE, 0x3C, 0x80, 0, 2, 0x65, 1})
	add(H265, []byte{0x60, 1, 0, 2, 0x40, 1, 0, 3, 0x42, 1, 1}, []byte{0x62, 1, 0x93, 1}, []byte{0x62, 1, 0x53, 2})
	f.Fuzz(func(t *testing.T, codec uint8, in []byte) {
		c := Opus + Codec(codec)%6
		r := NewReceiver(c, WithFrameLimits(1<<16, time.Second), WithLimit(16))
		var seq uint16
		var ts uint32
		var at time.Duration
		pushes := 0
		for ; len(in) >= 3; pushes++ {
			control, n := in[0], min(int(in[1])<<8|int(in[2]), len(in)-3, 1400)
			seq += uint16(control & 3)
			ts += uint32(control>>2&1) * 3000
			at += time.Duration(control>>3&7) * 30 * ms
			p := sent{seq: seq, ts: ts, marker: control&0x80 != 0, payload: in[3 : 3+n]}
			raw := p.marshal(t)
			if control&0x40 != 0 { // garbage on the wire
				raw = in[3 : 3+n]
			}
			in = in[3+n:]
			pushRaw(r, raw, at)
			checkEvents(t, c, next(r, at))
			r.WantKeyframe(at)
		}
		r.Drain()
		checkEvents(t, c, next(r, at))
		checkPushes(t, r.Stats(), pushes)
		if at, ok := r.Deadline(); ok {
			t.Errorf("deadline %v after everything was drained", at)
		}
	})
}

// checkEvents holds that frames are what a container can take.
func checkEvents(t *testing.T, c Codec, events []Event) {
	t.Helper()
	for _, f := range frames(events) {
		if f.Codec != c || len(f.Payload) == 0 || f.LastArrival < f.Arrival {
			t.Fatalf("frame %+v", f)
		}
		if !c.Audio() && f.Keyframe && (f.Width < 0 || f.Height < 0 || f.Width <= blankSize && f.Height <= blankSize) {
			t.Fatalf("keyframe of %dx%d", f.Width, f.Height)
		}
		if needed := c == AV1 || c == H264 || c == H265; (needed && f.Keyframe) != (f.Parameters != nil) {
			t.Fatalf("keyframe %v, parameters %v", f.Keyframe, f.Parameters)
		}
		for b := f.Payload; len(b) > 0; {
			switch c {
			case H264, H265:
				_, b = nextNAL(b)
			case AV1:
				obu, kind, _ := nextOBU(b)
				if kind == obuTemporalDelimiter {
					t.Fatal("temporal delimiter in a frame")
				}
				b = b[len(obu):]
			default:
				b = nil
			}
		}
	}
}

// FuzzHeaders reads arbitrary bytes as every header there is.
func FuzzHeaders(f *testing.F) {
	f.Add([]byte{0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0xA0, 0x2F, 0xF9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x03, 0xE9})
	f.Add([]byte{0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3F, 0xA0, 0x0A, 0x08, 0x0F})
	f.Add([]byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x77, 0xf0, 0x32, 0x34})
	f.Add([]byte{0x00, 0x00, 0x00, 0x24, 0xCE, 0x3F, 0x3A, 0xFF, 0xFC, 0x30, 0x08})
	f.Add([]byte{0x0A, 0x37, 0x80, 0x80, 0x80, 0x00, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01})
	f.Add([]byte{0xBA, 0x80, 0x85, 0x03, 0x06, 0x78, 0x01, 0x40, 0x00, 0xB4, 0x02, 0x10, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		sizes := map[string][2]int{}
		if d, ok := parseVP8Descriptor(b); ok && (d.size >= len(b) || d.layer.picture > 0x7FFF) {
			t.Errorf("VP8 descriptor %+v of %d bytes", d, len(b))
		}
		if d, ok := parseVP9Descriptor(b); ok && (d.size >= len(b) || d.layer.picture > 0x7FFF) {
			t.Errorf("VP9 descriptor %+v of %d bytes", d, len(b))
		}
		if w, h, ok := parseVP8Keyframe(b); ok {
			sizes["VP8"] = [2]int{w, h}
		}
		if h, ok := parseVP9Header(b); ok && h.key {
			sizes["VP9"] = [2]int{h.width, h.height}
		}
		if s, ok := parseAV1Sequence(b); ok {
			sizes["AV1"] = [2]int{s.width, s.height}
		}
		if s, ok := parseH264SPS(b); ok {
			sizes["H264"] = [2]int{s.width, s.height}
		}
		if s, ok := parseH265SPS(b); ok {
			sizes["H265"] = [2]int{s.width, s.height}
		}
		for codec, s := range sizes {
			if s[0] < 1 || s[1] < 1 || s[0] > 1<<17 || s[1] > 1<<17 {
				t.Errorf("%s: %dx%d", codec, s[0], s[1])
			}
		}
	})
}
