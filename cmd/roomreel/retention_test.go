package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

func TestRetention(t *testing.T) {
	s := newArchiveStage(t)
	archive, store := s.archive, s.store
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	hold := &recording.Hold{Since: now}
	ended := func(age time.Duration, change func(*recording.Recording)) string {
		t.Helper()
		r := endedAt(now.Add(-age))
		if change != nil {
			change(&r)
		}
		s.keep(t, r)
		return r.ID
	}
	old := ended(31*day, nil)
	young := ended(29*day, nil)
	held := ended(60*day, func(r *recording.Recording) { r.Hold = hold })
	heldOnDisk := ended(60*day, nil)
	waiting := ended(60*day, func(r *recording.Recording) { r.Room = "waiting" })
	unsure := ended(60*day, func(r *recording.Recording) { r.Room = "unsure" })
	removedElsewhere := ended(day, nil)
	if err := store.Remove(t.Context(), removedElsewhere); err != nil {
		t.Fatal(err)
	}
	if err := archive.SetHold(heldOnDisk, hold); err != nil {
		t.Fatal(err)
	}
	live, err := store.Start(t.Context(), recording.Request{Room: "blue"})
	if err != nil {
		t.Fatal(err)
	}
	unknown := recording.NewID(recording.PrefixRecording)
	for _, id := range []string{live.ID, unknown} {
		if _, err := archive.Create(id); err != nil {
			t.Fatal(err)
		}
	}
	r := retention{
		archive: archive, store: store, log: slog.New(slog.DiscardHandler), now: func() time.Time { return now },
		awaited: func(_ context.Context, r recording.Recording) (bool, error) {
			if r.Room == "unsure" {
				return false, errors.New("redis is away")
			}
			return r.Room == "waiting", nil
		},
	}
	left := func() []string {
		t.Helper()
		ids, err := archive.IDs()
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	want := []string{old, young, held, heldOnDisk, waiting, unsure, live.ID, unknown}
	slices.Sort(want)
	r.tidy(t.Context())
	if got := left(); !slices.Equal(got, want) {
		t.Errorf("without a limit only what was removed elsewhere goes: %v, want %v", got, want)
	}
	r.keep = 30 * day
	r.tidy(t.Context())
	want = slices.DeleteFunc(want, func(id string) bool { return id == old })
	if got := left(); !slices.Equal(got, want) {
		t.Errorf("left: %v, want %v", got, want)
	}
	if _, err := store.Get(t.Context(), old); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("what was deleted is still known: %v", err)
	}
}
