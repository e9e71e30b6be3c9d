package compose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

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
	// Claims shares the work with other nodes. By default there are none.
	Claims Claims
	// Lease is how long a node that is not heard of keeps a job, by default 10 s.
	Lease time.Duration
	// Snapshot returns the manifest, up to now, of a recording that is still
	// running. Without it, live compositions begin when the recording has ended.
	Snapshot func(ctx context.Context, recordingID string) (*recording.Manifest, error)
	// Gathered reports whether the manifest of a recording that has ended tells of all
	// that can be had of it, also from other nodes. Films wait for that. By default it
	// does.
	Gathered func(ctx context.Context, recordingID string) (bool, error)
	// Fetch brings back parts that are not in the data folder any more.
	Fetch Fetch
	// Notify is told when a composition begins, at every tenth of it, and when it
	// has become final. It must not block for long.
	Notify func(ctx context.Context, film recording.Composition)
	// PiecesAge and PiecesBytes bound what is kept for other films of the same
	// recording: how long after its last use, and how much of all recordings
	// together. By default a day and 16 GiB.
	PiecesAge   time.Duration
	PiecesBytes int64
	Log         *slog.Logger
}

const (
	defaultBacklog = 100
	defaultLease   = 10 * time.Second
	// lookOut is how often a node looks for jobs that others offered, sweepOut
	// how often for files that nobody needs.
	lookOut  = 2 * time.Second
	sweepOut = 10 * time.Minute
	// mostLive is how many meetings a node composes while they run. They share
	// one process at a time.
	mostLive = 16
)

var (
	errCanceled = errors.New("canceled")
	errLost     = errors.New("another node took the job over")
	errClosed   = recording.Errorf(recording.CodeCapacity, "the composer is shutting down")
)

// Queue makes films one after another and remembers them on disk, as
// compositions/<id>.json in the recording's directory. Any number of queues may
// share the directory if they share Claims. Jobs that a shutdown or a crash
// interrupted go on, with what was encoded already, wherever a queue is open.
type Queue struct {
	archive  recording.Archive
	composer Composer
	opts     Options
	log      *slog.Logger

	ctx  context.Context
	stop context.CancelFunc
	kick chan struct{}
	work sync.WaitGroup
	// liveWork lets one process of live compositions run at a time.
	liveWork chan struct{}

	// taking is held from the claim of a job until it is known to run here.
	taking sync.Mutex

	mu            sync.Mutex
	closed        bool
	jobs          map[string]*job // those that run here
	running, live int
}

// NewQueue opens a queue over an archive, offers the compositions that were not
// finished, and begins to work.
func NewQueue(archive recording.Archive, opts Options) (*Queue, error) {
	opts.Parallel, opts.Backlog = max(1, opts.Parallel), or(max(0, opts.Backlog), defaultBacklog)
	opts.Lease = or(opts.Lease, defaultLease)
	const day, gib = 24 * time.Hour, 1 << 30
	opts.PiecesAge, opts.PiecesBytes = or(opts.PiecesAge, day), or(opts.PiecesBytes, 16*gib)
	if opts.Claims == nil {
		opts.Claims = &alone{}
	}
	if opts.Gathered == nil {
		opts.Gathered = func(context.Context, string) (bool, error) { return true, nil }
	}
	q := &Queue{
		archive: archive, opts: opts, kick: make(chan struct{}, 1), jobs: map[string]*job{}, liveWork: make(chan struct{}, 1),
		composer: Composer{FFmpeg: opts.FFmpeg, FFprobe: opts.FFprobe, Assets: opts.Assets, KeepPieces: true, Fetch: opts.Fetch, Log: opts.Log}.withDefaults(),
	}
	q.composer.Cores = max(1, q.composer.Cores/opts.Parallel)
	q.composer.Memory /= int64(opts.Parallel)
	q.log = q.composer.Log
	q.ctx, q.stop = context.WithCancel(context.Background())
	if _, err := archive.IDs(); err != nil {
		return nil, err
	}
	q.work.Go(q.look)
	q.work.Go(q.sweep)
	return q, nil
}

// Close ends what runs, to be gone on with by another queue, and returns when
// no process is left.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.stop()
	q.work.Wait()
}

// Get returns a composition as it stands. The error is a *recording.Error with
// CodeInvalidID or CodeNotFound.
func (q *Queue) Get(_ context.Context, recordingID, id string) (recording.Composition, error) {
	if err := recording.CheckID(recording.PrefixComposition, id); err != nil {
		return recording.Composition{}, err
	}
	dir, err := q.archive.Dir(recordingID)
	if err != nil {
		return recording.Composition{}, err
	}
	if film, here := q.here(id); here && film.RecordingID == recordingID {
		return film, nil
	}
	film, err := load(filepath.Join(recording.CompositionsDir(dir), id+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		err = recording.Errorf(recording.CodeNotFound, "recording %s has no composition %s", recordingID, id)
	}
	return film, err
}

// here returns a composition that is being made by this queue.
func (q *Queue) here(id string) (recording.Composition, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if j := q.jobs[id]; j != nil {
		return j.film, true
	}
	return recording.Composition{}, false
}

// List returns all compositions of a recording, oldest first.
func (q *Queue) List(_ context.Context, recordingID string) ([]recording.Composition, error) {
	films, err := q.stored(recordingID)
	for i := range films {
		if film, here := q.here(films[i].ID); here {
			films[i] = film
		}
	}
	return films, err
}

// Cancel ends a composition that waits or runs, on whichever node; one that is
// final stays as it is. What is returned is final. Its pieces stay a while, for
// Retry.
func (q *Queue) Cancel(ctx context.Context, recordingID, id string) (recording.Composition, error) {
	film, err := q.Get(ctx, recordingID, id)
	if err != nil || film.State.Final() {
		return film, err
	}
	if q.cancelHere(id) {
		return q.wait(ctx, recordingID, id)
	}
	// Whoever has it sees the mark; if nobody has, this node may end it.
	if err := os.WriteFile(q.cancelMark(film), nil, 0o644); err != nil {
		return film, fmt.Errorf("cancel composition: %w", err)
	}
	q.taking.Lock()
	defer q.taking.Unlock()
	granted, err := q.opts.Claims.Claim(ctx, id, q.opts.Lease)
	if err != nil {
		return film, recording.AsError(err, recording.CodeStoreUnavailable)
	}
	if !granted || q.cancelHere(id) {
		q.taking.Unlock()
		defer q.taking.Lock()
		return q.wait(ctx, recordingID, id)
	}
	if film, err = q.Get(ctx, recordingID, id); err == nil && !film.State.Final() {
		film.State, film.FinishedAt = recording.CompositionCanceled, now()
		film.Error = recording.Errorf(recording.CodeCanceled, "the composition was canceled")
		err = q.settle(ctx, film)
	}
	return film, err
}

func (q *Queue) cancelHere(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	j := q.jobs[id]
	if j != nil {
		j.cancel(errCanceled)
	}
	return j != nil
}

// wait returns a composition once it is final.
func (q *Queue) wait(ctx context.Context, recordingID, id string) (recording.Composition, error) {
	updates, err := q.Watch(ctx, recordingID, id)
	if err != nil {
		return recording.Composition{}, err
	}
	var last recording.Composition
	for last = range updates {
		if last.State.Final() {
			return last, nil
		}
	}
	if ctx.Err() != nil {
		return last, ctx.Err()
	}
	if _, err := q.Get(ctx, recordingID, id); err != nil {
		return last, err // it was deleted
	}
	return last, errClosed
}

// Retry makes a composition again that failed or was canceled, going on from
// the pieces that are there. CodeNotReady is for one that is not final,
// CodeAlreadyStopped for one that is ready.
func (q *Queue) Retry(ctx context.Context, recordingID, id string) (recording.Composition, error) {
	film, err := q.Get(ctx, recordingID, id)
	switch {
	case err != nil:
		return film, err
	case !film.State.Final():
		return film, recording.Errorf(recording.CodeNotReady, "composition %s is %s: only one that failed or was canceled can be tried again", id, film.State)
	case film.State == recording.CompositionReady:
		return film, recording.Errorf(recording.CodeAlreadyStopped, "composition %s is ready: there is nothing to try again", id)
	}
	if err := q.unwritten(id); err != nil {
		return film, err
	}
	if _, err := q.check(ctx, recordingID, film.Spec); err != nil {
		return film, err
	}
	again := newComposition(recordingID, film.Spec)
	again.ID, again.CreatedAt = film.ID, film.CreatedAt
	_ = os.Remove(q.cancelMark(film))
	for {
		if offered, err := q.offerFree(ctx, again); offered || err != nil {
			return again, err
		}
		const pause = 50 * time.Millisecond
		select {
		case <-time.After(pause): // whoever made it is about to take it off the list
		case <-ctx.Done():
			return film, ctx.Err()
		}
	}
}

// offerFree offers a composition unless this node or another still has it.
func (q *Queue) offerFree(ctx context.Context, film recording.Composition) (offered bool, err error) {
	q.taking.Lock()
	defer q.taking.Unlock()
	if _, here := q.here(film.ID); here {
		return false, nil
	}
	granted, err := q.opts.Claims.Claim(ctx, film.ID, q.opts.Lease)
	if err != nil {
		return false, recording.AsError(err, recording.CodeStoreUnavailable)
	}
	if !granted {
		return false, nil
	}
	_, err = q.offer(ctx, film)
	return true, errors.Join(err, q.opts.Claims.Release(ctx, film.ID))
}

// cancelMark is a file that asks the node which makes a film to end.
func (q *Queue) cancelMark(film recording.Composition) string {
	return filepath.Join(recording.CompositionsDir(filepath.Join(q.archive.Root(), film.RecordingID)), "."+film.ID+".cancel")
}

// Watch returns a channel of the composition's states: the present one, then
// each change. A reader that is slow misses states between, never the last
// one. The channel is closed after the final state, when ctx ends, when the queue
// is closed, and when the composition was deleted.
func (q *Queue) Watch(ctx context.Context, recordingID, id string) (<-chan recording.Composition, error) {
	film, err := q.Get(ctx, recordingID, id)
	if err != nil {
		return nil, err
	}
	const interval = 200 * time.Millisecond
	updates := make(chan recording.Composition, 1)
	updates <- film
	q.mu.Lock()
	defer q.mu.Unlock()
	if film.State.Final() || q.closed {
		close(updates)
		return updates, nil
	}
	q.work.Go(func() {
		defer close(updates)
		for tick := time.NewTicker(interval); ; {
			select {
			case <-ctx.Done():
				return
			case <-q.ctx.Done():
				return
			case <-tick.C:
			}
			next, err := q.Get(ctx, recordingID, id)
			if recording.CodeOf(err) == recording.CodeNotFound {
				return
			}
			if err != nil || next.State == film.State && next.Progress == film.Progress {
				continue
			}
			film = next
			select {
			case <-updates:
			default:
			}
			updates <- film
			if film.State.Final() {
				return
			}
		}
	})
	return updates, nil
}

func now() time.Time { return time.Now().UTC() }
