package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

// hosts ends the recordings of this node that should end with their host. LiveKit
// is asked every few seconds, and at once when its webhooks hint at something, but not
// again before a rest: it is asked for everybody in each room, and a crowd comes one
// by one.
type hosts struct {
	store *coord.Store
	node  string
	// members are who is in a room.
	members func(ctx context.Context, room string) ([]plugin.Member, error)
	log     *slog.Logger
	wake    chan struct{}
	every   time.Duration
	rest    time.Duration
	// grace is how long a host may be away: whoever reloads the page, or changes
	// the network, has not left.
	grace time.Duration

	seen   map[string]bool      // recordings whose host was there
	absent map[string]time.Time // since when the host of a recording is away
	ending sync.WaitGroup
}

func newHosts(store *coord.Store, node string, members func(context.Context, string) ([]plugin.Member, error), log *slog.Logger) *hosts {
	const every, rest, grace = 3 * time.Second, 500 * time.Millisecond, 10 * time.Second
	return &hosts{
		store: store, node: node, members: members, log: log, wake: make(chan struct{}, 1), every: every, rest: rest, grace: grace,
		seen: map[string]bool{}, absent: map[string]time.Time{},
	}
}

// hint has the hosts looked after now.
func (h *hosts) hint() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run looks until ctx ends.
func (h *hosts) run(ctx context.Context) {
	defer h.ending.Wait()
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	for {
		if err := h.look(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("it is not known whether hosts have left", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(h.rest):
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-h.wake:
		}
	}
}

func (h *hosts) look(ctx context.Context) error {
	q := coord.Query{States: []recording.State{recording.Starting, recording.Active, recording.Paused}}
	live := map[string]bool{}
	for {
		page, err := h.store.List(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page.Items {
			if r.EndWithHost && r.Node == h.node && !r.StopWanted {
				live[r.ID] = true
				h.check(ctx, r)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	for id := range h.seen {
		if !live[id] {
			delete(h.seen, id)
			delete(h.absent, id)
		}
	}
	return nil
}

// check ends a recording whose host was there and has left for good. That the
// room is closed is seen by the bot.
func (h *hosts) check(ctx context.Context, r recording.Recording) {
	members, err := h.members(ctx, r.Room)
	if err != nil {
		return // not known: nobody is taken for gone
	}
	if slices.ContainsFunc(members, func(m plugin.Member) bool { return m.Identity == r.Host }) {
		h.seen[r.ID] = true
		delete(h.absent, r.ID)
		return
	}
	since, away := h.absent[r.ID]
	switch {
	case !h.seen[r.ID] && r.FirstMediaAt.IsZero():
		return // not there yet
	case !away:
		h.seen[r.ID], h.absent[r.ID] = true, time.Now()
		return
	case time.Since(since) < h.grace:
		return
	}
	delete(h.absent, r.ID) // if ending fails, it is tried again after another grace
	h.log.Info("the host has left: ending the recording", "recording", r.ID, "room", r.Room)
	h.ending.Go(func() {
		if _, err := h.store.StopFor(ctx, r.ID, recording.EndedByHost); err != nil && ctx.Err() == nil {
			h.log.Warn("the recording was not ended with its host", "recording", r.ID, "error", err)
		}
	})
}
