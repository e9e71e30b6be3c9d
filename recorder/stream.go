package recorder

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// A stream is the tracks of one participant that belong together: at most one
// of sound and one of pictures. Its goroutine owns their packets, their clocks
// and the parts they are written to, one for each recording.
type stream struct {
	bot   *Bot
	key   streamKey
	log   *slog.Logger
	queue *queue
	done  chan struct{}

	// taken are the kinds that have a live track; the bot claims them and the
	// stream gives them back.
	taken [2]atomic.Bool

	// Owned by run.
	closing bool
	// matroska says that pictures are expected that WebM cannot hold.
	matroska bool
	captures []*capture
	parts    map[*capture]*part
	// failed holds until when no new part is begun after one could not be written.
	failed   map[*capture]time.Duration
	dumps    map[dumpKey]*dump
	tracks   [2]*track
	followed time.Duration
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
		bot: b, key: key, queue: newQueue(), done: make(chan struct{}),
		log:   b.log.With("participant", key.identity, "stream", key.stream),
		parts: map[*capture]*part{}, failed: map[*capture]time.Duration{}, dumps: map[dumpKey]*dump{},
	}
	go s.run()
	return s
}

// claim reserves the slot for t's kind and reports whether it was free.
func (s *stream) claim(t *track) bool { return s.taken[slotOf(t.codec)].CompareAndSwap(false, true) }

// add begins to read a track that has claimed its slot.
func (s *stream) add(t *track) {
	s.queue.call(func() {
		s.tracks[slotOf(t.codec)] = t
		go t.read(s)
	})
}

// attach makes the stream write for c from now on.
func (s *stream) attach(c *capture) {
	s.queue.call(func() {
		s.captures = append(s.captures, c)
		if t := s.tracks[1]; t != nil {
			t.asked = 0 // a part that begins now needs a keyframe now
		}
	})
}

// detach ends c's part of the stream. Once the channel closes, nothing but the
// part's finalising is left to do.
func (s *stream) detach(c *capture, why recording.EndReason) <-chan struct{} {
	done := make(chan struct{})
	s.queue.call(func() {
		if len(s.captures) == 1 {
			s.drain()
		}
		for i := range s.captures {
			if s.captures[i] == c {
				s.captures = append(s.captures[:i], s.captures[i+1:]...)
				break
			}
		}
		s.endPart(c, why, nil)
		s.closeDumps(c)
		delete(s.failed, c)
		close(done)
	})
	return done
}

// close ends the stream's goroutine. No recording may be attached any more.
func (s *stream) close() { s.queue.call(func() { s.closing = true }) }

// The pace of a stream's own work between packets.
const (
	// idleTick bounds how long flushes and deadlines may wait for a packet.
	idleTick = 100 * time.Millisecond
	// clockEvery is how often RTP time against arrival is journaled.
	clockEvery = time.Second
)

func (s *stream) run() {
	defer close(s.done)
	timer := time.NewTimer(idleTick)
	defer timer.Stop()
	var items []item
	for !s.closing {
		select {
		case <-s.queue.wake:
		case <-timer.C:
		}
		items = s.queue.take(items)
		for i := range items {
			if it := &items[i]; it.call != nil {
				it.call()
			} else {
				s.dump(it)
				it.track.receiver.Push(it.packet, it.size, it.arrival)
				s.advance(it.track, it.arrival)
			}
		}
		s.tend(s.bot.now())
		timer.Reset(idleTick)
	}
}

// tend does what is due: frames whose wait is over, keyframe requests, clock
// entries, and the flushes of files.
func (s *stream) tend(now time.Duration) {
	for _, t := range s.tracks {
		if t == nil {
			continue
		}
		s.advance(t, now)
		if s.wantsKeyframe(t, now) {
			t.asked = now
			t.pli()
		}
		if t.clock.running && now-t.journaled >= clockEvery {
			t.journaled = now
			s.journalClock(t, "")
			n := t.totals()
			t.published.Store(&n)
		}
	}
	if now-s.followed >= clockEvery {
		s.followed = now
		s.follow()
	}
	for _, p := range s.parts {
		p.flush()
	}
}

// wantsKeyframe reports whether to ask for a keyframe now: because the track has
// lost its way, or because a part is yet to begin with one.
func (s *stream) wantsKeyframe(t *track, now time.Duration) bool {
	const pause = time.Second
	lost := t.receiver.WantKeyframe(now)
	if t.codec.Audio() {
		return false
	}
	for _, c := range s.captures {
		if !c.writes(s.key, t.kind) {
			continue
		}
		p := s.parts[c]
		if lost || t.clock.running && now-t.asked >= pause && (p == nil || p.slots[1] == nil || !p.slots[1].keyframe) {
			return true
		}
	}
	return false
}

// advance handles everything that has become of a track's packets by now.
func (s *stream) advance(t *track, now time.Duration) {
	for {
		e, ok := t.receiver.Next(now)
		if !ok {
			return
		}
		s.handle(t, e)
	}
}

// drain gives out what still waits for packets that will not come.
func (s *stream) drain() {
	for _, t := range s.tracks {
		if t != nil {
			t.receiver.Drain()
			s.advance(t, s.bot.now())
		}
	}
}

// frame writes one frame to the part of every recording that takes it.
func (s *stream) frame(t *track, f *packet.Frame) {
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
	at := t.clock.time(int64(f.Timestamp))
	for _, c := range s.captures {
		if !c.writes(s.key, t.kind) {
			continue
		}
		if until, failed := s.failed[c]; failed && at < until {
			continue
		}
		p, err := s.part(c, f, at)
		if err == nil && p != nil {
			err = p.write(t, f, at)
		}
		if err != nil {
			s.failPart(c, err)
		}
	}
	t.prior = t.totals()
}

// senderReport takes an RTCP sender report for a track.
func (s *stream) senderReport(t *track, ntp uint64, rtp uint32, at time.Duration) {
	if !t.clock.running || s.tracks[slotOf(t.codec)] != t {
		return
	}
	last := t.clock.last
	ts := last + int64(int32(rtp-uint32(last)))
	t.clock.report(ts, ntpTime(ntp))
	for c, p := range s.parts {
		if n := p.number(t); n > 0 {
			c.note(at, recording.Entry{Report: &recording.ReportEntry{Part: p.id, Number: n, RTP: ts, NTP: ntp}})
		}
	}
	s.follow()
}

// How pictures that were found out of step with sound are put right. While a
// track is young, what was written of it is moved too, so that nothing shows;
// later on it is moved only when it lags or leads visibly, time and again.
const (
	young        = 15 * time.Second
	visible      = 25 * time.Millisecond
	disagreement = 3
)

// follow keeps pictures in step with sound.
func (s *stream) follow() {
	sound, pictures := s.tracks[0], s.tracks[1]
	if sound == nil || pictures == nil {
		return
	}
	by, why := pictures.clock.behind(&sound.clock)
	isYoung := s.bot.now()-pictures.began < young
	if !isYoung && by.Abs() >= visible {
		pictures.disagreed++
	} else {
		pictures.disagreed = 0
	}
	if by == 0 || !isYoung && pictures.disagreed < disagreement {
		return
	}
	if isYoung {
		// All parts take the same move, or none: they share the clock.
		for _, p := range s.parts {
			by = p.movable(pictures, by)
		}
		for c, p := range s.parts {
			if err := p.move(pictures, by); err != nil {
				s.failPart(c, err)
			}
		}
	}
	pictures.clock.shift(by)
	s.log.Debug("pictures moved to sound", "by", by, "cause", why, "whole", isYoung)
	s.journalClock(pictures, why)
}

// journalClock writes RTP time against arrival to the journal of every part
// that holds the track.
func (s *stream) journalClock(t *track, why string) {
	o := t.clock.least()
	for c, p := range s.parts {
		if n := p.number(t); n > 0 {
			c.note(s.bot.now(), recording.Entry{Clock: &recording.ClockEntry{
				Part: p.id, Number: n, RTP: o.ts, File: p.file(t.clock.time(o.ts)),
				Arrival: c.timeline(o.arrival), Step: why,
			}})
		}
	}
}

// trackEnded is called when LiveKit sends no more of a track. The part stays
// open: the participant may publish again.
func (s *stream) trackEnded(t *track) {
	t.receiver.Drain()
	s.advance(t, s.bot.now())
	for _, p := range s.parts {
		p.trackEnded(t)
	}
	if s.tracks[slotOf(t.codec)] == t {
		s.tracks[slotOf(t.codec)] = nil
		s.taken[slotOf(t.codec)].Store(false)
	}
	s.bot.do(func() { delete(s.bot.tracks, t.sid) })
}

// handle takes one thing that became of a track's packets.
func (s *stream) handle(t *track, e packet.Event) {
	switch e := e.(type) {
	case *packet.Frame:
		s.frame(t, e)
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
