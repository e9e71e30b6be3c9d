package codec

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
			if got, ok := OpusDuration([]byte{byte(config)<<3 | code, 1}); got != want || !ok {
				t.Errorf("config %d, code %d: %v, %v, want %v", config, code, got, ok, want)
			}
		}
	}
	ms := time.Millisecond
	for _, c := range []struct {
		name    string
		payload []byte
		want    time.Duration
		ok      bool
	}{
		{"nothing", nil, 0, false},
		{"SILK narrowband 10 ms", []byte{0 << 3}, 10 * ms, true},
		{"SILK narrowband 60 ms", []byte{3 << 3}, 60 * ms, true},
		{"SILK wideband 40 ms", []byte{10 << 3}, 40 * ms, true},
		{"hybrid 10 ms", []byte{12 << 3}, 10 * ms, true},
		{"hybrid 20 ms", []byte{15 << 3}, 20 * ms, true},
		{"CELT 2.5 ms", []byte{16 << 3}, 2500 * time.Microsecond, true},
		{"CELT 5 ms", []byte{29 << 3}, 5 * ms, true},
		{"silence, CELT 20 ms", []byte{0xF8, 0xFF, 0xFE}, 20 * ms, true},
		{"two frames", []byte{31<<3 | 1}, 40 * ms, true},
		{"two frames of different sizes", []byte{31<<3 | 2, 0}, 40 * ms, true},
		{"three frames", []byte{31<<3 | 3, 0x80 | 3}, 60 * ms, true},
		{"48 frames of 2.5 ms", []byte{16<<3 | 3, 48}, 120 * ms, true},
		{"49 frames of 2.5 ms", []byte{16<<3 | 3, 49}, 122500 * time.Microsecond, false},
		{"six frames of 20 ms, VBR", []byte{31<<3 | 3, 0x80 | 6, 1}, 120 * ms, true},
		{"seven frames of 20 ms", []byte{31<<3 | 3, 7}, 140 * ms, false},
		{"three frames of 60 ms", []byte{3<<3 | 3, 3}, 180 * ms, false},
		{"no frame", []byte{31<<3 | 3, 0}, 0, false},
		{"a cut count", []byte{31<<3 | 3}, 0, false},
	} {
		if got, ok := OpusDuration(c.payload); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestOpusChannels(t *testing.T) {
	for _, c := range []struct {
		name    string
		payload []byte
		want    int
	}{
		{"nothing", nil, 0},
		{"silence in mono", []byte{0xF8, 0xFF, 0xFE}, 1},
		{"silence in stereo", []byte{0xFC, 0xFF, 0xFE}, 2},
		{"SILK in stereo", []byte{1<<3 | 4}, 2},
		{"48 frames in mono", []byte{16<<3 | 3, 48}, 1},
	} {
		if got := OpusChannels(c.payload); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
