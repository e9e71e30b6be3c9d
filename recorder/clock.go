package recorder

import (
	"slices"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
)

// The bounds within which a clock is left alone and beyond which it is moved.
const (
	// envelope is how many seconds of arrivals are remembered, the least delayed
	// of each: the network and a busy machine add delay, nothing takes any away.
	envelope = 10
	// stallSeconds is how long a delay has to last, and stallLimit how large it
	// has to be, for RTP time to have stood still at the source.
	stallSeconds = 5
	stallLimit   = 250 * time.Millisecond
	// leadLimit is how far RTP time may run ahead of arrival. No packet can
	// arrive before it was sent: more than the network ever held back is bogus.
	leadLimit = time.Second
	// lagLimit is the delay beyond which RTP time was set back, or its source stood
	// still for long, unless frames catch up in the lagPatience that follows: then a
	// connection or a machine has held them back.
	lagLimit    = 10 * time.Second
	lagPatience = time.Second

	// keptReports is how many sender reports are remembered.
	keptReports = 8
	// steadyLimit is how much the reports of one track may differ among each
	// other to be believed without a second witness, plausibleLimit how much
	// what they say may differ from what arrivals say to be believed at all.
	steadyLimit    = 30 * time.Millisecond
	plausibleLimit = 120 * time.Millisecond

	// alignLimit is the error between the tracks of a stream that is left alone
	// while there is a report to tell, unreportedLimit while there is none: a
	// camera's encoder takes longer than a microphone's.
	alignLimit      = 8 * time.Millisecond
	unreportedLimit = 60 * time.Millisecond
)

// A clock maps the RTP time of one track to the bot's monotonic clock, in
// which zero is when the bot joined. It is owned by the goroutine of the
// track's stream.
type clock struct {
	rate packet.ClockRate

	running bool
	anchor  int64         // RTP timestamp that lies at
	at      time.Duration // this time

	// delays are the smallest delays of arrival against the mapping, by second;
	// the last is of the second that began at second.
	delays []time.Duration
	second time.Duration
	// last is the RTP timestamp of the last frame, which came at lastArrival.
	last        int64
	lastArrival time.Duration
	// earliest is the least delayed frame of the current second, settled that of
	// the second before.
	earliest, settled observation

	// lagging is the first of those frames, up to the last one, that were later than
	// lagLimit, if lags.
	lagging observation
	lags    bool

	// offsets are the last differences between the publisher's NTP clock, as
	// told by sender reports, and the mapping.
	offsets []time.Duration
}

// observation is when the frame with an RTP timestamp arrived.
type observation struct {
	ts      int64
	arrival time.Duration
}

// move says by how much a mapping was moved, and why.
type move struct {
	By  time.Duration
	Why string
}

// time returns where RTP timestamp ts lies.
func (c *clock) time(ts int64) time.Duration {
	return c.at + c.rate.Duration(ts-c.anchor)
}

// observe holds the arrival of a frame against its RTP time, and moves the
// mapping when the two have parted for good.
func (c *clock) observe(ts int64, arrival time.Duration) (move, bool) {
	if !c.running {
		c.running, c.anchor, c.at = true, ts, arrival
		c.last, c.lastArrival = ts, arrival
	}
	delay := arrival - c.time(ts)
	// A burst after a busy start leads too, but in steps of a frame each: then it
	// is the first frames that were late, and nothing is to be moved.
	leap := c.rate.Duration(ts-c.last) - (arrival - c.lastArrival)
	if delay < -leadLimit && leap > leadLimit || c.isBehind(ts, arrival, delay) {
		c.shift(delay)
		c.lags = false
		c.delays, c.offsets = append(c.delays[:0], 0), c.offsets[:0]
		c.earliest = observation{ts, arrival}
		c.settled, c.second, c.last, c.lastArrival = c.earliest, arrival, ts, arrival
		return move{delay, "rtp time jumped"}, true
	}
	switch n := len(c.delays); {
	case n == 0 || arrival-c.second >= time.Second:
		if n == envelope {
			c.delays = append(c.delays[:0], c.delays[1:]...)
		}
		c.delays = append(c.delays, delay)
		c.second, c.settled, c.earliest = arrival, c.earliest, observation{ts, arrival}
		if n == 0 {
			c.settled = c.earliest
		}
	case delay < c.delays[n-1]:
		c.delays[n-1], c.earliest = delay, observation{ts, arrival}
	}
	c.last, c.lastArrival = ts, arrival
	if n := len(c.delays); n > stallSeconds {
		if lasting := slices.Min(c.delays[n-stallSeconds-1:]); lasting > stallLimit && c.confirmed(lasting) {
			c.shift(lasting)
			c.offsets = c.offsets[:0]
			return move{lasting, "rtp time stood still"}, true
		}
	}
	return move{}, false
}

// isBehind reports whether a frame came so late that RTP time was set back or stood
// still, rather than that the network held the frame back: then those that follow it
// would come faster than they were captured, half as fast again or more.
func (c *clock) isBehind(ts int64, arrival, delay time.Duration) bool {
	switch {
	case delay <= lagLimit:
		c.lags = false
		return false
	case ts < c.last:
		return true
	case !c.lags:
		c.lags, c.lagging = true, observation{ts, arrival}
	}
	lasts := arrival - c.lagging.arrival
	caughtUp := c.rate.Duration(ts-c.lagging.ts) - lasts
	return lasts >= lagPatience && caughtUp < lasts/2
}

// confirmed reports whether the publisher's sender reports say too that RTP time
// stood still: if they do not, it is the network or this machine that is late.
// Without reports there is nobody to ask.
func (c *clock) confirmed(by time.Duration) bool {
	const latest = 2
	n := len(c.offsets)
	return n < latest || slices.Min(c.offsets[n-latest:])-slices.Min(c.offsets) > by/2
}

// restart forgets the mapping: RTP time begins anew with the next frame.
func (c *clock) restart() {
	c.running, c.lags, c.delays, c.offsets = false, false, c.delays[:0], c.offsets[:0]
}

// least is the least delayed frame of late: what arrivals say of the mapping.
func (c *clock) least() observation {
	if c.settled.arrival-c.time(c.settled.ts) < c.earliest.arrival-c.time(c.earliest.ts) {
		return c.settled
	}
	return c.earliest
}

// shift moves the mapping, and with it all that was measured against it.
func (c *clock) shift(by time.Duration) {
	c.at += by
	for i := range c.delays {
		c.delays[i] -= by
	}
	for i := range c.offsets {
		c.offsets[i] -= by
	}
}

// report takes a sender report (RFC 3550 §6.4.1): ntp is the publisher's
// clock at RTP timestamp ts.
func (c *clock) report(ts int64, ntp time.Duration) {
	if !c.running {
		return
	}
	if len(c.offsets) == keptReports {
		c.offsets = append(c.offsets[:0], c.offsets[1:]...)
	}
	c.offsets = append(c.offsets, ntp-c.time(ts))
}

// behind tells by how much c has to be moved to agree with leader, the other
// track of the same publisher, and who says so; zero if they agree.
func (c *clock) behind(leader *clock) (by time.Duration, why string) {
	if len(c.delays) == 0 || len(leader.delays) == 0 {
		return 0, ""
	}
	arrived := slices.Min(c.delays) - slices.Min(leader.delays)
	by, limit, why := arrived, unreportedLimit, "arrival"
	if reported, steady, ok := c.reported(leader); ok && believable(reported-arrived, steady) {
		by, limit, why = reported, alignLimit, "sender reports"
	}
	if by.Abs() < limit {
		return 0, ""
	}
	return by, why
}

// believable reports whether sender reports that differ from arrivals by so much
// are to be believed. LiveKit's reports of sound that it unpacks from RED are
// steady, and hours off.
func believable(off time.Duration, steady bool) bool {
	if steady {
		return off.Abs() <= time.Second
	}
	return off.Abs() <= plausibleLimit
}

// reported is how far c lies behind leader by their sender reports, which share
// the publisher's NTP clock. A report tells of a frame when it was sent, and a
// busy sender is late: so the smallest offset is the truest. Steady says that
// the reports of either track agree among each other.
func (c *clock) reported(leader *clock) (by time.Duration, steady, ok bool) {
	if len(c.offsets) == 0 || len(leader.offsets) == 0 {
		return 0, false, false
	}
	const witnesses = 3
	steady = len(c.offsets) >= witnesses && len(leader.offsets) >= witnesses &&
		slices.Max(c.offsets)-slices.Min(c.offsets) <= steadyLimit &&
		slices.Max(leader.offsets)-slices.Min(leader.offsets) <= steadyLimit
	return slices.Min(c.offsets) - slices.Min(leader.offsets), steady, true
}

// ntpTime converts a 64-bit NTP timestamp (RFC 5905 §6) to a duration since
// the NTP era began.
func ntpTime(ntp uint64) time.Duration {
	seconds, fraction := ntp>>32, ntp&0xffffffff
	return time.Duration(seconds)*time.Second + time.Duration(fraction*uint64(time.Second)>>32)
}
