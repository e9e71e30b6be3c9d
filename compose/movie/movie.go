// Package movie puts together an MP4 film (ISO/IEC 14496-12 and -14) of what is
// encoded already: pieces of its picture and the packets of its sound. Only the
// index is written anew, in front, so that players can start at once; the rest
// is copied, as fast as the disk goes, however long the film is.
package movie

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// Film is what to put together.
type Film struct {
	Pieces []Piece
	Sound  Sound
	// Chapters are at most 255, and may be none.
	Chapters []Chapter
	// Duration is the film's. Nothing beyond it is played.
	Duration time.Duration
}

// Piece is a stretch of the picture: an MP4 file of one track, the samples of
// which lie in a row and begin with a keyframe.
type Piece struct {
	File string
	// Length is how much later than this piece the next one begins.
	Length time.Duration
}

// Sound is AAC in mono or stereo, each packet in a frame of ADTS (ISO/IEC
// 14496-3 §1.A.2).
type Sound struct {
	File string
	// Delay is how many samples the encoder puts before what it encodes.
	Delay int64
}

// ErrInvalid is of files that are torn or not what they should be.
var ErrInvalid = errors.New("not a piece of a film")

const (
	// timescale of the film as a whole: whole frames at every usual rate, and
	// whole samples.
	timescale = 48000
	// interleave is how much of a track lies in a row before the other follows,
	// so that players need not jump.
	interleave = time.Second
)

// Write makes the file at path. Errors are of the system, or wrap ErrInvalid.
func Write(ctx context.Context, path string, film Film) (err error) {
	picture, err := openPicture(film.Pieces)
	if err != nil {
		return err
	}
	defer picture.close()
	sound, err := openSound(film.Sound)
	if err != nil {
		return err
	}
	defer sound.close()
	tracks := []*track{picture, sound}
	if len(film.Chapters) > 0 {
		chapters, err := newChapters(film.Chapters, film.Duration)
		if err != nil {
			return err
		}
		tracks = append(tracks, chapters)
		picture.refer(uint32(len(tracks)))
		sound.refer(uint32(len(tracks)))
	}
	order, size := interleaved(tracks)

	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create film: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := writeFront(w, film, tracks, size); err != nil {
		return fmt.Errorf("write index of film: %w", err)
	}
	for _, c := range order {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.track.copy(w, c); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write film: %w", err)
	}
	return nil
}

// interleaved orders the chunks of all tracks by time, and gives each its place.
func interleaved(tracks []*track) (order []*chunk, size int64) {
	next := make([]int, len(tracks))
	for {
		var first *chunk
		var of int
		for i, t := range tracks {
			if next[i] < len(t.chunks) && (first == nil || t.chunks[next[i]].at < first.at) {
				first, of = t.chunks[next[i]], i
			}
		}
		if first == nil {
			return order, size
		}
		first.offset = size
		size += first.size
		order = append(order, first)
		next[of]++
	}
}

// writeFront writes everything before the media, which take size bytes.
func writeFront(w io.Writer, film Film, tracks []*track, size int64) error {
	brands := mp4.NewFtyp("isom", 0x200, []string{"isom", "iso2", "avc1", "mp41"})
	movie := mp4.NewMoovBox()
	header := mp4.CreateMvhd()
	header.Timescale, header.Duration, header.NextTrackID = timescale, ticks(film.Duration, timescale), uint32(len(tracks)+1)
	header.Version = wide(header.Duration)
	movie.AddChild(header)
	for i, t := range tracks {
		t.finish(uint32(i+1), film.Duration)
		movie.AddChild(t.box)
	}
	if len(film.Chapters) > 0 {
		movie.AddChild(userData(film.Chapters))
	}
	media := mediaHeader(size)
	// How long the index is does not depend on the offsets in it, only on how
	// wide they are.
	long := size > math.MaxUint32/2
	place := func(begin uint64) {
		for _, t := range tracks {
			t.place(begin, long)
		}
	}
	place(0)
	place(brands.Size() + movie.Size() + uint64(len(media)))
	if err := brands.Encode(w); err != nil {
		return err
	}
	if err := movie.Encode(w); err != nil {
		return err
	}
	_, err := w.Write(media)
	return err
}

// mediaHeader begins the box of the media, which take size bytes.
func mediaHeader(size int64) []byte {
	const short, long = 8, 16
	if size+short > math.MaxUint32 {
		b := append(binary.BigEndian.AppendUint32(nil, 1), "mdat"...)
		return binary.BigEndian.AppendUint64(b, uint64(size+long))
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(size+short)), "mdat"...)
}

// ticks is a time in units of a timescale, rounded.
func ticks(d time.Duration, scale uint64) uint64 {
	whole, rest := uint64(d/time.Second), uint64(d%time.Second)
	return whole*scale + (rest*scale+uint64(time.Second)/2)/uint64(time.Second)
}

// wide is the version of a box that holds a time: 1 has 64 bits for it.
func wide(t uint64) byte {
	if t > math.MaxUint32 {
		return 1
	}
	return 0
}
