package main

import (
	"os"
	"testing"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

// A film that was wished and cannot be written down now, on a disk that is full,
// say, is begun once it can.
func TestWishedFilmsAreNotForgotten(t *testing.T) {
	films, id, dir := newArchiveStage(t).wish(t)
	obstacle := recording.CompositionsDir(dir)
	if err := os.WriteFile(obstacle, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	films.begin(t.Context())
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	films.begin(t.Context())
	// There is no manifest, and the film tells so.
	film, err := films.queue.Get(t.Context(), id, compose.WishedID(id, 0))
	if err != nil || film.State != recording.CompositionFailed || film.Error.Code != recording.CodeNotFound {
		t.Errorf("the film is %+v, %v", film, err)
	}
	if left, err := films.list("folder").Open(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("on the list is %v, %v", left, err)
	}
}
