package api

import (
	"context"
	"sync"

	"github.com/roomreel/roomreel/recording"
)

// broadcast lets all who follow how recordings fare share one watch of the store, which
// holds a connection to Redis.
type broadcast struct {
	watch func(context.Context) <-chan recording.Recording

	mu        sync.Mutex
	listeners map[chan recording.Recording]struct{}
	stop      context.CancelFunc
}

// join returns what changes from then on, until ctx ends: 256 recordings are kept for a
// slow reader. The channel is closed when the watch ends.
func (b *broadcast) join(ctx context.Context) <-chan recording.Recording {
	const kept = 256
	listener := make(chan recording.Recording, kept)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.listeners) == 0 {
		var watching context.Context
		watching, b.stop = context.WithCancel(context.WithoutCancel(ctx))
		b.listeners = map[chan recording.Recording]struct{}{}
		go b.tell(b.watch(watching), b.listeners)
	}
	b.listeners[listener] = struct{}{}
	context.AfterFunc(ctx, func() { b.leave(listener) })
	return listener
}

// leave ends the watch with the last who leaves.
func (b *broadcast) leave(listener chan recording.Recording) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if delete(b.listeners, listener); len(b.listeners) == 0 {
		b.stop()
	}
}

// tell passes on what changes to the listeners of one watch.
func (b *broadcast) tell(changes <-chan recording.Recording, listeners map[chan recording.Recording]struct{}) {
	for r := range changes {
		b.mu.Lock()
		for listener := range listeners {
			select {
			case listener <- r:
			default: // the next change tells more
			}
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for listener := range listeners {
		close(listener)
		delete(listeners, listener)
	}
}
