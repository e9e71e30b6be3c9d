package webm

import (
	"encoding/binary"
	"fmt"
	"time"
)

// MoveWindow is how long, from its first block on, all of a picture's blocks can
// be moved in time.
const MoveWindow = 20 * time.Second

// placed is where in the file a block's time lies, and what it is: ticks, and
// written relative to the time of its cluster.
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

// Movable returns how far a move of the track by a given time can go: by itself
// in whole milliseconds, less where the track would begin before the file does,
// or zero when it is older than MoveWindow or would be moved by more than that.
func (w *Writer) Movable(track int, by time.Duration) time.Duration {
	t := w.index.track(track)
	if t == nil || t.settled || by.Abs() > MoveWindow || w.check() != nil {
		return 0
	}
	return max(by.Round(time.Millisecond), -ticks(t.first))
}

// Move moves all blocks of a young video track by a time that Movable allowed:
// what a recorder does when it learns, after the first frames, when they were
// taken. Blocks are patched where they lie; the file is whole at every moment,
// since each patch is of two bytes.
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
	for i := range t.young {
		if err := w.moveBlock(&t.young[i], n); err != nil {
			return err
		}
	}
	t.first, t.last, t.end = t.first+n, t.last+n, t.end+n
	for i := range w.index.cues {
		if c := &w.index.cues[i]; int(c.track) == track {
			c.time += n
		}
	}
	w.unsynced = true
	return nil
}

// moveBlock patches the time of one block, in the buffer or in the file.
func (w *Writer) moveBlock(p *placed, n int64) error {
	p.time += n
	var field [2]byte
	// It fits an int16: a cluster's length and MoveWindow together are less.
	binary.BigEndian.PutUint16(field[:], uint16(p.time-p.cluster))
	if p.at >= w.flushed {
		copy(w.buf[p.at-w.flushed:], field[:])
		return nil
	}
	if _, err := w.file.WriteAt(field[:], p.at); err != nil {
		return w.fail("patch", err)
	}
	return nil
}
