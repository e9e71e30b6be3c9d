package webm

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// MoveWindow is how long, from its first block on, all of a picture's blocks can
// be moved in time.
const MoveWindow = 20 * time.Second

// placed is where in the file a block's time lies, and what it is: ticks, and
// written relative to the time of its cluster. After a move, time may be negative,
// which no block's can.
type placed struct{ at, time, cluster int64 }

// remember notes where the time of a young track's block lies. at is the offset
// of the block, size its whole size, payload that of its payload.
func (t *trackIndex) remember(at, size, payload, cluster, now int64) {
	if t.Kind != Video || t.settled {
		return
	}
	if ticks(now-t.first) > MoveWindow {
		t.young, t.settled = nil, true
		return
	}
	const timeAndFlags = 3
	t.young = append(t.young, placed{at + size - payload - timeAndFlags, now, cluster})
}

// Movable returns how far a move of the track by a given time can go: by itself in
// whole milliseconds, or zero when the track is older than MoveWindow or would be
// moved by more than that.
func (w *Writer) Movable(track int, by time.Duration) time.Duration {
	t := w.index.track(track)
	if t == nil || t.settled || by.Abs() > MoveWindow || w.check() != nil {
		return 0
	}
	by = by.Round(time.Millisecond)
	for _, p := range t.young {
		if p.time+int64(by/time.Millisecond)-p.cluster > math.MaxInt16 {
			return 0
		}
	}
	return by
}

// Move moves all blocks of a young video track by a time that Movable allowed:
// what a recorder does when it learns, after the first frames, when they were
// taken. Blocks that would come to lie before the file begins are put at its very
// beginning, 1 ms apart. They are patched where they lie; the file is whole at
// every moment, since each patch is of two bytes.
func (w *Writer) Move(track int, by time.Duration) error {
	if err := w.check(); err != nil {
		return err
	}
	t := w.index.track(track)
	if t == nil {
		return fmt.Errorf("%w: %d", ErrUnknownTrack, track)
	}
	if w.Movable(track, by) != by {
		return fmt.Errorf("%w: track %d cannot be moved by %v", ErrInvalidBlock, track, by)
	}
	n := int64(by / time.Millisecond)
	if n == 0 || t.blocks == 0 {
		return nil
	}
	moved := make(map[int64]int64, len(t.young)) // times
	before, last := int64(-1), int64(-1)
	for i := range t.young {
		p := &t.young[i]
		before = max(p.time, before+1)
		p.time += n
		last = max(p.time, last+1)
		moved[before] = last
		if err := w.patchTime(*p, last); err != nil {
			return err
		}
	}
	t.first, t.last, t.end = moved[t.first], last, t.end+last-t.last
	for i := range w.index.cues {
		if c := &w.index.cues[i]; int(c.track) == track {
			c.time = moved[c.time]
		}
	}
	w.unsynced = true
	return nil
}

// patchTime writes the time of one block, in the buffer or in the file.
func (w *Writer) patchTime(p placed, now int64) error {
	var field [2]byte
	// It fits an int16: a young block's cluster is not as far from the beginning.
	binary.BigEndian.PutUint16(field[:], uint16(now-p.cluster))
	if p.at >= w.flushed {
		copy(w.buf[p.at-w.flushed:], field[:])
		return nil
	}
	if _, err := w.file.WriteAt(field[:], p.at); err != nil {
		return w.fail("patch", err)
	}
	return nil
}
