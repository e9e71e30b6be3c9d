package packet

import (
	"slices"
	"testing"
)

// bitWriter writes headers field by field, as the specifications list them.
type bitWriter struct {
	b    []byte
	free int // bits in the last byte
}

// u appends v in n bits.
func (w *bitWriter) u(n int, v uint64) *bitWriter {
	for i := n - 1; i >= 0; i-- {
		if w.free == 0 {
			w.b, w.free = append(w.b, 0), 8
		}
		w.free--
		w.b[len(w.b)-1] |= byte(v>>i&1) << w.free
	}
	return w
}

// ue appends unsigned Exp-Golomb numbers.
func (w *bitWriter) ue(vs ...uint64) *bitWriter {
	for _, v := range vs {
		n := 0
		for v+1 >= 1<<(n+1) {
			n++
		}
		w.u(n, 0).u(n+1, v+1)
	}
	return w
}

// se appends a signed one.
func (w *bitWriter) se(v int) *bitWriter {
	if v > 0 {
		return w.ue(uint64(2*v - 1))
	}
	return w.ue(uint64(-2 * v))
}

// escape puts emulation prevention bytes where a NAL unit needs them (H.264
// section 7.4.1).
func escape(b []byte) (out []byte) {
	zeros := 0
	for _, c := range b {
		if zeros == 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

func TestRow18H264SPSSyntax(t *testing.T) {
	// From max_num_ref_frames on: 40x23 macroblocks, cropped to 636x360.
	size := func(w *bitWriter, fieldPictures bool) {
		w.ue(1).u(1, 0).ue(39)
		if fieldPictures {
			w.ue(11).u(1, 0).u(1, 0) // 12 pairs of rows
		} else {
			w.ue(22).u(1, 1)
		}
		w.u(1, 1).u(1, 1) // direct_8x8_inference, cropping
	}
	for name, c := range map[string]struct {
		profile byte
		write   func(w *bitWriter)
		want    [2]int
		ok      bool
	}{
		"baseline": {66, func(w *bitWriter) { w.ue(0, 0, 0, 0); size(w, false); w.ue(1, 1, 0, 4) }, [2]int{636, 360}, true},
		"picture order count of type 1": {66, func(w *bitWriter) {
			w.ue(0, 0, 1).u(1, 0).se(-3).se(5).ue(3).se(1).se(-70000).se(0)
			size(w, false)
			w.ue(1, 1, 0, 4)
		}, [2]int{636, 360}, true},
		"picture order count of type 2": {77, func(w *bitWriter) { w.ue(0, 0, 2); size(w, false); w.ue(1, 1, 0, 4) }, [2]int{636, 360}, true},
		"field pictures":                {77, func(w *bitWriter) { w.ue(0, 0, 2); size(w, true); w.ue(1, 1, 0, 6) }, [2]int{636, 360}, true},
		"4:2:2":                         {122, func(w *bitWriter) { w.ue(0, 2, 2, 2).u(2, 0).ue(0, 0, 0); size(w, false); w.ue(1, 1, 0, 8) }, [2]int{636, 360}, true},
		"separate colour planes":        {244, func(w *bitWriter) { w.ue(0, 3).u(1, 1).ue(0, 0).u(2, 0).ue(0, 0, 0); size(w, false); w.ue(2, 2, 0, 8) }, [2]int{636, 360}, true},
		"monochrome":                    {100, func(w *bitWriter) { w.ue(0, 0, 0, 0).u(2, 0).ue(0, 0, 0); size(w, false); w.ue(2, 2, 0, 8) }, [2]int{636, 360}, true},
		"scaling lists": {100, func(w *bitWriter) {
			w.ue(0, 1, 0, 0).u(1, 0).u(1, 1)
			w.u(1, 1).se(-8) // the default: its first number is 0
			w.u(1, 0)
			w.u(1, 1).se(4) // a full list of 16, up and down
			for i := range 15 {
				w.se(1 - 2*(i%2))
			}
			w.u(1, 1).se(2).se(-10) // ends after one
			w.u(2, 0)
			w.u(1, 1).se(100) // a full list of 64 that wraps at 256
			for range 63 {
				w.se(99)
			}
			w.u(1, 0)
			w.ue(0, 0, 0)
			size(w, false)
			w.ue(1, 1, 0, 4)
		}, [2]int{636, 360}, true},
		"cropped to nothing": {66, func(w *bitWriter) { w.ue(0, 0, 0, 0); size(w, false); w.ue(320, 0, 0, 0) }, [2]int{}, false},
		"cropped by 2^32":    {66, func(w *bitWriter) { w.ue(0, 0, 0, 0); size(w, false); w.ue(1<<32-2, 1<<32-2, 0, 0) }, [2]int{}, false},
		"number 32":          {66, func(w *bitWriter) { w.ue(32, 0, 0, 0); size(w, false); w.ue(0, 0, 0, 0) }, [2]int{}, false},
		"too wide":           {66, func(w *bitWriter) { w.ue(0, 0, 0, 0).ue(1).u(1, 0).ue(1<<12, 20).u(8, 0xFF) }, [2]int{}, false},
		"cut":                {66, func(w *bitWriter) { w.ue(0, 0, 0, 0).ue(1).u(1, 0) }, [2]int{}, false},
		"endless offsets":    {66, func(w *bitWriter) { w.ue(0, 0, 1).u(1, 0).se(0).se(0).ue(1<<32 - 2) }, [2]int{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &bitWriter{}
			c.write(w)
			s, ok := parseH264SPS(append([]byte{0x67, c.profile, 0, 31}, escape(w.u(1, 1).b)...))
			if ok != c.ok || ok && [2]int{s.width, s.height} != c.want {
				t.Errorf("%dx%d, %v", s.width, s.height, ok)
			}
		})
	}
}

func TestRow18H265SPSSyntax(t *testing.T) {
	level := func(w *bitWriter) { w.u(32, 0x01600000).u(32, 0).u(24, 0).u(8, 93) }
	for name, c := range map[string]struct {
		write func(w *bitWriter)
		want  [2]int
		ok    bool
	}{
		"one layer": {func(w *bitWriter) {
			w.u(4, 0).u(3, 0).u(1, 1)
			level(w)
			w.ue(0, 1, 640, 368).u(1, 1).ue(1, 1, 0, 4)
		}, [2]int{636, 360}, true},
		"three layers with their own profiles and levels": {func(w *bitWriter) {
			w.u(4, 0).u(3, 2).u(1, 1)
			level(w)
			w.u(2, 3).u(2, 1).u(12, 0)
			level(w)   // profile and level of the first
			w.u(8, 60) // level of the second
			w.ue(0, 1, 640, 368).u(1, 1).ue(1, 1, 0, 4)
		}, [2]int{636, 360}, true},
		"4:4:4 with separate planes": {func(w *bitWriter) {
			w.u(4, 0).u(3, 0).u(1, 1)
			level(w)
			w.ue(0, 3).u(1, 1).ue(640, 368).u(1, 1).ue(1, 3, 0, 8)
		}, [2]int{636, 360}, true},
		"4:2:2": {func(w *bitWriter) {
			w.u(4, 0).u(3, 0).u(1, 1)
			level(w)
			w.ue(0, 2, 640, 368).u(1, 1).ue(1, 1, 0, 8)
		}, [2]int{636, 360}, true},
		"not cropped":        {func(w *bitWriter) { w.u(8, 1); level(w); w.ue(0, 1, 640, 368).u(1, 0) }, [2]int{640, 368}, true},
		"cropped to nothing": {func(w *bitWriter) { w.u(8, 1); level(w); w.ue(0, 1, 640, 368).u(1, 1).ue(320, 0, 0, 0) }, [2]int{}, false},
		"number 16":          {func(w *bitWriter) { w.u(8, 1); level(w); w.ue(16, 1, 640, 368).u(1, 0) }, [2]int{}, false},
		"no size":            {func(w *bitWriter) { w.u(8, 1); level(w); w.ue(0, 1, 0, 368).u(1, 0) }, [2]int{}, false},
		"cut":                {func(w *bitWriter) { w.u(8, 1); level(w); w.ue(0, 1, 640) }, [2]int{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &bitWriter{}
			c.write(w)
			s, ok := parseH265SPS(append([]byte{0x42, 0x01}, escape(w.u(1, 1).b)...))
			if ok != c.ok || ok && [2]int{s.width, s.height} != c.want {
				t.Errorf("%dx%d, %v", s.width, s.height, ok)
			}
		})
	}
}

func TestRow18AV1SequenceSyntax(t *testing.T) {
	size := func(w *bitWriter) { w.u(4, 9).u(4, 8).u(10, 641).u(9, 361) }
	for name, c := range map[string]struct {
		write func(w *bitWriter)
		want  av1Sequence
		ok    bool
	}{
		"reduced":    {func(w *bitWriter) { w.u(3, 0).u(1, 1).u(1, 1).u(5, 8); size(w) }, av1Sequence{true, 642, 362}, true},
		"no timing":  {func(w *bitWriter) { w.u(3, 0).u(2, 0).u(1, 0).u(1, 0).u(5, 0).u(12, 0).u(5, 7); size(w) }, av1Sequence{false, 642, 362}, true},
		"high level": {func(w *bitWriter) { w.u(3, 0).u(2, 0).u(1, 0).u(1, 0).u(5, 0).u(12, 0).u(5, 8).u(1, 1); size(w) }, av1Sequence{false, 642, 362}, true},
		"two operating points with decoder model and delays": {func(w *bitWriter) {
			w.u(3, 0).u(2, 0).u(1, 1).u(32, 1001).u(32, 30000).u(1, 1).ue(4) // timing_info
			w.u(1, 1).u(5, 9).u(32, 1001).u(5, 9).u(5, 9)                    // decoder_model_info
			w.u(1, 1).u(5, 1)
			w.u(12, 0x103).u(5, 12).u(1, 0).u(1, 1).u(20, 1).u(1, 1).u(1, 1).u(4, 3)
			w.u(12, 0x101).u(5, 4).u(1, 0).u(1, 0)
			size(w)
		}, av1Sequence{false, 642, 362}, true},
		"cut": {func(w *bitWriter) { w.u(3, 0).u(2, 0).u(1, 0).u(1, 0).u(5, 0).u(12, 0).u(5, 7).u(4, 9).u(4, 8) }, av1Sequence{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &bitWriter{}
			c.write(w)
			if s, ok := parseAV1Sequence(w.b); ok != c.ok || ok && s != c.want {
				t.Errorf("%+v, %v", s, ok)
			}
		})
	}
}

func TestRow18VP9HeaderSyntax(t *testing.T) {
	for name, c := range map[string]struct {
		write func(w *bitWriter)
		want  vp9Header
	}{
		"intra only, profile 0": {func(w *bitWriter) { w.u(8, 0x84).u(1, 1).u(2, 0).u(24, 0x498342).u(8, 1).u(16, 641).u(16, 361) }, vp9Header{width: 642, height: 362, refresh: 1}},
		"intra only, profile 1": {func(w *bitWriter) {
			w.u(8, 0xA5).u(1, 1).u(24, 0x498342).u(3, 1).u(4, 0).u(8, 1).u(16, 641).u(16, 361)
		}, vp9Header{width: 642, height: 362, refresh: 1}},
		"size of its own":   {func(w *bitWriter) { w.u(8, 0x87).u(8, 1).u(12, 0).u(3, 0).u(16, 641).u(16, 361) }, vp9Header{width: 642, height: 362, refresh: 1}},
		"size of the third": {func(w *bitWriter) { w.u(8, 0x87).u(8, 1).u(8, 0).u(3, 5).u(1, 0).u(3, 1) }, vp9Header{slot: 5, refresh: 1}},
		"profile 3": {func(w *bitWriter) {
			w.u(4, 0xB).u(1, 0).u(4, 0b0010).u(24, 0x498342).u(1, 1).u(3, 1).u(4, 0).u(16, 641).u(16, 361)
		}, vp9Header{key: true, width: 642, height: 362, refresh: 0xFF}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &bitWriter{}
			c.write(w)
			if h, ok := parseVP9Header(w.b); !ok || h != c.want {
				t.Errorf("%+v, %v", h, ok)
			}
			if _, ok := parseVP9Header(w.b[:len(w.b)-4]); ok && c.want.width > 0 {
				t.Error("cut header accepted")
			}
		})
	}
}

func TestRow22MalformedVP9(t *testing.T) {
	frame := []byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x38, 0x24, 0x1c}
	start := func(sid byte) []byte { return append([]byte{0xAC, 0x80, 1, sid << 1, 1}, frame...) }
	for name, second := range map[string][]byte{
		"continues nothing":       append([]byte{0xA4, 0x80, 1, 1 << 1, 1}, frame...),
		"lower layer":             start(0),
		"empty":                   {0xAC, 0x80, 1, 1 << 1, 1},
		"cut descriptor":          {0xA0, 0x80},
		"four reference indices":  append([]byte{0xF8, 0x80, 1, 0, 3, 3, 3, 3, 2}, frame...),
		"structure beyond packet": {0x8E, 0x80, 1, 0x08, 9, 0},
		"does not end":            append([]byte{0xA8, 0x80, 1, 1 << 1, 1}, frame...),
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReceiver(VP9)
			events, _ := receive(t, r, []sent{{payload: start(0)}, {seq: 1, marker: true, payload: second}, {seq: 2, ts: 3000, marker: true, payload: start(0)}})
			if got := frames(events); len(got) != 1 || got[0].Timestamp != 3000 {
				t.Errorf("events: %v", story(events))
			}
			equal(t, "incomplete", int64(1), r.Stats().Incomplete)
		})
	}
}

func TestRow23MalformedH265(t *testing.T) {
	m := stream(t, H265)
	var good []sent
	for _, p := range m.packets {
		if p.ts == 0 {
			good = append(good, p)
		}
	}
	for name, payload := range map[string][]byte{
		"two bytes":          {0x02, 0x01},
		"AP length cut":      {0x60, 1, 0},
		"AP unit cut":        {0x60, 1, 0, 9, 0x02, 1},
		"AP unit of a byte":  {0x60, 1, 0, 1, 0x02},
		"AP in AP":           {0x60, 1, 0, 2, 0x60, 1},
		"AP of nothing":      {0x60, 1, 0, 0},
		"FU without a start": {0x62, 1, 0x01, 9},
		"FU without an end":  {0x62, 1, 0x81, 9},
		"FU empty":           {0x62, 1, 0x81},
		"PACI":               {0x64, 1, 0, 0, 9},
		"SPS of nonsense":    {0x42, 1, 1, 2, 3},
		"PPS number 64":      append([]byte{0x44, 1}, (&bitWriter{}).ue(64).b...),
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReceiver(H265)
			first := good[0]
			bad := sent{seq: first.seq - 1, ts: first.ts - 3000, marker: true, payload: payload}
			delimiter := sent{seq: first.seq - 2, ts: bad.ts, payload: []byte{0x46, 1, 0x50}}
			events, _ := receive(t, r, slices.Concat([]sent{delimiter, bad}, good))
			equal(t, "payloads", m.frames[:1], payloads(events))
			equal(t, "incomplete", int64(1), r.Stats().Incomplete)
		})
	}
}
