package recorder

import (
	"sync"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// The bounds of a stream's queue, in bytes: some seconds of a busy stream. A
// picture can be asked for again, a word cannot, so video is dropped first.
const (
	videoQueue = 4 << 20
	audioQueue = 6 << 20
	// itemCost is what an item weighs beside its bytes.
	itemCost = 256
)

// item is one thing for a stream to do: a frame or another event that became of
// a track's packets, a packet as it came, for the dumps, or a call.
type item struct {
	track *track
	frame packet.Frame
	event packet.Event // that is not a frame
	// packet came at arrival.
	packet  []byte
	arrival time.Duration
	call    func()
	// totals are what track had counted once this had become of it.
	totals totals
}

// batch is what a stream takes at once. Bytes holds the frames' payloads.
type batch struct {
	items []item
	bytes []byte
	size  int
}

// batches are free ones: between two beats one fills for each stream, and few are
// worked off.
var batches = sync.Pool{New: func() any { return new(batch) }}

// release empties the batch and gives it back.
func (b *batch) release() {
	// maxSpare bounds the memory that a burst leaves behind.
	const maxSpare = 256 << 10
	if cap(b.bytes) > maxSpare {
		b.bytes = nil
	}
	clear(b.items)
	b.items, b.bytes, b.size = b.items[:0], b.bytes[:0], 0
	batches.Put(b)
}

// queue is where a stream's readers meet its owner. The readers put the frames
// together: a packet is cheapest to look at while it is fresh. What becomes of
// the packets waits in order, with the calls, for the stream's next beat: to wake
// the owner for each packet would cost more than all that is done for it. Packets
// beyond the queue's bounds are dropped and counted; calls never are.
type queue struct {
	mu   sync.Mutex
	next *batch
	// live are the tracks whose packets may come, by slot.
	live [2]*track
	// dumps: packets are wanted as they came, too.
	dumps bool
	// eager: frames are waited for.
	eager bool
	wake  chan struct{}
}

func newQueue(dumps bool) *queue {
	return &queue{next: batches.Get().(*batch), wake: make(chan struct{}, 1), dumps: dumps}
}

// begin lets packets of t come.
func (q *queue) begin(t *track) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.live[slotOf(t.codec)] = t
}

// receive takes the packet in the first n bytes of buf, which it becomes the
// owner of.
func (q *queue) receive(t *track, buf *packet.Buffer, n int, now time.Duration) {
	bound := videoQueue
	if t.kind == recording.Audio {
		bound = audioQueue
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.live[slotOf(t.codec)] != t { // another has taken its place
		buf.Release()
		return
	}
	if q.next.size >= bound {
		t.overflowed++
		buf.Release()
		return
	}
	if q.dumps {
		q.add(item{track: t, packet: q.keep(buf.Bytes()[:n]), arrival: now, totals: t.totals()})
	}
	t.receiver.Push(buf, n, now)
	if q.advance(t, now) && q.eager {
		q.signal()
	}
}

// lose counts a packet of t that was too large to be one.
func (q *queue) lose(t *track) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.overflowed++
}

// advance queues everything that has become of t's packets by now, and reports
// whether there was anything.
func (q *queue) advance(t *track, now time.Duration) (some bool) {
	for {
		e, ok := t.receiver.Next(now)
		if !ok {
			return some
		}
		some = true
		it := item{track: t, totals: t.totals()}
		if f, ok := e.(*packet.Frame); ok {
			it.frame = *f
			it.frame.Payload = q.keep(f.Payload)
		} else {
			it.event = e
		}
		q.add(it)
	}
}

// keep copies what is borrowed.
func (q *queue) keep(b []byte) []byte {
	n := len(q.next.bytes)
	q.next.bytes = append(q.next.bytes, b...)
	q.next.size += len(b)
	return q.next.bytes[n:len(q.next.bytes):len(q.next.bytes)]
}

func (q *queue) add(it item) {
	q.next.items = append(q.next.items, it)
	q.next.size += itemCost
}

// tally queues what the live tracks have counted.
func (q *queue) tally() {
	for _, t := range q.live {
		if t != nil {
			q.add(item{track: t, totals: t.totals()})
		}
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// call adds a call, and wakes the owner.
func (q *queue) call(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(item{call: f})
	q.signal()
}

// finish adds a call that comes after everything that the tracks have received,
// or, with drain, can still make of it.
func (q *queue) finish(drain bool, now time.Duration, f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.live {
		if t != nil && drain {
			q.drain(t, now)
		}
	}
	q.tally()
	q.add(item{call: f})
	q.signal()
}

// abandon ends a track without asking its receiver for anything more.
func (q *queue) abandon(t *track, f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if live := &q.live[slotOf(t.codec)]; *live == t {
		*live = nil
	}
	q.add(item{call: f})
	q.signal()
}

// end is finish for the one track t, of which nothing comes any more.
func (q *queue) end(t *track, now time.Duration, f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drain(t, now)
	q.add(item{track: t, totals: t.totals()})
	if live := &q.live[slotOf(t.codec)]; *live == t {
		*live = nil
	}
	q.add(item{call: f})
	q.signal()
}

// drain gives out what waits for packets that will not come.
func (q *queue) drain(t *track, now time.Duration) {
	t.receiver.Drain()
	q.advance(t, now)
}

// take returns everything in the queue, with the frames whose wait is over by
// now, to be released when it is done. It also asks each track whether it has lost
// its way.
func (q *queue) take(now time.Duration) *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.live {
		if t != nil {
			q.advance(t, now)
			t.astray = t.receiver.WantKeyframe(now)
		}
	}
	q.tally()
	taken := q.next
	q.next = batches.Get().(*batch)
	return taken
}

// await says whether the owner waits for frames: then it is woken by the next.
func (q *queue) await(eager bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.eager = eager
}
