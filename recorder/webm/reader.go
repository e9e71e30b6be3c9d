package webm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

var (
	errMisplaced = errors.New("element in the wrong place")
	errTooLarge  = errors.New("element too large")
	errLaced     = errors.New("lacing is not supported")
	errNoTime    = errors.New("cluster without a timestamp")
)

// Block is one block of a track: a frame of picture or a packet of sound.
type Block struct {
	// Track is the number of its track. A Reader may yield blocks of tracks that
	// the file does not declare.
	Track int
	// Time is when it begins, from the start of the file.
	Time     time.Duration
	Keyframe bool
	// Payload is the reader's: it is valid until its next call.
	Payload []byte
	// Offset is where a Reader found the element, in bytes from the start of the file.
	Offset int64
}

// Reader reads the blocks of a WebM or Matroska file in the order of the file,
// also of one that is unfinished or damaged. It holds no more of the file than
// its head and one block, whatever the file claims. It reads what this package
// writes and what other writers make of it, without lacing, encryption or
// compression.
type Reader struct {
	src    source
	closer io.Closer

	head    head
	docType string
	muxer   string
	scale   uint64 // ns

	pos       int64
	cluster   header
	inCluster bool
	timed     bool
	time      int64 // of the cluster, in ticks
	err       error
}

// Open opens a file and reads its head. The errors are those of NewReader and
// os.Open.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r, err := NewReader(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.closer = f
	return r, nil
}

// NewReader reads the head of the size bytes of src. It returns ErrNotMatroska if
// it has none, or a CorruptError if it is cut or does not make sense.
func NewReader(src io.ReaderAt, size int64) (*Reader, error) {
	r := &Reader{src: source{r: src, size: size}, scale: uint64(timestampScale)}
	if err := r.readHead(); err != nil {
		return nil, err
	}
	return r, nil
}

// Close closes what Open opened. Every further Next returns os.ErrClosed.
func (r *Reader) Close() error {
	r.err = os.ErrClosed
	if r.closer == nil {
		return nil
	}
	closer := r.closer
	r.closer = nil
	return closer.Close()
}

// Tracks returns the tracks that the head declares.
func (r *Reader) Tracks() []Track {
	tracks := make([]Track, len(r.head.tracks))
	for i, t := range r.head.tracks {
		tracks[i] = t.clone()
	}
	return tracks
}

// Duration returns what the head says, or 0 if it says nothing: the file is
// unfinished.
func (r *Reader) Duration() time.Duration {
	return r.duration(r.head.final.duration)
}

// Next returns the next block. The error is io.EOF where the file ends between
// two elements, and a CorruptError where it ends within one or does not make
// sense. Either one is returned from then on.
func (r *Reader) Next() (Block, error) {
	for r.err == nil {
		at := r.pos
		b, found, err := r.step()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				err = corrupt(at, err)
			}
			r.err = err
			break
		}
		if found {
			return b, nil
		}
	}
	return Block{}, r.err
}

// step reads the element at r.pos, and moves on only if it is whole.
func (r *Reader) step() (b Block, found bool, err error) {
	if r.inCluster && r.pos == r.cluster.end() {
		r.inCluster = false
	}
	if r.pos == r.src.size {
		if r.inCluster && r.cluster.size != unknownSize {
			return Block{}, false, io.ErrUnexpectedEOF
		}
		return Block{}, false, io.EOF
	}
	el, err := r.src.header(r.pos)
	if err != nil {
		return Block{}, false, err
	}
	if r.inCluster && r.cluster.size == unknownSize && topLevel(el.id) {
		r.inCluster = false
	}
	if !r.inCluster && el.id == idCluster {
		r.enter(el)
		return Block{}, false, nil
	}
	if el.size == unknownSize {
		return Block{}, false, errInvalidSize
	}
	if r.inCluster {
		if r.cluster.size != unknownSize && el.end() > r.cluster.end() {
			return Block{}, false, errInvalidSize
		}
		b, found, err = r.child(el)
	} else if !topLevel(el.id) && !global(el.id) {
		err = errMisplaced
	}
	if err == nil && el.size > r.src.size-el.data {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Block{}, false, err
	}
	r.pos = el.end()
	return b, found, nil
}

func (r *Reader) enter(el header) {
	r.cluster, r.inCluster, r.timed = el, true, false
	r.pos = el.data
}

// child reads an element of a cluster.
func (r *Reader) child(el header) (b Block, found bool, err error) {
	switch el.id {
	case idTimestamp:
		v, err := r.uint(el)
		r.time, r.timed = int64(v), true
		return Block{}, false, err
	case idSimpleBlock:
		b, flags, err := r.block(el)
		b.Keyframe = flags&0x80 != 0
		return b, true, err
	case idBlockGroup:
		b, err := r.group(el)
		return b, true, err
	case idPosition, idPrevSize, idVoid, idCRC32:
		return Block{}, false, nil
	}
	return Block{}, false, errMisplaced
}

// group reads a BlockGroup, whose block is a keyframe if it refers to no other.
func (r *Reader) group(el header) (b Block, err error) {
	var block header
	keyframe := true
	err = r.children(el, func(c header) error {
		switch c.id {
		case idBlock:
			block = c
		case idReferenceBlock:
			keyframe = false
		}
		return nil
	})
	if err != nil {
		return Block{}, err
	}
	if block.id == 0 {
		return Block{}, errMisplaced
	}
	b, _, err = r.block(block)
	b.Keyframe, b.Offset = keyframe, el.at
	return b, err
}

// block reads a SimpleBlock or a Block (RFC 9559 section 10.1 and 10.2).
func (r *Reader) block(el header) (b Block, flags byte, err error) {
	if !r.timed {
		return Block{}, 0, errNoTime
	}
	if el.size > MaxBlockSize+16 {
		return Block{}, 0, errTooLarge
	}
	data, err := r.src.view(el.data, el.size)
	if err != nil {
		return Block{}, 0, err
	}
	track, n, err := parseSize(data)
	if err != nil || track == unknownSize || len(data) < n+3 {
		return Block{}, 0, fmt.Errorf("block: %w", errInvalidSize)
	}
	flags = data[n+2]
	if flags&0x06 != 0 {
		return Block{}, 0, errLaced
	}
	now := r.time + int64(int16(binary.BigEndian.Uint16(data[n:])))
	return Block{
		Track:   int(track),
		Time:    r.duration(now),
		Payload: data[n+3:],
		Offset:  el.at,
	}, flags, nil
}

// children calls f with the header of every element in el, which has to be whole.
func (r *Reader) children(el header, f func(header) error) error {
	if el.size > r.src.size-el.data {
		return io.ErrUnexpectedEOF
	}
	for at := el.data; at < el.end(); {
		c, err := r.src.header(at)
		if err != nil {
			return err
		}
		if c.size == unknownSize || c.size > el.end()-c.data {
			return fmt.Errorf("element %#x: %w", c.id, errInvalidSize)
		}
		if err := f(c); err != nil {
			return fmt.Errorf("element %#x: %w", c.id, err)
		}
		at = c.end()
	}
	return nil
}

// duration makes a time of ticks, and cuts what no Duration can hold.
func (r *Reader) duration(ticks int64) time.Duration {
	const most = int64(1) << 62
	limit := most / int64(r.scale)
	return time.Duration(min(max(ticks, -limit), limit) * int64(r.scale))
}

// global reports whether an element may stand anywhere (RFC 8794 section 11.3).
func global(id uint32) bool { return id == idVoid || id == idCRC32 }

// topLevel reports whether an element is a child of the Segment.
func topLevel(id uint32) bool {
	switch id {
	case idSeekHead, idInfo, idTracks, idCluster, idCues, idTags, idChapters, idAttachments:
		return true
	}
	return false
}
