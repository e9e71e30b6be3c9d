package movie

import (
	"io"
	"slices"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// track is one of the film, with the tables of its samples.
type track struct {
	box    *mp4.TrakBox
	scale  uint64
	chunks []*chunk
	// length is that of all samples, in units of the timescale, and skip how
	// much of it comes before the film's begin.
	length, skip uint64
	// copy appends the samples of a chunk to the film. Chunks are asked for in
	// their order.
	copy  func(w io.Writer, c *chunk) error
	close func()
}

// chunk is a run of samples that lie in a row.
type chunk struct {
	track *track
	// at is when it is played, without what the track skips.
	at      time.Duration
	samples uint32
	size    int64
	// description is which of the track's sample descriptions holds, from one.
	description uint32
	// file is which of the track's files it is of.
	file int
	// offset is its place in the film's media.
	offset int64
}

func newTrack(media string, scale uint32) *track {
	// finish gives it its number.
	return &track{box: mp4.CreateEmptyTrak(0, scale, media, "und"), scale: uint64(scale), close: func() {}}
}

func (t *track) samples() *mp4.StblBox { return t.box.Mdia.Minf.Stbl }

// add appends a sample that lasts some units of the timescale. A chunk ends when
// it is long enough, or where another file or description begins.
func (t *track) add(size uint32, lasts uint64, file int, description uint32) {
	last := len(t.chunks) - 1
	begin := time.Duration(t.length/t.scale)*time.Second + time.Duration(t.length%t.scale)*time.Second/time.Duration(t.scale)
	if last < 0 || t.chunks[last].file != file || t.chunks[last].description != description || begin-t.chunks[last].at >= interleave {
		t.chunks = append(t.chunks, &chunk{track: t, at: begin, description: description, file: file})
		last++
	}
	t.chunks[last].samples++
	t.chunks[last].size += int64(size)

	table := t.samples()
	table.Stsz.SampleSize = append(table.Stsz.SampleSize, size)
	table.Stsz.SampleNumber++
	times := table.Stts
	if n := len(times.SampleCount); n > 0 && times.SampleTimeDelta[n-1] == uint32(lasts) {
		times.SampleCount[n-1]++
	} else {
		times.SampleCount = append(times.SampleCount, 1)
		times.SampleTimeDelta = append(times.SampleTimeDelta, uint32(lasts))
	}
	t.length += lasts
}

// finish fills in what is known once all samples are: the track's number, how
// long it lasts and which samples lie in which chunk.
func (t *track) finish(number uint32, lasts time.Duration) {
	t.box.Tkhd.TrackID, t.box.Tkhd.Duration = number, ticks(lasts, timescale)
	t.box.Tkhd.Version = wide(t.box.Tkhd.Duration)
	head := t.box.Mdia.Mdhd
	head.Duration, head.Version = t.length, wide(t.length)

	edit := &mp4.EdtsBox{}
	edit.AddChild(&mp4.ElstBox{
		Version: t.box.Tkhd.Version,
		Entries: []mp4.ElstEntry{{SegmentDuration: t.box.Tkhd.Duration, MediaTime: int64(t.skip), MediaRateInteger: 1}},
	})
	t.box.Children = slices.Insert(t.box.Children, 1, mp4.Box(edit)) // behind the track's header

	table := t.samples().Stsc
	for i, c := range t.chunks {
		if i > 0 && c.samples == t.chunks[i-1].samples && c.description == t.chunks[i-1].description {
			continue
		}
		// The numbers rise from one, which is all that it refuses.
		_ = table.AddEntry(uint32(i+1), c.samples, c.description)
	}
}

// place writes down where the chunks lie in a file whose media begin at begin.
func (t *track) place(begin uint64, long bool) {
	table := t.samples()
	last := slices.IndexFunc(table.Children, func(b mp4.Box) bool { return b.Type() == "stco" || b.Type() == "co64" })
	if long {
		offsets := &mp4.Co64Box{}
		for _, c := range t.chunks {
			offsets.ChunkOffset = append(offsets.ChunkOffset, begin+uint64(c.offset))
		}
		table.Stco, table.Co64, table.Children[last] = nil, offsets, offsets
		return
	}
	offsets := &mp4.StcoBox{}
	for _, c := range t.chunks {
		offsets.ChunkOffset = append(offsets.ChunkOffset, uint32(begin+uint64(c.offset)))
	}
	table.Stco, table.Children[last] = offsets, offsets
}
