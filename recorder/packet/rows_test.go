package packet

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The tests named TestRow… hold the package against the list of things that
// break recorders, one row each.

func TestRow01ReorderedPacketsComeInOrder(t *testing.T) {
	s := sounds(1, 6)
	s = []sent{s[0], s[2], s[1], s[5], s[4], s[3]}
	at := s[len(s)-1].at
	for i := range s {
		s[i].at = at + time.Duration(i)*ms
	}
	r := NewReceiver(Opus)
	equal(t, "events", []string{"K1 @960", "K2 @1920", "K3 @2880", "K4 @3840", "K5 @4800", "K6 @5760"}, story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 6, Bytes: 18, Frames: 6, Keyframes: 6}, r.Stats())
}

func TestRow02DuplicateOfNewestDropped(t *testing.T) {
	// The sequence on which other buffers flush: 1 3 4 5 5 2 6 7.
	s := sounds(0, 8)
	s = []sent{s[1], s[3], s[4], s[5], s[5], s[2], s[6], s[7]}
	s[4].want = Duplicate
	s[4].at, s[5].at = s[3].at+ms, s[3].at+2*ms
	r := NewReceiver(Opus)
	equal(t, "events", []string{"K1 @960", "K2 @1920", "K3 @2880", "K4 @3840", "K5 @4800", "K6 @5760", "K7 @6720"}, story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 7, Duplicate: 1, Bytes: 21, Frames: 7, Keyframes: 7}, r.Stats())
}

func TestRow02DuplicateInTheMiddleDropped(t *testing.T) {
	s := sounds(1, 9)
	dup := s[3]
	dup.want = Duplicate
	buffered := s[6]
	buffered.want = Duplicate
	// 4 again after it was given out; 7 again while it waits for 6.
	s = []sent{s[0], s[1], s[2], s[3], s[4], dup, s[6], buffered, s[5], s[7], s[8]}
	for i := range s {
		s[i].at = time.Duration(i) * 20 * ms
	}
	r := NewReceiver(Opus)
	equal(t, "frames", 9, len(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 9, Duplicate: 2, Bytes: 27, Frames: 9, Keyframes: 9}, r.Stats())
}

func TestRow02ProbesThatRepeatTheLastPacketsAreDropped(t *testing.T) {
	// A paused track: LiveKit's probes send the last five packets over and over.
	s := pictures(1, 6)
	for i := range 100 {
		p := s[1+i%5]
		p.at, p.want = s[5].at+time.Duration(i)*10*ms, Duplicate
		s = append(s, p)
	}
	after := picture(7, vp8Inter)
	after.at = s[len(s)-1].at + ms
	r := NewReceiver(VP8)
	equal(t, "frames", 7, len(run(t, r, append(s, after))))
	equal(t, "stats", Stats{Accepted: 7, Duplicate: 100, Bytes: 7*5 + 7, Frames: 7, Keyframes: 1}, r.Stats())
}

func TestRow03JumpForwardFlushes(t *testing.T) {
	s := sounds(1, 5)
	held := s[4] // 5 waits for 4
	far := sent{at: held.at + ms, seq: 5 + 3000, ts: 3005 * 960, payload: opus(6), want: Jump}
	near := sent{at: far.at + ms, seq: far.seq + 1, ts: far.ts + 960, payload: opus(7)}
	r := NewReceiver(Opus)
	equal(t, "events",
		[]string{
			"K1 @960", "K2 @1920", "K3 @2880", "gap 1 @2880-4800", "K5 @4800 lost 1",
			"gap 2999 @4800-2884800", "K6 @2884800 lost 2999", "K7 @2885760",
		},
		story(run(t, r, []sent{s[0], s[1], s[2], held, far, near})))
	equal(t, "stats", Stats{Accepted: 5, Jump: 1, Bytes: 18, Lost: 3000, Gaps: 2, Frames: 6, Keyframes: 6}, r.Stats())
}

func TestRow04ResetBackwardBeginsAnEpoch(t *testing.T) {
	for _, back := range []int{100, 5000, 30000} {
		t.Run(fmt.Sprint(back), func(t *testing.T) {
			s := sounds(31000, 50)
			last := s[len(s)-1]
			for i := range 20 {
				p := sent{
					at: last.at + time.Duration(i+1)*20*ms, seq: last.seq + 1 - uint16(back) + uint16(i),
					ts: 777 + uint32(i)*960, payload: opus(100 + i),
				}
				switch {
				case i < resetAfter-1:
					p.want = Old
				case i == resetAfter-1:
					p.want = Resync
				}
				s = append(s, p)
			}
			r := NewReceiver(Opus)
			got := story(run(t, r, s))
			equal(t, "events after the reset", []string{"reset", "K115 @15177", "K116 @16137", "K117 @17097", "K118 @18057", "K119 @19017"}, got[50:])
			equal(t, "stats", Stats{Accepted: 54, Old: 15, Resync: 1, Bytes: 55 * 3, Frames: 55, Keyframes: 55}, r.Stats())
		})
	}
}

func TestRow05SequenceNumberWraps(t *testing.T) {
	s := sounds(65530, 12)
	s[6], s[7] = s[7], s[6] // 65536, as 0, comes after 65537, as 1
	s[6].at, s[7].at = s[7].at, s[7].at+ms
	r := NewReceiver(Opus)
	got := frames(run(t, r, s))
	for i, f := range got {
		if want := Timestamp((65530 + i) * 960); f.Timestamp != want {
			t.Errorf("frame %d at %d, want %d", i, f.Timestamp, want)
		}
	}
	equal(t, "stats", Stats{Accepted: 12, Bytes: 36, Frames: 12, Keyframes: 12}, r.Stats())
}

func TestRow06MissingPacketIsWaitedForThenAGap(t *testing.T) {
	s := sounds(1, 4)
	r := NewReceiver(Opus, WithWait(200*ms))
	equal(t, "before", []string{"K1 @960"}, story(run(t, r, s[:1])))
	pushRaw(r, s[2].marshal(t), 60*ms)
	pushRaw(r, s[3].marshal(t), 80*ms)
	equal(t, "too early", []string(nil), story(next(r, 260*ms-1)))
	at, ok := r.Deadline()
	equal(t, "deadline", []any{260 * ms, true}, []any{at, ok})
	equal(t, "in time", []string{"gap 1 @960-2880", "K3 @2880 lost 1", "K4 @3840"}, story(next(r, 260*ms)))
	if at, ok := r.Deadline(); ok {
		t.Errorf("deadline %v with nothing to wait for", at)
	}
}

func TestRow06RepairedWithinTheWait(t *testing.T) {
	s := pictures(1, 40)
	repaired := s[5]
	repaired.at = s[5].at + 950*ms
	s = slices.Delete(s, 5, 6)
	i := slices.IndexFunc(s, func(p sent) bool { return p.at > repaired.at })
	s = slices.Insert(s, i, repaired)
	r := NewReceiver(VP8)
	equal(t, "events", story(run(t, NewReceiver(VP8), pictures(1, 40))), story(run(t, r, s)))
	equal(t, "lost", int64(0), r.Stats().Lost)
}

func TestRow06WaitOfASecondGapIsItsOwn(t *testing.T) {
	// 2 is missing since 60 ms and 5 since 160 ms.
	s := sounds(1, 8)
	r := NewReceiver(Opus, WithWait(200*ms))
	for _, i := range []int{0, 2, 3, 5, 6, 7} {
		pushRaw(r, s[i].marshal(t), s[i].at)
	}
	equal(t, "first", []string{"K1 @960", "gap 1 @960-2880", "K3 @2880 lost 1", "K4 @3840"}, story(next(r, 260*ms)))
	at, _ := r.Deadline()
	equal(t, "deadline", s[5].at+200*ms, at)
	equal(t, "second", []string{"gap 1 @3840-5760", "K6 @5760 lost 1", "K7 @6720", "K8 @7680"}, story(next(r, at)))
}

func TestRow06FullBufferDeclaresTheGap(t *testing.T) {
	s := sounds(1, 12)
	s = append(s[:1], s[2:]...)
	for i := range s {
		s[i].at = 0
	}
	s[5].want = Overflow
	r := NewReceiver(Opus, WithLimit(5))
	equal(t, "frames", 11, len(frames(run(t, r, s))))
	equal(t, "stats", Stats{Accepted: 10, Overflow: 1, Bytes: 33, Lost: 1, Gaps: 1, Frames: 11, Keyframes: 11}, r.Stats())
}

func TestRow06BufferIsBoundedEvenIfNothingIsTaken(t *testing.T) {
	r := NewReceiver(Opus, WithLimit(5))
	for i, s := range sounds(1, 30) {
		want := Accepted
		switch {
		case i >= 10:
			want = Refused
		case i >= 4:
			want = Overflow
		}
		if got := pushRaw(r, s.marshal(t), s.at); got != want {
			t.Errorf("packet %d: %v, want %v", i, got, want)
		}
	}
	equal(t, "frames", 10, len(next(r, 0)))
}

func TestRow07LateAfterItsGapDropped(t *testing.T) {
	s := sounds(1, 20)
	late := s[4]
	late.want = Late
	s = slices.Delete(s, 4, 5)
	late.at = s[17].at
	s = slices.Insert(s, 18, late)
	r := NewReceiver(Opus)
	got := story(run(t, r, s))
	equal(t, "events", []string{"gap 1 @3840-5760", "K6 @5760 lost 1", "K7 @6720"}, got[4:7])
	equal(t, "stats", Stats{Accepted: 19, Late: 1, Bytes: 57, Lost: 1, Gaps: 1, Frames: 19, Keyframes: 19}, r.Stats())
}

func TestRow07BurstOfLateRetransmissionsIsNoReset(t *testing.T) {
	s := pictures(1, 10)
	var burst []sent
	for k := 11; k < 71; k++ {
		p := picture(k, vp8Inter)
		p.at, p.want = 5*time.Second, Late
		burst = append(burst, p)
	}
	after := picture(71, key)
	s = append(s, after)
	trigger := picture(72, vp8Inter)
	trigger.at = after.at + 1100*ms
	s = append(s, trigger)
	s = append(s, burst...)
	end := picture(73, vp8Inter)
	end.at = 6 * time.Second
	r := NewReceiver(VP8)
	got := story(run(t, r, append(s, end)))
	equal(t, "events", []string{"gap 60 @30000-213000", "K71 @213000 lost 60", "P72 @216000", "P73 @219000"}, got[10:])
	equal(t, "resyncs", int64(0), r.Stats().Resync)
}

func TestRow08PaddingFirstForFiveSeconds(t *testing.T) {
	var s []sent
	for i := range 50 {
		s = append(s, sent{at: time.Duration(i) * 100 * ms, seq: uint16(i), ts: uint32(i * 9000), want: Padding})
	}
	// Real media comes with a timestamp of its own.
	for i, p := range pictures(0, 3) {
		p.seq, p.ts, p.at = uint16(50+i), 4000000000+p.ts, p.at+5*time.Second
		s = append(s, p)
	}
	r := NewReceiver(VP8)
	equal(t, "events", []string{"K0 @4000000000", "P1 @4000003000", "P2 @4000006000"}, story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 3, Padding: 50, Bytes: 12 + 5 + 5, Frames: 3, Keyframes: 1}, r.Stats())
}

func TestRow08PaddingBetweenFramesMakesNoGap(t *testing.T) {
	s := []sent{picture(0, key), {at: 33 * ms, seq: 1, ts: 0, want: Padding}, {at: 34 * ms, seq: 2, ts: 0, marker: true, want: Padding}}
	after := picture(3, vp8Inter)
	r := NewReceiver(VP8)
	equal(t, "events", []string{"K0 @0", "P3 @9000"}, story(run(t, r, append(s, after))))
}

func TestRow10DrainGivesOutTheTail(t *testing.T) {
	s := sounds(1, 10)
	r := NewReceiver(Opus)
	for _, i := range []int{0, 1, 3, 4, 7, 9} {
		pushRaw(r, s[i].marshal(t), s[i].at)
	}
	equal(t, "before", []string{"K1 @960", "K2 @1920"}, story(next(r, 200*ms)))
	r.Drain()
	equal(t, "drained", []string{"gap 1 @1920-3840", "K4 @3840 lost 1", "K5 @4800", "gap 2 @4800-7680", "K8 @7680 lost 2", "gap 1 @7680-9600", "K10 @9600 lost 1"},
		story(next(r, 200*ms)))
	// The track goes on: gaps that come later are waited for again.
	more := sounds(11, 3)
	pushRaw(r, more[0].marshal(t), more[0].at)
	pushRaw(r, more[2].marshal(t), more[2].at)
	equal(t, "after", []string{"K11 @10560"}, story(next(r, more[2].at)))
}

func TestRow11DeadlineNeedsNoPacket(t *testing.T) {
	s := pictures(0, 5)
	r := NewReceiver(VP8)
	if at, ok := r.Deadline(); ok {
		t.Errorf("deadline %v before the first packet", at)
	}
	for _, i := range []int{0, 2, 3, 4} {
		pushRaw(r, s[i].marshal(t), s[i].at)
	}
	equal(t, "keyframe", []string{"K0 @0"}, story(next(r, s[4].at)))
	at, ok := r.Deadline()
	equal(t, "deadline", []any{s[2].at + time.Second, true}, []any{at, ok})
	equal(t, "stalled", []string(nil), story(next(r, at-1)))
	equal(t, "at the deadline", []string{"gap 1 @0-6000", "freeze @0"}, story(next(r, at)))
}

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

func TestRow15KeyframeRequestsAreThrottledUntilOneComes(t *testing.T) {
	r := NewReceiver(VP8)
	var asked []time.Duration
	step := func(at time.Duration, s *sent) {
		if s != nil {
			s.at = at
			pushRaw(r, s.marshal(t), at)
		}
		next(r, at)
		if r.WantKeyframe(at) {
			asked = append(asked, at)
		}
	}
	// A stream joined in the middle, whose publisher hears nothing for 16 s.
	k := 0
	for ; k < 160; k++ {
		s := picture(k, vp8Inter)
		step(time.Duration(k)*100*ms, &s)
	}
	equal(t, "asked", []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms, 7500 * ms, 11500 * ms, 15500 * ms}, asked)
	asked = nil
	s := picture(k, key)
	step(16*time.Second, &s)
	k++
	for ; k < 240; k++ {
		s := picture(k, vp8Inter)
		step(time.Duration(k)*100*ms, &s)
	}
	equal(t, "asked after the keyframe", []time.Duration(nil), asked)
}

func TestRow15KeyframeWishedForEveryTenSeconds(t *testing.T) {
	r := NewReceiver(VP8)
	var asked []time.Duration
	for k := range 400 {
		s := picture(k, vp8Inter)
		s.at = time.Duration(k) * 100 * ms
		if k%200 == 0 {
			s = picture(k, key)
			s.at = time.Duration(k) * 100 * ms
		}
		pushRaw(r, s.marshal(t), s.at)
		next(r, s.at)
		if r.WantKeyframe(s.at) {
			asked = append(asked, s.at)
		}
	}
	sec := time.Second
	equal(t, "asked", []time.Duration{
		10 * sec, 10500 * ms, 11500 * ms, 13500 * ms, 17500 * ms,
		30 * sec, 30500 * ms, 31500 * ms, 33500 * ms, 37500 * ms,
	}, asked)
}

func TestRow15SilentPublisherIsNotAskedAgain(t *testing.T) {
	r := NewReceiver(VP8)
	s := picture(0, vp8Inter)
	pushRaw(r, s.marshal(t), 0)
	next(r, 0)
	asked := 0
	for at := time.Duration(0); at < time.Hour; at += time.Second {
		if r.WantKeyframe(at) {
			asked++
		}
	}
	equal(t, "asked", 1, asked)
}

func TestRow15SoundWantsNoKeyframe(t *testing.T) {
	r := NewReceiver(Opus)
	run(t, r, append(sounds(1, 3), sounds(10, 2000)...))
	if r.WantKeyframe(time.Hour) {
		t.Error("asks for a keyframe of sound")
	}
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

func TestRow30TimestampsOverThirtyHours(t *testing.T) {
	for _, c := range []struct {
		codec Codec
		step  time.Duration
	}{{VP8, time.Second}, {Opus, 400 * ms}, {VP8, 5 * time.Hour}, {Opus, 9 * time.Hour}} {
		r := NewReceiver(c.codec)
		rate := int64(c.codec.ClockRate())
		first := int64(4294960000)
		for i := int64(0); time.Duration(i)*c.step <= 30*time.Hour; i++ {
			at := time.Duration(i) * c.step
			want := first + i*(int64(c.step)*rate/int64(time.Second))
			s := sent{at: at, seq: uint16(i), ts: uint32(want), marker: true, payload: opus(1)}
			if c.codec == VP8 {
				s.payload = vp8Packet(true, key(1)...)
			}
			pushRaw(r, s.marshal(t), at)
			f, ok := r.Next(at)
			if !ok || int64(f.(*Frame).Timestamp) != want {
				t.Fatalf("%v after %v: %v %v, want %d", c.codec, at, ok, f, want)
			}
		}
	}
}

func TestRow33MuteForAMinute(t *testing.T) {
	s := pictures(0, 3)
	after := sent{at: 60*time.Second + 66*ms, seq: 3, ts: 6000 + 60*90000, marker: true, payload: vp8Packet(true, key(3)...)}
	r := NewReceiver(VP8)
	equal(t, "events", []string{"K0 @0", "P1 @3000", "P2 @6000", "K3 @5406000"}, story(run(t, r, append(s, after))))
	equal(t, "lost", int64(0), r.Stats().Lost)
}

func TestRow34DTXForAnHour(t *testing.T) {
	r := NewReceiver(Opus)
	n := 0
	for at := time.Duration(0); at < time.Hour; at += 400 * ms {
		s := sent{at: at, seq: uint16(n), ts: uint32(OpusClock.Ticks(at)), payload: opus(1)}
		pushRaw(r, s.marshal(t), at)
		f, ok := r.Next(at)
		if !ok || OpusClock.Duration(int64(f.(*Frame).Timestamp)) != at {
			t.Fatalf("after %v: %v", at, f)
		}
		n++
	}
	equal(t, "stats", Stats{Accepted: int64(n), Bytes: int64(3 * n), Frames: int64(n), Keyframes: int64(n)}, r.Stats())
}

func TestRow36CaptureStallKeepsTimestamps(t *testing.T) {
	// RTP goes on without a hole while 18 s pass: that is the owner's to see, in
	// arrival against timestamp.
	s := sounds(0, 4)
	s[2].at += 18 * time.Second
	s[3].at += 18 * time.Second
	got := frames(run(t, NewReceiver(Opus), s))
	equal(t, "timestamps", []Timestamp{0, 960, 1920, 2880}, []Timestamp{got[0].Timestamp, got[1].Timestamp, got[2].Timestamp, got[3].Timestamp})
	equal(t, "arrival", 18*time.Second+40*ms, got[2].Arrival)
}
