package packet

import (
	"testing"
	"time"
)

func TestOpusDuration(t *testing.T) {
	// RFC 6716 table 2, by the length of one frame in units of 100 µs.
	lengths := []int{100, 200, 400, 600, 100, 200, 400, 600, 100, 200, 400, 600, 100, 200, 100, 200, 25, 50, 100, 200, 25, 50, 100, 200, 25, 50, 100, 200, 25, 50, 100, 200}
	for config, length := range lengths {
		for code, frames := range map[byte]int{0: 1, 1: 2, 2: 2} {
			want := time.Duration(length*frames) * 100 * time.Microsecond
			if got, ok := opusDuration([]byte{byte(config)<<3 | code, 1}); got != want || !ok {
				t.Errorf("config %d, code %d: %v, %v, want %v", config, code, got, ok, want)
			}
		}
	}
	for _, c := range []struct {
		payload []byte
		want    time.Duration
		ok      bool
	}{
		{[]byte{31<<3 | 3, 6}, 120 * ms, true},
		{[]byte{31<<3 | 3, 0x80 | 6, 1}, 120 * ms, true}, // VBR
		{[]byte{31<<3 | 3, 7}, 140 * ms, false},
		{[]byte{31<<3 | 3, 0}, 0, false},
		{[]byte{31<<3 | 3}, 0, false},
		{nil, 0, false},
	} {
		if got, ok := opusDuration(c.payload); got != c.want || ok != c.ok {
			t.Errorf("%x: %v, %v, want %v, %v", c.payload, got, ok, c.want, c.ok)
		}
	}
}

func TestOpusPacketOfNothingIsDropped(t *testing.T) {
	s := sounds(1, 3)
	s[1].payload = []byte{31<<3 | 3, 0} // says it has no frames
	r := NewReceiver(Opus)
	equal(t, "events", []string{"K1 @960", "K3 @2880"}, story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 3, Bytes: 8, Frames: 2, Keyframes: 2, Incomplete: 1}, r.Stats())
}
