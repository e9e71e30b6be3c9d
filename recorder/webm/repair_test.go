package webm

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memory is a file in memory whose calls that change it can be made to fail.
type memory struct {
	bytes.Reader // never read from
	b            []byte
	calls        int
	failAt       int
	part         bool
	unreadable   int64 // reads from here on fail, unless 0
}

func (m *memory) ReadAt(b []byte, off int64) (int, error) {
	if m.unreadable > 0 && off+int64(len(b)) > m.unreadable {
		return 0, syscall.EIO
	}
	if off >= int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(b, m.b[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) Seek(_ int64, whence int) (int64, error) {
	if whence != io.SeekEnd {
		return 0, errors.ErrUnsupported
	}
	return int64(len(m.b)), nil
}

func (m *memory) fails() bool {
	m.calls++
	return m.calls == m.failAt
}

func (m *memory) WriteAt(b []byte, off int64) (int, error) {
	failed := m.fails()
	if failed && !m.part {
		return 0, syscall.ENOSPC
	}
	if failed {
		b = b[:len(b)/2]
	}
	if end := int(off) + len(b); end > len(m.b) {
		m.b = append(m.b, make([]byte, end-len(m.b))...)
	}
	n := copy(m.b[off:], b)
	if failed {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (m *memory) Truncate(size int64) error {
	if m.fails() {
		return syscall.EIO
	}
	m.b = m.b[:size]
	return nil
}

func (m *memory) Sync() error {
	if m.fails() {
		return syscall.EIO
	}
	return nil
}

// smallFile returns a short file of real packets, unfinished and finished.
func smallFile(t testing.TB) (unfinished, finished []byte) {
	t.Helper()
	vp8, opus := tinyMedia.load(t), opusMedia.load(t)
	vp8.track.Width, vp8.track.Height = 48, 32
	vp8.blocks, opus.blocks = vp8.blocks[:10], opus.blocks[:20]
	for i := range vp8.blocks[5:] { // for a second cluster
		vp8.blocks[5+i].Time += 6 * time.Second
	}
	path := filepath.Join(t.TempDir(), "part.webm")
	w := create(t, path, testOptions(), vp8.track, opus.track)
	writeAll(t, w, interleave(vp8, opus))
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	unfinished, err := os.ReadFile(path + OpenSuffix)
	if err != nil {
		t.Fatal(err)
	}
	finalize(t, w)
	if finished, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return unfinished, finished
}

// blocksOf returns a file's blocks and where each one ends.
func blocksOf(t testing.TB, b []byte) (blocks []Block, ends []int) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return blocks, ends
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Payload = bytes.Clone(b.Payload)
		blocks = append(blocks, b)
		ends = append(ends, int(r.pos))
	}
}

// Cut a file anywhere, and every block before the cut is kept, in a file that is
// whole: the next Repair finds nothing to do.
func TestCutAnywhere(t *testing.T) {
	unfinished, finished := smallFile(t)
	for name, file := range map[string][]byte{"unfinished": unfinished, "finished": finished} {
		blocks, ends := blocksOf(t, file)
		for cut := range len(file) + 1 {
			m := &memory{b: bytes.Clone(file[:cut])}
			s, err := repair(m)
			whole := 0
			for whole < len(ends) && ends[whole] <= cut {
				whole++
			}
			if whole == 0 {
				if !errors.Is(err, ErrEmpty) {
					t.Fatalf("%s, %d bytes: %v", name, cut, err)
				}
				if !bytes.Equal(m.b, file[:cut]) {
					t.Fatalf("%s, %d bytes: changed for nothing", name, cut)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", name, cut, err)
			}
			got, _ := blocksOf(t, m.b)
			sameBlocks(t, blocks[:whole], got)
			counted := 0
			for _, track := range s.Tracks {
				counted += int(track.Blocks)
			}
			if s.Size != int64(len(m.b)) || counted != whole {
				t.Fatalf("%s, %d bytes: %d blocks in %d bytes, but summary %+v", name, cut, whole, len(m.b), s)
			}
			again := &memory{b: bytes.Clone(m.b), failAt: 1}
			if _, err := repair(again); err != nil || !bytes.Equal(again.b, m.b) {
				t.Fatalf("%s, %d bytes: repaired twice: %v", name, cut, err)
			}
			if cut%97 == 0 {
				mustRepairOnDisk(t, file[:cut], m.b)
			}
		}
	}
}

// mustRepairOnDisk does it with a real file, and asks FFmpeg what it thinks.
func mustRepairOnDisk(t *testing.T, torn, want []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "part.webm")
	if err := os.WriteFile(path+OpenSuffix, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Repair(path + OpenSuffix); err != nil {
		t.Fatal(err)
	}
	mustHold(t, path, want)
	if out := run(t, "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"); out != "" {
		t.Errorf("decoding after %d bytes: %s", len(torn), out)
	}
}

// What Repair makes of a file that lacks only its end is what Finalize would have.
func TestRepairIsFinalize(t *testing.T) {
	unfinished, finished := smallFile(t)
	m := &memory{b: bytes.Clone(unfinished)}
	s, err := repair(m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.b, finished) {
		t.Error("the bytes differ")
	}
	if s.Lost != 0 || s.Duration != 6400*time.Millisecond {
		t.Errorf("summary %+v", s)
	}
}

// A Repair that fails at any step, even half-way through a write, can be repeated
// with the same result.
func TestRepairIsInterrupted(t *testing.T) {
	unfinished, finished := smallFile(t)
	for name, file := range map[string][]byte{
		"unfinished":    unfinished,
		"torn":          unfinished[:len(unfinished)-5],
		"finished torn": finished[:len(finished)-45],
		"damaged":       damage(t, unfinished),
		"damaged first": zeros(unfinished, headSize, 1),
	} {
		whole := &memory{b: bytes.Clone(file)}
		want, err := repair(whole)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want.Lost = 0
		for n := 1; n <= whole.calls; n++ {
			for _, part := range []bool{false, true} {
				m := &memory{b: bytes.Clone(file), failAt: n, part: part}
				_, err := repair(m)
				if _, ok := errors.AsType[*WriteError](err); !ok {
					t.Errorf("%s, call %d: %v", name, n, err)
				}
				got, err := repair(m)
				got.Lost = 0 // the second one does not see all of it any more
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s, call %d: %v, summary (-want +got):\n%s", name, n, err, diff)
				}
				if !bytes.Equal(m.b, whole.b) {
					t.Errorf("%s, call %d: the bytes differ", name, n)
				}
			}
		}
	}
}

// damage writes zeros over a block of the first cluster.
func damage(t testing.TB, file []byte) []byte {
	t.Helper()
	_, ends := blocksOf(t, file)
	file = bytes.Clone(file)
	clear(file[ends[3] : ends[3]+20])
	return file
}

// Damage within a file costs the rest of its cluster, not the rest of the file.
func TestDamageWithinAFile(t *testing.T) {
	unfinished, finished := smallFile(t)
	for name, file := range map[string][]byte{"unfinished": unfinished, "finished": finished} {
		blocks, ends := blocksOf(t, file)
		second := slices.IndexFunc(blocks, func(b Block) bool { return b.Time >= 5*time.Second })
		m := &memory{b: damage(t, file)}
		s, err := repair(m)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := blocksOf(t, m.b)
		sameBlocks(t, slices.Concat(blocks[:4], blocks[second:]), got)
		if want := int64(ends[second-1] - ends[3]); s.Lost != want {
			t.Errorf("%s: %d bytes lost, want %d", name, s.Lost, want)
		}
		path := filepath.Join(t.TempDir(), "part.webm")
		if err := os.WriteFile(path, m.b, 0o600); err != nil {
			t.Fatal(err)
		}
		mustDecodeStructure(t, path)
		if got, _, _ := probe(t, path); got[0].Packets != "9" && got[0].Packets == got[1].Packets {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Bytes that cannot be read are no reason to cut a file.
func TestUnreadableIsNotTorn(t *testing.T) {
	unfinished, _ := smallFile(t)
	for at := int64(1); at < int64(len(unfinished)); at += 101 {
		m := &memory{b: bytes.Clone(unfinished), unreadable: at}
		if _, err := repair(m); !errors.Is(err, syscall.EIO) {
			t.Errorf("unreadable from byte %d: %v", at, err)
		}
		if !bytes.Equal(m.b, unfinished) {
			t.Errorf("unreadable from byte %d: changed", at)
		}
	}
}

func TestRepairRefuses(t *testing.T) {
	unfinished, _ := smallFile(t)
	foreign := filepath.Join(t.TempDir(), "foreign.webm")
	run(t, "ffmpeg", "-v", "error", "-i", vp8Media.path(t), "-c", "copy", foreign)
	ffmpegs, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	another := bytes.Clone(unfinished)
	another[bytes.LastIndex(another[:headSize], []byte{0x16})+1]++ // a head of one byte more
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":          {nil, ErrEmpty},
		"zeros":            {make([]byte, 10000), ErrNotOurs},
		"text":             {bytes.Repeat([]byte("roomreel "), 1000), ErrNotOurs},
		"another's":        {ffmpegs, ErrNotOurs},
		"head only":        {unfinished[:headSize], ErrEmpty},
		"head and zeros":   {slices.Concat(unfinished[:headSize], make([]byte, 99)), ErrEmpty},
		"head and a Void":  {slices.Concat(unfinished[:headSize], void(99)), ErrEmpty},
		"another layout":   {another, ErrNotOurs},
		"zeros in Tracks":  {zeros(unfinished, bytes.Index(unfinished, []byte{0x16, 0x54, 0xAE, 0x6B}), 200), errInvalidID},
		"zeros in its ID":  {zeros(unfinished, 0, 20), ErrNotOurs},
		"zeros in Segment": {zeros(unfinished, 40, 4), errInvalidID},
	} {
		path := filepath.Join(t.TempDir(), "part.webm"+OpenSuffix)
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Repair(path); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		mustHold(t, path, c.file)
	}
	if _, err := Repair(filepath.Join(t.TempDir(), "none"+OpenSuffix)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func zeros(b []byte, at, n int) []byte {
	b = bytes.Clone(b)
	clear(b[at : at+n])
	return b
}

// A file that is still being written is not touched, by whichever name.
func TestRepairLeavesAWriterAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	w := writeGolden(t, path)
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := Repair(path + OpenSuffix); !errors.Is(err, ErrInUse) {
		t.Errorf("Repair: %v", err)
	}
	mustHold(t, path+OpenSuffix, unhex(t, goldenUnfinished))
	finalize(t, w)
	mustHold(t, path, unhex(t, goldenFinished))
}

// Close leaves what Repair finishes, and finishing it twice is no error.
func TestRepairByEitherName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	w := writeGolden(t, path)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := Repair(path + OpenSuffix)
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, path, unhex(t, goldenFinished))
	for _, name := range []string{path + OpenSuffix, path} {
		again, err := Repair(name)
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Errorf("%s: %v, summary (-first +again):\n%s", filepath.Base(name), err, diff)
		}
		mustHold(t, path, unhex(t, goldenFinished))
	}
}

// A Tracks element that no power loss could leave, but which a bad disk may: the
// blocks are kept, and nobody is told that there are none.
func TestBlocksOfNoTrack(t *testing.T) {
	unfinished, _ := smallFile(t)
	file := bytes.Replace(unfinished, []byte{0x16, 0x54, 0xAE, 0x6B}, []byte{0x12, 0x54, 0xC3, 0x67}, 1) // Tags
	m := &memory{b: bytes.Clone(file)}
	if _, err := repair(m); err == nil || errors.Is(err, ErrEmpty) || !bytes.Equal(m.b, file) {
		t.Errorf("repair: %v", err)
	}
}
