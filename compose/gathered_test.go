package compose

import (
	"context"
	"testing"
	"time"

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

// Who cannot make a film because another node is at it tells whether it is in this folder.
func TestWishedFilmOnAnotherDisk(t *testing.T) {
	a, id, _ := archive(t, person{identity: "anna", from: 0, to: 1, tone: 440, noVideo: true})
	q := queue(t, a, Options{Claims: taken{&alone{}}})
	if film, err := q.StartWished(t.Context(), id, 0, recording.CompositionSpec{}); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("a film that is made elsewhere: %+v, %v", film, err)
	}
	film := newComposition(id, recording.CompositionSpec{})
	film.ID = WishedID(id, 0)
	if err := q.save(film); err != nil {
		t.Fatal(err)
	}
	if known, err := q.StartWished(t.Context(), id, 0, recording.CompositionSpec{}); err != nil || known.ID != film.ID {
		t.Errorf("a film that another node makes in this folder: %+v, %v", known, err)
	}
}

// taken is Claims of whose jobs another node has each.
type taken struct{ *alone }

func (taken) Claim(context.Context, string, time.Duration) (bool, error) { return false, nil }
