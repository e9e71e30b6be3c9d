package movie

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"
)

// boxed is what a piece's boxes tell.
type boxed struct {
	track *mp4.TrakBox
	// index is the box with the track in it.
	index []byte
	// media is where the samples begin in the file, and size how many bytes
	// they have.
	media, size int64
}

// readPiece reads the only track of a piece, the samples of which lie in a row.
func readPiece(path string) (boxed, error) {
	f, err := os.Open(path)
	if err != nil {
		return boxed{}, err
	}
	defer f.Close()
	b, err := readBoxes(f)
	if err != nil {
		return boxed{}, err
	}
	if b.track == nil || !whole(b.track) {
		return boxed{}, fmt.Errorf("%w: it has not one track with all its tables", ErrInvalid)
	}
	table := b.track.Mdia.Minf.Stbl
	var size int64
	for i := range min(int64(table.Stsz.SampleNumber), b.size) {
		size += int64(table.Stsz.GetSampleSize(int(i + 1)))
	}
	if int64(table.Stco.ChunkOffset[0]) != b.media || size != b.size {
		return boxed{}, fmt.Errorf("%w: its samples do not lie in a row", ErrInvalid)
	}
	if scale := b.track.Mdia.Mdhd.Timescale; scale != pictureScale {
		return boxed{}, fmt.Errorf("%w: its timescale is %d", ErrInvalid, scale)
	}
	return b, nil
}

// readBoxes reads the index of a file, and finds its media.
func readBoxes(f *os.File) (b boxed, err error) {
	info, err := f.Stat()
	if err != nil {
		return b, err
	}
	for at := int64(0); at < info.Size(); {
		box, err := mp4.DecodeHeader(io.NewSectionReader(f, at, info.Size()-at))
		end := at + int64(box.Size)
		if err != nil || end <= at || end > info.Size() {
			return b, fmt.Errorf("%w: it is torn", ErrInvalid)
		}
		switch box.Name {
		case "mdat":
			b.media, b.size = at+int64(box.Hdrlen), int64(box.Size)-int64(box.Hdrlen)
		case "moov":
			if b.index, err = io.ReadAll(io.NewSectionReader(f, at, end-at)); err != nil {
				return b, err
			}
			decoded, err := mp4.DecodeBox(uint64(at), bytes.NewReader(b.index))
			if err != nil {
				return b, fmt.Errorf("%w: %w", ErrInvalid, err)
			}
			if movie, ok := decoded.(*mp4.MoovBox); ok && len(movie.Traks) == 1 {
				b.track = movie.Trak
			}
		}
		at = end
	}
	return b, nil
}

// whole reports whether a track has every table that is read.
func whole(t *mp4.TrakBox) bool {
	if t.Tkhd == nil || t.Mdia == nil || t.Mdia.Mdhd == nil || t.Mdia.Minf == nil || t.Mdia.Minf.Stbl == nil {
		return false
	}
	s := t.Mdia.Minf.Stbl
	return s.Stts != nil && s.Stsz != nil && s.Stco != nil && len(s.Stco.ChunkOffset) > 0 && s.Stsz.SampleNumber > 0 &&
		(s.Stss == nil || len(s.Stss.SampleNumber) > 0 && s.Stss.SampleNumber[0] == 1)
}

const (
	boxHeader = 8
	// visualEntry is how long a description of pictures is before the boxes in
	// it (ISO/IEC 14496-12 §12.1.3), avc the one of H.264 (14496-15 §5.4.2).
	visualEntry = boxHeader + 78
	avc         = "avc1"
)

// description returns the only sample description in an index, byte by byte: what
// a decoder is told is not to be read and written anew. Only the bit rate is
// left out, which is the piece's own.
func description(index []byte) ([]byte, error) {
	const fullBox, count = 4, 4
	b := index
	for _, name := range []string{"moov", "trak", "mdia", "minf", "stbl", "stsd"} {
		if b = child(b, name); b == nil {
			return nil, fmt.Errorf("%w: it has no sample description", ErrInvalid)
		}
	}
	if len(b) < fullBox+count {
		return nil, fmt.Errorf("%w: its sample description is torn", ErrInvalid)
	}
	entry := b[fullBox+count:]
	if child(entry, avc) == nil || binary.BigEndian.Uint32(entry) != uint32(len(entry)) || len(entry) < visualEntry {
		return nil, fmt.Errorf("%w: it is not H.264 alone", ErrInvalid)
	}
	out := slices.Clone(entry[:visualEntry])
	for rest := entry[visualEntry:]; len(rest) > 0; {
		size, name, ok := header(rest)
		if !ok {
			return nil, fmt.Errorf("%w: its sample description is torn", ErrInvalid)
		}
		if name != "btrt" {
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out, nil
}

// child returns what the first box of a name holds, or nil.
func child(b []byte, name string) []byte {
	for len(b) > 0 {
		size, is, ok := header(b)
		if !ok {
			return nil
		}
		if is == name {
			return b[boxHeader:size]
		}
		b = b[size:]
	}
	return nil
}

// header reads the size and the name of the box that b begins with.
func header(b []byte) (size int, name string, ok bool) {
	if len(b) < boxHeader {
		return 0, "", false
	}
	size = int(binary.BigEndian.Uint32(b))
	return size, string(b[4:boxHeader]), size >= boxHeader && size <= len(b)
}
