package movie

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// pictureScale is the timescale of pieces: MPEG's clock.
const pictureScale = 90000

// picture is the film's pictures while they are put together.
type picture struct {
	*track
	pieces []Piece
	// begins tells where the samples of each piece lie in its file.
	begins       []int64
	keys         *mp4.StssBox
	shifts       *mp4.CttsBox
	descriptions [][]byte

	file *os.File
	open int
}

// openPicture reads the tables of all pieces. Their media are read when they are
// copied.
func openPicture(pieces []Piece) (*track, error) {
	p := &picture{track: newTrack("video", pictureScale), pieces: pieces, keys: &mp4.StssBox{}, shifts: &mp4.CttsBox{}, open: -1}
	p.box.Mdia.Hdlr.Name = "VideoHandler"
	var end time.Duration
	for i, piece := range pieces {
		end += piece.Length
		if err := p.add(i, ticks(end, pictureScale)); err != nil {
			return nil, fmt.Errorf("read piece %d of film: %w", i, err)
		}
	}
	if len(pieces) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrInvalid)
	}
	p.samples().AddChild(p.keys)
	if slices.ContainsFunc(p.shifts.SampleOffset, func(o int32) bool { return o != 0 }) {
		p.samples().AddChild(p.shifts)
	}
	p.copy, p.close = p.copyChunk, func() { p.file.Close() }
	return p.track, nil
}

// add appends the samples of a piece, of which the last lasts until end.
func (p *picture) add(n int, end uint64) error {
	piece, media, err := readPiece(p.pieces[n].File)
	if err != nil {
		return err
	}
	p.begins = append(p.begins, media)
	if err := p.begin(piece, n); err != nil {
		return err
	}
	table := piece.Mdia.Minf.Stbl
	description, err := p.describe(table.Stsd)
	if err != nil {
		return err
	}
	first := p.samples().Stsz.SampleNumber
	if err := p.shift(table); err != nil {
		return err
	}
	var number uint32
	for i, run := range table.Stts.SampleCount {
		for range run {
			number++
			lasts := uint64(table.Stts.SampleTimeDelta[i])
			if number == table.Stsz.SampleNumber {
				lasts = end - p.length
			}
			if number > table.Stsz.SampleNumber || lasts == 0 || p.length+lasts > end {
				return fmt.Errorf("%w: it lasts longer than until the next begins", ErrInvalid)
			}
			p.track.add(table.Stsz.GetSampleSize(int(number)), lasts, n, description)
			if table.Stss == nil || table.Stss.IsSyncSample(number) {
				p.keys.SampleNumber = append(p.keys.SampleNumber, first+number)
			}
		}
	}
	if number != table.Stsz.SampleNumber || p.length != end {
		return fmt.Errorf("%w: its tables differ", ErrInvalid)
	}
	return nil
}

// begin checks that a piece goes on where the one before ends.
func (p *picture) begin(piece *mp4.TrakBox, n int) error {
	var skip uint64
	if piece.Edts != nil && len(piece.Edts.Elst) > 0 && len(piece.Edts.Elst[0].Entries) > 0 {
		skip = uint64(max(0, piece.Edts.Elst[0].Entries[0].MediaTime))
	}
	if n == 0 {
		p.skip = skip
		p.box.Tkhd.Width, p.box.Tkhd.Height = piece.Tkhd.Width, piece.Tkhd.Height
	}
	if skip != p.skip || piece.Tkhd.Width != p.box.Tkhd.Width || piece.Tkhd.Height != p.box.Tkhd.Height {
		return fmt.Errorf("%w: it is not encoded like the first", ErrInvalid)
	}
	return nil
}

// describe returns the number of a piece's sample description: encoders that are
// set alike write the same.
func (p *picture) describe(stsd *mp4.StsdBox) (uint32, error) {
	if len(stsd.Children) != 1 || stsd.AvcX == nil {
		return 0, fmt.Errorf("%w: it is not H.264", ErrInvalid)
	}
	// The bit rate is each piece's own.
	entry := stsd.AvcX
	entry.Btrt = nil
	entry.Children = slices.DeleteFunc(entry.Children, func(b mp4.Box) bool { return b.Type() == "btrt" })
	var b bytes.Buffer
	if err := entry.Encode(&b); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	i := slices.IndexFunc(p.descriptions, func(d []byte) bool { return bytes.Equal(d, b.Bytes()) })
	if i < 0 {
		i = len(p.descriptions)
		p.descriptions = append(p.descriptions, b.Bytes())
		p.samples().Stsd.AddChild(entry)
	}
	return uint32(i + 1), nil
}

// shift appends how much later than they are decoded pictures are shown.
func (p *picture) shift(table *mp4.StblBox) error {
	counts, offsets := []uint32{table.Stsz.SampleNumber}, []int32{0}
	if c := table.Ctts; c != nil {
		if c.NrSampleCount() != len(c.SampleOffset) {
			return fmt.Errorf("%w: its tables differ", ErrInvalid)
		}
		counts, offsets = counts[:0], c.SampleOffset
		for i := range offsets {
			counts = append(counts, c.SampleCount(i))
		}
		p.shifts.Version = max(p.shifts.Version, c.Version)
	}
	return p.shifts.AddSampleCountsAndOffset(counts, offsets)
}

// readPiece reads the only track of a piece, and where its samples begin.
func readPiece(path string) (*mp4.TrakBox, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	index, begin, media, err := readBoxes(f)
	if err != nil {
		return nil, 0, err
	}
	if index == nil || len(index.Traks) != 1 || !whole(index.Trak) {
		return nil, 0, fmt.Errorf("%w: it has not one track with all its tables", ErrInvalid)
	}
	table := index.Trak.Mdia.Minf.Stbl
	var size int64
	for i := range min(int64(table.Stsz.SampleNumber), media) {
		size += int64(table.Stsz.GetSampleSize(int(i + 1)))
	}
	if int64(table.Stco.ChunkOffset[0]) != begin || size != media {
		return nil, 0, fmt.Errorf("%w: its samples do not lie in a row", ErrInvalid)
	}
	if scale := index.Trak.Mdia.Mdhd.Timescale; scale != pictureScale {
		return nil, 0, fmt.Errorf("%w: its timescale is %d", ErrInvalid, scale)
	}
	return index.Trak, begin, nil
}

// readBoxes reads the index of a file, and where its media lie.
func readBoxes(f *os.File) (index *mp4.MoovBox, media, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, 0, err
	}
	for at := int64(0); at < info.Size(); {
		box, err := mp4.DecodeHeader(io.NewSectionReader(f, at, info.Size()-at))
		end := at + int64(box.Size)
		if err != nil || end <= at || end > info.Size() {
			return nil, 0, 0, fmt.Errorf("%w: it is torn", ErrInvalid)
		}
		switch box.Name {
		case "mdat":
			media, size = at+int64(box.Hdrlen), int64(box.Size)-int64(box.Hdrlen)
		case "moov":
			decoded, err := mp4.DecodeBox(uint64(at), bufio.NewReader(io.NewSectionReader(f, at, end-at)))
			if err != nil {
				return nil, 0, 0, fmt.Errorf("%w: %w", ErrInvalid, err)
			}
			index, _ = decoded.(*mp4.MoovBox)
		}
		at = end
	}
	return index, media, size, nil
}

// whole reports whether a track has every table that is read.
func whole(t *mp4.TrakBox) bool {
	if t.Tkhd == nil || t.Mdia == nil || t.Mdia.Mdhd == nil || t.Mdia.Minf == nil || t.Mdia.Minf.Stbl == nil {
		return false
	}
	s := t.Mdia.Minf.Stbl
	return s.Stsd != nil && s.Stts != nil && s.Stsz != nil && s.Stco != nil && len(s.Stco.ChunkOffset) > 0 && s.Stsz.SampleNumber > 0 &&
		(s.Stss == nil || len(s.Stss.SampleNumber) > 0 && s.Stss.SampleNumber[0] == 1)
}

// copyChunk appends a chunk to the film.
func (p *picture) copyChunk(w io.Writer, c *chunk) error {
	if p.open != c.file {
		p.file.Close()
		f, err := os.Open(p.pieces[c.file].File)
		if err != nil {
			return fmt.Errorf("copy piece %d of film: %w", c.file, err)
		}
		p.file, p.open = f, c.file
		if _, err := f.Seek(p.begins[c.file], io.SeekStart); err != nil {
			return fmt.Errorf("copy piece %d of film: %w", c.file, err)
		}
	}
	_, err := io.CopyN(w, p.file, c.size)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: it is torn", ErrInvalid)
	}
	if err != nil {
		return fmt.Errorf("copy piece %d of film: %w", c.file, err)
	}
	return nil
}
