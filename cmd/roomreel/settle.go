package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// settler does what is due for the recordings in this node's folder once they have
// ended: their manifests are made whole, their films begun, their files delivered.
type settler struct {
	*uploader
	gather gatherer
	films  wishedFilms
	parts  partsDeleter
	// settled are those for which nothing was left to do, by when the manifest was
	// written that was looked at.
	settled map[string]time.Time
}

// run looks at each recording that has ended or got a film, at each of which
// something was uploaded or is told elsewhere, and now and then at all that are in the
// archive.
func (s settler) run(ctx context.Context) error {
	const every = time.Minute
	sweep := time.NewTicker(every)
	defer sweep.Stop()
	events, err := s.hooks.Feed(ctx, deliver.FeedQuery{Types: []string{
		string(deliver.RecordingStarted), string(deliver.RecordingStopped), string(deliver.RecordingFailed),
		string(deliver.RecordingCompleted), string(deliver.CompositionReady),
	}})
	if err != nil {
		s.log.Warn("ended recordings are looked for once a minute only", "error", err)
	}
	changes := s.store.Watch(ctx)
	s.sweep(ctx)
	for {
		select {
		case <-ctx.Done():
			drain(events)
			drain(changes)
			return nil
		case e, open := <-events:
			if !open {
				events = nil
				continue
			}
			s.settle(ctx, e.Event.RecordingID)
			s.films.begin(ctx)
		case r, open := <-changes:
			if !open {
				changes = nil
				continue
			}
			// The first time it is the event that counts, which is told of before what
			// comes of it.
			if _, before := s.settled[r.ID]; before && r.State.Final() {
				s.settle(ctx, r.ID)
			}
		case id := <-s.due:
			s.settle(ctx, id)
		case <-sweep.C:
			s.sweep(ctx)
		}
	}
}

func (s settler) sweep(ctx context.Context) {
	ids, err := s.archive.IDs()
	if err != nil {
		s.log.Error("archive cannot be listed", "error", err)
		return
	}
	s.forget(ids)
	for _, id := range ids {
		if at, settled := s.settled[id]; ctx.Err() == nil && (!settled || !at.Equal(s.written(id))) {
			s.settle(ctx, id)
		}
	}
	s.films.begin(ctx)
}

// forget lets go of recordings that are not in the archive, or not any more: nothing
// will be due for them here. ids are those that are, in order.
func (s settler) forget(ids []string) {
	maps.DeleteFunc(s.settled, func(id string, _ time.Time) bool {
		_, here := slices.BinarySearch(ids, id)
		return !here
	})
}

// settle does what is due for a recording. While something is on its way, the
// sweep comes back to it.
func (s settler) settle(ctx context.Context, id string) {
	delete(s.settled, id)
	r, err := s.store.Get(ctx, id)
	switch {
	case err == nil && !r.State.Final():
		return
	case err == nil:
		if err = s.gather.one(ctx, r); err == nil {
			err = s.deliver(ctx, r)
		}
	case recording.CodeOf(err) == recording.CodeNotFound:
		err = nil // it is in the archive only
	}
	if err == nil && s.storage != nil {
		err = s.storage.Settle(ctx, id)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("a recording was not delivered yet", "recording", id, "error", err)
		return
	}
	page, err := s.uploads.List(ctx, deliver.Query{Recording: id, States: []deliver.State{deliver.Pending, deliver.Running, deliver.Failed}})
	if err != nil || len(page.Items) > 0 {
		return
	}
	deleted, err := s.parts.one(ctx, r)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Warn("the parts of a recording were not deleted yet", "recording", id, "error", err)
	case deleted:
		s.look(id) // storage is to have the manifest that says so
	default:
		s.settled[id] = s.written(id)
	}
}

// written is when the manifest of a recording was written.
func (s settler) written(id string) time.Time {
	info, err := os.Stat(filepath.Join(s.archive.Root(), id, recording.ManifestFile))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// drain waits until a feed has ended; nil is one that has.
func drain[T any](feed <-chan T) {
	if feed == nil {
		return
	}
	for range feed {
	}
}
