package deliver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// task is a claimed job.
type task struct {
	id, token string
	recording string
	doc       []byte
	tries     int  // attempts since it was added or redone
	disabled  bool // its group is
	sent      atomic.Int64

	cancel context.CancelFunc
}

// outcome is what came of a task.
type outcome struct {
	state   State // Done, Failed, or Pending: due again after the pause
	pause   time.Duration
	attempt *Attempt // nil if none was made
	err     *recording.Error
	health  health
}

// health is what an attempt tells of its receiver.
type health string

const (
	unknown health = ""
	good    health = "good"
	bad     health = "bad"
	gone    health = "gone" // it wants nothing more
)

// putBack leaves a task to whoever comes next, as if it had not been claimed.
var putBack = outcome{state: Pending}

// again is the outcome of an attempt that failed and may be repeated.
func (q *queue) again(t *task, a Attempt, h health) outcome {
	o := outcome{state: Failed, attempt: &a, err: a.Error, health: h}
	if t.tries < len(q.opts.Backoff) {
		o.state, o.pause = Pending, q.opts.Backoff[t.tries]
	}
	return o
}

// worker works the jobs of a queue as they become due.
type worker struct {
	*queue
	// work makes one attempt. Once ctx has ended, its result is taken only if
	// it is certain.
	work func(ctx context.Context, t *task) outcome
	// disabled is told of a task that disabled its group.
	disabled func(ctx context.Context, t *task)
	// ended is told of a task that is over.
	ended func(t *task)
	// drain is how long tasks may go on when the worker should end.
	drain time.Duration

	// Owned by the goroutine of run.
	running map[string]*task // by token
	returns chan *task
}

// run works until ctx ends, and returns when nothing of it is left. Redis may
// be away at any time.
func (w *worker) run(ctx context.Context) error {
	hard, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	w.running, w.returns = map[string]*task{}, make(chan *task)
	news := w.rdb.Subscribe(hard, w.prefix+"wake:"+w.site)
	defer news.Close()
	wake := news.Channel()
	beat := time.NewTicker(w.opts.LeaseTTL / 3)
	defer beat.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	stop := ctx.Done()
	for stop != nil || len(w.running) > 0 {
		select {
		case <-stop:
			stop = nil
			defer time.AfterFunc(w.drain, kill).Stop()
		case m := <-wake:
			if m == nil {
				wake = nil // the client was closed: what follows fails by itself
			}
			look.Reset(0)
		case t := <-w.returns:
			t.cancel()
			delete(w.running, t.token)
			look.Reset(0)
		case <-beat.C:
			w.hold(hard)
		case <-look.C:
			if stop != nil {
				look.Reset(w.begin(hard))
			}
		}
	}
	return nil
}

// begin starts what is due, and returns when to look again.
func (w *worker) begin(ctx context.Context) time.Duration {
	const poll = time.Second // should a notification get lost
	free := w.opts.Workers - len(w.running)
	if free == 0 {
		return poll
	}
	tasks, next, err := w.claim(ctx, free)
	if err != nil {
		w.opts.Log.Warn("jobs cannot be claimed", "error", err)
		return poll
	}
	for _, t := range tasks {
		own, cancel := context.WithCancel(ctx)
		t.cancel = cancel
		w.running[t.token] = t
		go func() {
			w.do(ctx, own, t)
			w.returns <- t
		}()
	}
	if next < 0 || next > poll {
		return poll
	}
	return next
}

// hold renews the leases and ends the tasks that were lost.
func (w *worker) hold(ctx context.Context) {
	if len(w.running) == 0 {
		return
	}
	lost, err := w.renew(ctx, slices.Collect(maps.Values(w.running)))
	if err != nil {
		w.opts.Log.Warn("leases cannot be renewed", "error", err)
	}
	for _, token := range lost {
		w.running[token].cancel()
	}
}

// do works a task, and goes on trying to write the outcome while Redis is away:
// what the receiver has confirmed should not be repeated.
func (w *worker) do(ctx, own context.Context, t *task) {
	const pause = 500 * time.Millisecond
	o := w.work(own, t)
	for {
		disabled, err := w.finish(context.WithoutCancel(ctx), t, o)
		switch {
		case err == nil:
			if o.attempt != nil && w.opts.Attempted != nil {
				w.opts.Attempted(o.state)
			}
			if disabled && w.disabled != nil {
				w.disabled(context.WithoutCancel(ctx), t)
			}
			if o.state != Pending && w.ended != nil {
				w.ended(t)
			}
			return
		case errors.Is(err, errLost):
			return
		}
		w.opts.Log.Warn("an outcome was not written", "job", t.id, "error", err)
		select {
		case <-own.Done(): // the lease will run out
			return
		case <-time.After(pause):
		}
	}
}
