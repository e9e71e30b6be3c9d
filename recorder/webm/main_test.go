package webm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		writeUntilKilled(filepath.Join(dir, "part.webm"))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "webm")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	mediaDir = dir
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// testOptions make the same file of the same blocks.
func testOptions() Options {
	return Options{
		WritingApp: "test",
		Date:       time.Date(2001, 1, 1, 0, 0, 1, 0, time.UTC),
		SegmentUID: [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	}
}

func create(t testing.TB, path string, o Options, tracks ...Track) *Writer {
	t.Helper()
	w, err := Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	for _, track := range tracks {
		if err := w.SetTrack(track); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func writeAll(t testing.TB, w *Writer, blocks []Block) {
	t.Helper()
	for _, b := range blocks {
		if err := w.WriteBlock(b); err != nil {
			t.Fatal(err)
		}
	}
}

func finalize(t testing.TB, w *Writer) Summary {
	t.Helper()
	s, err := w.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mux writes a finished file.
func mux(t testing.TB, path string, streams ...stream) Summary {
	t.Helper()
	w := create(t, path, testOptions())
	for _, s := range streams {
		if err := w.SetTrack(s.track); err != nil {
			t.Fatal(err)
		}
	}
	writeAll(t, w, interleave(streams...))
	return finalize(t, w)
}

// readBlocks returns the blocks up to the end or the damage, and which of the two.
func readBlocks(t testing.TB, r *Reader) ([]Block, error) {
	t.Helper()
	var blocks []Block
	for {
		b, err := r.Next()
		if err != nil {
			return blocks, err
		}
		b.Payload = append([]byte(nil), b.Payload...)
		blocks = append(blocks, b)
	}
}

// readFile returns the tracks and the blocks of a file that has to be whole.
func readFile(t testing.TB, path string) ([]Track, []Block) {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	blocks, err := readBlocks(t, r)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("after %d blocks: %v", len(blocks), err)
	}
	return r.Tracks(), blocks
}

// sameBlocks compares what was written with what was read, but for the offsets.
func sameBlocks(t *testing.T, want, got []Block) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%d blocks, want %d", len(got), len(want))
	}
	for i := range min(len(want), len(got)) {
		w, g := want[i], got[i]
		if w.Track != g.Track || w.Time != g.Time || w.Keyframe != g.Keyframe || !bytes.Equal(w.Payload, g.Payload) {
			t.Fatalf("block %d is of track %d at %v, keyframe %v, %d bytes %.20x; want track %d at %v, keyframe %v, %d bytes %.20x", i,
				g.Track, g.Time, g.Keyframe, len(g.Payload), g.Payload, w.Track, w.Time, w.Keyframe, len(w.Payload), w.Payload)
		}
	}
}
