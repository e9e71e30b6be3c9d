package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recording"
)

// claims lets composers share their jobs through Redis.
type claims struct{ *coord.Jobs }

func (c claims) Offer(ctx context.Context, j compose.Job) error {
	about, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("offer composition: %w", err)
	}
	return c.Jobs.Offer(ctx, j.ID, string(about))
}

func (c claims) Open(ctx context.Context) ([]compose.Job, error) {
	open, err := c.Jobs.Open(ctx)
	if err != nil {
		return nil, err
	}
	jobs := make([]compose.Job, 0, len(open))
	for id, about := range open {
		j := compose.Job{ID: id}
		if err := json.Unmarshal([]byte(about), &j); err != nil {
			return nil, fmt.Errorf("read composition %s: %w", id, err)
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// snapshot returns the manifest of a recording that still runs, up to now.
func snapshot(store *coord.Store, archive recording.Archive) func(context.Context, string) (*recording.Manifest, error) {
	return func(ctx context.Context, id string) (*recording.Manifest, error) {
		r, err := store.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if r.State.Final() {
			return archive.Manifest(id)
		}
		dir, err := archive.Dir(id)
		if err != nil {
			return nil, err
		}
		m, err := recorder.Snapshot(dir, r)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, recording.Errorf(recording.CodeNotReady, "recording %s is %s: nothing is written yet", id, r.State)
		}
		return m, err
	}
}

// tellOfCompositions publishes what becomes of films, to those too who may see
// their room only.
func tellOfCompositions(store *coord.Store, hooks *deliver.Webhooks, log *slog.Logger) func(context.Context, recording.Composition) {
	return func(ctx context.Context, film recording.Composition) {
		rec, err := store.Get(ctx, film.RecordingID)
		if err != nil && ctx.Err() == nil {
			log.Warn("the room of a film is not known", "composition", film.ID, "error", err)
		}
		kind, at := deliver.CompositionProgress, film.FinishedAt
		switch film.State {
		case recording.CompositionReady:
			kind = deliver.CompositionReady
		case recording.CompositionFailed, recording.CompositionCanceled:
			kind = deliver.CompositionFailed
		default:
			at = time.Now().UTC()
		}
		data, err := json.Marshal(film)
		if err == nil {
			// A try that is told twice has one identifier, another try another.
			about := fmt.Sprintf("%s %s %d %.0f", film.ID, film.State, film.StartedAt.UnixNano(), film.Progress)
			err = hooks.Publish(ctx, deliver.Event{
				ID: recording.DerivedID(deliver.PrefixEvent, about), Type: kind, Time: at,
				RecordingID: film.RecordingID, Room: rec.Room, Data: data,
			})
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("event was not published", "composition", film.ID, "event", kind, "error", err)
		}
	}
}
