package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// wishedFilms starts the films that recordings were started with, on a node whose
// folder has the recording: whichever node hears of it first puts it on that folder's
// list.
type wishedFilms struct {
	queue  *compose.Queue
	store  *coord.Store
	folder string
	node   string
	log    *slog.Logger
}

// wished is what stands on a folder's list.
type wished struct {
	Recording string         `json:"recording"`
	Kind      coord.NewsKind `json:"kind"`
}

func (f wishedFilms) list(folder string) *coord.Jobs {
	return coord.NewJobs(f.store, "wished:"+folder, f.node)
}

// tell is told of recordings: films that are composed live begin as soon as there is
// media, the others when it has ended.
func (f wishedFilms) tell(ctx context.Context, n coord.News) error {
	if !wishes(n.Recording, n.Kind) {
		return nil
	}
	folder := f.folder
	places, err := f.store.Places(ctx, n.Recording.ID)
	if err != nil {
		return err
	}
	if len(places) > 0 && places[0].Folder != "" {
		folder = places[0].Folder
	}
	about, err := json.Marshal(wished{n.Recording.ID, n.Kind})
	if err != nil {
		return fmt.Errorf("wish for films: %w", err)
	}
	return f.list(folder).Offer(ctx, n.Recording.ID+" "+string(n.Kind), string(about))
}

// wishes reports whether any film is due.
func wishes(r recording.Recording, kind coord.NewsKind) bool {
	for _, spec := range r.Compositions {
		if due(kind, spec) {
			return true
		}
	}
	return false
}

func due(kind coord.NewsKind, spec recording.CompositionSpec) bool {
	return kind == coord.Stopped || kind == coord.Started && spec.Live
}

// begin starts what is on this folder's list.
func (f wishedFilms) begin(ctx context.Context) {
	jobs := f.list(f.folder)
	open, err := jobs.Open(ctx)
	if err != nil && ctx.Err() == nil {
		f.log.Warn("wished films cannot be listed", "error", err)
	}
	for id, about := range open {
		if err := f.one(ctx, jobs, id, about); err != nil && ctx.Err() == nil {
			f.log.Warn("wished films were not started", "about", about, "error", err)
		}
	}
}

func (f wishedFilms) one(ctx context.Context, jobs *coord.Jobs, id, about string) error {
	const lease = time.Minute
	granted, err := jobs.Claim(ctx, id, lease)
	if err != nil || !granted {
		return err
	}
	var w wished
	if err := json.Unmarshal([]byte(about), &w); err != nil {
		return fmt.Errorf("read wish for films: %w", err)
	}
	r, err := f.store.Get(ctx, w.Recording)
	if recording.CodeOf(err) == recording.CodeNotFound {
		return jobs.Done(ctx, id)
	}
	if err != nil {
		return err
	}
	for i, spec := range r.Compositions {
		if due(w.Kind, spec) {
			film, failed := f.queue.StartWished(ctx, r.ID, i, spec)
			if failed == nil { // a node that has begun it live may be at it on another disk
				_, failed = f.queue.Get(ctx, r.ID, film.ID)
			}
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		return err // it stays on the list: a full disk, a shutdown or another's work passes
	}
	return jobs.Done(ctx, id)
}
