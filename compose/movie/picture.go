package movie

import (
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
	piece, err := readPiece(p.pieces[n].File)
	if err != nil {
		return err
	}
	p.begins = append(p.begins, piece.media)
	if err := p.begin(piece.track, n); err != nil {
		return err
	}
	table := piece.track.Mdia.Minf.Stbl
	description, err := p.describe(piece.index)
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
func (p *picture) describe(index []byte) (uint32, error) {
	entry, err := description(index)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(p.descriptions, func(d []byte) bool { return bytes.Equal(d, entry) })
	if i < 0 {
		i = len(p.descriptions)
		p.descriptions = append(p.descriptions, entry)
		known := p.samples().Stsd
		known.Children = append(known.Children, raw(avc, string(entry[boxHeader:])))
		known.SampleCount++
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
