package webm

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned by every call on a Writer after Close or Finalize.
	ErrClosed = errors.New("webm: writer is closed")
	// ErrUnknownTrack is returned for a block of a track that SetTrack never saw.
	ErrUnknownTrack = errors.New("webm: unknown track")
	// ErrInvalidBlock is returned for a block without payload, with more than
	// MaxBlockSize bytes of it, or with a negative time. The block is not written
	// and the Writer goes on.
	ErrInvalidBlock = errors.New("webm: invalid block")
	// ErrInvalidTrack is returned for a track that no player could make sense of,
	// or whose codec would change. The file is not touched and the Writer goes on.
	ErrInvalidTrack = errors.New("webm: invalid track")
	// ErrTracksFull is returned when the tracks outgrow the head of the file. The
	// file is not touched and the Writer goes on with the tracks it had.
	ErrTracksFull = errors.New("webm: tracks do not fit the head")
	// ErrEmpty is returned by Finalize and Repair for a file without a single whole
	// block. The file is left where it was.
	ErrEmpty = errors.New("webm: no whole block")
	// ErrNotMatroska is returned by the Reader for bytes that are not Matroska.
	ErrNotMatroska = errors.New("webm: not a Matroska file")
	// ErrNotOurs is returned by Repair for a file that no Writer of this package
	// began. The file is not touched.
	ErrNotOurs = errors.New("webm: not a file of this package")
	// ErrInUse is returned for a file that another Writer or Repair has open.
	ErrInUse = errors.New("webm: file is in use")
	// ErrInvalidCodecData is returned by the CodecPrivate builders for parameter
	// sets and headers that do not parse.
	ErrInvalidCodecData = errors.New("webm: invalid codec data")
)

// WriteError says that the disk refused something. Once a Writer has returned
// one it is failed: every further call returns the same WriteError, and what is
// on disk is left for Repair.
type WriteError struct {
	// Op is what was attempted: "create", "write", "patch", "sync", "truncate",
	// "close" or "rename".
	Op string
	// Err is the cause, such as syscall.ENOSPC.
	Err error
}

func (e *WriteError) Error() string { return fmt.Sprintf("webm: %s: %v", e.Op, e.Err) }

// Unwrap gives errors.Is and errors.As the cause.
func (e *WriteError) Unwrap() error { return e.Err }

// CorruptError says where a file stopped making sense. A file that merely ends
// too early has io.ErrUnexpectedEOF as its cause.
type CorruptError struct {
	// Offset is where, in bytes from the start of the file, the element begins
	// that could not be read.
	Offset int64
	// Err says what is wrong with it.
	Err error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("webm: corrupt at byte %d: %v", e.Offset, e.Err)
}

// Unwrap gives errors.Is and errors.As the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// corrupt returns err as a CorruptError at an offset, unless it is no such thing.
func corrupt(at int64, err error) error {
	if _, ok := errors.AsType[*readError](err); ok {
		return err
	}
	return &CorruptError{at, err}
}
