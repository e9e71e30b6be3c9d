package compose

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"

	"github.com/roomreel/roomreel/recording"
)

// Options says how a Queue works; zero values mean defaults.
type Options struct {
	// FFmpeg and FFprobe are the programs to run, by default those in PATH.
	FFmpeg, FFprobe string
	// Assets is a folder of logos and avatars for all recordings.
	Assets string
	// Parallel is how many films are made at a time, by default 1: one film
	// keeps all cores busy.
	Parallel int
	// Backlog is how many compositions may wait, by default 100.
	Backlog int
	Log     *slog.Logger
}

const defaultBacklog = 100

var (
	errCanceled = errors.New("canceled")
	errClosed   = recording.Errorf(recording.CodeCapacity, "the composer is shutting down")
)

// Queue makes films one after another and remembers them on disk, as
// compositions/<id>.json in the recording's directory. Jobs that a shutdown or
// a crash interrupted begin anew when the next Queue is opened.
type Queue struct {
	archive  recording.Archive
	composer Composer
	parallel int
	backlog  int
	log      *slog.Logger

	ctx   context.Context
	stop  context.CancelFunc
	calls chan func()
	owner sync.WaitGroup
	work  sync.WaitGroup

	// Only the owner goroutine touches what follows.
	jobs    map[string]*job
	waiting []*job
	running int
}

// NewQueue opens the queue over an archive, finds the compositions that were
// not finished, and goes on with them.
func NewQueue(archive recording.Archive, opts Options) (*Queue, error) {
	q := &Queue{
		archive: archive, parallel: max(1, opts.Parallel), backlog: or(max(0, opts.Backlog), defaultBacklog),
		composer: Composer{FFmpeg: opts.FFmpeg, FFprobe: opts.FFprobe, Assets: opts.Assets, Log: opts.Log}.withDefaults(),
		calls:    make(chan func()), jobs: map[string]*job{},
	}
	q.composer.Cores = max(1, q.composer.Cores/q.parallel)
	q.log = q.composer.Log
	q.ctx, q.stop = context.WithCancel(context.Background())
	if err := q.recover(); err != nil {
		return nil, err
	}
	q.owner.Go(q.own)
	return q, nil
}

// own runs calls one at a time until Close, then lets go of all jobs.
func (q *Queue) own() {
	q.dispatch()
	for {
		select {
		case call := <-q.calls:
			call()
		case <-q.ctx.Done():
			for _, j := range q.jobs {
				j.closeWatchers()
			}
			return
		}
	}
}

// do runs f on the owner goroutine.
func (q *Queue) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case q.calls <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-q.ctx.Done():
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recover queues what the last process left unfinished.
func (q *Queue) recover() error {
	ids, err := q.archive.IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		films, err := q.stored(id)
		if err != nil {
			return err
		}
		for _, film := range films {
			if film.State.Final() {
				continue
			}
			dir, err := q.archive.Dir(id)
			if err != nil {
				return err
			}
			film.State, film.Progress = recording.CompositionQueued, 0
			j := &job{film: film, dir: dir}
			q.jobs[film.ID], q.waiting = j, append(q.waiting, j)
		}
	}
	slices.SortStableFunc(q.waiting, func(a, b *job) int { return a.film.CreatedAt.Compare(b.film.CreatedAt) })
	return nil
}

// Start queues a film of a recording. Errors are *recording.Error:
// CodeInvalidID, CodeNotFound, CodeNotReady unless the recording is stopped,
// CodeNoMedia, CodeInvalidRequest, CodeCapacity when the queue is full.
func (q *Queue) Start(ctx context.Context, recordingID string, spec recording.CompositionSpec) (recording.Composition, error) {
	dir, err := q.archive.Dir(recordingID)
	if err != nil {
		return recording.Composition{}, err
	}
	if _, err := q.archive.Manifest(recordingID); err != nil {
		return recording.Composition{}, err
	}
	m, err := readFinal(dir)
	if err != nil {
		return recording.Composition{}, err
	}
	plan, err := q.composer.plan(ctx, dir, m, spec)
	if err != nil {
		return recording.Composition{}, err
	}
	film := newComposition(recordingID, plan.Spec)
	var failure error
	err = q.do(ctx, func() {
		if len(q.waiting) >= q.backlog {
			failure = recording.Errorf(recording.CodeCapacity, "%d compositions are waiting already: try again later", len(q.waiting))
			return
		}
		if failure = save(dir, film); failure != nil {
			return
		}
		j := &job{film: film, dir: dir}
		q.jobs[film.ID], q.waiting = j, append(q.waiting, j)
		q.dispatch()
	})
	if err == nil {
		err = failure
	}
	return film, err
}

// Get returns a composition as it stands. The error is a *recording.Error with
// CodeInvalidID or CodeNotFound.
func (q *Queue) Get(ctx context.Context, recordingID, id string) (recording.Composition, error) {
	film, _, err := q.get(ctx, recordingID, id, nil)
	return film, err
}

// get finds a composition, living or stored. with, if not nil, is given the
// living one's job on the owner goroutine.
func (q *Queue) get(ctx context.Context, recordingID, id string, with func(*job)) (film recording.Composition, living bool, err error) {
	if err := recording.CheckID(recording.PrefixComposition, id); err != nil {
		return film, false, err
	}
	dir, err := q.archive.Dir(recordingID)
	if err != nil {
		return film, false, err
	}
	err = q.do(ctx, func() {
		if j := q.jobs[id]; j != nil && j.film.RecordingID == recordingID {
			if with != nil {
				with(j)
			}
			film, living = j.film, true
		}
	})
	if err != nil || living {
		return film, living, err
	}
	film, err = load(filepath.Join(recording.CompositionsDir(dir), id+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		err = recording.Errorf(recording.CodeNotFound, "recording %s has no composition %s", recordingID, id)
	}
	return film, false, err
}

// List returns all compositions of a recording, oldest first.
func (q *Queue) List(ctx context.Context, recordingID string) ([]recording.Composition, error) {
	films, err := q.stored(recordingID)
	if err != nil {
		return nil, err
	}
	err = q.do(ctx, func() {
		for i, film := range films {
			if j := q.jobs[film.ID]; j != nil {
				films[i] = j.film
			}
		}
	})
	return films, err
}

// Cancel ends a composition that waits or runs; one that is final stays as it
// is. A running one's ffmpeg is ended at once; the state that is returned is
// final.
func (q *Queue) Cancel(ctx context.Context, recordingID, id string) (recording.Composition, error) {
	updates, err := q.Watch(ctx, recordingID, id)
	if err != nil {
		return recording.Composition{}, err
	}
	_, _, err = q.get(ctx, recordingID, id, func(j *job) {
		if j.cancel != nil {
			j.cancel(errCanceled)
			return
		}
		q.waiting = slices.DeleteFunc(q.waiting, func(w *job) bool { return w == j })
		j.film.State, j.film.FinishedAt = recording.CompositionCanceled, now()
		j.film.Error = recording.Errorf(recording.CodeCanceled, "the composition was canceled")
		q.finish(j)
	})
	if err != nil {
		return recording.Composition{}, err
	}
	for {
		select {
		case _, open := <-updates:
			if !open {
				return q.Get(ctx, recordingID, id)
			}
		case <-ctx.Done():
			return recording.Composition{}, ctx.Err()
		}
	}
}

// Watch returns a channel of the composition's states: the present one, then
// each change. A reader that is slow misses states between, never the last
// one. The channel is closed after the final state, when ctx ends, and when
// the queue is closed.
func (q *Queue) Watch(ctx context.Context, recordingID, id string) (<-chan recording.Composition, error) {
	updates := make(chan recording.Composition, 1)
	film, living, err := q.get(ctx, recordingID, id, func(j *job) {
		j.watchers = append(j.watchers, updates)
		offer(updates, j.film)
	})
	if err != nil {
		return nil, err
	}
	if !living {
		updates <- film
		close(updates)
		return updates, nil
	}
	context.AfterFunc(ctx, func() {
		_ = q.do(q.ctx, func() {
			if j := q.jobs[id]; j != nil && slices.Contains(j.watchers, updates) {
				j.watchers = slices.DeleteFunc(j.watchers, func(w chan recording.Composition) bool { return w == updates })
				close(updates)
			}
		})
	})
	return updates, nil
}

// Close ends what runs, to be begun anew by the next Queue, and returns when
// no process is left.
func (q *Queue) Close() {
	q.stop()
	q.owner.Wait()
	q.work.Wait()
}

// dispatch starts waiting jobs while there is room. Owner only.
func (q *Queue) dispatch() {
	for q.running < q.parallel && len(q.waiting) > 0 && q.ctx.Err() == nil {
		j := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.running++
		var ctx context.Context
		ctx, j.cancel = context.WithCancelCause(q.ctx)
		film, dir := j.film, j.dir
		q.work.Go(func() { q.run(ctx, j, dir, film) })
	}
}

// run makes one film. It owns nothing of the job: all goes through do.
func (q *Queue) run(ctx context.Context, j *job, dir string, film recording.Composition) {
	film, err := q.film(ctx, dir, film, func(now recording.Composition) {
		if !now.State.Final() {
			_ = q.do(q.ctx, func() { j.film = now; j.notify() })
		}
	})
	if err != nil {
		q.log.Warn("composition ended", "recording", film.RecordingID, "composition", film.ID, "state", film.State, "error", err)
	}
	_ = q.do(q.ctx, func() {
		j.cancel(nil)
		j.film = film
		q.running--
		q.finish(j)
		q.dispatch()
	})
}

func (q *Queue) film(ctx context.Context, dir string, film recording.Composition, report func(recording.Composition)) (recording.Composition, error) {
	failed := func(err error) (recording.Composition, error) {
		film.State, film.FinishedAt = recording.CompositionFailed, now()
		film.Error = recording.AsError(err, recording.CodeComposeFailed)
		return film, err
	}
	m, err := readFinal(dir)
	if err != nil {
		return failed(err)
	}
	plan, err := q.composer.plan(ctx, dir, m, film.Spec)
	if err != nil {
		return failed(err)
	}
	running := film
	running.State, running.StartedAt = recording.CompositionRunning, now()
	if err := save(dir, running); err != nil {
		return failed(err)
	}
	return q.composer.make(ctx, dir, plan, film, report)
}

// finish writes a final state down, tells it, and forgets the job. Owner only.
func (q *Queue) finish(j *job) {
	if err := save(j.dir, j.film); err != nil {
		q.log.Error("composition cannot be written down", "composition", j.film.ID, "error", err)
	}
	j.notify()
	j.closeWatchers()
	delete(q.jobs, j.film.ID)
}
