package recorder

import (
	"time"

	"github.com/roomreel/roomreel/recording"
)

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
	for _, p := range s.parts {
		s.noteClock(p, t, why)
	}
}

func (s *stream) noteClock(p *part, t *track, why string) {
	if n := p.number(t); n > 0 {
		o := t.clock.least()
		p.c.note(s.bot.now(), recording.Entry{Clock: &recording.ClockEntry{
			Part: p.id, Number: n, RTP: o.ts, File: p.file(t.clock.time(o.ts)),
			Arrival: p.c.timeline(o.arrival), Channels: t.channels, Step: why,
		}})
	}
}
