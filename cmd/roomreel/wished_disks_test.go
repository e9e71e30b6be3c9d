package main

import (
	"testing"
	"time"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
)

// A film that another node has, on a disk of its own, is made here once that one lets go.
func TestWishedFilmsAreMadeWhereTheRecordingEnded(t *testing.T) {
	s := newArchiveStage(t)
	films, id, _ := s.wish(t)
	film, other := compose.WishedID(id, 0), coord.NewJobs(s.store, "elsewhere", "other")
	if granted, err := other.Claim(t.Context(), film, time.Hour); err != nil || !granted {
		t.Fatal(granted, err)
	}
	films.begin(t.Context())
	if left, err := films.list("folder").Open(t.Context()); err != nil || len(left) != 1 {
		t.Fatalf("while another node is at it, on the list is %v, %v", left, err)
	}
	if err := other.Release(t.Context(), film); err != nil {
		t.Fatal(err)
	}
	films.begin(t.Context())
	if _, err := films.queue.Get(t.Context(), id, film); err != nil {
		t.Error(err)
	}
	if left, err := films.list("folder").Open(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("on the list is %v, %v", left, err)
	}
}
