package packet

import "time"

const (
	// jumpAhead is how far ahead of the newest packet another may be and still
	// belong to the same run of numbers (MAX_DROPOUT, RFC 3550 section A.1).
	jumpAhead = 3000
	// resetAfter is how many old packets, numbered without a hole, prove that the
	// sender has begun to count anew. More than the five that LiveKit repeats in
	// a bandwidth probe.
	resetAfter = 16
	// historySize is how many released packets are remembered, to tell duplicates
	// from late and old ones. A power of two.
	historySize = 1024
)

// packet is one RTP packet in the reorder buffer. It owns buf; payload lies in
// it and is empty if the packet was only padding.
type packet struct {
	seq     Seq
	ts      Timestamp
	arrival time.Duration
	marker  bool
	reset   bool // the first of an epoch
	payload []byte
	buf     *Buffer
}

// reorder puts packets into the order of their numbers and drops those that
// were there before. It waits a while for missing ones, then declares a gap.
type reorder struct {
	wait  time.Duration
	limit int // of packets

	queue []packet // queue[head:] is buffered, in order of seq
	head  int

	started bool
	floor   Seq // the first of this epoch
	next    Seq // the next to release
	newest  Seq // the highest accepted
	hurry   Seq // gaps before it are not waited for

	// since is when the gap that begins at gapAt was noticed.
	since time.Duration
	gapAt Seq

	clock mediaClock

	past     [historySize]trace
	released trace // the last packet with a payload

	staleRun  int
	staleLast uint16
}

// trace is what is remembered of a packet that was released or, if it was
// declared lost, of the last one before it.
type trace struct {
	ts   Timestamp
	lost bool
}

// release is one packet in order, and how many before it were lost.
type release struct {
	packet
	lost int64
	jump bool
}

// push takes over p.buf. The sequence number and the timestamp are as they were
// in the header.
func (r *reorder) push(p packet, rawSeq uint16, rawTS uint32) Outcome {
	if !r.started {
		r.begin(Seq(rawSeq))
	}
	p.seq = r.newest.Unwrap(rawSeq)
	p.ts = r.clock.unwrap(rawTS, p.arrival)
	i, found := r.place(p.seq)
	switch {
	case p.seq < r.next || p.seq < r.floor || found:
		o := r.judge(p, i, found)
		if o != Old || !r.isReset(rawSeq) {
			p.buf.Release()
			return o
		}
		return r.restart(p, rawSeq)
	case len(r.queue)-r.head >= 2*r.limit:
		p.buf.Release()
		return Refused
	}
	r.staleRun = 0
	o := Accepted
	if p.seq-r.newest >= jumpAhead {
		o = Jump
		r.hurry = p.seq
	}
	r.insert(i, p)
	switch {
	case o == Jump:
	case len(p.payload) == 0:
		o = Padding
	case len(r.queue)-r.head >= r.limit:
		o = Overflow
	}
	return o
}

// begin makes first the lowest number there is from now on.
func (r *reorder) begin(first Seq) {
	if !r.started {
		r.next, r.gapAt = first, first-1
	}
	r.started = true
	r.floor, r.newest, r.hurry = first, first-1, first
}

// judge tells apart the packets that come at a number that is already settled;
// if found, by a packet that is still in the queue at i.
func (r *reorder) judge(p packet, i int, found bool) Outcome {
	switch {
	case found && r.queue[i].ts == p.ts:
		return Duplicate
	case found || p.seq < r.floor || p.seq < r.next-historySize:
		return Old
	}
	switch t := r.past[p.seq&(historySize-1)]; {
	case !t.lost && t.ts == p.ts:
		return Duplicate
	case t.lost && p.ts >= t.ts && p.ts <= r.released.ts:
		return Late
	}
	return Old
}

// isReset takes the number of an old packet and reports whether it ends a run
// that proves a reset.
func (r *reorder) isReset(raw uint16) bool {
	if r.staleRun > 0 && raw == r.staleLast+1 {
		r.staleRun++
	} else {
		r.staleRun = 1
	}
	r.staleLast = raw
	return r.staleRun >= resetAfter
}

// restart begins a new epoch with p, numbered far above everything before.
func (r *reorder) restart(p packet, raw uint16) Outcome {
	p.seq = (r.newest + 1<<16).Unwrap(raw)
	p.reset = true
	r.staleRun = 0
	r.begin(p.seq)
	r.insert(len(r.queue), p)
	return Resync
}

// place returns where in the queue a packet with this number belongs, and
// whether one is there.
func (r *reorder) place(seq Seq) (int, bool) {
	i := len(r.queue)
	for i > r.head && r.queue[i-1].seq > seq {
		i--
	}
	if i > r.head && r.queue[i-1].seq == seq {
		return i - 1, true
	}
	return i, false
}

// insert puts an accepted packet at its place.
func (r *reorder) insert(i int, p packet) {
	if len(r.queue) == cap(r.queue) && r.head > 0 {
		n := copy(r.queue, r.queue[r.head:])
		clear(r.queue[n:])
		r.queue = r.queue[:n]
		i -= r.head
		r.head = 0
	}
	r.queue = append(r.queue, packet{})
	copy(r.queue[i+1:], r.queue[i:])
	r.queue[i] = p
	if p.seq > r.newest {
		r.newest = p.seq
		if len(p.payload) > 0 {
			r.clock.set(p.ts, p.arrival)
		}
	}
}

// take returns the next packet in order, if it is there or if the wait for the
// ones missing before it is over.
func (r *reorder) take(now time.Duration) (release, bool) {
	if r.head == len(r.queue) {
		return release{}, false
	}
	out := release{packet: r.queue[r.head]}
	if out.seq > r.next {
		if r.next >= r.hurry && len(r.queue)-r.head < r.limit && now < r.gapSince()+r.wait {
			return release{}, false
		}
		if !out.reset {
			out.lost = int64(out.seq - r.next)
			out.jump = out.lost >= jumpAhead
			r.forget(r.next, out.seq)
		}
	}
	r.pop()
	r.next = out.seq + 1
	if len(out.payload) > 0 || out.reset {
		r.released = trace{ts: out.ts}
	}
	r.past[out.seq&(historySize-1)] = trace{ts: out.ts}
	return out, true
}

func (r *reorder) pop() {
	r.queue[r.head] = packet{}
	if r.head++; r.head == len(r.queue) {
		r.queue, r.head = r.queue[:0], 0
	}
}

// forget remembers that the packets in [from, to) are lost.
func (r *reorder) forget(from, to Seq) {
	for s := max(from, to-historySize); s < to; s++ {
		r.past[s&(historySize-1)] = trace{ts: r.released.ts, lost: true}
	}
}

// gapSince returns when the gap in front of the queue was noticed: at the first
// arrival of a packet from behind it.
func (r *reorder) gapSince() time.Duration {
	if r.gapAt != r.next {
		r.gapAt, r.since = r.next, r.queue[r.head].arrival
		for _, p := range r.queue[r.head+1:] {
			r.since = min(r.since, p.arrival)
		}
	}
	return r.since
}

// deadline returns when take has something to give even if nothing is pushed.
func (r *reorder) deadline() (time.Duration, bool) {
	switch {
	case r.head == len(r.queue):
		return 0, false
	case r.queue[r.head].seq == r.next || r.next < r.hurry || len(r.queue)-r.head >= r.limit:
		return r.queue[r.head].arrival, true
	}
	return r.gapSince() + r.wait, true
}

// drain ends the wait for everything that is missing now.
func (r *reorder) drain() {
	if r.started {
		r.hurry = r.newest + 1
	}
}

// mediaClock extends timestamps. It expects them to advance with arrival, so
// that even a silence of many hours cannot be mistaken for a step back.
type mediaClock struct {
	rate    ClockRate
	running bool
	ts      Timestamp
	arrival time.Duration
}

func (c *mediaClock) unwrap(raw uint32, arrival time.Duration) Timestamp {
	if !c.running {
		return Timestamp(raw)
	}
	return (c.ts + Timestamp(c.rate.Ticks(arrival-c.arrival))).Unwrap(raw)
}

func (c *mediaClock) set(ts Timestamp, arrival time.Duration) {
	c.running, c.ts, c.arrival = true, ts, arrival
}
