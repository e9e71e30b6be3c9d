package recorder

import (
	"testing"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
)

// A publisher sends sound and pictures of one moment, of which the pictures
// leave later: they have to be encoded. Both clocks count from the publisher's
// NTP clock, which nobody else shares.
type publisher struct {
	// later is how much later pictures leave than sound.
	later time.Duration
	// firstLate is how much more than that the first picture was delayed.
	firstLate time.Duration
	// The noise of each report of either track: a busy sender is late with it.
	soundReports, pictureReports []time.Duration
}

const publisherNTP = 3_900_000_000 * time.Second // 2023

func (p publisher) clocks(t *testing.T) (sound, pictures *clock) {
	t.Helper()
	const network = 30 * time.Millisecond
	sound, pictures = &clock{rate: packet.OpusClock}, &clock{rate: packet.VideoClock}
	quiet := tape{packet.OpusClock, packetTime, 600, nil, func(time.Duration) time.Duration { return network }}
	busy := tape{packet.VideoClock, 40 * time.Millisecond, 300, nil, func(c time.Duration) time.Duration {
		if c == 0 {
			return network + p.later + p.firstLate
		}
		return network + p.later
	}}
	if moves := append(quiet.play(t, sound), busy.play(t, pictures)...); len(moves) > 0 {
		t.Fatalf("clocks moved: %v", moves)
	}
	report := func(c *clock, noise []time.Duration) {
		for i, n := range noise {
			at := time.Duration(i+1) * time.Second
			c.report(c.rate.Ticks(at), publisherNTP+at+n)
		}
	}
	report(sound, p.soundReports)
	report(pictures, p.pictureReports)
	return sound, pictures
}

func TestClockBehind(t *testing.T) {
	const ms = time.Millisecond
	steady := []time.Duration{0, 1 * ms, 0, 2 * ms, 0, 1 * ms}
	noisy := []time.Duration{250 * ms, 90 * ms, 300 * ms, 0, 120 * ms, 300 * ms, 40 * ms}
	for _, c := range []struct {
		name string
		p    publisher
		by   time.Duration
		why  string
	}{
		{"in step, no reports", publisher{}, 0, ""},
		{"in step, with reports", publisher{soundReports: steady, pictureReports: steady}, 0, ""},
		{"steady reports", publisher{later: 80 * ms, soundReports: steady, pictureReports: steady}, -80 * ms, "sender reports"},
		{"steady reports of little", publisher{later: 7 * ms, soundReports: steady, pictureReports: steady}, 0, ""},
		{"steady reports of enough", publisher{later: 9 * ms, soundReports: steady, pictureReports: steady}, -9 * ms, "sender reports"},
		{"steady reports need no second witness", publisher{later: 700 * ms, soundReports: steady, pictureReports: steady}, -700 * ms, "sender reports"},
		{"noisy reports: the least counts", publisher{later: 80 * ms, soundReports: noisy, pictureReports: noisy}, -80 * ms, "sender reports"},
		{"noise on one track", publisher{later: 80 * ms, soundReports: steady, pictureReports: noisy}, -80 * ms, "sender reports"},
		{"noisy and implausible", publisher{later: 400 * ms, soundReports: noisy, pictureReports: noisy}, 0, ""},
		{"implausible on one track", publisher{later: 400 * ms, soundReports: steady, pictureReports: noisy}, 0, ""},
		{"too few to be steady, plausible", publisher{later: 80 * ms, soundReports: steady[:1], pictureReports: steady[:1]}, -80 * ms, "sender reports"},
		{"too few to be steady, implausible", publisher{later: 130 * ms, soundReports: steady[:2], pictureReports: steady[:2]}, 0, ""},
		{"reports of sound only", publisher{later: 80 * ms, soundReports: steady}, 0, ""},
		{"reports of pictures only", publisher{later: 80 * ms, pictureReports: steady}, 0, ""},
		{"by arrival, invisible", publisher{firstLate: 59 * ms}, 0, ""},
		{"by arrival, visible", publisher{firstLate: 61 * ms}, -61 * ms, "arrival"},
		{"reports win over arrival", publisher{firstLate: 100 * ms, soundReports: steady, pictureReports: steady}, -100 * ms, "sender reports"},
		{"implausible reports leave it to arrival", publisher{later: 400 * ms, firstLate: 90 * ms, soundReports: noisy, pictureReports: noisy}, -90 * ms, "arrival"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sound, pictures := c.p.clocks(t)
			by, why := pictures.behind(sound)
			if why != c.why || (by-c.by).Abs() > 2*ms {
				t.Fatalf("behind by %v (%s), want %v (%s)", by, why, c.by, c.why)
			}
			// What is moved by that is in step, and stays so.
			pictures.shift(by)
			if by, why := pictures.behind(sound); by != 0 {
				t.Errorf("after the move behind by %v (%s)", by, why)
			}
		})
	}
}

func TestClockBehindWithoutFrames(t *testing.T) {
	var none clock
	running := &clock{rate: packet.OpusClock}
	running.observe(0, 0)
	none.report(0, publisherNTP) // before the first frame: means nothing
	if len(none.offsets) > 0 {
		t.Error("a report was taken before the first frame")
	}
	for _, pair := range [][2]*clock{{&none, running}, {running, &none}, {&none, &none}} {
		if by, why := pair[0].behind(pair[1]); by != 0 || why != "" {
			t.Errorf("behind by %v (%s)", by, why)
		}
	}
}

// TestClockReportsAreBounded: the oldest are forgotten, so that a wrong one does
// not stay the smallest for ever.
func TestClockReportsAreBounded(t *testing.T) {
	c := &clock{rate: packet.OpusClock}
	tape{packet.OpusClock, packetTime, 600, nil, nil}.play(t, c)
	leader := *c
	leader.offsets = nil
	c.report(0, publisherNTP-50*time.Millisecond)
	for i := range 3 * keptReports {
		at := time.Duration(i) * time.Second
		c.report(c.rate.Ticks(at), publisherNTP+at)
		leader.report(c.rate.Ticks(at), publisherNTP+at)
	}
	if len(c.offsets) != keptReports {
		t.Errorf("%d reports are kept, want %d", len(c.offsets), keptReports)
	}
	if by, why := c.behind(&leader); by != 0 {
		t.Errorf("behind by %v (%s)", by, why)
	}
}

// TestClockStallNeedsConfirmation: where the publisher's reports say that RTP
// time went on, it is the network that is late, and the mapping stays.
func TestClockStallNeedsConfirmation(t *testing.T) {
	const stall, length = 3 * time.Second, 60
	for _, c := range []struct {
		name string
		// ntp is what the publisher's clock gained on RTP time by the stall.
		ntp  time.Duration
		move time.Duration
	}{{"the source stood still", stall, stall}, {"the network is late", 0, 0}} {
		t.Run(c.name, func(t *testing.T) {
			clk := &clock{rate: packet.OpusClock}
			late, gained, total := time.Duration(0), time.Duration(0), time.Duration(0)
			for i := range length * 50 {
				at := time.Duration(i) * packetTime
				if at == 20*time.Second {
					late, gained = stall, c.ntp
				}
				ts := clk.rate.Ticks(at)
				if m, ok := clk.observe(ts, at+late); ok {
					total += m.By
				}
				if i%50 == 0 {
					clk.report(ts, publisherNTP+at+gained)
				}
			}
			if total != c.move {
				t.Errorf("moved by %v, want %v", total, c.move)
			}
		})
	}
}
