package compose

import (
	"context"
	"crypto/sha256"
	hexadecimal "encoding/hex"
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
	// Fetch brings back parts that are not in the data folder any more.
	Fetch Fetch
	// Notify is told when a composition begins, at every tenth of it, and when it
	// has become final. It must not block for long.
	Notify func(ctx context.Context, film recording.Composition)
	// PiecesAge and PiecesBytes bound what is kept of each recording for other
	// films of it: how long after its last use, and how much. By default a day
	// and 4 GiB.
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
	jobs          map[string]*job // those that run here
	running, live int
}

// job is a composition that is being made here.
type job struct {
	film   recording.Composition
	cancel context.CancelCauseFunc
}

// NewQueue opens a queue over an archive, offers the compositions that were not
// finished, and begins to work.
func NewQueue(archive recording.Archive, opts Options) (*Queue, error) {
	opts.Parallel, opts.Backlog = max(1, opts.Parallel), or(max(0, opts.Backlog), defaultBacklog)
	opts.Lease = or(opts.Lease, defaultLease)
	const day, gib = 24 * time.Hour, 1 << 30
	opts.PiecesAge, opts.PiecesBytes = or(opts.PiecesAge, day), or(opts.PiecesBytes, 4*gib)
	if opts.Claims == nil {
		opts.Claims = &alone{}
	}
	q := &Queue{
		archive: archive, opts: opts, kick: make(chan struct{}, 1), jobs: map[string]*job{}, liveWork: make(chan struct{}, 1),
		composer: Composer{FFmpeg: opts.FFmpeg, FFprobe: opts.FFprobe, KeepPieces: true, Fetch: opts.Fetch, Log: opts.Log}.withDefaults(),
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
	q.stop()
	q.work.Wait()
}

// Start queues a film of a recording. Errors are *recording.Error:
// CodeInvalidID, CodeNotFound, CodeNotReady unless the recording is stopped or
// the film is to be composed live, CodeNoMedia, CodeInvalidRequest, CodeCapacity
// when the queue is full.
func (q *Queue) Start(ctx context.Context, recordingID string, spec recording.CompositionSpec) (recording.Composition, error) {
	if _, err := q.archive.Dir(recordingID); err != nil {
		return recording.Composition{}, err
	}
	spec, err := q.check(ctx, recordingID, spec)
	if err != nil {
		return recording.Composition{}, err
	}
	open, err := q.opts.Claims.Open(ctx)
	if err != nil {
		return recording.Composition{}, recording.AsError(err, recording.CodeStoreUnavailable)
	}
	if len(open) >= q.opts.Backlog+q.opts.Parallel {
		return recording.Composition{}, recording.Errorf(recording.CodeCapacity, "%d compositions are waiting or being made already: try again later", len(open))
	}
	return q.offer(ctx, newComposition(recordingID, spec))
}

// Normalize is the package's Normalize.
func (q *Queue) Normalize(spec recording.CompositionSpec) (recording.CompositionSpec, error) {
	return Normalize(spec)
}

// StartWished queues the film that a recording's starter wished as its nth.
// However often and on however many nodes it is called, there is one. A film that
// cannot be made is left as failed, with the reason.
func (q *Queue) StartWished(ctx context.Context, recordingID string, n int, spec recording.CompositionSpec) error {
	film := newComposition(recordingID, spec)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", recordingID, n))
	film.ID = recording.PrefixComposition + "_" + hexadecimal.EncodeToString(sum[:16])
	q.taking.Lock()
	defer q.taking.Unlock()
	granted, err := q.opts.Claims.Claim(ctx, film.ID, q.opts.Lease)
	if err != nil || !granted {
		return err // another node is at it
	}
	if _, err := q.Get(ctx, recordingID, film.ID); recording.CodeOf(err) != recording.CodeNotFound {
		if _, here := q.here(film.ID); here {
			return nil
		}
		return errors.Join(err, q.opts.Claims.Release(ctx, film.ID))
	}
	if film.Spec, err = q.check(ctx, recordingID, spec); err != nil {
		film.State, film.FinishedAt, film.Error = recording.CompositionFailed, now(), recording.AsError(err, recording.CodeComposeFailed)
		return q.settle(ctx, film)
	}
	if _, err := q.offer(ctx, film); err != nil {
		return err
	}
	return q.opts.Claims.Release(ctx, film.ID)
}

// check refuses a film that cannot be made, before it waits.
func (q *Queue) check(ctx context.Context, recordingID string, spec recording.CompositionSpec) (recording.CompositionSpec, error) {
	if q.ctx.Err() != nil {
		return spec, errClosed
	}
	spec, err := Normalize(spec)
	if err != nil {
		return spec, err
	}
	if err := q.composer.CheckEncoder(ctx, spec); err != nil {
		return spec, err
	}
	m, err := q.manifest(ctx, recordingID, spec.Live)
	if err != nil {
		return spec, err
	}
	if m.State == recording.Stopped {
		plan, err := NewPlan(m, spec)
		return plan.Spec, err
	}
	return spec, nil
}

// manifest is the recording's own, or for a live composition a snapshot.
func (q *Queue) manifest(ctx context.Context, recordingID string, live bool) (*recording.Manifest, error) {
	m, err := q.archive.Manifest(recordingID)
	if err == nil && m.State == recording.Stopped {
		return m, nil
	}
	if live && q.opts.Snapshot != nil {
		return q.opts.Snapshot(ctx, recordingID)
	}
	if err != nil {
		return nil, err
	}
	dir, err := q.archive.Dir(recordingID)
	if err != nil {
		return nil, err
	}
	return readFinal(dir)
}

// offer writes a composition down and makes it known.
func (q *Queue) offer(ctx context.Context, film recording.Composition) (recording.Composition, error) {
	if q.ctx.Err() != nil {
		return film, errClosed
	}
	if err := q.save(film); err != nil {
		return film, err
	}
	if err := q.opts.Claims.Offer(ctx, jobOf(film)); err != nil {
		return film, recording.AsError(err, recording.CodeStoreUnavailable)
	}
	q.wake()
	return film, nil
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
	if _, err := q.check(ctx, recordingID, film.Spec); err != nil {
		return film, err
	}
	again := newComposition(recordingID, film.Spec)
	again.ID, again.CreatedAt = film.ID, film.CreatedAt
	_ = os.Remove(q.cancelMark(film))
	return q.offer(ctx, again)
}

// cancelMark is a file that asks the node which makes a film to end.
func (q *Queue) cancelMark(film recording.Composition) string {
	return filepath.Join(recording.CompositionsDir(filepath.Join(q.archive.Root(), film.RecordingID)), "."+film.ID+".cancel")
}

// Watch returns a channel of the composition's states: the present one, then
// each change. A reader that is slow misses states between, never the last
// one. The channel is closed after the final state, when ctx ends, and when
// the queue is closed.
func (q *Queue) Watch(ctx context.Context, recordingID, id string) (<-chan recording.Composition, error) {
	film, err := q.Get(ctx, recordingID, id)
	if err != nil {
		return nil, err
	}
	const interval = 200 * time.Millisecond
	updates := make(chan recording.Composition, 1)
	updates <- film
	if film.State.Final() {
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

// offerUnfinished makes known what a crash or a Redis without memory forgot.
func (q *Queue) offerUnfinished() {
	ids, err := q.archive.IDs()
	if err != nil {
		q.log.Error("archive cannot be listed", "error", err)
		return
	}
	for _, id := range ids {
		films, err := q.stored(id)
		if err != nil {
			q.log.Warn("compositions cannot be listed", "recording", id, "error", err)
			continue
		}
		for _, film := range films {
			if film.State.Final() || q.ctx.Err() != nil {
				continue
			}
			if err := q.opts.Claims.Offer(q.ctx, jobOf(film)); err != nil {
				q.log.Warn("composition cannot be offered", "composition", film.ID, "error", err)
			}
		}
	}
	q.wake()
}

// sweep offers what was forgotten and removes pieces that were not used lately.
func (q *Queue) sweep() {
	for tick := time.NewTicker(sweepOut); ; {
		q.offerUnfinished()
		ids, _ := q.archive.IDs()
		for _, id := range ids {
			if err := cacheOf(filepath.Join(q.archive.Root(), id)).prune(q.opts.PiecesAge, q.opts.PiecesBytes); err != nil {
				q.log.Warn("pieces cannot be removed", "recording", id, "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-q.ctx.Done():
			tick.Stop()
			return
		}
	}
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
	if j.Live {
		room = q.live < mostLive
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

// settle writes a final state down, tells it, and takes the job off the list.
func (q *Queue) settle(ctx context.Context, film recording.Composition) error {
	err := q.save(film)
	_ = os.Remove(q.cancelMark(film))
	_ = pinOf(filepath.Join(q.archive.Root(), film.RecordingID), film.ID).remove()
	if q.opts.Notify != nil {
		q.opts.Notify(ctx, film)
	}
	if err != nil {
		return err
	}
	return q.opts.Claims.Done(ctx, film.ID)
}
