package recorder

import (
	"fmt"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
)

const packetTime = 20 * time.Millisecond

// A tape is what a clock is told: frame after frame, when each was captured by
// its RTP time, and when it arrived.
type tape struct {
	rate  packet.ClockRate
	step  time.Duration
	count int
	// rtp changes the RTP time of the frame captured at a time, arrival adds to
	// that of its arrival.
	rtp, arrival func(captured time.Duration) time.Duration
}

// moved is a move, and when it was made.
type moved struct {
	after time.Duration
	move
}

// play feeds a clock, and holds it all along to what no mapping may ever do:
// put media so far ahead of its arrival that hours of silence would be due.
func (tp tape) play(t *testing.T, c *clock) []moved {
	t.Helper()
	var moves []moved
	for i := range tp.count {
		captured := time.Duration(i) * tp.step
		ts, arrival := captured, captured
		if tp.rtp != nil {
			ts += tp.rtp(captured)
		}
		if tp.arrival != nil {
			arrival += tp.arrival(captured)
		}
		if m, ok := c.observe(tp.rate.Ticks(ts), arrival); ok {
			moves = append(moves, moved{captured, m})
		}
		if lead := c.time(tp.rate.Ticks(ts)) - arrival; lead > leadLimit {
			t.Fatalf("frame captured at %v is placed %v after it arrived", captured, lead)
		}
	}
	return moves
}

// from returns d from a time on, and zero before it.
func from(at, d time.Duration) func(time.Duration) time.Duration {
	return func(captured time.Duration) time.Duration {
		if captured >= at {
			return d
		}
		return 0
	}
}

func TestClockObserve(t *testing.T) {
	const ms = time.Millisecond
	minute := tape{packet.OpusClock, packetTime, 3000, nil, nil}
	for _, c := range []struct {
		name         string
		rtp, arrival func(time.Duration) time.Duration
		// The moves add up to total; the last comes by the time given.
		moves int
		total time.Duration
		by    time.Duration
		// ends is how far the last frame is placed from its arrival.
		ends time.Duration
	}{
		{name: "constant"},
		{name: "constant delay", arrival: func(time.Duration) time.Duration { return 70 * ms }},
		{
			// What had piled up comes at once, then packets are on time: the mapping
			// stays, and the journal tells that it lies too late.
			name: "burst at the start", arrival: func(c time.Duration) time.Duration { return max(500*ms-c, 0) }, ends: -500 * ms,
		},
		{
			name: "bursts of 0.4 s for 3 s",
			arrival: func(c time.Duration) time.Duration {
				if c < 20*time.Second || c >= 23*time.Second {
					return 0
				}
				return 400*ms - c%(400*ms)
			},
		},
		{
			name: "the network holds everything back for 3 s",
			arrival: func(c time.Duration) time.Duration {
				if c < 20*time.Second || c >= 23*time.Second {
					return 0
				}
				return 400 * ms
			},
		},
		{
			name: "the network holds everything back for 15 s, then lets go",
			arrival: func(c time.Duration) time.Duration {
				if c < 20*time.Second {
					return 0
				}
				return max(35*time.Second-c, 0)
			},
		},
		{
			name: "the network holds everything back for 15 s, then sends four times as fast",
			arrival: func(c time.Duration) time.Duration {
				if c < 20*time.Second {
					return 0
				}
				return max(15*time.Second-(c-20*time.Second)*3/4, 0)
			},
		},
		{name: "a delay below the limit, for good", arrival: from(20*time.Second, 240*ms), ends: 240 * ms},
		{name: "a delay above the limit, for good", arrival: from(20*time.Second, 260*ms), moves: 1, total: 260 * ms, by: 26 * time.Second},
		{name: "the source stood still for 18 s", arrival: from(20*time.Second, 18*time.Second), moves: 1, total: 18 * time.Second, by: 21 * time.Second},
		{name: "RTP time jumps back by 11 s", rtp: from(20*time.Second, -11*time.Second), moves: 1, total: 11 * time.Second, by: 20 * time.Second},
		{name: "RTP time jumps ahead by 10 h", rtp: from(20*time.Second, 10*time.Hour), moves: 1, total: -10 * time.Hour, by: 20 * time.Second},
		{name: "RTP time jumps back by 10 h", rtp: from(20*time.Second, -10*time.Hour), moves: 1, total: 10 * time.Hour, by: 26 * time.Second},
		{
			name: "one timestamp is bogus", rtp: func(c time.Duration) time.Duration {
				if c == 20*time.Second {
					return 10 * time.Hour
				}
				return 0
			}, moves: 2, by: 27 * time.Second,
		},
		{
			name: "it stands still twice", arrival: func(c time.Duration) time.Duration {
				return from(10*time.Second, 5*time.Second)(c) + from(30*time.Second, 7*time.Second)(c)
			}, moves: 2, total: 12 * time.Second, by: 36 * time.Second,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tp := minute
			tp.rtp, tp.arrival = c.rtp, c.arrival
			clk := &clock{rate: tp.rate}
			moves := tp.play(t, clk)
			var total, by time.Duration
			for _, m := range moves {
				total, by = total+m.By, m.after
			}
			const slack = time.Millisecond
			if len(moves) != c.moves || (total-c.total).Abs() > slack || by > c.by {
				t.Errorf("moves are %v, want %d that make %v by %v", moves, c.moves, c.total, c.by)
			}
			last := time.Duration(tp.count-1) * tp.step
			arrived := last
			if c.arrival != nil {
				arrived += c.arrival(last)
			}
			if got := arrived - clk.time(clk.last); (got - c.ends).Abs() > slack {
				t.Errorf("the last frame arrived %v after its place, want %v", got, c.ends)
			}
		})
	}
}

func TestClockRestart(t *testing.T) {
	c := &clock{rate: packet.VideoClock}
	tape{packet.VideoClock, packetTime, 500, nil, nil}.play(t, c)
	c.restart()
	if c.running {
		t.Error("it runs before the next frame")
	}
	if m, ok := c.observe(1<<40, time.Minute); ok || c.time(1<<40) != time.Minute || !c.running {
		t.Errorf("the first frame of a new epoch lies at %v, moved by %v", c.time(1<<40), m)
	}
}

// TestClock30Hours: timestamps of 32 bits wrap after 13.25 h at 90 kHz and after
// 24.9 h at 48 kHz, which must not show, not by a nanosecond.
func TestClock30Hours(t *testing.T) {
	for _, rate := range []packet.ClockRate{packet.OpusClock, packet.VideoClock} {
		for _, start := range []uint32{0, 1, 1 << 31, 1<<32 - 1} {
			t.Run(fmt.Sprintf("%d from %d", rate, start), func(t *testing.T) {
				c := &clock{rate: rate}
				ts := packet.Timestamp(start)
				for i := range 30 * 60 * 60 {
					raw := start + uint32(i)*uint32(rate)
					ts = ts.Unwrap(raw)
					want := time.Duration(i) * time.Second
					if m, ok := c.observe(int64(ts), want); ok {
						t.Fatalf("moved by %v at %v: %s", m.By, want, m.Why)
					}
					if got := c.time(int64(ts)); got != want {
						t.Fatalf("placed at %v, want %v", got, want)
					}
				}
			})
		}
	}
}

func TestNTPTime(t *testing.T) {
	for _, c := range []struct {
		ntp  uint64
		want time.Duration
	}{
		{0, 0},
		{1 << 32, time.Second},
		{1 << 31, 500 * time.Millisecond},
		{1<<32 + 1<<30, 1250 * time.Millisecond},
		{1<<32 - 1, 999999999},
		{2208988800 << 32, 2208988800 * time.Second}, // 1970 (RFC 5905 figure 4)
		{1<<64 - 1, 4294967295*time.Second + 999999999},
	} {
		if got := ntpTime(c.ntp); got != c.want {
			t.Errorf("%#x is %v, want %v", c.ntp, got, c.want)
		}
	}
}
