package recorder

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/codec"
	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// capturing opens a capture in an archive of its own. It is closed by the end of
// the test, if the test does not.
func capturing(t testing.TB, s recording.Selection) *capture {
	t.Helper()
	a, err := recording.OpenArchive(t.TempDir())
	must(t, err)
	rec := recording.Recording{ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: "r", Selection: s}}
	c, err := openCapture(a, rec, recording.EpochEntry{Number: 1, Node: "n", Wall: time.Now().UTC().Round(0), Room: "r"}, 0, slog.New(slog.DiscardHandler))
	must(t, err)
	c.onMedia = func(time.Duration) {}
	return c
}

func closeCapture(t testing.TB, c *capture) *recording.Manifest {
	t.Helper()
	m, err := c.close(context.Background(), time.Minute, recording.EndedByStop, nil)
	must(t, err)
	return m
}

// A sounding is a file of sound while it is written.
type sounding struct {
	t       *testing.T
	p       *part
	pt      *partTrack
	path    string
	packets [][]byte
	length  time.Duration // of each
	next    int
}

func newSounding(t *testing.T, packets [][]byte) *sounding {
	t.Helper()
	c := capturing(t, recording.Selection{})
	t.Cleanup(func() { closeCapture(t, c) })
	path := filepath.Join(c.dir, "sound.webm")
	w, err := webm.Create(path, webm.Options{})
	must(t, err)
	track, err := webm.OpusTrack(1, 2)
	must(t, err)
	must(t, w.SetTrack(track))
	length, ok := codec.OpusDuration(packets[0])
	if !ok {
		t.Fatal("packets have no length")
	}
	return &sounding{t: t, p: &part{id: "p", c: c, w: w}, pt: &partTrack{number: 1, codec: packet.Opus}, path: path, packets: packets, length: length}
}

// play writes n packets, the first of which lies at a time, and returns when the
// last one ends.
func (s *sounding) play(at time.Duration, n int) time.Duration {
	s.t.Helper()
	for range n {
		f := &packet.Frame{Codec: packet.Opus, Duration: s.length, Keyframe: true, Payload: s.packets[s.next%len(s.packets)]}
		s.next++
		must(s.t, s.p.writeSound(s.pt, f, at))
		at += s.length
	}
	return at
}

// written finishes the file and says of each block when and what it is.
func (s *sounding) written() []string {
	s.t.Helper()
	_, err := s.p.w.Finalize()
	must(s.t, err)
	_, blocks := readBlocks(s.t, s.path)
	var said []string
	for _, b := range blocks {
		what := "sound"
		switch {
		case string(b.Payload) == "\xf8\xff\xfe":
			what = "silence"
		case len(b.Payload) == 1 && b.Payload[0]&3 == 0:
			what = "concealed"
		}
		said = append(said, fmt.Sprintf("%v %s", b.Time, what))
	}
	return said
}

// expect lists n blocks of a kind, the first at a time.
func expect(at, length time.Duration, n int, what string) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%v %s", at+time.Duration(i)*length, what))
	}
	return list
}

func TestSoundHoles(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name    string
		options []string // to the encoder
		hole    time.Duration
		length  time.Duration // of what fills it
		n       int
		what    string
	}{
		{"none", nil, 0, 0, 0, ""},
		{"jitter", nil, 9 * ms, 0, 0, ""},
		{"20 ms", nil, 20 * ms, 20 * ms, 1, "concealed"},
		{"60 ms", nil, 60 * ms, 20 * ms, 3, "concealed"},
		{"100 ms", nil, 100 * ms, 20 * ms, 5, "concealed"},
		{"120 ms", nil, 120 * ms, 20 * ms, 6, "silence"},
		{"DTX", nil, 380 * ms, 20 * ms, 19, "silence"},
		{"1 s", nil, time.Second, 20 * ms, 50, "silence"},
		{"muted for 60 s", nil, time.Minute, 20 * ms, 3000, "silence"},
		{"packets of 10 ms", []string{"-frame_duration", "10"}, 60 * ms, 10 * ms, 6, "concealed"},
		{"packets of three frames", []string{"-frame_duration", "60"}, 60 * ms, 20 * ms, 3, "concealed"},
		{"1 s of packets of 60 ms", []string{"-frame_duration", "60"}, time.Second, 20 * ms, 50, "silence"},
		{"speech", []string{"-application", "voip", "-b:a", "14k"}, 100 * ms, 20 * ms, 5, "concealed"},
		{"1 s of speech", []string{"-application", "voip", "-b:a", "14k"}, time.Second, 20 * ms, 50, "silence"},
		{"speech of 60 ms", []string{"-application", "voip", "-b:a", "14k", "-frame_duration", "60"}, 60 * ms, 60 * ms, 1, "concealed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSounding(t, opus(t, c.options...))
			const before, after = 20, 30
			end := s.play(0, before)
			want := expect(0, s.length, before, "sound")
			want = append(want, expect(end, c.length, c.n, c.what)...)
			want = append(want, expect(end+c.hole, s.length, after, "sound")...)
			end = s.play(end+c.hole, after)
			if diff := cmp.Diff(want, s.written()); diff != "" {
				t.Errorf("blocks (-want +got):\n%s", diff)
			}
			if got := decodedSound(t, s.path); (got - end).Abs() > 20*ms {
				t.Errorf("%v of sound plays for %v", end, got)
			}
		})
	}
}

// TestSoundDTX: while nobody speaks a packet comes every 400 ms, for minutes,
// and the file's sound does not get shorter with any of them.
func TestSoundDTX(t *testing.T) {
	s := newSounding(t, opus(t))
	var end time.Duration
	for i := range 300 {
		end = s.play(time.Duration(i)*400*time.Millisecond, 1)
	}
	if n := len(s.written()); n != 300+299*19 {
		t.Errorf("%d blocks, want %d", n, 300+299*19)
	}
	if got := decodedSound(t, s.path); (got - end).Abs() > 20*time.Millisecond {
		t.Errorf("%v of sound plays for %v", end, got)
	}
}

// TestSoundOverlap: after a clock was set back, sound lies where other sound is
// already, and is left out until it does not.
func TestSoundOverlap(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name string
		back time.Duration
		kept int // of 200 packets
	}{{"9 ms", 9 * ms, 200}, {"20 ms", 20 * ms, 199}, {"1 s", time.Second, 150}, {"before the file", 5 * time.Second, 50}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSounding(t, opus(t))
			end := s.play(0, 50)
			for i := range 150 {
				s.play(max(end-c.back+time.Duration(i)*s.length, 0), 1)
			}
			if n := len(s.written()); n != c.kept {
				t.Errorf("%d blocks, want %d", n, c.kept)
			}
			_, blocks := readBlocks(t, s.path)
			for i := 1; i < len(blocks); i++ {
				if step := blocks[i].Time - blocks[i-1].Time; step < s.length/2 {
					t.Fatalf("block at %v comes %v after the one before", blocks[i].Time, step)
				}
			}
		})
	}
}

// TestSoundThatBeginsLate: nothing is put before the first packet.
func TestSoundThatBeginsLate(t *testing.T) {
	s := newSounding(t, opus(t))
	s.play(5*time.Second, 10)
	if diff := cmp.Diff(expect(5*time.Second, s.length, 10, "sound"), s.written()); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
}
