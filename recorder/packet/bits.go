package packet

import "math"

// bitReader reads a header bit by bit. Past its end it reads zeros, and says so
// in short.
type bitReader struct {
	b     []byte
	pos   int // bits
	short bool
}

// u reads n bits, at most 32, the most significant one first.
func (r *bitReader) u(n int) uint32 {
	var v uint32
	for ; n > 0; n-- {
		v <<= 1
		if r.pos >= 8*len(r.b) {
			r.short = true
			continue
		}
		v |= uint32(r.b[r.pos/8]>>(7-r.pos%8)) & 1
		r.pos++
	}
	return v
}

func (r *bitReader) flag() bool { return r.u(1) == 1 }

func (r *bitReader) skip(n int) {
	if n > 8*len(r.b)-r.pos {
		n, r.short = 8*len(r.b)-r.pos, true
	}
	r.pos += n
}

// ue reads an unsigned Exp-Golomb number (H.264 section 9.1), which AV1 calls
// uvlc.
func (r *bitReader) ue() uint32 {
	zeros := 0
	for !r.flag() {
		if zeros++; zeros == 32 || r.short {
			r.short = r.short || zeros == 32
			return 1<<32 - 1
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// se reads a signed Exp-Golomb number.
func (r *bitReader) se() int32 {
	k := r.ue()
	if k&1 == 0 {
		return -int32(k / 2)
	}
	return int32(k/2 + 1)
}

// parseLEB128 returns the number at the beginning of b and how many bytes it
// takes (AV1 section 4.10.5); a width of 0 if it is cut, or does not fit an int32.
func parseLEB128(b []byte) (n, width int) {
	var v uint64
	for i, c := range b[:min(len(b), 8)] {
		v |= uint64(c&0x7F) << (7 * i)
		if c < 0x80 {
			if v > math.MaxInt32 {
				return 0, 0
			}
			return int(v), i + 1
		}
	}
	return 0, 0
}

// appendLEB128 appends n in as few bytes as it takes.
func appendLEB128(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
