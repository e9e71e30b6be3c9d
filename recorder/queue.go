package recorder

import (
	"sync"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
)

// The bounds of a stream's queue, in packets: some seconds of a busy stream.
// A picture can be asked for again, a word cannot, so video is dropped first.
const (
	videoQueue = 3072
	audioQueue = 4096
)

// item is one thing for a stream to do: a packet of a track, or a call.
type item struct {
	track   *track
	packet  *packet.Buffer
	size    int
	arrival time.Duration
	call    func()
}

// queue carries items from a stream's readers to its owner. Packets beyond its
// bounds are dropped and counted; calls never are.
type queue struct {
	mu      sync.Mutex
	items   []item
	packets int
	wake    chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// push adds a packet and reports whether there was room for it.
func (q *queue) push(it item, bound int) bool {
	q.mu.Lock()
	if it.call == nil {
		if q.packets >= bound {
			q.mu.Unlock()
			return false
		}
		q.packets++
	}
	q.items = append(q.items, it)
	first := len(q.items) == 1
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// call adds a call.
func (q *queue) call(f func()) { q.push(item{call: f}, 0) }

// take returns everything in the queue and leaves spare, emptied, in its place.
func (q *queue) take(spare []item) []item {
	clear(spare)
	q.mu.Lock()
	taken := q.items
	q.items, q.packets = spare[:0], 0
	q.mu.Unlock()
	return taken
}
