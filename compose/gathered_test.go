package compose

import (
	"context"
	"testing"

	"github.com/roomreel/roomreel/recording"
)

// A film is not made of a manifest that does not tell of all yet, and what the wish asks
// of the whole recording is not held against it.
func TestFilmWaitsForTheWholeManifest(t *testing.T) {
	a, id, dir := archive(t,
		person{identity: "anna", from: 0, to: 1, tone: 440, noVideo: true},
		person{identity: "ben", from: 3, to: 4, audioAt: 3, tone: 880, noVideo: true},
	)
	whole, err := a.Manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	partial := *whole
	partial.Parts, partial.Participants, partial.Duration = whole.Parts[:1], whole.Participants[:1], sec(1)
	if err := recording.WriteManifest(dir, &partial); err != nil {
		t.Fatal(err)
	}
	asked, answers := make(chan bool), make(chan bool)
	q := queue(t, a, Options{Gathered: func(ctx context.Context, _ string) (bool, error) {
		select {
		case asked <- true:
			return <-answers, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}})
	go func() {
		for range 3 { // by who wishes, and twice by who makes it
			<-asked
			answers <- false
		}
		<-asked
		if err := recording.WriteManifest(dir, whole); err != nil {
			t.Error(err)
		}
		answers <- true
	}()
	film, err := q.StartWished(t.Context(), id, 0, recording.CompositionSpec{
		Format: "opus", From: sec(2), Withdrawn: &recording.Withdrawal{Participants: []string{"ben"}, Mode: recording.WithdrawalBlur},
	})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := q.Watch(t.Context(), id, film.ID)
	if err != nil {
		t.Fatal(err)
	}
	if film = until(t, updates, recording.CompositionReady); film.Duration < sec(1.5) {
		t.Errorf("the film has %v s, of the part that came later: %+v", film.Duration, film)
	}
}
