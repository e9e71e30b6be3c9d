package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyEntry holds one of each kind, with every field set.
func everyEntry() []Entry {
	wall := time.Date(2026, 8, 1, 12, 0, 0, 123456789, time.UTC)
	refused := &Error{Code: CodeEncrypted, Message: "no <key> & \"none\"\n", Existing: "x"}
	return []Entry{
		{Epoch: &EpochEntry{
			Number: 3, Node: "n1", Wall: wall, Room: "stand-up", RoomSID: "RM_1", Recording: "rec_" + digits,
			Selection: Selection{[]string{"a"}, []string{"b"}, []string{"camera"}, []Kind{Audio}}, CreatedAt: wall.Add(-time.Hour),
		}},
		{At: seconds(0.000001), Participant: &ParticipantEntry{Identity: "ada", SID: "PA_1", Name: "Ada Ł\u2028 \x00", Present: true}},
		{At: seconds(1), Part: &PartEntry{ID: "prt_" + digits, File: "f.webm", Participant: "ada", Stream: "camera", Start: seconds(1)}},
		{At: seconds(1), Track: &TrackEntry{"p", 1, "TR_1", "microphone", Audio, "opus", 1<<32 - 1, 48000}},
		{At: seconds(2), Clock: &ClockEntry{"p", 1, 1 << 40, seconds(1.5), seconds(2), 2, "rtp time stood still"}},
		{At: seconds(2), Report: &ReportEntry{"p", 1, -5, 1<<64 - 1}},
		{At: seconds(3), Mute: &MuteEntry{"TR_1", true}},
		{At: seconds(4), Gap: &GapEntry{"p", 1, 7, seconds(1), seconds(2)}},
		{At: seconds(4), Freeze: &FreezeEntry{"p", 2, seconds(1), seconds(2)}},
		{At: seconds(5), Size: &SizeEntry{"p", 2, seconds(1), 640, 360}},
		{At: seconds(6), Speakers: &SpeakersEntry{[]string{"ada", "bob"}}},
		{At: seconds(7), Refused: &RefusedEntry{"bob", "TR_2", "camera", "video/x", refused}},
		{At: seconds(-8), PartEnd: &PartEndEntry{"p", EndedByWrite, refused, seconds(9), 10, []TrackTotals{{1, 2000, 3000, 4, 5, 6, 7, 8}}}},
		{At: seconds(9), Turn: 3, Pause: &PauseEntry{Paused: true}},
		{At: seconds(9), Selection: &Selection{Kinds: []Kind{Video}}},
		{At: seconds(9), Stall: &StallEntry{"TR_1", true}},
		{At: seconds(9), Disk: &DiskEntry{1<<63 + 1, true}},
		{At: seconds(9), Drops: &DropsEntry{7}},
		{At: seconds(108000), End: &EndEntry{EndedByFailure, refused}},
	}
}

// sameEntries compares whole values.
func sameEntries(t testing.TB, want, got []Entry) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *Error) bool {
		return a == b || a != nil && b != nil && a.Code == b.Code && a.Message == b.Message && a.Existing == b.Existing
	})); diff != "" {
		t.Fatalf("entries (-want +got):\n%s", diff)
	}
}

// writeJournal appends entries to the journal in dir and closes it.
func writeJournal(t testing.TB, dir string, entries ...Entry) {
	t.Helper()
	j, err := OpenJournal(dir)
	must(t, err)
	for _, e := range entries {
		must(t, j.Append(e))
	}
	must(t, j.Close())
}

func TestJournalRoundTrip(t *testing.T) {
	dir := t.TempDir()
	want := everyEntry()
	writeJournal(t, dir, want[:5]...)
	writeJournal(t, dir) // to open and close it changes nothing
	writeJournal(t, dir, want[5:]...)
	got, skipped, err := ReadJournal(dir)
	must(t, err)
	if skipped != 0 {
		t.Errorf("%d lines skipped", skipped)
	}
	sameEntries(t, want, got)
	if _, _, err := ReadJournal(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a journal: %v", err)
	}
}

// TestJournalLines reads the file as anything but this package would: each line
// is JSON, and its checksum is that of what follows it.
func TestJournalLines(t *testing.T) {
	dir := t.TempDir()
	writeJournal(t, dir, everyEntry()...)
	text := mustRead(t, filepath.Join(dir, JournalFile))
	lines := strings.SplitAfter(text, "\n")
	if len(lines) != len(everyEntry())+1 || lines[len(lines)-1] != "" {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines[:len(lines)-1] {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		delete(v, "turn")
		if len(v) != 3 {
			t.Errorf("line %d has other members than crc, at_s, turn and one entry: %s", i, line)
		}
		rest := strings.TrimSuffix(line[len(`{"crc":"xxxxxxxx",`):], "\n")
		if want := fmt.Sprintf("%08x", crc32.Checksum([]byte(rest), crc32.MakeTable(crc32.Castagnoli))); v["crc"] != want {
			t.Errorf("line %d has checksum %v, want %s", i, v["crc"], want)
		}
	}
}

// TestJournalReachesTheKernel: what was flushed can be read while the journal
// is open, and a journal that grows large flushes by itself.
func TestJournalReachesTheKernel(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(dir)
	must(t, err)
	defer j.Close()
	read := func() int {
		entries, skipped, err := ReadJournal(dir)
		must(t, err)
		if skipped != 0 {
			t.Fatalf("%d lines skipped", skipped)
		}
		return len(entries)
	}
	must(t, j.Append(Entry{At: 1000}))
	if n := read(); n != 0 {
		t.Errorf("%d entries before the flush", n)
	}
	must(t, j.Flush())
	if n := read(); n != 1 {
		t.Errorf("%d entries after the flush, want 1", n)
	}
	big := Entry{Participant: &ParticipantEntry{Name: strings.Repeat("a", 40<<10)}}
	must(t, j.Append(big))
	if n := read(); n != 2 {
		t.Errorf("%d entries after a large one, want 2", n)
	}
}

func TestDecodeJournalBounds(t *testing.T) {
	whole := sealed([]byte(`"at_s":1}`))
	for _, c := range []struct {
		name            string
		text            string
		intact, skipped int
	}{
		{"nothing", "", 0, 0},
		{"empty lines", "\n\n" + whole + "\n\n", 1, 0},
		{"no newline at the end", whole, 1, 0},
		{"as long as may be", sealed([]byte(`"at_s":1`+strings.Repeat(" ", longestLine-1-len(whole))+`}`)) + "\n" + whole, 2, 0},
		{"one byte longer", sealed([]byte(`"at_s":1`+strings.Repeat(" ", longestLine-len(whole))+`}`)) + "\n" + whole, 1, 1},
		{"8 MiB without a newline", strings.Repeat("x", 8<<20), 0, 1},
		{"8 MiB of newlines", strings.Repeat("\n", 8<<20) + whole, 1, 0},
		{"checksum in capitals", strings.Replace(whole, whole[8:16], strings.ToUpper(whole[8:16]), 1), 0, 1},
		{"whole, but not JSON", sealed([]byte(`"at_s":`)), 0, 1},
		{"whole, but of another type", sealed([]byte(`"at_s":1,"end":[]}`)), 0, 1},
		{"from a newer program", sealed([]byte(`"at_s":1,"weather":{"sunny":true}}`)), 1, 0},
		{"carriage return", whole + "\r\n", 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			entries, skipped, err := DecodeJournal(bytes.NewReader([]byte(c.text)))
			if err != nil || len(entries) != c.intact || skipped != c.skipped {
				t.Errorf("%d entries, %d skipped, %v; want %d and %d", len(entries), skipped, err, c.intact, c.skipped)
			}
		})
	}
}

// sealed is a line with the right checksum, whatever it says.
func sealed(rest []byte) string {
	return fmt.Sprintf(`{"crc":"%08x",%s`, crc32.Checksum(rest, crc32.MakeTable(crc32.Castagnoli)), rest)
}

// A journal can be read whatever a request may hold.
func TestJournalOfTheLargestRequest(t *testing.T) {
	const entries, bytes = 1000, 256
	var list []string
	for i := range entries {
		list = append(list, fmt.Sprintf("%04d", i)+strings.Repeat("<", bytes-4)) // six bytes each in JSON
	}
	want := Entry{Epoch: &EpochEntry{Number: 1, Selection: Selection{Identities: list, Except: list, Streams: list}}}
	want.Epoch.Labels = map[string]string{}
	for i := range 50 {
		want.Epoch.Labels[fmt.Sprintf("%02d", i)+strings.Repeat("&", 1022)] = strings.Repeat(">", 1024)
	}
	must(t, Request{Room: "r", Selection: want.Epoch.Selection, Subject: want.Epoch.Subject}.Validate())
	dir := t.TempDir()
	j, err := OpenJournal(dir)
	must(t, err)
	must(t, j.Append(want))
	must(t, j.Close())
	got, skipped, err := ReadJournal(dir)
	must(t, err)
	if diff := cmp.Diff([]Entry{want}, got); diff != "" || skipped != 0 {
		t.Errorf("skipped %d (-want +got):\n%.1000s", skipped, diff)
	}
}
