//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

// liveMeeting is one whose film is made while it runs.
type liveMeeting struct {
	people int
	// lasts is how long it runs; or age, how long it has run already when the
	// film is wished for: it ends once the film has caught up with it.
	lasts, age time.Duration
	spec       recording.CompositionSpec
}

// live composes a meeting while it runs in real time, and tells how long after
// its end the film is ready.
func (b *composeBench) live(ctx context.Context, meeting liveMeeting) (float64, error) {
	const patience = time.Hour // for a film to catch up
	most := meeting.lasts
	if meeting.age > 0 {
		most = meeting.age + patience
	}
	dir, whole, err := b.meeting(meeting.people, int(math.Ceil(most.Seconds()/b.length.Seconds())))
	if err != nil {
		return 0, err
	}
	if err := os.Remove(filepath.Join(dir, recording.ManifestFile)); err != nil {
		return 0, fmt.Errorf("begin meeting: %w", err)
	}
	archive, err := recording.OpenArchive(b.data)
	if err != nil {
		return 0, err
	}
	began := time.Now().Add(-meeting.age)
	queue, err := compose.NewQueue(archive, compose.Options{
		Snapshot: func(context.Context, string) (*recording.Manifest, error) {
			return upTo(whole, recording.Seconds(time.Since(began))), nil
		},
	})
	if err != nil {
		return 0, err
	}
	defer queue.Close()
	spec := meeting.spec
	spec.Live = true
	film, err := queue.Start(ctx, whole.ID, spec)
	if err != nil {
		return 0, err
	}
	tell("composes live a meeting of %v", meeting.age+meeting.lasts)
	if meeting.age > 0 {
		err = caughtUp(ctx, dir, began)
	} else {
		err = wait(ctx, meeting.lasts-time.Since(began))
	}
	if err != nil {
		return 0, err
	}
	ended := time.Now()
	end := upTo(whole, recording.Seconds(ended.Sub(began)))
	end.State = recording.Stopped
	if err := recording.WriteManifest(dir, end); err != nil {
		return 0, err
	}
	updates, err := queue.Watch(ctx, whole.ID, film.ID)
	if err != nil {
		return 0, err
	}
	for film = range updates {
	}
	if film.State != recording.CompositionReady {
		return 0, fmt.Errorf("the live film is %s: %w", film.State, film.Error)
	}
	return rounded(time.Since(ended).Seconds(), 100), nil
}

// caughtUp waits until all but the last minute of a meeting is encoded: four
// pieces of picture and sound each.
func caughtUp(ctx context.Context, dir string, began time.Time) error {
	for {
		kept, err := filepath.Glob(filepath.Join(recording.CompositionsDir(dir), ".pieces", "*.json"))
		if err != nil {
			return err
		}
		if made := time.Duration(len(kept)) * 15 * time.Second / 2; made >= time.Since(began)-time.Minute {
			return nil
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
}

// upTo is the manifest of a meeting that has run until now.
func upTo(whole *recording.Manifest, now recording.Seconds) *recording.Manifest {
	m := *whole
	m.State, m.Duration, m.Parts = recording.Active, min(now, whole.Duration), nil
	for _, p := range whole.Parts {
		if p.Start >= now {
			continue
		}
		tracks := append([]recording.Track{}, p.Tracks...)
		for i := range tracks {
			tracks[i].End = min(tracks[i].End, now)
		}
		p.Duration, p.Tracks = min(p.Duration, now-p.Start), tracks
		m.Parts = append(m.Parts, p)
	}
	return &m
}
