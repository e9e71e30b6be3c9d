package webm

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The blocks of a young picture are moved where they lie, in the buffer and on
// the disk; those of the sound and later ones are not.
func TestMove(t *testing.T) {
	for _, by := range []time.Duration{-90 * time.Millisecond, 40 * time.Millisecond, -500 * time.Millisecond, -5 * time.Second} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.webm")
			w, err := Create(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			sound, err := OpusTrack(1, 2)
			if err != nil {
				t.Fatal(err)
			}
			picture := Track{Number: 2, Kind: Video, Codec: VP8, Width: 64, Height: 64}
			for _, tr := range []Track{sound, picture} {
				if err := w.SetTrack(tr); err != nil {
					t.Fatal(err)
				}
			}
			want := map[int][]time.Duration{}
			write := func(track int, at, expect time.Duration) {
				t.Helper()
				payload := []byte{0xfc, 0xff, 0xfe}
				if err := w.WriteBlock(Block{Track: track, Time: at, Keyframe: true, Payload: payload}); err != nil {
					t.Fatal(err)
				}
				want[track] = append(want[track], expect)
			}
			last := -time.Millisecond
			moved := func(at time.Duration) time.Duration { // and not before the file begins
				last = max(at+by, last+time.Millisecond)
				return last
			}
			for i := range 100 {
				at := time.Duration(i) * 40 * time.Millisecond
				write(1, at, at)
				if i >= 3 {
					write(2, at, moved(at))
				}
				if i == 60 {
					if err := w.FlushIfDue(time.Now()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := w.Movable(2, by); got != by {
				t.Fatalf("Movable(%v) = %v", by, got)
			}
			// There and back and there again: nothing is forgotten.
			for _, step := range []time.Duration{by, -by, by - 7*time.Millisecond, 7 * time.Millisecond} {
				if err := w.Move(2, step); err != nil {
					t.Fatal(err)
				}
			}
			write(2, 6*time.Second, 6*time.Second)
			summary, err := w.Finalize()
			if err != nil {
				t.Fatal(err)
			}
			if got := summary.Tracks[1].First; got != want[2][0] {
				t.Errorf("first picture at %v, want %v", got, want[2][0])
			}
			r, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got := map[int][]time.Duration{}
			for {
				b, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got[b.Track] = append(got[b.Track], b.Time)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// A picture older than MoveWindow stays where it is.
func TestMoveOfOldTrack(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "a.webm"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.SetTrack(Track{Number: 1, Kind: Video, Codec: VP8, Width: 64, Height: 64}); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Duration{time.Second, MoveWindow + 2*time.Second} {
		if err := w.WriteBlock(Block{Track: 1, Time: at, Keyframe: true, Payload: []byte{1}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.Movable(1, time.Second); got != 0 {
		t.Errorf("Movable = %v, want 0", got)
	}
	if err := w.Move(1, time.Second); !errors.Is(err, ErrInvalidBlock) {
		t.Errorf("Move: %v, want ErrInvalidBlock", err)
	}
}

// A move beyond what a block's time can hold is refused whole.
func TestMoveTooFar(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "a.webm"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.SetTrack(Track{Number: 1, Kind: Video, Codec: VP8, Width: 64, Height: 64}); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteBlock(Block{Track: 1, Time: time.Second, Keyframe: true, Payload: []byte{1}}); err != nil {
		t.Fatal(err)
	}
	before := w.Summary()
	if got := w.Movable(1, 40*time.Second); got != 0 {
		t.Errorf("Movable = %v, want 0", got)
	}
	if err := w.Move(1, 40*time.Second); !errors.Is(err, ErrInvalidBlock) {
		t.Errorf("Move: %v, want ErrInvalidBlock", err)
	}
	if d := cmp.Diff(before, w.Summary()); d != "" {
		t.Error(d)
	}
}
