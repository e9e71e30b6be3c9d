package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// lines of the journal that is spoiled, each of the same length.
const corruptLines = 10

func corruptEntry(i int) Entry {
	return Entry{At: Seconds(time.Duration(i+1) * time.Millisecond * 1001), Participant: &ParticipantEntry{Identity: "ada", SID: "PA_1", Present: true}}
}

func TestCorruptJournal(t *testing.T) {
	size := func(f *os.File) int64 {
		info, err := f.Stat()
		must(t, err)
		return info.Size()
	}
	line := func(f *os.File, i int) int64 {
		b := make([]byte, size(f))
		_, err := f.ReadAt(b, 0)
		must(t, err)
		at := 0
		for range i {
			at += bytes.IndexByte(b[at:], '\n') + 1
		}
		return int64(at)
	}
	put := func(f *os.File, at int64, b ...byte) {
		_, err := f.WriteAt(b, at)
		must(t, err)
	}
	flip := func(f *os.File, at int64, mask byte) {
		var b [1]byte
		_, err := f.ReadAt(b[:], at)
		must(t, err)
		put(f, at, b[0]^mask)
	}
	for name, c := range map[string]struct {
		corrupt func(f *os.File)
		intact  int
	}{
		"not at all": {func(*os.File) {}, 10},
		"cut in the last record": {func(f *os.File) {
			must(t, f.Truncate(size(f)-20))
		}, 9},
		"cut after the first byte of the last record": {func(f *os.File) {
			must(t, f.Truncate(line(f, 9)+1))
		}, 9},
		"cut in the checksum of the last record": {func(f *os.File) {
			must(t, f.Truncate(line(f, 9)+12))
		}, 9},
		"cut newline": {func(f *os.File) {
			must(t, f.Truncate(size(f)-1))
		}, 10},
		"cut in the first record": {func(f *os.File) {
			must(t, f.Truncate(30))
		}, 0},
		"flipped bit in the middle": {func(f *os.File) {
			flip(f, line(f, 5)+40, 1)
		}, 9},
		"flipped bit in a checksum": {func(f *os.File) {
			flip(f, line(f, 5)+10, 1)
		}, 9},
		"flipped bits in two records": {func(f *os.File) {
			flip(f, line(f, 0)+30, 0x80)
			flip(f, line(f, 9)+30, 4)
		}, 8},
		"checksum of another record": {func(f *os.File) {
			b := make([]byte, 8)
			_, err := f.ReadAt(b, line(f, 1)+8)
			must(t, err)
			put(f, line(f, 2)+8, b...)
		}, 9},
		"a newline became something else": {func(f *os.File) {
			put(f, line(f, 5)-1, ' ')
		}, 8},
		"a newline in the middle of a record": {func(f *os.File) {
			put(f, line(f, 5)+40, '\n')
		}, 9},
		"no opening brace": {func(f *os.File) {
			put(f, line(f, 3), 'x')
		}, 9},
		"2 MiB line in the middle": {func(f *os.File) {
			b := make([]byte, size(f))
			_, err := f.ReadAt(b, 0)
			must(t, err)
			at := line(f, 5)
			long := append(bytes.Repeat([]byte("x"), 2<<20), '\n')
			put(f, at, append(long, b[at:]...)...)
		}, 10},
		"2 MiB without newline at the end": {func(f *os.File) {
			put(f, size(f), bytes.Repeat([]byte(`{"crc":"`), 2<<17)...)
		}, 10},
		"NULs at the end, as after a power cut": {func(f *os.File) {
			put(f, size(f), make([]byte, 4096)...)
		}, 10},
		"NULs over the last two records": {func(f *os.File) {
			put(f, line(f, 8), make([]byte, size(f)-line(f, 8))...)
		}, 8},
		"NULs over the first record": {func(f *os.File) {
			put(f, 0, make([]byte, line(f, 1)-1)...)
		}, 9},
		"empty": {func(f *os.File) {
			must(t, f.Truncate(0))
		}, 0},
		"one newline": {func(f *os.File) {
			must(t, f.Truncate(0))
			put(f, 0, '\n')
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var entries []Entry
			for i := range corruptLines {
				entries = append(entries, corruptEntry(i))
			}
			writeJournal(t, dir, entries...)
			f, err := os.OpenFile(filepath.Join(dir, JournalFile), os.O_RDWR, 0)
			must(t, err)
			c.corrupt(f)
			must(t, f.Close())

			before, _, err := ReadJournal(dir)
			must(t, err)
			if len(before) != c.intact {
				t.Fatalf("%d entries are intact, want %d", len(before), c.intact)
			}
			isOriginal(t, before)

			// Whoever goes on with the journal keeps what is intact, and what it
			// adds is whole.
			more := []Entry{{At: seconds(100), End: &EndEntry{Reason: EndedByStop}}, {At: seconds(101), End: &EndEntry{Reason: EndedByCrash}}}
			writeJournal(t, dir, more...)
			after, _, err := ReadJournal(dir)
			must(t, err)
			sameEntries(t, append(before, more...), after)
		})
	}
}

// isOriginal fails unless the entries are of those that were written, in order.
func isOriginal(t *testing.T, entries []Entry) {
	t.Helper()
	next := 0
	for _, e := range entries {
		for next < corruptLines && corruptEntry(next).At != e.At {
			next++
		}
		if next == corruptLines {
			t.Fatalf("%v was never written, or not at this place", e.At)
		}
		sameEntries(t, []Entry{corruptEntry(next)}, []Entry{e})
		next++
	}
}

// TestJournalCutAnywhere: a journal that is cut at any byte keeps every record
// that is whole.
func TestJournalCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	want := everyEntry()[:4]
	writeJournal(t, dir, want...)
	text := mustRead(t, filepath.Join(dir, JournalFile))
	for cut := range len(text) + 1 {
		whole := strings.Count(text[:cut], "\n")
		if cut < len(text) && text[cut] == '\n' {
			whole++ // only its newline is missing
		}
		got, _, err := DecodeJournal(strings.NewReader(text[:cut]))
		must(t, err)
		sameEntries(t, want[:whole], append([]Entry{}, got...))
	}
}

func TestDecodeJournalPassesOnReadErrors(t *testing.T) {
	whole := sealed([]byte(`"at_s":1}`)) + "\n"
	broken := errors.New("disk is on fire")
	entries, _, err := DecodeJournal(io.MultiReader(strings.NewReader(whole), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || len(entries) != 1 {
		t.Errorf("%d entries, %v; want 1, %v", len(entries), err, broken)
	}
	entries, skipped, err := DecodeJournal(iotest.OneByteReader(strings.NewReader(whole + whole)))
	if err != nil || skipped != 0 || len(entries) != 2 {
		t.Errorf("byte by byte: %d entries, %d skipped, %v", len(entries), skipped, err)
	}
}

// FuzzDecodeJournal reads what was fuzzed as it is, and once more with the right
// checksum on each line, so that what lies behind the checksum is reached too.
// Whatever was read is written as it will be read again.
func FuzzDecodeJournal(f *testing.F) {
	dir := f.TempDir()
	writeJournal(f, dir, everyEntry()...)
	b, err := os.ReadFile(filepath.Join(dir, JournalFile))
	must(f, err)
	f.Add(b)
	f.Add(b[:len(b)-7])
	for _, line := range bytes.Split(b, []byte("\n")) {
		if len(line) > prefixLen {
			f.Add(line[prefixLen:])
		}
	}
	f.Add([]byte("\x00\x00\x00\n{\"crc\":\"00000000\",\n"))
	f.Add([]byte(`"at_s":1e400,"epoch":{"wall":"0000-01-01T00:00:00+23:59"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkDecode(t, b)
		lines := bytes.Split(b, []byte("\n"))
		for i := range lines {
			lines[i] = []byte(sealed(lines[i]))
		}
		checkDecode(t, bytes.Join(lines, []byte("\n")))
	})
}

func checkDecode(t *testing.T, b []byte) {
	t.Helper()
	entries, skipped, err := DecodeJournal(bytes.NewReader(b))
	must(t, err)
	if lines := bytes.Count(b, []byte("\n")) + 1; len(entries)+skipped > lines {
		t.Fatalf("%d entries and %d skipped of %d lines", len(entries), skipped, lines)
	}
	var rewritten bytes.Buffer
	for _, e := range entries {
		line, err := json.Marshal(e)
		must(t, err)
		rewritten.WriteString(sealed(line[1:]) + "\n")
	}
	again, skipped, err := DecodeJournal(&rewritten)
	must(t, err)
	before, err := json.Marshal(entries)
	must(t, err)
	after, err := json.Marshal(again)
	must(t, err)
	if skipped != 0 || !bytes.Equal(before, after) {
		t.Fatalf("read %s, and what was written of it as %s", before, after)
	}
}
