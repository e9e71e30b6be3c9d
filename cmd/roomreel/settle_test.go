package main

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// What was settled is remembered for as long as it is in the archive: a node runs for
// months, and hears of the recordings of all others.
func TestSettlerForgets(t *testing.T) {
	archive, err := recording.OpenArchive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	kept, deleted, elsewhere := recording.NewID(recording.PrefixRecording), recording.NewID(recording.PrefixRecording), recording.NewID(recording.PrefixRecording)
	for _, id := range []string{kept, deleted} {
		if _, err := archive.Create(id); err != nil {
			t.Fatal(err)
		}
	}
	s := settler{settled: map[string]time.Time{kept: {}, deleted: {}, elsewhere: {}}}
	dir, err := archive.Dir(deleted)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	ids, err := archive.IDs()
	if err != nil {
		t.Fatal(err)
	}
	s.forget(ids)
	if _, ok := s.settled[kept]; !ok || len(s.settled) != 1 || !slices.Equal(ids, []string{kept}) {
		t.Errorf("%v is remembered, want %s alone", s.settled, kept)
	}
}
