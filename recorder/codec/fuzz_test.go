package codec

import (
	"bytes"
	"testing"
	"time"
)

func FuzzOpusDuration(f *testing.F) {
	f.Add([]byte{0xF8, 0xFF, 0xFE})
	f.Add([]byte{31<<3 | 3, 48})
	f.Fuzz(func(t *testing.T, packet []byte) {
		d, ok := OpusDuration(packet)
		if ok && (d < 2500*time.Microsecond || d > 120*time.Millisecond || d%(2500*time.Microsecond) != 0) {
			t.Errorf("%x plays %v", packet, d)
		}
	})
}

// What was parsed is written again in no more bytes, and a NAL unit's own bytes
// come through emulation prevention and back.
func FuzzBits(f *testing.F) {
	f.Add([]byte{0x80, 0x01})
	f.Add([]byte{0x67, 0, 0, 3, 1, 0, 0, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, width := ParseLEB128(b); width > 0 {
			again := AppendLEB128(nil, n)
			if m, _ := ParseLEB128(again); m != n || len(again) > width {
				t.Errorf("leb128 %d of %d bytes became %d of %d", n, width, m, len(again))
			}
		}
		if got := Unescape(escape(b)); !bytes.Equal(got, b) {
			t.Errorf("%x came back as %x", b, got)
		}
		for r := NewBits(b); !r.Short(); {
			before := r.Pos()
			r.UE()
			if r.Pos() < before || r.Pos() > 8*len(b) {
				t.Fatalf("at bit %d of %d", r.Pos(), 8*len(b))
			}
		}
	})
}

// escape is what an encoder does to a NAL unit (H.264 section 7.4.1).
func escape(nal []byte) (out []byte) {
	zeros := 0
	for _, c := range nal {
		if zeros == 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		if out = append(out, c); c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}
