package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/recording"
)

// A node with a disk of its own is killed and comes back while another goes on. The films
// that were wished, also one that the first had begun live, are made of what both have,
// and can be had.
func TestWishedFilmsAreOfAllDisks(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	s := startDisks(ctx, t, false)
	rec, first := s.recordUntilKilled(ctx, t, api.FilmSpec{Format: "opus"}, api.FilmSpec{Format: "opus", Live: true})
	other := s.nodes[slices.IndexFunc(s.nodes, func(n *diskNode) bool { return n != first })]
	other.await(ctx, t, rec.ID, func(r api.Recording) bool { return isRecording(r) && r.Node != first.name })
	first.start(t)
	first.ready(ctx, t)
	waitFor(ctx, t, 5*time.Second)
	if _, err := other.api.Stop(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	whole := other.await(ctx, t, rec.ID, func(r api.Recording) bool { return len(r.WaitingFor) == 0 && r.Parts == 2 })
	films, err := client.Await(ctx, func() ([]api.Composition, error) { return other.api.Compositions(ctx, rec.ID) },
		func(films []api.Composition) bool {
			return len(films) == 2 && !slices.ContainsFunc(films, func(f api.Composition) bool { return !recording.CompositionState(f.State).Final() })
		})
	if err != nil {
		t.Fatalf("the wished films are %+v: %v", films, err)
	}
	for _, film := range films {
		if film.State != string(recording.CompositionReady) || film.Duration < whole.Duration-1 {
			t.Errorf("of %v s a film has %v s: %+v", whole.Duration, film.Duration, film)
		}
		var size counter
		if err := other.api.Download(ctx, film.Media, &size); err != nil || int64(size) != film.Bytes {
			t.Errorf("%d of %d bytes of a film, %v", size, film.Bytes, err)
		}
	}
}
