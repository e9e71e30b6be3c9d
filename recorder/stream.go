package recorder

import (
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// A stream is the tracks of one participant that belong together: at most one
// of sound and one of pictures. Its goroutine owns their frames, their clocks
// and the parts they are written to, one for each recording. It lasts as long as
// there is a track or a part; who comes back after that gets another.
type stream struct {
	bot   *Bot
	key   streamKey
	log   *slog.Logger
	queue *queue

	// taken are the live tracks, by kind; the bot claims places and the stream gives
	// them back.
	taken [2]atomic.Pointer[track]
	// claims counts the tracks that were given a place; the bot owns it.
	claims int

	// Owned by run.
	closing bool
	// added counts those of claims that have come.
	added int
	// matroska says that pictures are expected that WebM cannot hold.
	matroska bool
	captures []attached
	parts    map[*capture]*part
	// failed holds until when no new part is begun after one could not be written.
	failed   map[*capture]time.Duration
	dumps    map[dumpKey]*dump
	tracks   [2]*track
	followed time.Duration
}

// attached is a recording that a stream writes for, and its terms as of the
// frame at hand.
type attached struct {
	*capture
	terms terms
}

// slotOf is the index of a codec's kind in a stream's tables.
func slotOf(c packet.Codec) int {
	if c.Audio() {
		return 0
	}
	return 1
}

func newStream(b *Bot, key streamKey) *stream {
	s := &stream{
		bot: b, key: key, queue: newQueue(b.opts.Dump),
		log:   b.log.With("participant", key.identity, "stream", key.stream),
		parts: map[*capture]*part{}, failed: map[*capture]time.Duration{}, dumps: map[dumpKey]*dump{},
	}
	b.running.Go(s.run)
	return s
}

// claim takes the place of t's kind, if it is free. From a track that is not
// published any more, or that is sent anew as t, it is taken away: that its sender
// has ended may be noticed later than that another took over, after a reload of the
// page for one.
func (s *stream) claim(t *track, published func(sid string) bool) bool {
	place := &s.taken[slotOf(t.codec)]
	old := place.Load()
	if old != nil && old.sid != t.sid && published(old.sid) || !place.CompareAndSwap(old, t) {
		return false
	}
	s.claims++
	if old != nil {
		s.end(old)
	}
	return true
}

// end tells that nothing comes of a track any more. It may be told twice.
func (s *stream) end(t *track) {
	s.queue.end(t, s.bot.now(), func() { s.trackEnded(t) })
}

// add takes a track that has claimed its slot.
func (s *stream) add(t *track) {
	s.queue.begin(t)
	s.queue.call(func() {
		s.tracks[slotOf(t.codec)] = t
		s.added++
	})
}

// attach makes the stream write for c from now on.
func (s *stream) attach(c *capture) {
	terms := *c.terms.Load()
	s.queue.call(func() {
		s.captures = append(s.captures, attached{c, terms})
		if t := s.tracks[1]; t != nil {
			t.asked = 0 // a part that begins now needs a keyframe now
		}
	})
}

// detach ends c's part of the stream; last says that c is the only recording.
// Once the channel closes, nothing but the part's finalising is left to do.
func (s *stream) detach(c *capture, last bool, why recording.EndReason) <-chan struct{} {
	done := make(chan struct{})
	s.queue.finish(last, s.bot.now(), func() {
		s.captures = slices.DeleteFunc(s.captures, func(a attached) bool { return a.capture == c })
		s.endPart(c, why, nil)
		s.closeDumps(func(key dumpKey) bool { return key.c == c })
		delete(s.failed, c)
		close(done)
	})
	return done
}

// close ends the stream's goroutine. It may not hold any part any more.
func (s *stream) close() { s.queue.call(func() { s.closing = true }) }

// The pace of a stream's work.
const (
	// beat is how often a stream takes what has come. All streams of a bot beat
	// together, so that a process that sleeps is woken once for all of them.
	beat = 125 * time.Millisecond
	// clockEvery is how often RTP time against arrival is journaled.
	clockEvery = time.Second
)

func (s *stream) run() {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for !s.closing {
		select {
		case <-s.queue.wake:
		case <-timer.C:
		}
		b := s.queue.take(s.bot.now())
		for i := range b.items {
			s.do(&b.items[i])
		}
		b.release()
		now := s.bot.now()
		s.tend(now)
		s.queue.await(s.awaits())
		if s.tracks == [2]*track{} && len(s.parts) == 0 {
			timer.Stop() // until a call comes
			added := s.added
			s.bot.do(func() { s.bot.release(s, added) })
		} else {
			timer.Reset(beat - now%beat)
		}
	}
}

// do does one thing of the queue.
func (s *stream) do(it *item) {
	switch {
	case it.call != nil:
		it.call()
		return
	case it.packet != nil:
		s.dump(it)
	case it.event != nil:
		s.handle(it.track, it.event)
	case it.frame.Payload != nil:
		s.frame(it.track, &it.frame)
	}
	it.track.counted = it.totals
}

// tend does what is due: keyframe requests, clock entries, and the flushes of
// files.
func (s *stream) tend(now time.Duration) {
	for _, t := range s.tracks {
		if t == nil {
			continue
		}
		if s.wantsKeyframe(t, now) {
			t.asked = now
			t.pli()
		}
		if t.clock.running && now-t.journaled >= clockEvery {
			t.journaled = now
			s.journalClock(t, "")
			n := t.counted
			t.published.Store(&n)
		}
	}
	if now-s.followed >= clockEvery {
		s.followed = now
		s.follow()
	}
	for c, p := range s.parts {
		p.flush()
		if p.isOver(now) {
			s.endPart(c, recording.EndedByLeave, nil)
		}
	}
}

// awaits reports whether a recording waits for its first frame of a track.
func (s *stream) awaits() bool {
	for _, t := range s.tracks {
		if t == nil {
			continue
		}
		for _, c := range s.captures {
			if c.terms.writes(s.key, t.kind) && s.parts[c.capture].number(t) == 0 {
				return true
			}
		}
	}
	return false
}

// wantsKeyframe reports whether to ask for a keyframe now: because the track has
// lost its way, or because a part is yet to begin with one.
func (s *stream) wantsKeyframe(t *track, now time.Duration) bool {
	const pause = time.Second
	if t.codec.Audio() {
		return false
	}
	for _, c := range s.captures {
		if !c.terms.writes(s.key, t.kind) {
			continue
		}
		p := s.parts[c.capture]
		begins := p == nil || p.slots[1] == nil || !p.slots[1].keyframe || p.isLong(s.bot.opts.Roll, now)
		if t.astray || t.clock.running && now-t.asked >= pause && begins {
			return true
		}
	}
	return false
}

// frame writes one frame to the part of every recording that takes it.
func (s *stream) frame(t *track, f *packet.Frame) {
	if s.tracks[slotOf(t.codec)] != t {
		return // another has taken its place
	}
	if f.Silence {
		// LiveKit's own, while the microphone is muted or not flowing yet: what
		// is missing is filled when sound comes again.
		return
	}
	if moved, ok := t.clock.observe(int64(f.Timestamp), f.Arrival); ok {
		s.log.Warn("clock moved", "track", t.sid, "by", moved.By, "cause", moved.Why)
		s.journalClock(t, moved.Why)
	}
	if t.began == 0 {
		t.began = f.Arrival
	}
	t.channels = max(t.channels, f.Channels)
	at := t.clock.time(int64(f.Timestamp))
	for _, c := range s.captures {
		if !c.terms.writes(s.key, t.kind) {
			continue
		}
		if until, failed := s.failed[c.capture]; failed && at < until {
			continue
		}
		p, err := s.part(c.capture, f, at)
		if err == nil && p != nil {
			err = p.write(t, f, at)
		}
		if err != nil {
			s.failPart(c.capture, err)
		}
	}
}

// trackEnded is called when LiveKit sends no more of a track. The part stays
// open: the participant may publish again.
func (s *stream) trackEnded(t *track) {
	for _, p := range s.parts {
		p.trackEnded(t, s.bot.now())
	}
	if s.tracks[slotOf(t.codec)] == t {
		s.tracks[slotOf(t.codec)] = nil
	}
	s.taken[slotOf(t.codec)].CompareAndSwap(t, nil)
	s.closeDumps(func(key dumpKey) bool { return key.t == t })
	s.bot.do(func() {
		if s.bot.tracks[t.sid] == t { // else it is sent anew
			delete(s.bot.tracks, t.sid)
			s.bot.waitAnew(t.sid)
		}
	})
}

// handle takes one thing that became of a track's packets.
func (s *stream) handle(t *track, e packet.Event) {
	switch e := e.(type) {
	case packet.Gap:
		s.noteStretch(t, e.From, e.To, func(p *part, n int, from, to recording.Seconds) recording.Entry {
			return recording.Entry{Gap: &recording.GapEntry{Part: p.id, Number: n, Packets: e.Lost, From: from, To: to}}
		})
	case packet.FreezeBegin:
		t.frozen = e.Timestamp
	case packet.FreezeEnd:
		s.noteStretch(t, t.frozen, e.Timestamp, func(p *part, n int, from, to recording.Seconds) recording.Entry {
			return recording.Entry{Freeze: &recording.FreezeEntry{Part: p.id, Number: n, From: from, To: to}}
		})
	case packet.Reset:
		t.clock.restart()
	}
}

// noteStretch journals a stretch of a track for every part that holds it.
func (s *stream) noteStretch(t *track, from, to packet.Timestamp, entry func(p *part, n int, from, to recording.Seconds) recording.Entry) {
	if !t.clock.running {
		return
	}
	for c, p := range s.parts {
		if n := p.number(t); n > 0 {
			c.note(s.bot.now(), entry(p, n, p.file(t.clock.time(int64(from))), p.file(t.clock.time(int64(to)))))
		}
	}
}
