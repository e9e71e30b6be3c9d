package webm

import (
	"errors"
	"fmt"
	"io"
)

// window is how much of a file a Reader holds, but for blocks larger than that.
const window = 64 << 10

// source gives views of a file through a window that moves over it.
type source struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	base int64 // file offset of buf
	big  []byte
}

// readError says that bytes could not be had, which says nothing about them: unlike
// a CorruptError, it gives Repair no reason to cut them off.
type readError struct{ err error }

func (e *readError) Error() string { return fmt.Sprintf("webm: read: %v", e.err) }

func (e *readError) Unwrap() error { return e.err }

// header is an EBML element's.
type header struct {
	id   uint32
	at   int64 // file offset of the ID
	data int64 // file offset of the data
	size int64 // of the data; may be unknownSize, or lie
}

func (h header) end() int64 { return h.data + h.size }

// view returns the n bytes at off. They are valid until the next view. It returns
// io.ErrUnexpectedEOF, and allocates nothing, if the file does not have them.
func (s *source) view(off, n int64) ([]byte, error) {
	if n < 0 || off < 0 || n > s.size-off {
		return nil, io.ErrUnexpectedEOF
	}
	if off >= s.base && off+n <= s.base+int64(len(s.buf)) {
		return s.buf[off-s.base:][:n], nil
	}
	if n > window {
		if int64(cap(s.big)) < n {
			s.big = make([]byte, n)
		}
		s.big = s.big[:n]
		return s.big, s.fill(s.big, off)
	}
	if s.buf == nil {
		s.buf = make([]byte, min(window, s.size))
	}
	s.buf, s.base = s.buf[:min(window, s.size-off, int64(cap(s.buf)))], off
	if err := s.fill(s.buf, off); err != nil {
		s.buf = s.buf[:0]
		return nil, err
	}
	return s.buf[:n], nil
}

func (s *source) fill(b []byte, off int64) error {
	n, err := s.r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // it has shrunk
	}
	return &readError{err}
}

// header reads the element header at off. Where the file ends within it, the error
// is io.ErrUnexpectedEOF.
func (s *source) header(off int64) (header, error) {
	b, err := s.view(off, min(12, s.size-off))
	if err != nil {
		return header{}, err
	}
	id, n, err := parseID(b)
	if err != nil {
		return header{}, err
	}
	size, m, err := parseSize(b[n:])
	if err != nil {
		return header{}, err
	}
	return header{id: id, at: off, data: off + int64(n+m), size: size}, nil
}
