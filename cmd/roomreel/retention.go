package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// retention tidies this node's archive up: what was removed on another node goes
// here too, and so does what has ended long ago, unless it is held or somebody
// still waits for it.
type retention struct {
	archive recording.Archive
	store   *coord.Store
	// keep is for how long recordings are kept after their end; 0 is for ever.
	keep time.Duration
	// awaited reports whether a delivery that was asked for is not confirmed.
	awaited func(context.Context, recording.Recording) (bool, error)
	// composing, unless nil, reports whether a film of a recording waits or is made.
	composing func(ctx context.Context, id string) (bool, error)
	// stored, unless nil, deletes what storage has of a recording.
	stored func(ctx context.Context, id string) error
	log    *slog.Logger
	now    func() time.Time
}

// run tidies up now and then until ctx ends.
func (r retention) run(ctx context.Context) {
	const every = 10 * time.Minute
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		r.tidy(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r retention) tidy(ctx context.Context) {
	ids, err := r.archive.IDs()
	if err != nil {
		r.log.Error("archive cannot be listed", "error", err)
		return
	}
	for _, id := range ids {
		if err := r.one(ctx, id); err != nil && ctx.Err() == nil {
			r.log.Warn("a recording was not tidied up", "recording", id, "error", err)
		}
	}
}

// filmPatience is for how long at most a recording that is due stays for the sake of
// films: one that nobody gets done must not keep it for ever.
const filmPatience = 48 * time.Hour

// one deletes a recording if it is due.
func (r retention) one(ctx context.Context, id string) error {
	rec, err := r.store.Get(ctx, id)
	if recording.CodeOf(err) == recording.CodeNotFound {
		removed, err := r.store.Removed(ctx, id)
		if err != nil || !removed {
			return err
		}
		r.log.Info("deleting what was removed elsewhere", "recording", id)
		return r.remove(ctx, id)
	}
	if err != nil {
		return err
	}
	if r.keep <= 0 || !rec.State.Final() || rec.Hold != nil || r.now().Sub(rec.StoppedAt) < r.keep {
		return nil
	}
	if hold, err := r.archive.Hold(id); err != nil || hold != nil {
		return err
	}
	if awaited, err := r.awaited(ctx, rec); err != nil || awaited {
		return err
	}
	if r.composing != nil && r.now().Sub(rec.StoppedAt) < r.keep+filmPatience {
		if composing, err := r.composing(ctx, id); err != nil || composing {
			return err
		}
	}
	r.log.Info("deleting a recording that was kept long enough", "recording", id, "stopped_at", rec.StoppedAt)
	if err := r.store.Remove(ctx, id); err != nil {
		return err
	}
	return r.remove(ctx, id)
}

// remove deletes what there is of a recording, its folder last: as long as that is
// there, it is tried again.
func (r retention) remove(ctx context.Context, id string) error {
	if r.stored != nil {
		if err := r.stored(ctx, id); err != nil {
			return err
		}
	}
	return r.archive.Remove(id)
}

// awaited reports whether webhooks or uploads of a recording are not confirmed. An
// upload to the URL of its request is one also before it is queued.
func awaited(hooks *deliver.Webhooks, uploads *deliver.Uploads) func(context.Context, recording.Recording) (bool, error) {
	return func(ctx context.Context, r recording.Recording) (bool, error) {
		if undelivered(ctx, uploads, r) {
			return true, nil
		}
		left, err := uploads.List(ctx, deliver.Query{
			Recording: r.ID, States: []deliver.State{deliver.Pending, deliver.Running, deliver.Failed}, Limit: 1,
		})
		if err != nil || len(left.Items) > 0 {
			return true, err
		}
		page, err := hooks.Deliveries(ctx, deliver.Query{
			Recording: r.ID, States: []deliver.State{deliver.Pending, deliver.Running}, Limit: 1,
		})
		return len(page.Items) > 0, err
	}
}

// composing reports whether a film of a recording waits or is made in the given folder,
// or in one that has the recording and whose node lives.
func composing(store *coord.Store, folder string) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, id string) (bool, error) {
		places, err := store.Places(ctx, id)
		if err != nil {
			return true, err
		}
		folders := []string{folder}
		for _, p := range places {
			if len(p.At) > 0 && p.Folder != "" && !slices.Contains(folders, p.Folder) {
				folders = append(folders, p.Folder)
			}
		}
		for _, folder := range folders {
			jobs, err := claims{coord.NewJobs(store, folder, "")}.Open(ctx)
			if err != nil || slices.ContainsFunc(jobs, func(j compose.Job) bool { return j.Recording == id }) {
				return true, err
			}
		}
		return false, nil
	}
}

// undelivered reports whether the URL of a recording's request may still get its file:
// also by hand, where it was not queued because there are several.
func undelivered(ctx context.Context, uploads *deliver.Uploads, r recording.Recording) bool {
	if r.Delivery.UploadURL == "" {
		return false
	}
	up, err := uploads.Get(ctx, deliveryID(r.ID))
	if recording.CodeOf(err) == recording.CodeNotFound {
		return time.Since(r.StoppedAt) < deliverFor
	}
	return err != nil || up.State != deliver.Done
}
