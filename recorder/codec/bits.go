// Package codec reads what the containers and the RTP payload formats both need to
// know of a codec's own bytes.
package codec

import "math"

// Bits reads a header bit by bit. Past its end it reads zeros, and says so
// by Short.
type Bits struct {
	b     []byte
	pos   int // bits
	short bool
}

// NewBits reads b from its first bit.
func NewBits(b []byte) Bits {
	return Bits{b: b}
}

// Short tells whether more was asked for than there was.
func (r *Bits) Short() bool { return r.short }

// Pos is how many bits were read.
func (r *Bits) Pos() int { return r.pos }

// U reads n bits, at most 32, the most significant one first.
func (r *Bits) U(n int) uint32 {
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

// Flag reads one bit.
func (r *Bits) Flag() bool { return r.U(1) == 1 }

// Skip passes over n bits.
func (r *Bits) Skip(n int) {
	if n > 8*len(r.b)-r.pos {
		n, r.short = 8*len(r.b)-r.pos, true
	}
	r.pos += n
}

// UE reads an unsigned Exp-Golomb number (H.264 section 9.1), which AV1 calls
// uvlc.
func (r *Bits) UE() uint32 {
	zeros := 0
	for !r.Flag() {
		if zeros++; zeros == 32 || r.short {
			r.short = r.short || zeros == 32
			return 1<<32 - 1
		}
	}
	return 1<<zeros - 1 + r.U(zeros)
}

// SE reads a signed Exp-Golomb number.
func (r *Bits) SE() int32 {
	k := r.UE()
	if k&1 == 0 {
		return -int32(k / 2)
	}
	return int32(k/2 + 1)
}

// ParseLEB128 returns the number at the beginning of b and how many bytes it
// takes (AV1 section 4.10.5); a width of 0 if it is cut, or does not fit an int32.
func ParseLEB128(b []byte) (n, width int) {
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

// AppendLEB128 appends n in as few bytes as it takes.
func AppendLEB128(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
