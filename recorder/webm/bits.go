package webm

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
	r.pos += n
	if r.pos > 8*len(r.b) {
		r.short = true
	}
}

// ue reads an unsigned Exp-Golomb number (H.264 section 9.1), which AV1 calls uvlc.
func (r *bitReader) ue() uint32 {
	zeros := 0
	for !r.flag() {
		if zeros++; zeros == 32 || r.short {
			return 1<<32 - 1
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// unescape returns a NAL unit without its emulation prevention bytes (H.264
// section 7.3.1, H.265 section 7.3.1.1).
func unescape(nal []byte) []byte {
	out := make([]byte, 0, len(nal))
	zeros := 0
	for _, c := range nal {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// leb128 appends n as AV1 does (AV1 section 4.10.5).
func leb128(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// parseLEB128 returns the number at the beginning of b and how many bytes it
// takes; 0 if it is cut or takes more than the 4 bytes that any header could.
func parseLEB128(b []byte) (n, width int) {
	for i, c := range b[:min(len(b), 4)] {
		n |= int(c&0x7F) << (7 * i)
		if c < 0x80 {
			return n, i + 1
		}
	}
	return 0, 0
}
