package webm

import (
	"path/filepath"
	"testing"
	"time"
)

// benchWriter returns a Writer on a real file with a picture and a sound track,
// and what writes the next block of either.
func benchWriter(t testing.TB) (step func()) {
	t.Helper()
	w := create(t, filepath.Join(t.TempDir(), "part.webm"), testOptions(), testVP8, testOpus(t))
	frame, packet := make([]byte, 4000), make([]byte, 80)
	packet[0] = 0xF8
	clock := time.Now()
	var n int
	return func() {
		at := time.Duration(n) * 20 * time.Millisecond
		err := w.WriteBlock(Block{Track: 2, Time: at, Payload: packet})
		if err == nil && n%2 == 0 {
			err = w.WriteBlock(Block{Track: 1, Time: at, Keyframe: n%500 == 0, Payload: frame})
		}
		if err == nil {
			err = w.FlushIfDue(clock.Add(at))
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	step := benchWriter(t)
	// A cue is kept for each cluster: leave room, as a running recording has.
	for range 3000 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations for a block", n)
	}
}

// BenchmarkWriteBlock writes 20 ms of a participant: one sound packet of 80 bytes,
// and every other time a frame of 4000, with flushes and syncs as they fall due.
func BenchmarkWriteBlock(b *testing.B) {
	step := benchWriter(b)
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
}
