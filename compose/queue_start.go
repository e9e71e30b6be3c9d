package compose

import (
	"context"
	"errors"
	"fmt"

	"github.com/roomreel/roomreel/recording"
)

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

// StartWished queues the film that a recording's starter wished as its nth, and
// returns it. However often and on however many nodes it is called, there is one. A
// film that cannot be made is left as failed, with the reason. After an error there
// may be none yet.
func (q *Queue) StartWished(ctx context.Context, recordingID string, n int, spec recording.CompositionSpec) (recording.Composition, error) {
	film := newComposition(recordingID, spec)
	film.ID = WishedID(recordingID, n)
	q.taking.Lock()
	defer q.taking.Unlock()
	granted, err := q.opts.Claims.Claim(ctx, film.ID, q.opts.Lease)
	if err != nil || !granted {
		return film, err // another node is at it
	}
	if known, err := q.Get(ctx, recordingID, film.ID); recording.CodeOf(err) != recording.CodeNotFound {
		if _, here := q.here(film.ID); here {
			return known, nil
		}
		return known, errors.Join(err, q.opts.Claims.Release(ctx, film.ID))
	}
	film.Spec, err = q.check(ctx, recordingID, spec)
	switch {
	case err == nil:
	case ctx.Err() != nil || q.ctx.Err() != nil || recording.CodeOf(err) == recording.CodeStoreUnavailable:
		return film, err // that is not the film's fault
	default:
		film.State, film.FinishedAt, film.Error = recording.CompositionFailed, now(), recording.AsError(err, recording.CodeComposeFailed)
		return film, q.settle(ctx, film)
	}
	if film, err = q.offer(ctx, film); err != nil {
		return film, err
	}
	return film, q.opts.Claims.Release(ctx, film.ID)
}

// WishedID names the film that a recording's starter wished as its nth.
func WishedID(recordingID string, n int) string {
	return recording.DerivedID(recording.PrefixComposition, fmt.Sprintf("%s %d", recordingID, n))
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
	if spec.Live && recording.CodeOf(err) == recording.CodeNotReady {
		return spec, nil // nothing is written yet
	}
	if err == nil {
		err = m.PartsKept()
	}
	if err != nil {
		return spec, err
	}
	dir, err := q.archive.Dir(recordingID)
	if err != nil {
		return spec, err
	}
	if spec, err = q.composer.prepare(ctx, dir, recordingID, spec); err != nil {
		return spec, err
	}
	gathered, err := q.opts.Gathered(ctx, recordingID)
	if err != nil {
		return spec, recording.AsError(err, recording.CodeStoreUnavailable)
	}
	if m.State == recording.Stopped && gathered {
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
	failed := err == nil && m.State == recording.Failed
	if live && q.opts.Snapshot != nil && !failed {
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
