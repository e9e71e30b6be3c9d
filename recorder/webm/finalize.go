package webm

import (
	"errors"
	"io"
)

// Finalize ends the file: it closes the last cluster, appends Cues, completes the
// head with the duration and the tracks that have blocks, syncs, and gives the
// file its name. The Writer is closed afterwards in any case. If Finalize fails,
// the file is left as path + OpenSuffix for Repair; if it has no block, the error
// is ErrEmpty.
func (w *Writer) Finalize() (Summary, error) {
	if w.closed {
		return Summary{}, w.err
	}
	size, err := w.finish()
	w.release()
	if err != nil {
		return Summary{}, err
	}
	if !errors.Is(w.err, ErrClosed) {
		return Summary{}, w.err
	}
	if err := publish(w.path+OpenSuffix, w.path); err != nil {
		w.err = &WriteError{"rename", err}
		return Summary{}, w.err
	}
	return w.index.summary(size), nil
}

func (w *Writer) finish() (size int64, err error) {
	if err := w.check(); err != nil {
		return 0, err
	}
	if w.index.duration() == 0 {
		return 0, ErrEmpty
	}
	w.closeCluster()
	if err := w.flush(); err != nil {
		return 0, err
	}
	end, err := newEnding(w.head, &w.index, w.flushed)
	if err != nil {
		return 0, err
	}
	if op, err := end.write(w.file); err != nil {
		return 0, w.fail(op, err)
	}
	return end.size(), nil
}

// ending is what turns clusters into a finished file.
type ending struct {
	head []byte // at the beginning
	cues []byte // at the offset at, to the end of the file
	at   int64
}

// newEnding returns the ending of a file whose last cluster ends at the offset at.
func newEnding(h head, ix *index, at int64) (ending, error) {
	e := ending{cues: ix.cuesElement(), at: at}
	h.tracks = ix.used()
	h.final = final{duration: ix.duration(), size: e.size(), frames: ix.frames()}
	if len(e.cues) > 0 {
		h.final.cues = at
	}
	var err error
	e.head, err = h.render()
	return e, err
}

type syncWriterAt interface {
	io.WriterAt
	Sync() error
}

func (e ending) size() int64 { return e.at + int64(len(e.cues)) }

// write puts the ending on disk. It needs no order: whatever of it gets there,
// Repair writes it again, for the file has not been renamed. It returns what it
// failed at.
func (e ending) write(f syncWriterAt) (op string, err error) {
	if _, err := f.WriteAt(e.cues, e.at); err != nil {
		return "write", err
	}
	if _, err := f.WriteAt(e.head, 0); err != nil {
		return "patch", err
	}
	return "sync", f.Sync()
}
