package coord

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// drainMode says what becomes of a room when its node shuts down.
type drainMode int

const (
	drainEnd      drainMode = iota // its recordings end
	drainHandOver                  // another node goes on with them
)

// drain shuts the node down gracefully.
func (n *Node) drain() error {
	info := n.info(true)
	if err := n.store.heartbeat(n.hard, info, n.opts.LeaseTTL); err != nil {
		n.log.Warn("the drain could not be announced", "error", err)
	}
	offer(n.news, info)
	quiet, stopAnnouncing := context.WithCancel(n.hard)
	var announcer sync.WaitGroup
	announcer.Go(func() { n.announce(quiet) }) // others see it until it has ended
	late := time.AfterFunc(n.opts.DrainTimeout, n.kill)
	defer late.Stop()
	mode := drainEnd
	if n.replaceable() {
		mode = drainHandOver
	}
	n.log.Info("draining", "rooms", len(n.rooms), "hand_over", mode == drainHandOver)
	for _, r := range n.rooms {
		r.drain <- mode
	}
	n.join()
	stopAnnouncing()
	announcer.Wait()
	if n.hard.Err() != nil {
		return fmt.Errorf("drain node: not done within %v", n.opts.DrainTimeout)
	}
	if err := n.store.heartbeat(n.hard, n.info(true), 0); err != nil {
		n.log.Warn("the node could not say goodbye", "error", err)
	}
	return nil
}

// join waits until all rooms have ended.
func (n *Node) join() {
	for len(n.rooms)+len(n.claims) > 0 {
		select {
		case c := <-n.claimed:
			delete(n.claims, c.room)
			if c.ok && n.hard.Err() == nil {
				n.giveBack(c.lease)
			}
		case r := <-n.closed:
			delete(n.rooms, r.lease.Room)
		}
	}
	n.tasks.Wait()
}

// replaceable reports whether another node could go on with the rooms, or Redis
// cannot say: then whoever comes next goes on.
func (n *Node) replaceable() bool {
	nodes, err := n.store.Nodes(n.hard)
	return err != nil || slices.ContainsFunc(nodes, func(i NodeInfo) bool {
		return i.Name != n.opts.Name && i.CanAccept()
	})
}

// shutDown ends the work on a room because its node drains.
func (r *room) shutDown(ctx context.Context, mode drainMode) {
	if r.stopOpen != nil {
		r.stopOpen()
	}
	r.settle()
	r.hear()
	for _, h := range r.held {
		began := h.began()
		switch {
		case h.rec.State.Final():
		case h.rec.StopWanted:
			r.stop(ctx, h, cmp.Or(h.rec.Ended, recording.EndedByStop))
		case !began && !h.started:
			h.rec.State, h.rec.Node, h.dirty = recording.Queued, "", true
		case mode == drainEnd:
			r.stop(ctx, h, recording.EndedByShutdown)
		}
	}
	r.settle()
	r.closeBot(ctx, recording.EndedByShutdown)
	r.hear()
	r.flush(ctx)
}

// flush writes what Redis does not know yet, for as long as a lease lasts.
func (r *room) flush(ctx context.Context) {
	deadline := time.Now().Add(r.opts.LeaseTTL)
	for {
		r.away = false
		left := false
		for _, h := range r.held {
			r.save(ctx, h)
			left = left || h.dirty
		}
		if !left || r.superseded || time.Now().After(deadline) || !sleep(ctx, 50*time.Millisecond) {
			return
		}
	}
}
