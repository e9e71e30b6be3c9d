package recording

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func at(s float64) Seconds { return Seconds(s * float64(time.Second)) }

// part is one of a node's, of one track that lasts from a position to another.
func turnPart(id string, turn Turn, from, to float64) Part {
	return Part{
		ID: id, Node: turn.Node, Epoch: turn.Epoch, Start: at(from), Duration: at(to - from), Bytes: 100,
		Tracks: []Track{{Number: 1, Start: at(from), End: at(to), Sync: []SyncPoint{{File: 0, Timeline: at(from)}}, Muted: []Interval{{From: at(from), To: at(to)}}}},
	}
}

// Nodes a and b recorded one after the other, and a once more; each solved its own
// journal, on a timeline that begins with its own first turn.
func TestMerge(t *testing.T) {
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	a1 := Turn{Epoch: 1, Node: "a", From: 0, To: at(10)}
	b2 := Turn{Epoch: 2, Node: "b", From: 0, To: at(10)}
	a3 := Turn{Epoch: 3, Node: "a", From: at(22), To: at(30)}
	a := &Manifest{
		ID: "rec", StartedAt: start, StoppedAt: start.Add(30 * time.Second), Duration: at(30), Ended: EndedByStop, State: Stopped,
		Turns:        []Turn{a1, a3},
		Parts:        []Part{turnPart("one", a1, 0, 10), turnPart("three", a3, 22, 30)},
		Participants: []Participant{{Identity: "anna", Present: []Presence{{SID: "PA", From: 0, To: at(10)}, {SID: "PA", From: at(22), To: at(30)}}, Speaking: []Interval{{From: at(1), To: at(2)}}}},
		Layouts:      []LayoutChange{{Layout: "grid"}, {At: at(22), Layout: "grid"}}, DroppedDatagrams: 1,
	}
	b := &Manifest{
		ID: "rec", StartedAt: start.Add(12 * time.Second), StoppedAt: start.Add(22 * time.Second), Duration: at(10), Ended: EndedByCrash, State: Stopped,
		Turns:        []Turn{b2},
		Parts:        []Part{turnPart("two", b2, 1, 10)},
		Participants: []Participant{{Identity: "anna", Name: "Anna", Present: []Presence{{SID: "PA", From: 0, To: at(10)}}, Speaking: []Interval{{From: at(3), To: at(4)}}}},
		Layouts:      []LayoutChange{{At: 0, Layout: "speaker"}}, Pauses: []Interval{{From: at(5), To: at(6)}}, DroppedDatagrams: 2,
	}
	b2.From, b2.To = at(12), at(22)
	want := &Manifest{
		ID: "rec", StartedAt: start, StoppedAt: start.Add(30 * time.Second), Duration: at(30), Ended: EndedByStop, State: Stopped,
		Turns: []Turn{a1, b2, a3},
		Parts: []Part{turnPart("one", a1, 0, 10), turnPart("two", b2, 13, 22), turnPart("three", a3, 22, 30)},
		Participants: []Participant{{
			Identity: "anna", Name: "Anna", Present: []Presence{{SID: "PA", From: 0, To: at(10)}, {SID: "PA", From: at(12), To: at(30)}},
			Speaking: []Interval{{From: at(1), To: at(2)}, {From: at(15), To: at(16)}},
		}},
		Layouts: []LayoutChange{{Layout: "grid"}, {At: at(12), Layout: "speaker"}, {At: at(22), Layout: "grid"}},
		Pauses:  []Interval{{From: at(17), To: at(18)}}, DroppedDatagrams: 3,
	}
	known := []Turn{{Epoch: 1, Node: "a"}, {Epoch: 2, Node: "b"}, {Epoch: 3, Node: "a"}}
	equal := func(name string, got, want *Manifest) {
		t.Helper()
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	equal("a, b", Merge(known, a, b), want)
	equal("b, a", Merge(known, b, a), want)
	equal("merged again", Merge(known, Merge(known, a, b)), want)
	equal("of what was merged already", Merge(known, Merge(known, b, a), a), func() *Manifest {
		m := *want
		m.DroppedDatagrams += a.DroppedDatagrams // told twice: an upper bound
		return &m
	}())

	alone := Merge(known, b)
	if d := cmp.Diff([]Turn{{Epoch: 1, Node: "a", Away: true}, b.Turns[0], {Epoch: 3, Node: "a", Away: true}}, alone.Turns); d != "" {
		t.Errorf("turns without a: %s", d)
	}
	if d := cmp.Diff([]string{"a"}, alone.WaitsFor()); d != "" || !alone.StartedAt.Equal(b.StartedAt) || len(alone.Parts) != 1 {
		t.Errorf("without a: %+v %s", alone, d)
	}
	if !want.Covers(known) || alone.Covers(known) {
		t.Error("who covers the turns is wrong")
	}
}

// A node that did not know that its turn was over went on for ten seconds: what it
// recorded in them is the other's.
func TestMergeOverlap(t *testing.T) {
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	zombie, next := Turn{Epoch: 1, Node: "a", To: at(30)}, Turn{Epoch: 2, Node: "b", From: 0, To: at(20)}
	m := Merge([]Turn{zombie, next},
		&Manifest{StartedAt: start, Duration: at(30), Turns: []Turn{zombie}, Parts: []Part{turnPart("one", zombie, 0, 25), turnPart("late", zombie, 25, 30)}},
		&Manifest{StartedAt: start.Add(20 * time.Second), Duration: at(20), Turns: []Turn{next}, Parts: []Part{turnPart("two", next, 0, 20)}},
	)
	if len(m.Parts) != 2 || m.Parts[0].ID != "one" || m.Parts[0].Tracks[0].End != at(20) || m.Parts[1].Start != at(20) {
		t.Errorf("parts %+v", m.Parts)
	}
	if d := cmp.Diff([]Turn{{Epoch: 1, Node: "a", To: at(20)}, {Epoch: 2, Node: "b", From: at(20), To: at(40)}}, m.Turns); d != "" {
		t.Errorf("turns %s", d)
	}
}

// The journals of two nodes side by side are read by epoch, whichever of them lies
// under the plain name.
func TestReadJournals(t *testing.T) {
	write := func(dir string, epochs ...int64) {
		j, err := OpenJournal(dir)
		must(t, err)
		for _, n := range epochs {
			must(t, j.Append(Entry{Turn: n, Epoch: &EpochEntry{Number: n}}))
			must(t, j.Append(Entry{Turn: n, Drops: &DropsEntry{Datagrams: n}}))
		}
		must(t, j.Close())
	}
	a, b := t.TempDir(), t.TempDir()
	write(a, 1, 3)
	write(b, 2)
	for dir, name := range map[string]string{a: JournalFile, b: "journal-2.jsonl"} {
		must(t, WriteManifest(dir, &Manifest{Turns: []Turn{{Epoch: 1}, {Epoch: 2}, {Epoch: 3}}}))
		if got, err := JournalName(dir); err != nil || got != name {
			t.Errorf("the journal is called %q, %v; want %q", got, err, name)
		}
	}
	read := func(dir string) (epochs []int64) {
		entries, skipped, err := ReadJournal(dir)
		if err != nil || skipped != 0 {
			t.Errorf("%d skipped, %v", skipped, err)
		}
		for _, e := range entries {
			if e.Drops != nil {
				epochs = append(epochs, e.Drops.Datagrams)
			}
		}
		return epochs
	}
	must(t, os.Rename(filepath.Join(b, JournalFile), filepath.Join(a, "journal-2.jsonl")))
	if d := cmp.Diff([]int64{1, 2, 3}, read(a)); d != "" {
		t.Errorf("both: %s", d)
	}
	must(t, os.Remove(filepath.Join(a, JournalFile)))
	if d := cmp.Diff([]int64{2}, read(a)); d != "" {
		t.Errorf("without the first: %s", d)
	}
}
