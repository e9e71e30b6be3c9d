package packet

import (
	"testing"
	"time"
)

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
