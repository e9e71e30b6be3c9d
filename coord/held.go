package coord

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// held is a recording that a node has taken.
type held struct {
	rec     recording.Recording // what the node says of it
	since   time.Time           // StartedAt, if an earlier epoch set it
	started bool                // the bot has it
	busy    bool                // a call about it is under way
	dirty   bool                // Redis does not know rec yet
	made    terms               // what the bot was told last
	stalled map[string]bool     // tracks, by SID, that no longer come
	news    []flow              // of tracks, and Redis does not know them yet
}

// terms are what callers can change of a running recording.
type terms struct {
	paused    bool
	selection string // its key
	layout    string
}

func termsOf(r recording.Recording) terms {
	return terms{r.PauseWanted, r.Selection.Key(), r.Layout}
}

// began reports whether there may be files of it.
func (h *held) began() bool { return !h.rec.StartedAt.IsZero() || !h.rec.FirstMediaAt.IsZero() }

// needsBot reports whether it waits for the room to be opened.
func (h *held) needsBot() bool {
	return !h.dirty && h.waits()
}

// waits reports whether another lease could begin it as well as this one.
func (h *held) waits() bool {
	return !h.started && !h.busy && !h.rec.StopWanted && !h.rec.State.Final()
}

// adopt takes a recording over from the callers or from an earlier epoch.
func (r *room) adopt(w recording.Recording) *held {
	w.Node, w.Epoch, w.Error = r.lease.Node, r.lease.Epoch, nil
	switch {
	case w.StopWanted:
		w.State = recording.Stopping
	case w.State != recording.Paused:
		w.State = recording.Starting
	}
	return &held{rec: w, since: w.StartedAt, dirty: true, stalled: map[string]bool{}}
}

// advance begins the next thing that is due for a recording.
func (r *room) advance(ctx context.Context, h *held) {
	r.save(ctx, h)
	switch {
	case r.superseded || h.busy:
	case h.rec.State.Final():
		if !h.dirty {
			delete(r.held, h.rec.ID)
		}
	case h.dirty && !h.started:
		// Nothing is begun before Redis has confirmed that it may be.
	case h.rec.StopWanted:
		r.stop(ctx, h, cmp.Or(h.rec.Ended, recording.EndedByStop))
	case !h.started && r.bot != nil && !r.gone:
		r.start(h)
	case h.started && h.made != termsOf(h.rec):
		r.update(h)
	}
}

// update makes a running recording as its callers want it.
func (r *room) update(h *held) {
	h.busy = true
	bot, rec := r.bot, h.rec
	r.call(func() (then func()) {
		ctx, cancel := context.WithTimeout(r.calls, r.opts.CallTimeout)
		defer cancel()
		err := bot.Update(ctx, rec)
		return func() {
			h.busy = false
			h.made = termsOf(rec) // also after a failure: trying again would fail again
			if err != nil {
				r.log.Error("recording was not changed", "recording", rec.ID, "error", err)
				return
			}
			h.settle()
		}
	})
}

// settle makes the state tell whether a running recording is paused.
func (h *held) settle() {
	state := h.rec.State
	switch {
	case h.made.paused && (state == recording.Starting || state == recording.Active):
		state = recording.Paused
	case !h.made.paused && state == recording.Paused:
		state = recording.Active
		if h.rec.FirstMediaAt.IsZero() {
			state = recording.Starting
		}
	}
	h.dirty = h.dirty || state != h.rec.State
	h.rec.State = state
}

// save writes the record if Redis does not know it. While Redis is away it
// waits for the next sync that succeeds.
func (r *room) save(ctx context.Context, h *held) {
	if !h.dirty || r.away || r.superseded {
		return
	}
	err := r.store.put(ctx, r.lease, h.rec, h.news)
	switch {
	case err == nil:
		h.dirty, h.news = false, nil
	case errors.Is(err, ErrFenced):
		r.superseded = true
	case errors.Is(err, errFinal):
		// It was stopped before the node could take it.
		h.dirty, h.rec.StopWanted = false, true
		if !h.started && !h.busy {
			h.rec.State = recording.Stopped
		}
	default:
		r.away = true
		r.log.Warn("a record was not written", "recording", h.rec.ID, "error", err)
	}
}

func (r *room) start(h *held) {
	h.busy = true
	bot, rec := r.bot, h.rec
	r.call(func() (then func()) {
		ctx, cancel := context.WithTimeout(r.calls, r.opts.CallTimeout)
		defer cancel()
		err := bot.Start(ctx, rec)
		return func() {
			h.busy = false
			switch {
			case h.rec.State.Final():
			case errors.Is(err, ErrGone):
				r.gone = true
			case err != nil:
				r.fail(h, err)
			default:
				h.started, h.dirty, h.made = true, true, termsOf(rec)
				h.settle()
				if h.rec.StartedAt.IsZero() {
					h.rec.StartedAt = r.store.now()
				}
			}
		}
	})
}

// stop completes a recording, by the bot if that has it.
func (r *room) stop(ctx context.Context, h *held, why recording.EndReason) {
	if h.rec.State != recording.Stopping {
		h.rec.State, h.dirty = recording.Stopping, true
		r.save(ctx, h)
	}
	if !h.started {
		r.finish(h, why, nil)
		return
	}
	h.busy = true
	bot, id := r.bot, h.rec.ID
	r.call(func() (then func()) {
		ctx, cancel := context.WithTimeout(r.calls, r.opts.FilesTimeout)
		defer cancel()
		result, err := bot.Stop(ctx, id, why)
		return func() {
			h.busy = false
			state := recording.Stopped
			if err != nil {
				state = recording.Failed
			}
			r.end(h, state, why, result, recording.AsError(err, recording.CodeInternal))
		}
	})
}

// fail ends a recording that this node cannot begin: Failed, or Stopped with
// the error when an earlier epoch has recorded something.
func (r *room) fail(h *held, err error) {
	why := recording.EndedByFailure
	if recording.CodeOf(err) == recording.CodeRoomNotFound {
		why = recording.EndedByRoom
	}
	r.finish(h, why, recording.AsError(err, recording.CodeInternal))
}

// finish completes what earlier epochs left of a recording.
func (r *room) finish(h *held, why recording.EndReason, cause *recording.Error) {
	state := recording.Stopped
	if cause != nil && h.rec.FirstMediaAt.IsZero() {
		state = recording.Failed
	}
	if !h.began() || r.opts.Finish == nil {
		r.end(h, state, why, Result{}, cause)
		return
	}
	h.busy = true
	rec := h.rec
	r.call(func() (then func()) {
		ctx, cancel := context.WithTimeout(r.calls, r.opts.FilesTimeout)
		defer cancel()
		result, err := r.opts.Finish(ctx, rec, why)
		return func() {
			h.busy = false
			if cause == nil {
				cause = recording.AsError(err, recording.CodeInternal)
			}
			r.end(h, state, why, result, cause)
		}
	})
}

// end makes a recording final. What came first counts.
func (r *room) end(h *held, state recording.State, why recording.EndReason, result Result, cause *recording.Error) {
	if h.rec.State.Final() {
		return
	}
	h.rec.State, h.rec.Ended, h.rec.Error, h.rec.Live, h.dirty = state, why, cause, nil, true
	h.rec.StoppedAt = result.StoppedAt
	if h.rec.StoppedAt.IsZero() {
		h.rec.StoppedAt = r.store.now()
	}
	if h.since.IsZero() && !result.StartedAt.IsZero() {
		h.rec.StartedAt = result.StartedAt
	}
	if result.Parts > 0 {
		h.rec.Duration, h.rec.Parts, h.rec.Bytes, h.rec.People = result.Duration, result.Parts, result.Bytes, result.People
	}
	log := r.log.With("recording", h.rec.ID, "state", state, "ended", why)
	if cause != nil {
		log.Error("recording ended", "code", cause.Code, "error", cause)
		return
	}
	log.Info("recording ended")
}

// hear applies what the bot has told.
func (r *room) hear() {
	for id, report := range r.reports.take() {
		h := r.held[id]
		if h == nil || h.rec.State.Final() {
			continue
		}
		if at := report.FirstMediaAt; !at.IsZero() {
			h.dirty = true
			if h.rec.FirstMediaAt.IsZero() {
				h.rec.FirstMediaAt = at
			}
			if h.rec.State == recording.Starting {
				h.rec.State = recording.Active
			}
		}
		if report.Live != nil && !slices.Equal(report.Live, h.rec.Live) {
			if h.rec.State == recording.Active { // else nothing is to come
				h.news = append(h.news, flows(h.rec.Live, report.Live, h.stalled)...)
			}
			h.rec.Live, h.dirty = report.Live, true
		}
		switch {
		case report.Err != nil:
			why, state := report.Ended, recording.Failed
			if why == "" {
				why = recording.EndedByFailure
			}
			if report.Result.Parts > 0 {
				state = recording.Stopped // what there is is whole
			}
			r.end(h, state, why, report.Result, report.Err)
		case report.Ended != "":
			r.gone = r.gone || report.Ended == recording.EndedByRoom
			r.end(h, recording.Stopped, report.Ended, report.Result, nil)
		}
	}
}
