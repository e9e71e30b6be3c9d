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
	// begins tells where the samples of each piece lie in its file, orders how
	// they are shown.
	begins       []int64
	orders       []order
	keys         *mp4.StssBox
	descriptions [][]byte

	file *os.File
	open int
}

// order tells how much later than they are decoded runs of pictures are shown,
// and how much of that comes before the piece begins.
type order struct {
	counts []uint32
	shifts []int32
	skip   int32
}

// openPicture reads the tables of all pieces. Their media are read when they are
// copied.
func openPicture(pieces []Piece) (*track, error) {
	p := &picture{track: newTrack("video", pictureScale), pieces: pieces, keys: &mp4.StssBox{}, open: -1}
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
	if err := p.reorder(); err != nil {
		return nil, err
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
	if n == 0 {
		p.box.Tkhd.Width, p.box.Tkhd.Height = piece.Tkhd.Width, piece.Tkhd.Height
	}
	if piece.Tkhd.Width != p.box.Tkhd.Width || piece.Tkhd.Height != p.box.Tkhd.Height {
		return fmt.Errorf("%w: it is not encoded like the first", ErrInvalid)
	}
	var skip int64
	if piece.Edts != nil && len(piece.Edts.Elst) > 0 && len(piece.Edts.Elst[0].Entries) > 0 {
		skip = max(0, piece.Edts.Elst[0].Entries[0].MediaTime)
	}
	table := piece.Mdia.Minf.Stbl
	o := order{counts: []uint32{table.Stsz.SampleNumber}, shifts: []int32{0}}
	if c := table.Ctts; c != nil {
		if c.NrSampleCount() != len(c.SampleOffset) {
			return fmt.Errorf("%w: its tables differ", ErrInvalid)
		}
		o.counts, o.shifts = nil, c.SampleOffset
		for i := range o.shifts {
			o.counts = append(o.counts, c.SampleCount(i))
		}
	}
	if skip > mostShift || slices.ContainsFunc(o.shifts, func(s int32) bool { return s > mostShift || s < -mostShift }) {
		return fmt.Errorf("%w: its pictures are shown too late", ErrInvalid)
	}
	o.skip = int32(skip)
	p.orders = append(p.orders, o)
	return nil
}

// mostShift is how much later than decoded a picture may be shown: an hour.
const mostShift = 3600 * pictureScale

// reorder lets all pieces be shown as late as the latest: an encoder that puts
// pictures in another order has no cause to in a piece of one or two.
func (p *picture) reorder() error {
	var latest int32
	for _, o := range p.orders {
		latest = max(latest, o.skip)
	}
	p.skip = uint64(latest)
	table, shifted := &mp4.CttsBox{}, false
	for _, o := range p.orders {
		shifts := make([]int32, len(o.shifts))
		for i, s := range o.shifts {
			shifts[i] = s + latest - o.skip
			shifted = shifted || shifts[i] != 0
			if shifts[i] < 0 {
				table.Version = 1 // has a sign
			}
		}
		if err := table.AddSampleCountsAndOffset(o.counts, shifts); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	if shifted {
		p.samples().AddChild(table)
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
