package movie

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Eyevinn/mp4ff/mp4"
)

// Chapter is a place in a film that players offer to go to.
type Chapter struct {
	// At is where it begins. The first begins with the film.
	At    time.Duration
	Title string
}

const (
	// chapterScale is milliseconds.
	chapterScale = 1000
	mostChapters = 255
	longestTitle = 255 // bytes
)

// newChapters makes the track of titles that Apple's players read, one sample
// each (QuickTime File Format, "Chapter Lists" and "Text Media").
func newChapters(list []Chapter, end time.Duration) (*track, error) {
	if len(list) > mostChapters {
		return nil, fmt.Errorf("%w: %d chapters are more than %d", ErrInvalid, len(list), mostChapters)
	}
	t := newTrack("text", chapterScale)
	t.box.Tkhd.Flags = 2 // in the film, and not shown
	var titles strings.Builder
	for i, c := range list {
		until := end
		if i+1 < len(list) {
			until = list[i+1].At
		}
		if begin := ticks(c.At, chapterScale); begin != t.length || until <= c.At {
			return nil, fmt.Errorf("%w: chapter %d begins at %v", ErrInvalid, i, c.At)
		}
		title := cut(c.Title)
		sample := binary.BigEndian.AppendUint16(nil, uint16(len(title)))
		sample = append(append(sample, title...), "\x00\x00\x00\x0cencd\x00\x00\x01\x00"...) // UTF-8
		titles.Write(sample)
		t.add(uint32(len(sample)), ticks(until, chapterScale)-t.length, 0, 1)
	}
	information := t.box.Mdia.Minf
	for i, b := range information.Children {
		if b.Type() == "nmhd" {
			information.Children[i] = raw("gmhd", generalHeader)
		}
	}
	known := t.samples().Stsd
	known.Children, known.SampleCount = append(known.Children, raw("text", textDescription)), 1
	samples := strings.NewReader(titles.String())
	t.copy = func(w io.Writer, c *chunk) error {
		_, err := io.CopyN(w, samples, c.size)
		return err
	}
	return t, nil
}

// Of the boxes of text nothing is shown: a header with the usual graphics mode
// and an identity matrix, and a description that is all default.
const (
	generalHeader = "\x00\x00\x00\x18gmin\x00\x00\x00\x00\x00\x40\x80\x00\x80\x00\x80\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x2ctext\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00"
	textDescription = "\x00\x00\x00\x00\x00\x00\x00\x01" + // the first data reference
		"\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + // flags, justification, background
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + // box, reserved
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" // font, face, reserved, colour, no name
)

// refer lets a track name that of its chapters.
func (t *track) refer(chapters uint32) {
	const size = 12
	reference := append(binary.BigEndian.AppendUint32(nil, size), "chap"...)
	t.box.AddChild(raw("tref", string(binary.BigEndian.AppendUint32(reference, chapters))))
}

// userData lists the chapters for the other players, which read Nero's list: times
// are in units of 100 ns.
func userData(list []Chapter) mp4.Box {
	b := append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, byte(len(list)))
	for _, c := range list {
		title := cut(c.Title)
		b = binary.BigEndian.AppendUint64(b, uint64(c.At/100))
		b = append(append(b, byte(len(title))), title...)
	}
	box := append(binary.BigEndian.AppendUint32(nil, uint32(len(b)+boxHeader)), "chpl"...)
	return raw("udta", string(append(box, b...)))
}

// cut shortens a title to what the list holds, between two characters.
func cut(title string) string {
	if len(title) <= longestTitle {
		return title
	}
	end := longestTitle
	for !utf8.RuneStart(title[end]) {
		end--
	}
	return title[:end]
}

func raw(name, payload string) mp4.Box {
	return mp4.CreateUnknownBox(name, uint64(len(payload)+boxHeader), []byte(payload))
}
