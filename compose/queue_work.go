package compose

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// job is a composition that is being made here.
type job struct {
	film   recording.Composition
	cancel context.CancelCauseFunc
	// unwritten is why its final state is not on disk yet, if it is not.
	unwritten error
}

func jobOf(film recording.Composition) Job {
	return Job{Recording: film.RecordingID, ID: film.ID, Priority: film.Spec.Priority, Live: film.Spec.Live, CreatedAt: film.CreatedAt}
}

func (q *Queue) wake() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// sweep tidies up now and then.
func (q *Queue) sweep() {
	for tick := time.NewTicker(sweepOut); ; {
		q.tidy()
		select {
		case <-tick.C:
		case <-q.ctx.Done():
			tick.Stop()
			return
		}
	}
}

// tidy offers what was forgotten and removes what nobody uses any more.
func (q *Queue) tidy() {
	ids, err := q.archive.IDs()
	if err != nil {
		q.log.Error("archive cannot be listed", "error", err)
		return
	}
	var caches []cache
	needed := map[cache]bool{} // a film of a long meeting is to find all of its pieces
	for _, id := range ids {
		dir := filepath.Join(q.archive.Root(), id)
		pieces := cacheOf(dir)
		caches, needed[pieces] = append(caches, pieces), q.offerUnfinished(id)
		if err := clearTries(dir, ""); err != nil {
			q.log.Warn("half-made files cannot be removed", "recording", id, "error", err)
		}
	}
	q.wake()
	if err := prune(caches, func(c cache) bool { return needed[c] }, q.opts.PiecesAge, q.opts.PiecesBytes); err != nil {
		q.log.Warn("pieces cannot be removed", "error", err)
	}
}

// offerUnfinished makes known what a crash or a Redis without memory forgot of a
// recording's films, and reports whether one is still to be made, or may be.
func (q *Queue) offerUnfinished(recordingID string) bool {
	films, err := q.stored(recordingID)
	if err != nil {
		q.log.Warn("compositions cannot be listed", "recording", recordingID, "error", err)
		return true
	}
	unfinished := false
	for _, film := range films {
		if film.State.Final() {
			continue
		}
		unfinished = true
		if q.ctx.Err() != nil {
			continue
		}
		if err := q.opts.Claims.Offer(q.ctx, jobOf(film)); err != nil {
			q.log.Warn("composition cannot be offered", "composition", film.ID, "error", err)
		}
	}
	return unfinished
}

// look takes jobs whenever there may be some.
func (q *Queue) look() {
	for tick := time.NewTicker(lookOut); ; {
		select {
		case <-q.kick:
		case <-tick.C:
		case <-q.ctx.Done():
			tick.Stop()
			return
		}
		open, err := q.opts.Claims.Open(q.ctx)
		if err != nil {
			if q.ctx.Err() == nil {
				q.log.Warn("jobs cannot be listed", "error", err)
			}
			continue
		}
		inOrder(open)
		for _, j := range open {
			if err := q.take(j); err != nil && q.ctx.Err() == nil {
				q.log.Warn("job cannot be taken", "composition", j.ID, "error", err)
			}
		}
	}
}

// take begins a job if there is room for it and no other node has it.
func (q *Queue) take(j Job) error {
	q.mu.Lock()
	room := q.running < q.opts.Parallel
	if j.Live { // one whose recording has ended does not wait for meetings that go on
		room = q.live < mostLive || room && final(filepath.Join(q.archive.Root(), j.Recording))
	}
	room = room && q.jobs[j.ID] == nil
	q.mu.Unlock()
	if !room {
		return nil
	}
	q.taking.Lock()
	defer q.taking.Unlock()
	granted, err := q.opts.Claims.Claim(q.ctx, j.ID, q.opts.Lease)
	if err != nil || !granted {
		return err
	}
	film, err := q.Get(q.ctx, j.Recording, j.ID)
	switch {
	case recording.CodeOf(err) == recording.CodeNotFound || err == nil && film.State.Final():
		return q.opts.Claims.Done(q.ctx, j.ID)
	case err != nil:
		return errors.Join(err, q.opts.Claims.Release(q.ctx, j.ID))
	}
	ctx, cancel := context.WithCancelCause(q.ctx)
	q.mu.Lock()
	q.jobs[j.ID] = &job{film: film, cancel: cancel}
	if j.Live {
		q.live++
	} else {
		q.running++
	}
	q.mu.Unlock()
	q.work.Go(func() { q.run(ctx, cancel, film) })
	return nil
}

// remove forgets a job that ran here.
func (q *Queue) remove(film recording.Composition) {
	q.mu.Lock()
	delete(q.jobs, film.ID)
	if film.Spec.Live {
		q.live--
	} else {
		q.running--
	}
	q.mu.Unlock()
	q.wake()
}

// stored reads the compositions of a recording from disk, oldest first. What
// cannot be read is left out: one bad file must not hide the others.
func (q *Queue) stored(recordingID string) ([]recording.Composition, error) {
	dir, err := q.archive.Dir(recordingID)
	if err != nil {
		return nil, err
	}
	return stored(dir, recordingID, q.log)
}

func (q *Queue) save(film recording.Composition) error {
	dir, err := q.archive.Dir(film.RecordingID)
	if err != nil {
		return err
	}
	return save(dir, film)
}

// settle writes a final state down, takes the job off the list, and tells it: who
// hears of it may get the film, or have it tried again.
func (q *Queue) settle(ctx context.Context, film recording.Composition) error {
	err := q.save(film)
	_ = os.Remove(q.cancelMark(film))
	_ = pinOf(filepath.Join(q.archive.Root(), film.RecordingID), film.ID).remove()
	if err == nil {
		err = q.opts.Claims.Done(ctx, film.ID)
	}
	q.mu.Lock()
	if j := q.jobs[film.ID]; j != nil {
		j.film = film
	}
	q.mu.Unlock()
	if q.opts.Notify != nil {
		q.opts.Notify(ctx, film)
	}
	return err
}

// persist settles a job that ended here. On a disk that is full its state is
// told from memory, and written down as soon as there is room: till then no
// node may take the job for one that has not been tried.
func (q *Queue) persist(film recording.Composition) {
	once := func(settle func(context.Context) error) error {
		const patience = 10 * time.Second
		ctx, cancel := context.WithTimeout(context.WithoutCancel(q.ctx), patience)
		defer cancel()
		return settle(ctx)
	}
	err := once(func(ctx context.Context) error { return q.settle(ctx, film) })
	for err != nil {
		q.log.Error("composition cannot be written down yet", "composition", film.ID, "error", err)
		q.mu.Lock()
		q.jobs[film.ID].film, q.jobs[film.ID].unwritten = film, err
		q.mu.Unlock()
		select {
		case <-time.After(lookOut):
		case <-q.ctx.Done():
			return
		}
		err = once(func(ctx context.Context) error {
			if err := q.save(film); err != nil {
				return err
			}
			return q.opts.Claims.Done(ctx, film.ID)
		})
	}
}

// unwritten is why the final state of a composition is not on disk yet.
func (q *Queue) unwritten(id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if j := q.jobs[id]; j != nil && j.unwritten != nil {
		return j.unwritten
	}
	return nil
}
