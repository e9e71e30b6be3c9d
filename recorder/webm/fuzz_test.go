package webm

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

// tails are what may follow a head: whole, torn and damaged.
func tails(f *testing.F) [][]byte {
	f.Helper()
	unfinished, finished := unhex(f, goldenUnfinished)[headSize:], unhex(f, goldenFinished)[headSize:]
	return [][]byte{
		unfinished, finished, unfinished[:len(unfinished)-4], finished[:len(finished)-20],
		zeros(finished, 0, 1), zeros(finished, 37, 9), zeros(finished, 53, 4),
		unhex(f, "EC 83 00*3 1F43B675 1FFFFFFF E7 81 00 A0 87 A1 85 81 0001 00 AA A7 81 00"),
	}
}

func FuzzReader(f *testing.F) {
	// A head without the Void that makes it 6 KiB: mutations should hit something.
	head := unhex(f, goldenFinished)
	head, _, _ = bytes.Cut(head, []byte{idVoid, 1, 0, 0})
	for _, tail := range tails(f) {
		f.Add(slices.Concat(head, tail))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		r.Tracks()
		r.Duration()
		end := int64(0)
		for {
			b, err := r.Next()
			if err != nil {
				if _, ok := errors.AsType[*CorruptError](err); !ok && !errors.Is(err, io.EOF) {
					t.Errorf("an error of another kind: %v", err)
				}
				break
			}
			if b.Offset < end || b.Offset+int64(len(b.Payload)) > int64(len(file)) {
				t.Fatalf("a block of %d bytes at %d, after one that ends at %d", len(b.Payload), b.Offset, end)
			}
			end = b.Offset + int64(len(b.Payload))
		}
	})
}

// Repair keeps at least what the Reader finds before the first damage, and what it
// has repaired is whole.
func FuzzRepair(f *testing.F) {
	head := unhex(f, goldenUnfinished)[:headSize]
	for _, tail := range tails(f) {
		f.Add(tail)
	}
	f.Fuzz(func(t *testing.T, tail []byte) {
		file := slices.Concat(head, tail)
		m := &memory{b: bytes.Clone(file)}
		s, err := repair(m)
		if err != nil {
			if !bytes.Equal(m.b, file) {
				t.Fatalf("changed, and then %v", err)
			}
			return
		}
		r, err := NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := readBlocks(t, r)
		after, _ := blocksOf(t, m.b)
		if len(after) < len(before) {
			t.Fatalf("%d blocks before, %d after", len(before), len(after))
		}
		sameBlocks(t, before, after[:len(before)])
		if s.Size != int64(len(m.b)) || s.Duration <= 0 {
			t.Errorf("%d bytes, summary %+v", len(m.b), s)
		}
		again := &memory{b: bytes.Clone(m.b), failAt: 1}
		if _, err := repair(again); err != nil {
			t.Errorf("repaired twice: %v", err)
		}
	})
}

func FuzzCodecPrivate(f *testing.F) {
	f.Add([]byte{0x67, 100, 0, 30, 0xAC, 0xD9, 0x40, 0xA0, 0x2F, 0xF9})
	f.Add([]byte{0x42, 0x01, 0x01, 0x01, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3C, 0xA0, 0x14, 0x20})
	f.Add([]byte{0x0A, 0x0B, 0, 0, 0, 0x24, 0xC4, 0xFF, 0xDF, 0x2F, 0x7C, 0x04, 0x08})
	f.Add([]byte{0x82, 0x49, 0x83, 0x42, 0, 0x09, 0xF0, 0x07, 0x76})
	f.Fuzz(func(t *testing.T, b []byte) {
		sets := [][]byte{b}
		for name, build := range map[string]func() ([]byte, error){
			"AVC":  func() ([]byte, error) { return AVCCodecPrivate(sets, [][]byte{{0x68, 0xCE}}) },
			"HEVC": func() ([]byte, error) { return HEVCCodecPrivate([][]byte{{0x40, 1, 0}}, sets, [][]byte{{0x44, 1, 0}}) },
			"AV1":  func() ([]byte, error) { return AV1CodecPrivate(b) },
			"VP9":  func() ([]byte, error) { return VP9CodecPrivate(b) },
		} {
			private, err := build()
			if (len(private) == 0) == (err == nil) || err != nil && !errors.Is(err, ErrInvalidCodecData) {
				t.Errorf("%s: %x, %v", name, private, err)
			}
		}
	})
}
