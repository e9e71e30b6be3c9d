package packet

import (
	"testing"

	"github.com/pion/rtp/codecs"
)

func TestRow20BlankH264IsTwoByTwo(t *testing.T) {
	s, ok := parseH264SPS([]byte{0x67, 0x42, 0xc0, 0x1f, 0x0f, 0xd9, 0x1f, 0x88, 0x88, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc9, 0x20})
	if !ok || s.width != 2 || s.height != 2 {
		t.Errorf("%dx%d, %v", s.width, s.height, ok)
	}
}

func TestRow23ParameterSetsAreReported(t *testing.T) {
	for _, c := range []Codec{H264, H265, AV1} {
		t.Run(c.String(), func(t *testing.T) {
			m, other := stream(t, c), encodeVideo(t, c, 642, 362, 2, 30)
			r := NewReceiver(c)
			events, _ := receive(t, r, m.packets)
			// The same track goes on in another size.
			last := m.packets[len(m.packets)-1]
			for _, p := range other.packets {
				p.at, p.ts = p.at+last.at+33*ms, p.ts+last.ts+3000
				p.seq += last.seq + 1 - 65500
				pushRaw(r, p.marshal(t), p.at)
				events = append(events, next(r, p.at)...)
			}
			var sets []*Parameters
			for _, f := range frames(events) {
				if f.Keyframe != (f.Parameters != nil) {
					t.Fatalf("frame at %d: keyframe %v, parameters %v", f.Timestamp, f.Keyframe, f.Parameters)
				}
				if f.Keyframe && (len(sets) == 0 || sets[len(sets)-1] != f.Parameters) {
					sets = append(sets, f.Parameters)
				}
			}
			if len(sets) != 2 || sets[0].Equal(sets[1]) || !sets[0].Equal(&Parameters{
				VPS: sets[0].VPS, SPS: sets[0].SPS, PPS: sets[0].PPS, SequenceHeader: sets[0].SequenceHeader,
			}) || sets[0].Equal(nil) {
				t.Fatalf("%d parameter sets", len(sets))
			}
			want := Parameters{}
			if c == AV1 {
				want.SequenceHeader, _, _ = nextOBU(m.frames[0])
			} else {
				for _, nal := range annexB(m.units[0]) {
					switch kind := nalType(c, nal); {
					case c == H264 && kind == h264SPS, c == H265 && kind == h265SPS:
						want.SPS = append(want.SPS, nal)
					case c == H264 && kind == h264PPS, c == H265 && kind == h265PPS:
						want.PPS = append(want.PPS, nal)
					case c == H265 && kind == h265VPS:
						want.VPS = append(want.VPS, nal)
					}
				}
			}
			equal(t, "first", want, *sets[0])
		})
	}
}

func TestRow23ParameterSetsBeforeTheirPicture(t *testing.T) {
	// An encoder that sends them once, as an access unit of their own.
	m := stream(t, H264)
	var head, rest []byte
	for _, nal := range annexB(m.units[0]) {
		if kind := nal[0] & 0x1F; kind == h264SPS || kind == h264PPS {
			head = append(append(head, 0, 0, 0, 1), nal...)
		} else {
			rest = append(append(rest, 0, 0, 0, 1), nal...)
		}
	}
	var packets []sent
	for i, unit := range [][]byte{head, rest} {
		for _, payload := range (&codecs.H264Payloader{DisableStapA: true}).Payload(1188, unit) {
			packets = append(packets, sent{seq: uint16(len(packets)), ts: uint32(i), payload: payload})
		}
		packets[len(packets)-1].marker = true
	}
	r := NewReceiver(H264)
	events, _ := receive(t, r, packets)
	got := frames(events)
	if len(got) != 1 || !got[0].Keyframe || got[0].Width != streamWidth || len(got[0].Parameters.SPS) != 1 || len(got[0].Parameters.PPS) != 1 {
		t.Fatalf("got %+v", got)
	}
	equal(t, "incomplete", int64(0), r.Stats().Incomplete)
}

func TestRow23MalformedH264(t *testing.T) {
	sps, pps, idr := []byte{0x67, 0x42, 0xC0, 0x1E, 0xDA, 0x02, 0x80, 0xBF, 0xE5, 0x00}, []byte{0x68, 0xCE, 0x3C, 0x80}, []byte{0x65, 0x88, 0x84, 1}
	for name, payload := range map[string][]byte{
		"STAP-A cut":           {0x18, 0x00, 0x05, 0x65},
		"STAP-A length cut":    {0x18, 0x00},
		"STAP-A of nothing":    {0x18},
		"STAP-A empty unit":    {0x18, 0x00, 0x00},
		"STAP-A in STAP-A":     {0x18, 0x00, 0x01, 0x18},
		"STAP-B":               {0x19, 0x00, 0x00, 0x00, 0x01, 0x65},
		"MTAP16":               {0x1A, 1, 2, 3},
		"FU-B":                 {0x1D, 0x85, 0, 0, 1},
		"FU-A without a start": {0x7C, 0x05, 1},
		"FU-A empty":           {0x7C, 0x85},
		"FU-A without an end":  {0x7C, 0x85, 1},
		"type 0":               {0x60, 1},
		"type 31":              {0x7F, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReceiver(H264)
			events, _ := receive(t, r, []sent{
				{seq: 0, payload: sps},
				{seq: 1, payload: pps},
				{seq: 2, payload: idr},
				{seq: 3, marker: true, payload: payload},
				{seq: 4, ts: 3000, payload: sps},
				{seq: 5, ts: 3000, payload: pps},
				{seq: 6, ts: 3000, marker: true, payload: idr},
			})
			equal(t, "events", []string{"K1 @3000"}, story(events))
			equal(t, "incomplete", int64(1), r.Stats().Incomplete)
		})
	}
}

func TestRow23DiscardableH264(t *testing.T) {
	sps, pps, idr := []byte{0x67, 0x42, 0xC0, 0x1E, 0xDA, 0x02, 0x80, 0xBF, 0xE5, 0x00}, []byte{0x68, 0xCE, 0x3C, 0x80}, []byte{0x65, 0x88, 0x84, 1}
	events, _ := receive(t, NewReceiver(H264), []sent{
		{seq: 0, payload: sps},
		{seq: 1, payload: pps},
		{seq: 2, marker: true, payload: idr},
		{seq: 3, ts: 3000, marker: true, payload: []byte{0x01, 2}},
		{seq: 4, ts: 6000, payload: []byte{0x01, 2}},
		{seq: 5, ts: 6000, marker: true, payload: []byte{0x41, 3}},
	})
	var got []bool
	for _, f := range frames(events) {
		got = append(got, f.Discardable)
	}
	equal(t, "discardable", []bool{false, true, false}, got)
}
