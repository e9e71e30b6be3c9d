package webm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// What a head is allowed to have in memory, in bytes and in tracks.
	maxLeaf   = 64 << 10
	maxTracks = 127
)

// readHead reads up to the first cluster, or to the end of a file without one. Once
// it has Info and Tracks, or is past a head of ours, it leaves the rest to Next.
func (r *Reader) readHead() error {
	el, err := r.src.header(0)
	if err == nil && el.id != idEBML || errors.Is(err, errInvalidID) || errors.Is(err, errInvalidSize) {
		return ErrNotMatroska
	}
	if err == nil {
		err = r.children(el, r.ebmlChild)
	}
	if err != nil {
		return corrupt(0, err)
	}
	if r.docType != "webm" && r.docType != "matroska" {
		return fmt.Errorf("%w: it is %q", ErrNotMatroska, r.docType)
	}
	r.pos = el.end()
	if el, err = r.src.header(r.pos); err == nil && el.id != idSegment {
		err = errMisplaced
	}
	if err != nil {
		return corrupt(r.pos, err)
	}
	r.pos = el.data
	seen := map[uint32]bool{}
	for r.pos < r.src.size && (r.pos != headSize || r.muxer != muxingApp) {
		if el, err = r.src.header(r.pos); err == nil {
			if el.id == idCluster {
				break
			}
			err = r.headElement(el)
		}
		if err != nil && seen[idInfo] && seen[idTracks] {
			break
		}
		if err != nil {
			return corrupt(r.pos, err)
		}
		seen[el.id] = true
		r.pos = el.end()
	}
	return nil
}

func (r *Reader) ebmlChild(el header) (err error) {
	if el.id == idDocType {
		r.docType, err = r.text(el)
	}
	return err
}

func (r *Reader) headElement(el header) error {
	if el.size == unknownSize {
		return errInvalidSize
	}
	if el.size > r.src.size-el.data {
		return io.ErrUnexpectedEOF
	}
	switch {
	case el.id == idInfo:
		return r.children(el, r.infoChild)
	case el.id == idTracks:
		return r.children(el, r.tracksChild)
	case topLevel(el.id), global(el.id):
		return nil
	}
	return errMisplaced
}

func (r *Reader) infoChild(el header) (err error) {
	var v uint64
	switch el.id {
	case idTimestampScale:
		if v, err = r.uint(el); err == nil && (v == 0 || v > uint64(time.Second)) {
			err = errors.New("implausible timestamp scale")
		}
		r.scale = max(v, 1)
	case idDuration:
		var b []byte
		b, err = r.leaf(el)
		if d := parseFloat(b); d > 0 && d < 1<<62 {
			r.head.final.duration = int64(d)
		}
	case idSegmentUID:
		var b []byte
		b, err = r.leaf(el)
		copy(r.head.uid[:], b)
	case idMuxingApp:
		r.muxer, err = r.text(el)
	case idWritingApp:
		r.head.writingApp, err = r.text(el)
	case idDateUTC:
		v, err = r.uint(el)
		r.head.date = epoch.Add(time.Duration(v))
	}
	return err
}

// tracksChild passes over an entry that does not make sense: the blocks of the
// others are still good.
func (r *Reader) tracksChild(el header) error {
	if el.id != idTrackEntry || len(r.head.tracks) == maxTracks {
		return nil
	}
	var t Track
	if err := r.children(el, func(c header) error { return r.trackChild(c, &t) }); err == nil && t.Number > 0 {
		r.head.tracks = append(r.head.tracks, t)
	}
	return nil
}

func (r *Reader) trackChild(el header, t *Track) (err error) {
	var v uint64
	var s string
	switch el.id {
	case idTrackNumber:
		v, err = r.uint(el)
		t.Number = int(min(v, 1<<30))
	case idTrackType:
		v, err = r.uint(el)
		t.Kind = Kind(min(v, 255))
	case idCodecID:
		s, err = r.text(el)
		t.Codec = Codec(s)
	case idName:
		t.Name, err = r.text(el)
	case idCodecPrivate:
		var b []byte
		b, err = r.leaf(el)
		t.CodecPrivate = append([]byte(nil), b...)
	case idCodecDelay:
		v, err = r.uint(el)
		t.CodecDelay = time.Duration(min(v, 1<<62))
	case idSeekPreRoll:
		v, err = r.uint(el)
		t.SeekPreRoll = time.Duration(min(v, 1<<62))
	case idVideo, idAudio:
		err = r.children(el, func(c header) error { return r.mediaChild(c, t) })
	}
	return err
}

// mediaChild reads an element of Video or Audio.
func (r *Reader) mediaChild(el header, t *Track) (err error) {
	var v uint64
	switch el.id {
	case idPixelWidth:
		v, err = r.uint(el)
		t.Width = int(min(v, 1<<30))
	case idPixelHeight:
		v, err = r.uint(el)
		t.Height = int(min(v, 1<<30))
	case idChannels:
		v, err = r.uint(el)
		t.Channels = int(min(v, 1<<30))
	case idSamplingFrequency:
		var b []byte
		b, err = r.leaf(el)
		if f := parseFloat(b); f > 0 && f < 1<<30 {
			t.SampleRate = int(f)
		}
	}
	return err
}

func (r *Reader) leaf(el header) ([]byte, error) {
	if el.size > maxLeaf {
		return nil, errTooLarge
	}
	return r.src.view(el.data, el.size)
}

func (r *Reader) uint(el header) (uint64, error) {
	if el.size > 8 {
		return 0, errInvalidSize
	}
	b, err := r.leaf(el)
	return parseUint(b), err
}

// text reads a string, which ends at its first NUL (RFC 8794 section 7.4).
func (r *Reader) text(el header) (string, error) {
	b, err := r.leaf(el)
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b), err
}
