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

func TestRow06WaitIsNotProlongedByWhatFillsTheGap(t *testing.T) {
	// 2 and 3 are missing when 4 comes; 3 comes 150 ms later.
	s := sounds(1, 4)
	r := NewReceiver(Opus, WithWait(200*ms))
	pushRaw(r, s[0].marshal(t), 0)
	pushRaw(r, s[3].marshal(t), 60*ms)
	pushRaw(r, s[2].marshal(t), 210*ms)
	equal(t, "in time", []string{"K1 @960", "gap 1 @960-2880", "K3 @2880 lost 1", "K4 @3840"}, story(next(r, 260*ms)))
	late := NewReceiver(Opus, WithWait(200*ms))
	pushRaw(late, s[0].marshal(t), 0)
	next(late, 0)
	pushRaw(late, s[3].marshal(t), 60*ms)
	pushRaw(late, s[2].marshal(t), 210*ms)
	at, ok := late.Deadline()
	equal(t, "deadline that was not asked for before", []any{260 * ms, true}, []any{at, ok})
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
