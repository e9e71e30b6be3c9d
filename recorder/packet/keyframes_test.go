package packet

import (
	"testing"
	"time"
)

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
