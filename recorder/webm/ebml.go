package webm

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/bits"
)

// unknownSize stands for an EBML element whose size was not known when its
// header was written (RFC 8794 section 6.2: all data bits set).
const unknownSize = -1

var (
	errInvalidID   = errors.New("invalid element ID")
	errInvalidSize = errors.New("invalid element size")
)

// appendID appends an element ID, which carries its own length marker.
func appendID(b []byte, id uint32) []byte {
	for n := (bits.Len32(id) + 7) / 8; n > 0; n-- {
		b = append(b, byte(id>>(8*(n-1))))
	}
	return b
}

// vintWidth returns how many bytes a size needs. All ones are taken: they mean
// an unknown size.
func vintWidth(n int64) int {
	width := 1
	for n >= 1<<(7*width)-1 {
		width++
	}
	return width
}

// appendVint appends n, or unknownSize, as a variable-size integer of width bytes.
func appendVint(b []byte, n int64, width int) []byte {
	v := uint64(1)<<(7*width) | uint64(n)&(1<<(7*width)-1)
	for ; width > 0; width-- {
		b = append(b, byte(v>>(8*(width-1))))
	}
	return b
}

func appendHeader(b []byte, id uint32, size int64) []byte {
	return appendVint(appendID(b, id), size, vintWidth(size))
}

// element returns an element whose data is the parts, one after the other.
func element(id uint32, parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	b := appendHeader(make([]byte, 0, size+12), id, int64(size))
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func uintElement(id uint32, v uint64) []byte {
	return appendUint(nil, id, v)
}

func appendUint(b []byte, id uint32, v uint64) []byte {
	n := max(1, (bits.Len64(v)+7)/8)
	b = appendHeader(b, id, int64(n))
	for ; n > 0; n-- {
		b = append(b, byte(v>>(8*(n-1))))
	}
	return b
}

// fixedUint is a uintElement that takes 8 bytes whatever its value, so that it
// can be patched.
func fixedUint(id uint32, v uint64) []byte {
	return element(id, binary.BigEndian.AppendUint64(nil, v))
}

func floatElement(id uint32, v float64) []byte {
	return fixedUint(id, math.Float64bits(v))
}

func stringElement(id uint32, s string) []byte {
	return element(id, []byte(s))
}

// voidHeader returns the header of a Void of n bytes in all, n at least 2.
func voidHeader(n int64) []byte {
	if n <= 128 {
		return appendVint([]byte{idVoid}, n-2, 1)
	}
	return appendVint([]byte{idVoid}, n-9, 8)
}

func void(n int) []byte {
	b := make([]byte, n)
	copy(b, voidHeader(int64(n)))
	return b
}

// parseID reads an element ID of at most four bytes (RFC 8794 section 5).
func parseID(b []byte) (id uint32, width int, err error) {
	if len(b) == 0 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	switch width = bits.LeadingZeros8(b[0]) + 1; {
	case width > 4:
		return 0, 0, errInvalidID
	case width > len(b):
		return 0, 0, io.ErrUnexpectedEOF
	}
	return uint32(parseUint(b[:width])), width, nil
}

// parseSize reads an element size, which may be unknownSize (RFC 8794 section 6).
func parseSize(b []byte) (size int64, width int, err error) {
	if len(b) == 0 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	switch width = bits.LeadingZeros8(b[0]) + 1; {
	case width > 8:
		return 0, 0, errInvalidSize
	case width > len(b):
		return 0, 0, io.ErrUnexpectedEOF
	}
	ones := int64(1)<<(7*width) - 1
	if size = int64(parseUint(b[:width])) & ones; size == ones {
		size = unknownSize
	}
	return size, width, nil
}

func parseUint(b []byte) uint64 {
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// parseFloat reads the two float sizes EBML knows, and takes any other for zero.
func parseFloat(b []byte) float64 {
	switch len(b) {
	case 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case 8:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}
