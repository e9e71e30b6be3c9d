package recorder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

// writeJournal writes the journal of a recording in dir.
func writeJournal(t *testing.T, dir string, entries []recording.Entry) {
	t.Helper()
	j, err := recording.OpenJournal(dir)
	must(t, err)
	for _, e := range entries {
		must(t, j.Append(e))
	}
	must(t, j.Close())
}

func TestSolveMeeting(t *testing.T) {
	dir := t.TempDir()
	writeJournal(t, dir, meeting())
	m, err := Solve(dir, recording.Recording{})
	must(t, err)

	golden := filepath.Join("testdata", "meeting.json")
	if *update {
		must(t, recording.WriteJSON(golden, m))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	got, err := os.ReadFile(filepath.Join(dir, recording.ManifestFile))
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// TestSolveTakesWhatIsGiven: what the caller knows of the recording wins over
// what the journal says.
func TestSolveTakesWhatIsGiven(t *testing.T) {
	rec := recording.Recording{
		ID: "rec_2", CreatedAt: meetingStart.Add(-time.Hour),
		Request: recording.Request{Room: "other", Selection: recording.Selection{Kinds: []recording.Kind{recording.Audio}}},
	}
	m, err := solve(meeting(), rec)
	must(t, err)
	if m.ID != rec.ID || m.Room != rec.Room || !m.CreatedAt.Equal(rec.CreatedAt) || m.Selection.Key() != rec.Selection.Key() {
		t.Errorf("manifest of %s, %s, %v, %v", m.ID, m.Room, m.CreatedAt, m.Selection)
	}
}

// TestSolveCutJournals: a journal that ends after any line, or that lost any one
// to damage, gives a manifest, unless nothing says when it began.
func TestSolveCutJournals(t *testing.T) {
	all := meeting()
	for n := range len(all) + 1 {
		m, err := solve(all[:n:n], recording.Recording{})
		if (err != nil) != (n == 0) {
			t.Fatalf("after %d entries: %v", n, err)
		}
		if err == nil {
			checkManifest(t, m)
			if wantEnd := n < len(all)-1; wantEnd != (m.Ended == recording.EndedByCrash) {
				t.Errorf("after %d entries it ended by %q", n, m.Ended)
			}
		}
	}
	for n := range all {
		m, err := solve(slices.Delete(slices.Clone(all), n, n+1), recording.Recording{})
		if (err != nil) != (n == 0) {
			t.Fatalf("without entry %d: %v", n, err)
		}
		if err == nil {
			checkManifest(t, m)
		}
	}
	if _, err := solve([]recording.Entry{{Epoch: &recording.EpochEntry{}}}, recording.Recording{ID: "rec_1"}); err == nil {
		t.Error("an epoch that began never was taken")
	}
}

// TestSolveEpochsDoNotOverlap: wall clocks of two nodes differ, and one that is
// behind must not put the second epoch into the first.
func TestSolveEpochsDoNotOverlap(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
		want  float64
	}{{"later", 20 * time.Second, 20}, {"behind", 3 * time.Second, 10}, {"before it all", -time.Hour, 10}} {
		m, err := solve([]recording.Entry{
			{Epoch: &recording.EpochEntry{Number: 1, Wall: meetingStart}},
			{At: sec(10), Participant: &recording.ParticipantEntry{Identity: "ada", SID: "PA_1", Present: true}},
			{Epoch: &recording.EpochEntry{Number: 2, Wall: meetingStart.Add(c.after)}},
			{Participant: &recording.ParticipantEntry{Identity: "ada", SID: "PA_1", Present: true}},
			{At: sec(1), End: &recording.EndEntry{Reason: recording.EndedByStop}},
		}, recording.Recording{})
		must(t, err)
		want := []recording.Presence{{SID: "PA_1", From: sec(10), To: sec(10)}, {SID: "PA_1", From: sec(c.want), To: sec(c.want + 1)}}
		if diff := cmp.Diff(want, m.Participants[0].Present); diff != "" || m.Duration != sec(c.want+1) {
			t.Errorf("%s: duration %v; presence (-want +got):\n%s", c.name, m.Duration, diff)
		}
	}
}

func TestSolveState(t *testing.T) {
	failure := recording.Errorf(recording.CodeRoomUnreachable, "no route")
	part := []recording.Entry{
		{Part: &recording.PartEntry{ID: partAda, Participant: "ada"}},
		{PartEnd: &recording.PartEndEntry{ID: partAda, Bytes: 1}},
	}
	for _, c := range []struct {
		name    string
		entries []recording.Entry
		state   recording.State
		ended   recording.EndReason
	}{
		{"stopped", []recording.Entry{{End: &recording.EndEntry{Reason: recording.EndedByStop}}}, recording.Stopped, recording.EndedByStop},
		{"no end", nil, recording.Stopped, recording.EndedByCrash},
		{"failed with nothing", []recording.Entry{{End: &recording.EndEntry{Reason: recording.EndedByFailure, Error: failure}}}, recording.Failed, recording.EndedByFailure},
		{"failed with something", append(part, recording.Entry{End: &recording.EndEntry{Reason: recording.EndedByFailure, Error: failure}}), recording.Stopped, recording.EndedByFailure},
	} {
		m, err := solve(append([]recording.Entry{{Epoch: &recording.EpochEntry{Number: 1, Wall: meetingStart}}}, c.entries...), recording.Recording{})
		must(t, err)
		if m.State != c.state || m.Ended != c.ended {
			t.Errorf("%s: %s by %s, want %s by %s", c.name, m.State, m.Ended, c.state, c.ended)
		}
	}
}

// checkManifest fails unless every interval is closed and every track can be
// placed.
func checkManifest(t *testing.T, m *recording.Manifest) {
	t.Helper()
	closed := func(what string, list []recording.Interval) {
		for _, v := range list {
			if v.To == still || v.From == still {
				t.Fatalf("%s was left open: %v", what, list)
			}
		}
	}
	closed("pause", m.Pauses)
	for _, p := range m.Participants {
		closed("speaking", p.Speaking)
		for _, v := range p.Present {
			closed("presence", []recording.Interval{{From: v.From, To: v.To}})
		}
	}
	for _, p := range m.Parts {
		for _, tr := range p.Tracks {
			closed("mute", tr.Muted)
			closed("stall", tr.Stalled)
			if len(tr.Sync) == 0 || len(tr.SIDs) == 0 {
				t.Fatalf("track %+v cannot be placed", tr)
			}
		}
	}
}

// FuzzReplay solves a journal of which each line has the right checksum.
func FuzzReplay(f *testing.F) {
	var lines []string
	for _, e := range meeting() {
		b, err := json.Marshal(e)
		must(f, err)
		lines = append(lines, string(b[1:]))
	}
	f.Add([]byte(strings.Join(lines, "\n")))
	f.Add([]byte(strings.Join(lines[:8], "\n")))
	f.Add([]byte(lines[0] + "\n" + lines[0] + "\n" + lines[2]))
	f.Add([]byte(lines[2] + "\n" + lines[0]))
	f.Add([]byte(lines[0] + "\n" + lines[2] + "\n" + lines[3] + `
"at_s":-9e9,"clock":{"part":"` + partAda + `","number":1,"file_s":9e9,"arrival_s":-9e9}}
"at_s":9e9,"clock":{"part":"` + partAda + `","number":1,"file_s":-9e9,"arrival_s":9e9}}
"at_s":0,"part_end":{"id":"` + partAda + `","bytes":1,"tracks":[{"number":1,"file_last_s":9e9}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var journal bytes.Buffer
		for line := range bytes.SplitSeq(b, []byte("\n")) {
			fmt.Fprintf(&journal, "{\"crc\":\"%08x\",%s\n", crc32.Checksum(line, crc32.MakeTable(crc32.Castagnoli)), line)
		}
		entries, _, err := recording.DecodeJournal(&journal)
		must(t, err)
		m, err := solve(entries, recording.Recording{})
		begins := len(entries) > 0 && entries[0].Epoch != nil && !entries[0].Epoch.Wall.IsZero()
		if err != nil {
			if begins {
				t.Fatal(err)
			}
			return
		}
		checkManifest(t, m)
	})
}

// TestSolveMovedPictures: pictures that were moved to the sound after a while do not
// bend the mapping that sound gives, also where the sound has pauses.
func TestSolveMovedPictures(t *testing.T) {
	const moved, late = 180 * time.Millisecond, 20 * time.Millisecond
	sound := &solvingTrack{Track: recording.Track{Kind: recording.Audio}}
	pictures := &solvingTrack{Track: recording.Track{Kind: recording.Video}}
	for at := time.Duration(0); at < 10*time.Minute; at += time.Second {
		entry := recording.ClockEntry{File: recording.Seconds(at), Arrival: recording.Seconds(at + late)}
		if at%(10*time.Second) < 6*time.Second {
			sound.clocks = append(sound.clocks, entry)
		}
		if at > 20*time.Second {
			entry.File -= recording.Seconds(moved)
		}
		pictures.clocks = append(pictures.clocks, entry)
	}
	points, residual := (&solvingPart{tracks: []*solvingTrack{sound, pictures}}).sync()
	for _, s := range points {
		if off := s.Timeline - s.File; off != recording.Seconds(late) {
			t.Errorf("at %v the file is off by %v, want %v", s.File, off.Duration(), late)
		}
	}
	if residual != 0 || len(points) != 2 {
		t.Errorf("%d points with residual %v, want a line", len(points), residual)
	}
}
