package coord

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// room is the work of a node on one room under one lease. The goroutine of run
// owns it; calls to the bot run beside it and hand back a function that it
// executes.
type room struct {
	node    *Node
	store   *Store
	opts    NodeOptions
	lease   Lease
	log     *slog.Logger
	wake    chan struct{}  // the wishes may have changed
	drain   chan drainMode // shut down
	lost    chan struct{}  // closed when the lease was found superseded
	reports *reports

	calls       context.Context // ends the calls under way
	cancelCalls context.CancelFunc
	underWay    int
	done        chan func()
	tasks       sync.WaitGroup

	bot        Bot
	stopOpen   context.CancelFunc // not nil while the room is being opened
	held       map[string]*held
	known      bool // the wishes were read once
	away       bool // Redis could not be asked the last time
	gone       bool // the bot has told that its room is
	superseded bool // another node was granted the room
}

func newRoom(n *Node, l Lease) *room {
	return &room{
		node: n, store: n.store, opts: n.opts, lease: l,
		log:  n.log.With("room", l.Room, "epoch", l.Epoch),
		wake: make(chan struct{}, 1), drain: make(chan drainMode, 1), lost: make(chan struct{}),
		reports: newReports(), done: make(chan func()), held: map[string]*held{},
	}
}

// run makes the room as wished until no recording is left in it, another node
// was granted it, the node drains, or hard ends, which stands for a crash.
func (r *room) run(hard context.Context) {
	r.calls, r.cancelCalls = context.WithCancel(hard)
	defer r.tasks.Wait()
	defer r.cancelCalls()
	keeping, stopKeeping := context.WithCancel(hard)
	var keeper sync.WaitGroup
	keeper.Go(func() { r.keep(keeping) })

	end := r.work(hard)
	end(hard)
	stopKeeping() // a renewal after the release would take the lease back
	keeper.Wait()
	if hard.Err() == nil && !r.superseded {
		r.node.giveBack(r.lease)
	}
}

// work returns how to end.
func (r *room) work(ctx context.Context) (end func(context.Context)) {
	r.sync(ctx)
	for {
		r.step(ctx)
		switch {
		case r.superseded:
			return r.abandon
		case r.over():
			return func(ctx context.Context) { r.closeBot(ctx, recording.EndedByStop) }
		}
		select {
		case <-ctx.Done():
			return func(context.Context) { r.settle() }
		case <-r.lost:
			r.superseded = true
		case mode := <-r.drain:
			return func(ctx context.Context) { r.shutDown(ctx, mode) }
		case <-r.wake:
			r.sync(ctx)
		case then := <-r.done:
			r.underWay--
			then()
		case <-r.reports.wake:
			r.hear()
		}
	}
}

// over reports whether there is nothing left to do under this lease. A wish that
// came while the room was closing is left to the next one, with a new bot.
func (r *room) over() bool {
	if !r.known || r.underWay > 0 {
		return false
	}
	for _, h := range r.held {
		if !r.gone || !h.waits() {
			return false
		}
	}
	return true
}

// keep renews the lease and has the wishes read each time.
func (r *room) keep(ctx context.Context) {
	tick := time.NewTicker(r.opts.LeaseTTL / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.store.Renew(ctx, r.lease, r.opts.LeaseTTL)
		switch {
		case err == nil:
			poke(r.wake)
		case errors.Is(err, ErrFenced):
			close(r.lost)
			return
		case ctx.Err() == nil:
			r.log.Warn("the lease was not renewed; recording goes on", "error", err)
		}
	}
}

// sync compares the wishes with what is held. What Redis tells differently or
// has forgotten is marked for writing.
func (r *room) sync(ctx context.Context) {
	wishes, err := r.store.wishes(ctx, r.lease.Room)
	if err != nil {
		r.away = true
		r.log.Warn("the wishes cannot be read", "error", err)
		return
	}
	r.away, r.known = false, true
	seen := map[string]bool{}
	for _, w := range wishes {
		seen[w.ID] = true
		h := r.held[w.ID]
		if h == nil {
			r.held[w.ID] = r.adopt(w)
			continue
		}
		h.rec.StopWanted = h.rec.StopWanted || w.StopWanted
		h.rec.PauseWanted, h.rec.Selection, h.rec.Layout, h.rec.Hold = w.PauseWanted, w.Selection, w.Layout, w.Hold
		h.rec.Compositions = w.Compositions
		if !h.rec.State.Final() {
			h.rec.Ended = w.Ended
		}
		h.dirty = h.dirty || w.State != h.rec.State || w.Epoch != h.rec.Epoch
	}
	for id, h := range r.held {
		h.dirty = h.dirty || !seen[id]
	}
}

// step begins whatever is due, and opens the room when a recording needs it.
func (r *room) step(ctx context.Context) {
	needed := false
	for _, h := range r.held {
		r.advance(ctx, h)
		needed = needed || h.needsBot()
	}
	switch {
	case r.superseded:
	case needed && r.bot == nil && r.stopOpen == nil:
		r.open()
	case !needed && r.stopOpen != nil:
		r.stopOpen()
	}
}

// open joins the room beside the owner.
func (r *room) open() {
	ctx, cancel := context.WithCancel(r.calls)
	r.stopOpen = cancel
	r.call(func() (then func()) {
		bot, err := r.tryOpen(ctx)
		given := ctx.Err() != nil
		cancel()
		return func() {
			r.stopOpen = nil
			r.bot = bot
			if err == nil || given {
				return
			}
			r.log.Error("the room cannot be opened", "error", err)
			for _, h := range r.held {
				if h.needsBot() {
					r.fail(h, err)
				}
			}
		}
	})
}

func (r *room) tryOpen(ctx context.Context) (Bot, error) {
	pause := r.opts.OpenPause
	for try := 1; ; try++ {
		bounded, cancel := context.WithTimeout(ctx, r.opts.CallTimeout)
		bot, err := r.opts.Open(bounded, r.lease.Room, r.lease.Epoch, r.reports.add)
		cancel()
		if err == nil {
			return bot, nil
		}
		forGood := slices.Contains([]recording.Code{
			recording.CodeRoomNotFound, recording.CodeNotPermitted, recording.CodeEncrypted, recording.CodeInvalidRequest,
		}, recording.CodeOf(err))
		if forGood || try == r.opts.OpenTries || !sleep(ctx, pause) {
			return nil, recording.AsError(err, recording.CodeRoomUnreachable)
		}
		r.log.Warn("the room was not opened; trying again", "try", try, "error", err)
		pause *= 2
	}
}

// call runs work beside the owner, who executes what it returns.
func (r *room) call(work func() (then func())) {
	r.underWay++
	r.tasks.Go(func() { r.done <- work() })
}

// settle waits for all calls that are under way.
func (r *room) settle() {
	for r.underWay > 0 {
		then := <-r.done
		r.underWay--
		then()
	}
}

func (r *room) closeBot(ctx context.Context, why recording.EndReason) {
	if r.bot == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.FilesTimeout)
	defer cancel()
	if err := r.bot.Close(ctx, why); err != nil {
		r.log.Error("the room was not left in order", "error", err)
	}
	r.bot = nil
}

// abandon ends the work on a room that another node was granted. Nothing of it
// may count, with one exception: if Redis lost its memory and somebody claimed
// the room before the records were written anew, the wishes would be lost.
// Put refuses the writes in every other case.
func (r *room) abandon(ctx context.Context) {
	r.log.Warn("another node was granted the room; its recordings are left to it")
	r.cancelCalls()
	r.settle()
	r.closeBot(ctx, recording.EndedByFailure)
	for _, h := range r.held {
		if !h.rec.State.Final() {
			_ = r.store.Put(ctx, r.lease, h.rec)
		}
	}
}
