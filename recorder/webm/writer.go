package webm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	// MaxBlockSize bounds a block's payload, in bytes.
	MaxBlockSize = 16 << 20

	flushSize     = 64 << 10
	flushInterval = 250 * time.Millisecond
	syncInterval  = 3 * time.Second
	// keepBuffer bounds the buffer that a large frame leaves behind.
	keepBuffer = 512 << 10

	// maxText bounds what a person may have written into the head, in bytes.
	maxText = 128
)

// Options are what a file is begun with.
type Options struct {
	// WritingApp names the program; "roomreel" if empty.
	WritingApp string
	// Date is when the file begins. It is left out if zero.
	Date time.Time
	// SegmentUID identifies the file. It is made up if zero.
	SegmentUID [16]byte
	// CreateFile creates the file; CreateFile of this package if nil.
	CreateFile func(path string) (File, error)
}

// Writer writes one file. It belongs to one goroutine: none of its methods may
// run beside another.
type Writer struct {
	file File
	path string // the final one
	head head
	sync *syncer

	buf     []byte // what follows the flushed bytes
	flushed int64  // bytes of the file that the kernel has
	cluster cluster
	patch   patch

	lastFlush, lastSync time.Time
	unsynced            bool

	index  index
	err    error // what every further call returns
	closed bool
}

// Create begins a file that is to be named path once it is finished. Until then
// its name is path + OpenSuffix. Neither name may exist: the error is
// fs.ErrExist, inside a WriteError, if one does.
func Create(path string, o Options) (*Writer, error) {
	if o.WritingApp == "" {
		o.WritingApp = muxingApp
	}
	if o.CreateFile == nil {
		o.CreateFile = CreateFile
	}
	if o.SegmentUID == [16]byte{} {
		// Read never fails: see crypto/rand.
		_, _ = rand.Read(o.SegmentUID[:])
	}
	w := &Writer{
		path: path,
		head: head{writingApp: cleanText(o.WritingApp), date: o.Date, uid: o.SegmentUID},
		buf:  make([]byte, 0, flushSize+flushSize/4),
	}
	if err := w.create(o); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *Writer) create(o Options) error {
	first, err := w.head.render()
	if err != nil {
		return err
	}
	if err := mustNotExist(w.path); err != nil {
		return &WriteError{"create", err}
	}
	if w.file, err = o.CreateFile(w.path + OpenSuffix); err != nil {
		return &WriteError{"create", err}
	}
	w.buf = append(w.buf, first...)
	if err := w.flush(); err != nil {
		// There is nothing in it, and err says it all.
		_ = w.file.Close()
		_ = os.Remove(w.path + OpenSuffix)
		return err
	}
	w.sync = newSyncer(w.file)
	return nil
}

// SetTrack adds a track, or replaces what is known of the one with its number, and
// writes it into the head at once. A track's kind and codec cannot change. Its
// name is cut to 128 bytes of valid text.
func (w *Writer) SetTrack(t Track) error {
	if err := w.check(); err != nil {
		return err
	}
	if err := t.validate(); err != nil {
		return err
	}
	if known := w.index.track(t.Number); known != nil && known.Codec != t.Codec {
		return fmt.Errorf("%w: track %d is %s, not %s", ErrInvalidTrack, t.Number, known.Codec, t.Codec)
	}
	t = t.clone()
	t.Name = cleanText(t.Name)

	next := w.head
	next.tracks = withTrack(w.head.tracks, t)
	b, err := next.render()
	if err != nil {
		return err
	}
	if _, err := w.file.WriteAt(b, 0); err != nil {
		return w.fail("patch", err)
	}
	w.head = next
	w.index.set(t)
	w.unsynced = true
	return nil
}

// WriteBlock appends a block: one frame of picture, or one packet of sound. Its
// payload is copied, its Offset ignored, and its time rounded to 1 ms. Times of
// a track must grow; a block that is not later than the one before it is moved to
// 1 ms after it. Blocks of different tracks may come in any order, though players
// that stream like them to be no further apart than some hundred ms.
func (w *Writer) WriteBlock(b Block) error {
	if err := w.check(); err != nil {
		return err
	}
	t := w.index.track(b.Track)
	if t == nil {
		return fmt.Errorf("%w: %d", ErrUnknownTrack, b.Track)
	}
	if len(b.Payload) == 0 || len(b.Payload) > MaxBlockSize || b.Time < 0 {
		return fmt.Errorf("%w: %d bytes at %v", ErrInvalidBlock, len(b.Payload), b.Time)
	}
	now := int64(b.Time.Round(time.Millisecond) / time.Millisecond)
	if t.blocks > 0 && now <= t.last {
		now = t.last + 1
		t.bumped++
	}
	if w.cluster.ends(w.size(), now, t.Kind == Video && b.Keyframe) {
		w.closeCluster()
		w.openCluster(now)
	}
	at := w.size()
	w.buf = appendSimpleBlock(w.buf, b.Track, now-w.cluster.time, b.Keyframe || t.Kind == Audio, b.Payload)
	w.index.add(t, now, b.Keyframe, b.Payload, w.cluster.at, at-w.cluster.data())
	t.remember(at, w.size()-at, int64(len(b.Payload)), w.cluster.time, now)
	if len(w.buf) >= flushSize {
		return w.flush()
	}
	return nil
}

// FlushIfDue hands to the kernel what has been waiting for 250 ms or more, and
// starts a sync every 3 s. The owner calls it a few times a second, also while
// no blocks come.
func (w *Writer) FlushIfDue(now time.Time) error {
	if err := w.check(); err != nil {
		return err
	}
	if now.Sub(w.lastFlush) >= flushInterval {
		if err := w.flush(); err != nil {
			return err
		}
		w.lastFlush = now
	}
	if w.unsynced && now.Sub(w.lastSync) >= syncInterval && w.sync.kick() {
		w.lastSync = now
		w.unsynced = false
	}
	return nil
}

// Summary says what is in the file so far, whether it has reached the kernel or not.
func (w *Writer) Summary() Summary { return w.index.summary(w.size()) }

// Close flushes what it can and closes the file without finishing it: it keeps
// its OpenSuffix, and Repair can finish it. After Finalize, Close does nothing. It
// returns the WriteError of a failed Writer, however often it is called.
func (w *Writer) Close() error {
	if !w.closed {
		if w.check() == nil {
			w.closeCluster()
			_ = w.flush() // sticks
		}
		w.release()
	}
	if errors.Is(w.err, ErrClosed) {
		return nil
	}
	return w.err
}

// release joins the sync and closes the file.
func (w *Writer) release() {
	w.closed = true
	w.sync.stop()
	_ = w.check() // sticks
	if err := w.file.Close(); err != nil {
		_ = w.fail("close", err) // sticks
	}
	if w.err == nil {
		w.err = ErrClosed
	}
}

// check returns why the Writer cannot go on, if it cannot.
func (w *Writer) check() error {
	if w.err == nil {
		if err := w.sync.failure(); err != nil {
			return w.fail("sync", err)
		}
	}
	return w.err
}

// fail makes err what every further call returns, unless there was one before.
func (w *Writer) fail(op string, err error) error {
	if w.err == nil {
		w.err = &WriteError{op, err}
	}
	return w.err
}

// Size is that of the file so far, with what has not reached the kernel yet.
func (w *Writer) Size() int64 { return w.size() }

// size is the file's, with what has not been flushed.
func (w *Writer) size() int64 { return w.flushed + int64(len(w.buf)) }

// withTrack returns tracks with t in place of the one of its number, or at the end.
func withTrack(tracks []Track, t Track) []Track {
	out := append(make([]Track, 0, len(tracks)+1), tracks...)
	for i := range out {
		if out[i].Number == t.Number {
			out[i] = t
			return out
		}
	}
	return append(out, t)
}

// cleanText makes of what people write something the head can hold: valid UTF-8
// without NUL, which would end an EBML string, and not too long.
func cleanText(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "")
}
