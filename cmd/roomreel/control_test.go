package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

// One room, several recordings by one bot: one is paused and resumed, one
// changes whom it takes, one ends at its own limit.
func TestRecordingsAreControlledWhileTheyRun(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for i, name := range []string{"anna", "ben"} {
		p, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "control", Identity: name, Index: i, Publish: both})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
	}
	begin := func(sel api.Selection, limits api.Limits) api.Recording {
		t.Helper()
		r, err := s.api.Start(ctx, api.StartRecording{Room: "control", Selection: sel, Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	paused := begin(api.Selection{}, api.Limits{})
	changed := begin(api.Selection{Identities: []string{"anna"}}, api.Limits{})
	limited := begin(api.Selection{Kinds: []string{"audio"}}, api.Limits{MaxDuration: 4})
	is := func(id string, states ...recording.State) api.Recording {
		t.Helper()
		r, err := client.Await(ctx, func() (api.Recording, error) { return s.api.Recording(ctx, id) },
			func(r api.Recording) bool { return r.State == string(states[0]) })
		if err != nil {
			t.Fatalf("waiting for %s: %v", states[0], err)
		}
		return r
	}
	for _, r := range []api.Recording{paused, changed, limited} {
		is(r.ID, recording.Active)
	}
	waitFor(ctx, t, 5*time.Second)
	if _, err := s.api.Pause(ctx, paused.ID); err != nil {
		t.Fatal(err)
	}
	is(paused.ID, recording.Paused)
	if _, err := s.api.Select(ctx, changed.ID, api.Selection{Identities: []string{"ben"}}); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, 3*time.Second)
	if _, err := s.api.Resume(ctx, paused.ID); err != nil {
		t.Fatal(err)
	}
	live := is(paused.ID, recording.Active)
	waitFor(ctx, t, 5*time.Second)
	if live, err := s.api.Recording(ctx, paused.ID); err != nil || len(live.Live) != 4 {
		t.Errorf("live: %+v, %v, want 4 tracks", live.Live, err)
	}
	for _, track := range live.Live {
		if !track.Flowing || track.Muted {
			t.Errorf("track %+v does not flow", track)
		}
	}
	for _, id := range []string{paused.ID, changed.ID} {
		if _, err := s.api.Stop(ctx, id); err != nil {
			t.Fatal(err)
		}
	}

	// The pause is in the manifest, and nothing of it in the files but silence.
	m := s.manifest(ctx, t, paused.ID)
	if len(m.Pauses) != 1 || len(m.Parts) != 2 {
		t.Fatalf("%d pauses and %d parts, want 1 and 2", len(m.Pauses), len(m.Parts))
	}
	for i, p := range m.Parts {
		index := map[string]int{"anna": 0, "ben": 1}[p.Participant]
		path := filepath.Join(s.dir(m.ID), p.File)
		playsCleanly(ctx, t, path)
		signals, err := meeting.Measure(ctx, path, meeting.Probe{Tile: meeting.WholePicture, Tone: meeting.Tone(index)})
		if err != nil {
			t.Fatal(err)
		}
		checkLips(t, p.Participant, signals[0])
		for _, at := range append(signals[0].Flashes, signals[0].Beeps...) {
			if on := p.Start + at.Seconds(); on > m.Pauses[0].From+0.2 && on < m.Pauses[0].To-0.2 {
				t.Errorf("part %d of %s has a signal at %.2f s, within the pause %+v", i, p.Participant, on, m.Pauses[0])
			}
		}
	}

	// Whom it takes changed in the middle.
	m = s.manifest(ctx, t, changed.ID)
	if len(m.Parts) != 2 || m.Parts[0].Participant != "anna" || m.Parts[1].Participant != "ben" {
		t.Fatalf("parts %+v, want one of anna and one of ben", m.Parts)
	}
	if end, begin := m.Parts[0].Start+m.Parts[0].Duration, m.Parts[1].Start; begin < end-0.5 || begin > end+2 {
		t.Errorf("anna's part ends at %.2f s and ben's begins at %.2f s", end, begin)
	}

	r := is(limited.ID, recording.Stopped)
	if r.Ended != string(recording.EndedByDuration) || r.Duration < 4 || r.Duration > 6.5 || r.Parts != 2 {
		t.Errorf("limited: ended by %s after %.1f s with %d parts", r.Ended, r.Duration, r.Parts)
	}
}

func (s *stage) manifest(ctx context.Context, t *testing.T, id string) api.Manifest {
	t.Helper()
	m, err := s.api.Manifest(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
