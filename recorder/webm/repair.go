package webm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Repair finishes a file that its Writer could not: it keeps every whole block,
// cuts off what was torn at the end, and goes on like Finalize. path is the name
// with or without OpenSuffix; without it the file is repaired where it is. To
// repair a whole file changes nothing, and to repair one that has got its final
// name since is no error.
//
// A cluster that is damaged within the file is kept up to the damage, which is
// covered by a Void, and reading goes on with the next cluster.
//
// Repair works in place, so that a full disk does not stop it for want of a copy.
// Nothing but bytes that are no whole block is ever overwritten or cut off, and
// each step leaves a file of which Repair makes the same, so it may be
// interrupted anywhere.
//
// The errors are ErrNotOurs, ErrEmpty and ErrInUse, a CorruptError for a head that
// cannot be read, a WriteError, and what os.Open returns. The file is left as it
// was, but for a WriteError.
func Repair(path string) (Summary, error) {
	final := strings.TrimSuffix(path, OpenSuffix)
	f, err := openDisk(path, os.O_RDWR)
	if final != path {
		if errors.Is(err, fs.ErrNotExist) {
			path = final
			f, err = openDisk(path, os.O_RDWR)
		} else if err == nil {
			err = mustNotExist(final)
		}
	}
	if err != nil {
		return Summary{}, fmt.Errorf("webm: repair: %w", err)
	}
	s, err := repair(f)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = &WriteError{"close", cerr}
	}
	if err != nil {
		return Summary{}, err
	}
	if err := publish(path, final); err != nil {
		return Summary{}, &WriteError{"rename", err}
	}
	return s, nil
}

// repairFile is what Repair works on.
type repairFile interface {
	io.ReaderAt
	io.WriterAt
	io.Seeker
	Truncate(size int64) error
	Sync() error
}

func repair(f repairFile) (Summary, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return Summary{}, &readError{err}
	}
	r, err := NewReader(f, size)
	switch {
	case errors.Is(err, ErrNotMatroska):
		return Summary{}, fmt.Errorf("%w: %w", ErrNotOurs, err)
	case errors.Is(err, io.ErrUnexpectedEOF), err == nil && r.pos == size && r.muxer == "":
		return Summary{}, ErrEmpty // cut before the head could say whose it is
	case err != nil:
		return Summary{}, err
	case r.muxer != muxingApp || r.scale != uint64(timestampScale):
		return Summary{}, ErrNotOurs
	case size <= headSize:
		return Summary{}, ErrEmpty
	case r.pos != headSize:
		return Summary{}, ErrNotOurs
	}
	s, err := salvageFrom(r)
	if err != nil {
		return Summary{}, err
	}
	end, err := newEnding(r.head, &s.index, s.end)
	if err != nil {
		return Summary{}, err
	}
	if err := s.write(f, &r.src, end); err != nil {
		return Summary{}, err
	}
	sum := s.index.summary(end.size())
	sum.Lost = s.lost
	return sum, nil
}

// salvage is what is worth keeping of a file.
type salvage struct {
	index index
	end   int64 // of the last whole block
	edits []edit
	lost  int64
}

// edit overwrites bytes of the file: the size of a cluster, or the beginning of
// what a Void is to cover.
type edit struct {
	at    int64
	bytes []byte
}

// salvageFrom reads a file to its end, past what is damaged.
func salvageFrom(r *Reader) (*salvage, error) {
	s := &salvage{end: headSize}
	for _, t := range r.head.tracks {
		s.index.set(t)
	}
	var last header // the cluster of the last whole block
	damaged, blocks := false, 0
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if _, ok := errors.AsType[*CorruptError](err); !ok {
				return nil, err
			}
			damaged = true
			found, err := r.resync(s.end)
			if err != nil {
				return nil, err
			}
			if !found {
				break
			}
			continue
		}
		if r.cluster.at != last.at {
			if err := s.close(last); err != nil {
				return nil, err
			}
			s.cover(r.cluster.at, damaged)
			last, damaged = r.cluster, false
		}
		if t := s.index.track(b.Track); t != nil {
			s.index.add(t, int64(b.Time/time.Millisecond), b.Keyframe, b.Payload, last.at, b.Offset-last.data)
		}
		s.end = r.pos
		blocks++
	}
	if damaged {
		s.lost += r.src.size - s.end
	}
	switch {
	case blocks == 0:
		return nil, ErrEmpty
	case s.index.duration() == 0:
		return nil, &CorruptError{0, errors.New("no track of any block is declared")}
	}
	return s, s.close(last)
}

// close makes a cluster end after its last whole block.
func (s *salvage) close(c header) error {
	if c.at == 0 {
		return nil
	}
	size := s.end - c.data
	if c.data-c.at != clusterHeader || vintWidth(size) > clusterSizeWidth {
		return fmt.Errorf("%w: cluster at byte %d", ErrNotOurs, c.at)
	}
	if c.size != size {
		s.edits = append(s.edits, edit{c.at + 4, appendVint(nil, size, clusterSizeWidth)})
	}
	return nil
}

// cover puts a Void over all between the last whole block and the next cluster.
func (s *salvage) cover(next int64, damaged bool) {
	if next == s.end {
		return
	}
	s.edits = append(s.edits, edit{s.end, voidHeader(next - s.end)})
	if damaged {
		s.lost += next - s.end
	}
}

// write puts all on disk that is not there yet.
func (s *salvage) write(f repairFile, src *source, end ending) error {
	todo := s.edits[:0]
	for _, e := range s.edits {
		same, err := src.holds(e.at, e.bytes)
		if err != nil {
			return err
		}
		if !same {
			todo = append(todo, e)
		}
	}
	sameHead, err := src.holds(0, end.head)
	if err != nil {
		return err
	}
	sameCues, err := src.holds(end.at, end.cues)
	if err != nil {
		return err
	}
	if len(todo) == 0 && sameHead && sameCues && end.size() == src.size {
		return nil
	}
	if err := f.Truncate(end.at); err != nil {
		return &WriteError{"truncate", err}
	}
	for _, e := range todo {
		if _, err := f.WriteAt(e.bytes, e.at); err != nil {
			return &WriteError{"patch", err}
		}
	}
	if op, err := end.write(f); err != nil {
		return &WriteError{op, err}
	}
	return nil
}

// holds reports whether the file has the bytes want at off.
func (s *source) holds(off int64, want []byte) (bool, error) {
	if s.size-off < int64(len(want)) {
		return false, nil
	}
	for len(want) > 0 {
		n := min(window, len(want))
		got, err := s.view(off, int64(n))
		if err != nil {
			return false, err
		}
		if !bytes.Equal(got, want[:n]) {
			return false, nil
		}
		want, off = want[n:], off+int64(n)
	}
	return true, nil
}

// resync moves to the next cluster that has not been tried and reports whether
// there is one. end is that of the last whole block: a byte after it no Void could
// cover, so no cluster is looked for there.
func (r *Reader) resync(end int64) (bool, error) {
	const step = 4 << 10
	pattern := appendID(nil, idCluster)
	at := end
	if r.cluster.at >= end {
		at = r.cluster.at + 1
	}
	for r.src.size-at >= int64(len(pattern)) {
		b, err := r.src.view(at, min(step, r.src.size-at))
		if err != nil {
			return false, err
		}
		i := bytes.Index(b, pattern)
		if i < 0 {
			at += int64(len(b) - len(pattern) + 1)
			continue
		}
		at += int64(i)
		if at != end+1 {
			switch ok, err := r.src.plausible(at); {
			case err != nil:
				return false, err
			case ok:
				r.pos, r.inCluster, r.err = at, false, nil
				r.cluster = header{at: at}
				return true, nil
			}
		}
		at++
	}
	return false, nil
}

// plausible reports whether a cluster of ours begins at an offset: with a timestamp.
func (s *source) plausible(at int64) (bool, error) {
	c, err := s.header(at)
	if err == nil {
		c, err = s.header(c.data)
	}
	if _, ok := errors.AsType[*readError](err); ok {
		return false, err
	}
	return err == nil && c.id == idTimestamp && c.size > 0 && c.size <= 8, nil
}
