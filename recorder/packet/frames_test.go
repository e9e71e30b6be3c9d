package packet

import (
	"slices"
	"testing"
	"time"
)

func TestRow13FrameThatLostItsFirstPacketDropped(t *testing.T) {
	s := pictures(0, 2)
	// Frame 2 has three packets; the first is lost. Frame 3 is a keyframe.
	middle := sent{at: 100 * ms, seq: 3, ts: 6000, payload: vp8Packet(false, 7)}
	end := sent{at: 101 * ms, seq: 4, ts: 6000, marker: true, payload: vp8Packet(false, 8)}
	after := picture(5, key)
	r := NewReceiver(VP8)
	equal(t, "events", []string{"K0 @0", "P1 @3000", "gap 1 @3000-6000", "K5 @15000 lost 1"}, story(run(t, r, append(s, middle, end, after))))
	equal(t, "incomplete", int64(1), r.Stats().Incomplete)
}

func TestRow13AccessUnitThatLostItsSPSDropped(t *testing.T) {
	sps, pps, idr, slice := []byte{0x67, 0x42, 0xC0, 0x1E, 0xDA, 0x02, 0x80, 0xBF, 0xE5, 0x00}, []byte{0x68, 0xCE, 0x3C, 0x80}, []byte{0x65, 0x88, 0x84, 1}, []byte{0x41, 0x9A, 2}
	packets := func(first int, ts uint32, nals ...[]byte) (out []sent) {
		for i, nal := range nals {
			out = append(out, sent{at: time.Duration(first+i) * ms, seq: uint16(first + i), ts: ts, marker: i == len(nals)-1, payload: nal})
		}
		return out
	}
	s := slices.Concat(
		packets(0, 0, sps, pps, idr),
		packets(3, 3000, slice),
		packets(4, 6000, sps, pps, idr)[1:], // its SPS is lost
		packets(7, 9000, slice),
		packets(8, 12000, sps, pps, idr),
	)
	r := NewReceiver(H264)
	equal(t, "events",
		[]string{"K1 @0", "P2 @3000", "gap 1 @3000-6000", "freeze @3000", "thaw @12000", "K1 @12000 lost 1"},
		story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 10, Bytes: r.Stats().Bytes, Lost: 1, Gaps: 1, Frames: 3, Keyframes: 2, Incomplete: 1, Held: 1, Freezes: 1}, r.Stats())
}

func TestRow13FrameWithoutMarkerDropped(t *testing.T) {
	// The server stopped forwarding in the middle of frame 1 and went on with a
	// keyframe of another layer.
	s := []sent{picture(0, key), picture(1, vp8Inter), picture(2, key)}
	s[1].marker = false
	r := NewReceiver(VP8)
	equal(t, "events", []string{"K0 @0", "K2 @6000"}, story(run(t, r, s)))
	equal(t, "incomplete", int64(1), r.Stats().Incomplete)
}

func TestRow14NothingPassesAfterALossUntilAKeyframe(t *testing.T) {
	s := pictures(0, 10)
	s = slices.Delete(s, 4, 5)
	s = append(s, picture(10, key), picture(11, vp8Inter))
	r := NewReceiver(VP8)
	equal(t, "events",
		[]string{"K0 @0", "P1 @3000", "P2 @6000", "P3 @9000", "gap 1 @9000-15000", "freeze @9000", "thaw @30000", "K10 @30000 lost 1", "P11 @33000"},
		story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 11, Bytes: 2*12 + 9*5, Lost: 1, Gaps: 1, Frames: 6, Keyframes: 2, Held: 5, Freezes: 1}, r.Stats())
}

// layered is a VP8 frame in one packet whose descriptor tells everything.
func layered(k, pictureID, base, id int, sync bool, payload func(n int) []byte) sent {
	y := byte(0)
	if sync {
		y = 0x20
	}
	s := picture(k, payload)
	s.payload = append([]byte{0x90, 0xE0, 0x80 | byte(pictureID>>8), byte(pictureID), byte(base), byte(id<<6) | y}, payload(k)...)
	return s
}

func TestRow14LostPaddingIsNoFreeze(t *testing.T) {
	s := []sent{
		layered(0, 32766, 0, 0, true, key),
		layered(1, 32767, 1, 0, false, vp8Inter),
		// 2 and 3 were padding and got lost; the PictureIDs go on, and wrap.
		layered(4, 0, 2, 0, false, vp8Inter),
		layered(5, 1, 3, 0, false, vp8Inter),
	}
	r := NewReceiver(VP8)
	equal(t, "events", []string{"K0 @0", "P1 @3000", "gap 2 @3000-12000", "P4 @12000 lost 2", "P5 @15000"}, story(run(t, r, s)))
	if r.WantKeyframe(time.Second) {
		t.Error("asks for a keyframe although nothing is damaged")
	}
}

func TestRow14LostUpperTemporalLayerIsNoFreeze(t *testing.T) {
	s := []sent{
		layered(0, 10, 0, 0, true, key),
		layered(1, 11, 0, 2, true, vp8Inter),
		layered(2, 12, 0, 1, true, vp8Inter),
		// 3, of the highest layer, is lost.
		layered(4, 14, 1, 0, false, vp8Inter),
		layered(5, 15, 1, 2, false, vp8Inter), // may lean on 3
		layered(6, 16, 1, 1, true, vp8Inter),  // leans on 4 only
		layered(7, 17, 1, 2, false, vp8Inter),
		layered(8, 18, 2, 0, false, vp8Inter),
		layered(9, 19, 2, 0, false, key),
		layered(10, 20, 2, 2, false, vp8Inter),
	}
	r := NewReceiver(VP8)
	got := run(t, r, s)
	equal(t, "events",
		[]string{"K0 @0", "P1 @3000", "P2 @6000", "gap 1 @6000-12000", "P4 @12000 lost 1", "P6 @18000", "P8 @24000", "K9 @27000", "P10 @30000"},
		story(got))
	equal(t, "held", int64(2), r.Stats().Held)
}

func TestRow14LostBaseLayerFreezes(t *testing.T) {
	s := []sent{
		layered(0, 10, 0, 0, true, key),
		layered(1, 11, 0, 1, true, vp8Inter),
		// 2, of the base layer, is lost.
		layered(3, 13, 1, 1, true, vp8Inter),
		layered(4, 14, 2, 0, false, vp8Inter),
		layered(5, 15, 3, 0, true, key),
	}
	equal(t, "events",
		[]string{"K0 @0", "P1 @3000", "gap 1 @3000-9000", "freeze @3000", "thaw @15000", "K5 @15000 lost 1"},
		story(run(t, NewReceiver(VP8), s)))
}

func TestRow14PictureIDsThatCameRoundProveNothing(t *testing.T) {
	first, again := layered(0, 5, 0, 0, true, key), layered(128, 6, 1, 0, false, vp8Inter)
	equal(t, "events", []string{"K0 @0", "gap 127 @0-384000", "freeze @0"}, story(run(t, NewReceiver(VP8), []sent{first, again})))
}

func TestRow16JoinInTheMiddleWaitsForAKeyframe(t *testing.T) {
	s := append([]sent{
		{seq: 0, ts: 100, payload: vp8Packet(false, 1)}, // the middle of a frame
		{seq: 1, ts: 100, marker: true, payload: vp8Packet(false, 2)},
		picture(2, vp8Inter), picture(3, vp8Inter),
	}, pictures(4, 2)...)
	r := NewReceiver(VP8)
	equal(t, "events", []string{"K4 @12000", "P5 @15000"}, story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 6, Bytes: 4 + 3*5 + 12, Frames: 2, Keyframes: 1, Incomplete: 1, Held: 2}, r.Stats())
}

func TestRow19LayerSwitchOneTickLater(t *testing.T) {
	s := pictures(0, 4)
	up := sent{at: 130 * ms, seq: 4, ts: s[3].ts + 1, marker: true, payload: vp8Packet(true, vp8Key(1280, 720, 4)...)}
	got := frames(run(t, NewReceiver(VP8), append(s, up)))
	type view struct {
		TS            Timestamp
		Keyframe      bool
		Width, Height int
	}
	var views []view
	for _, f := range got {
		views = append(views, view{f.Timestamp, f.Keyframe, f.Width, f.Height})
	}
	equal(t, "frames", []view{{0, true, 640, 360}, {3000, false, 0, 0}, {6000, false, 0, 0}, {9000, false, 0, 0}, {9001, true, 1280, 720}}, views)
}

func TestRow20BlankTailDropped(t *testing.T) {
	// VP8KeyFrame8x8 of LiveKit's pkg/sfu, and a frame it cut off.
	blank := []byte{
		0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x08, 0x00, 0x08, 0x00, 0x00, 0x47, 0x08, 0x85, 0x85, 0x88,
		0x85, 0x84, 0x88, 0x02, 0x02, 0x00, 0x0c, 0x0d, 0x60, 0x00, 0xfe, 0xff, 0xab, 0x50, 0x80,
	}
	s := pictures(0, 3)
	cut := picture(3, vp8Inter)
	cut.marker = false
	s = append(s, cut)
	for i := range 6 {
		s = append(s, sent{at: time.Duration(200+33*i) * ms, seq: uint16(4 + i), ts: cut.ts + uint32(i*3000), marker: true, payload: vp8Packet(true, blank...)})
	}
	r := NewReceiver(VP8)
	equal(t, "events", []string{"K0 @0", "P1 @3000", "P2 @6000"}, story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 10, Bytes: 12 + 3*5 + 6*32, Frames: 3, Keyframes: 1, Incomplete: 1, Blank: 6}, r.Stats())
}

func TestRow20WhatLeansOnABlankFrameIsHeld(t *testing.T) {
	s := append(pictures(0, 2), picture(2, func(n int) []byte { return vp8Key(8, 8, n) }), picture(3, vp8Inter), picture(4, key))
	equal(t, "events", []string{"K0 @0", "P1 @3000", "freeze @3000", "thaw @12000", "K4 @12000"}, story(run(t, NewReceiver(VP8), s)))
}

func TestRow20BlankH264DroppedWithItsParameterSets(t *testing.T) {
	sps := []byte{0x67, 0x42, 0xc0, 0x1f, 0x0f, 0xd9, 0x1f, 0x88, 0x88, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc9, 0x20}
	pps := []byte{0x68, 0x87, 0xcb, 0x83, 0xcb, 0x20}
	idr := []byte{0x65, 0x88, 0x84, 0x0a, 0xf2, 0x62, 0x80, 0x00, 0xa7, 0xbe}
	stap := []byte{0x18}
	for _, nal := range [][]byte{sps, pps, idr} {
		stap = append(append(stap, 0, byte(len(nal))), nal...)
	}
	r := NewReceiver(H264)
	equal(t, "events", []string(nil), story(run(t, r, []sent{{marker: true, payload: stap}})))
	equal(t, "stats", Stats{Accepted: 1, Bytes: int64(len(stap)), Blank: 1}, r.Stats())
	if got := r.frames.depack.(*h264).sets; got.parameters != nil || got.sps != nil {
		t.Errorf("parameter sets of a blank frame were kept: %+v", got)
	}
}

func TestRow20ServerSilenceIsFlagged(t *testing.T) {
	long := append([]byte{0xF8, 0xFF, 0xFE}, make([]byte, 77)...)
	s := sounds(0, 5)
	s[1].payload, s[2].payload = long, long[:3]
	s[3].payload = append(slices.Clone(long[:79]), 1)
	r := NewReceiver(Opus)
	equal(t, "events", []string{"K0 @0", "K0 @960 silence", "K254 @1920 silence", "K1 @2880", "K4 @3840"}, story(run(t, r, s)))
	equal(t, "silence", int64(2), r.Stats().Silence)
}

func TestRow21PictureIDHoleIsALoss(t *testing.T) {
	// Numbers go on but a picture is missing: only where a gap is known is it one,
	// because the server leaves out layers and renumbers as it likes.
	s := []sent{layered(0, 10, 0, 0, true, key), layered(1, 12, 2, 0, false, vp8Inter)}
	equal(t, "contiguous", []string{"K0 @0", "P1 @3000"}, story(run(t, NewReceiver(VP8), s)))
	s[1].seq = 2
	equal(t, "after a gap", []string{"K0 @0", "gap 1 @0-3000", "freeze @0"}, story(run(t, NewReceiver(VP8), s)))
}

func TestRow26FrameBombs(t *testing.T) {
	bomb := func(n int, every time.Duration) []sent {
		s := []sent{{payload: vp8Packet(true, vp8Key(640, 360, 0)...)}}
		for i := 1; i < n; i++ {
			s = append(s, sent{at: time.Duration(i) * every, seq: uint16(i), payload: vp8Packet(false, make([]byte, 1000)...)})
		}
		s[n-1].marker = true
		return append(s, sent{at: s[n-1].at, seq: uint16(n), ts: 3000, marker: true, payload: vp8Packet(true, key(1)...)})
	}
	large := NewReceiver(VP8)
	equal(t, "too large", []string{"K1 @3000"}, story(run(t, large, bomb(12000, 0))))
	equal(t, "too large", int64(1), large.Stats().TooLarge)
	slow := NewReceiver(VP8)
	equal(t, "too slow", []string{"K1 @3000"}, story(run(t, slow, bomb(60, 100*ms))))
	equal(t, "too slow", int64(1), slow.Stats().TooSlow)
	fits := NewReceiver(VP8)
	equal(t, "fits", []string{"K0 @0", "K1 @3000"}, story(run(t, fits, bomb(51, 100*ms))))
}
