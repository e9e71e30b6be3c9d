package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// A recording that is due stays while a film of it waits or is made, in this folder or
// on another disk whose node lives, but not for ever.
func TestRetentionWaitsForFilms(t *testing.T) {
	s := newArchiveStage(t)
	archive, store := s.archive, s.store
	announceNode(t, store, coord.NodeOptions{Name: "other", Folder: "elsewhere", LeaseTTL: time.Minute})
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	films := map[string]compose.Job{}
	ended := func(folder string, age time.Duration) string {
		t.Helper()
		r := endedAt(now.Add(-age))
		s.keep(t, r)
		if _, _, err := store.Share(t.Context(), r.ID, "elsewhere", []recording.Turn{{Epoch: 1, Node: "other"}}, nil); err != nil {
			t.Fatal(err)
		}
		films[r.ID] = compose.Job{Recording: r.ID, ID: recording.NewID(recording.PrefixComposition)}
		if err := (claims{coord.NewJobs(store, folder, "node")}).Offer(t.Context(), films[r.ID]); err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	here, there := ended("here", 31*day), ended("elsewhere", 31*day)
	ended("a folder that nobody has", 31*day)
	ended("here", 32*day)
	r := retention{
		archive: archive, store: store, keep: 30 * day, log: slog.New(slog.DiscardHandler), now: func() time.Time { return now },
		awaited:   func(context.Context, recording.Recording) (bool, error) { return false, nil },
		composing: composing(store, "here"),
	}
	left := func() []string {
		t.Helper()
		r.tidy(t.Context())
		ids, err := archive.IDs()
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	want := []string{here, there}
	slices.Sort(want)
	if got := left(); !slices.Equal(got, want) {
		t.Errorf("left while films are made: %v, want %v", got, want)
	}
	for id, folder := range map[string]string{here: "here", there: "elsewhere"} {
		if err := coord.NewJobs(store, folder, "node").Done(t.Context(), films[id].ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := left(); len(got) > 0 {
		t.Errorf("left when the films are made: %v", got)
	}
}

// announceNode has a node live that records nothing until the test ends.
func announceNode(t *testing.T, store *coord.Store, o coord.NodeOptions) {
	t.Helper()
	o.Open = func(context.Context, string, int64, func(coord.Report)) (coord.Bot, error) {
		return nil, errors.New("nothing to record")
	}
	o.Log = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- coord.NewNode(store, o).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	_, err := client.Await(t.Context(), func() (error, error) { return store.Announced(t.Context(), o.Name), nil },
		func(err error) bool { return err == nil })
	if err != nil {
		t.Fatal(err)
	}
}
