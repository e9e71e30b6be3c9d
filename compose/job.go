package compose

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// run makes one film under the claim that this node has.
func (q *Queue) run(ctx context.Context, cancel context.CancelCauseFunc, film recording.Composition) {
	defer cancel(nil)
	film.State, film.StartedAt, film.Progress, film.Error = recording.CompositionRunning, now(), 0, nil
	q.work.Go(func() { q.hold(ctx, cancel, film) })
	var written time.Time
	const step = 10.0
	told := -step
	report := func(next recording.Composition) {
		if next.State.Final() {
			return
		}
		q.mu.Lock()
		q.jobs[film.ID].film = next
		q.mu.Unlock()
		const interval = time.Second
		if time.Since(written) >= interval {
			written = time.Now()
			if err := q.save(next); err != nil {
				q.log.Warn("composition cannot be written down", "composition", film.ID, "error", err)
			}
		}
		if q.opts.Notify != nil && next.Progress >= told+step {
			told = next.Progress
			q.opts.Notify(ctx, next)
		}
	}
	report(film)
	made, err := q.make(ctx, film, report)
	q.end(context.WithoutCancel(ctx), context.Cause(ctx), made, err)
}

// end writes down what became of a job, unless it goes on elsewhere.
func (q *Queue) end(ctx context.Context, cause error, film recording.Composition, err error) {
	defer q.remove(film)
	switch {
	case errors.Is(cause, errLost):
		q.log.Warn("composition goes on on another node", "composition", film.ID)
		return
	case cause != nil && !errors.Is(cause, errCanceled): // the queue is closed
		const patience = 10 * time.Second
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		film.State, film.Progress, film.Remaining, film.Error = recording.CompositionQueued, 0, 0, nil
		film.StartedAt, film.FinishedAt = time.Time{}, time.Time{}
		if err := errors.Join(q.save(film), q.opts.Claims.Release(ctx, film.ID)); err != nil {
			q.log.Warn("composition cannot be given back", "composition", film.ID, "error", err)
		}
		return
	}
	if err != nil {
		q.log.Warn("composition ended", "recording", film.RecordingID, "composition", film.ID, "state", film.State, "error", err)
	}
	q.persist(film)
}

// make carries a job out: first live, if that was wished, then to its end.
func (q *Queue) make(ctx context.Context, film recording.Composition, report func(recording.Composition)) (recording.Composition, error) {
	failed := func(err error) (recording.Composition, error) {
		film.State, film.FinishedAt = recording.CompositionFailed, now()
		film.Error = recording.AsError(fullOr(err), recording.CodeComposeFailed)
		if errors.Is(context.Cause(ctx), errCanceled) {
			film.State, film.Error = recording.CompositionCanceled, recording.Errorf(recording.CodeCanceled, "the composition was canceled")
		}
		return film, err
	}
	dir, err := q.archive.Dir(film.RecordingID)
	if err != nil {
		return failed(err)
	}
	zero := noPin
	if film.Spec.Live && q.opts.Snapshot != nil {
		if zero, err = q.ahead(ctx, dir, film); err != nil {
			return failed(err)
		}
	}
	if err := q.gathered(ctx, film); err != nil {
		return failed(err)
	}
	m, err := readFinal(dir)
	if err != nil {
		return failed(err)
	}
	plan, err := planAt(m, film.Spec, zero)
	if err != nil {
		return failed(err)
	}
	return q.composer.make(ctx, dir, m, plan, film, report)
}

// gathered waits until the recording's manifest tells of all that can be had of it.
func (q *Queue) gathered(ctx context.Context, film recording.Composition) error {
	for told := false; ; told = true {
		gathered, err := q.opts.Gathered(ctx, film.RecordingID)
		if gathered && err == nil {
			return nil
		}
		if !told {
			q.log.Info("composition waits for what other nodes have", "recording", film.RecordingID, "composition", film.ID)
		}
		select {
		case <-time.After(finalEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// hold renews the claim until ctx ends, and looks whether another node was
// asked to cancel the job. Who cannot renew for a whole lease has lost it.
func (q *Queue) hold(ctx context.Context, cancel context.CancelCauseFunc, film recording.Composition) {
	const look = 500 * time.Millisecond
	renewed, tried := time.Now(), time.Now()
	for tick := time.NewTicker(look); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
		if _, err := os.Stat(q.cancelMark(film)); err == nil {
			cancel(errCanceled)
			continue
		}
		if time.Since(tried) < q.opts.Lease/4 {
			continue
		}
		tried = time.Now()
		granted, err := q.opts.Claims.Claim(ctx, film.ID, q.opts.Lease)
		switch {
		case err == nil && granted:
			renewed = tried
		case err == nil, time.Since(renewed) > q.opts.Lease:
			cancel(errLost)
		}
	}
}
