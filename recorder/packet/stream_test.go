package packet

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

var videoCodecs = []Codec{VP8, VP9, AV1, H264, H265}

// network is what a path does to packets, by chance.
type network struct {
	loss, repaired, duplicated float64
	jitter                     time.Duration
}

// deliver returns the packets as they arrive. The outcomes are not foreseen.
func (n network) deliver(r *rand.Rand, packets []sent) (out []sent) {
	for _, p := range packets {
		delay := func(most time.Duration) time.Duration { return time.Duration(r.Int64N(int64(most) + 1)) }
		arrived := p
		arrived.at += delay(n.jitter)
		if r.Float64() < n.loss {
			if r.Float64() >= n.repaired {
				continue
			}
			arrived.at += 50*ms + delay(700*ms)
		}
		out = append(out, arrived)
		if r.Float64() < n.duplicated {
			again := p
			again.at += delay(300 * ms)
			out = append(out, again)
		}
	}
	slices.SortStableFunc(out, func(a, b sent) int { return int(a.at - b.at) })
	return out
}

// receive pushes packets whose outcomes are not foreseen.
func receive(t testing.TB, r *Receiver, packets []sent) (events []Event, outcomes map[Outcome]int64) {
	t.Helper()
	outcomes = map[Outcome]int64{}
	for _, p := range packets {
		for at, ok := r.Deadline(); ok && at <= p.at; at, ok = r.Deadline() {
			events = append(events, next(r, at)...)
		}
		outcomes[pushRaw(r, p.marshal(t), p.at)]++
		events = append(events, next(r, p.at)...)
	}
	r.Drain()
	return append(events, next(r, packets[len(packets)-1].at)...), outcomes
}

func payloads(events []Event) (out [][]byte) {
	for _, f := range frames(events) {
		out = append(out, f.Payload)
	}
	return out
}

func TestStreamsComeThroughWhole(t *testing.T) {
	for _, c := range append(videoCodecs, Opus) {
		t.Run(c.String(), func(t *testing.T) {
			m := stream(t, c)
			r := NewReceiver(c)
			events, outcomes := receive(t, r, m.packets)
			equal(t, "frames", m.frames, payloads(events))
			equal(t, "outcomes", map[Outcome]int64{Accepted: int64(len(m.packets))}, outcomes)
			var size int64
			for _, p := range m.packets {
				size += int64(len(p.payload))
			}
			want := Stats{Accepted: int64(len(m.packets)), Bytes: size, Frames: int64(len(m.frames)), Keyframes: streamFrames / streamGOP}
			if c.Audio() {
				want.Keyframes = want.Frames
			}
			equal(t, "stats", want, r.Stats())
			for i, f := range frames(events) {
				keyframe := c.Audio() || i%streamGOP == 0
				sized := c == VP9 || keyframe && !c.Audio()
				if f.Keyframe != keyframe || (f.Width == streamWidth && f.Height == streamHeight) != sized {
					t.Errorf("frame %d: keyframe %v, %dx%d", i, f.Keyframe, f.Width, f.Height)
				}
				if want := c.ClockRate().Duration(int64(m.packetOf(i).ts)); c.ClockRate().Duration(int64(f.Timestamp)) != want || f.Arrival != m.packetOf(i).at {
					t.Errorf("frame %d: timestamp %d, arrival %v", i, f.Timestamp, f.Arrival)
				}
				if c.Audio() && f.Duration != 20*ms {
					t.Errorf("frame %d lasts %v", i, f.Duration)
				}
			}
		})
	}
}

// packetOf returns the first packet of a frame.
func (m *medium) packetOf(frame int) sent {
	step := m.packets[len(m.packets)-1].ts / uint32(len(m.units)-1)
	i := slices.IndexFunc(m.packets, func(p sent) bool { return p.ts == uint32(frame)*step })
	return m.packets[i]
}

// What a network does that repairs everything changes nothing.
func TestStreamsRepairedByTheNetwork(t *testing.T) {
	for _, c := range append(videoCodecs, Opus) {
		t.Run(c.String(), func(t *testing.T) {
			m := stream(t, c)
			bad := network{loss: 0.1, repaired: 1, duplicated: 0.1, jitter: 80 * ms}
			if c.Audio() {
				bad.loss = 0
			}
			for seed := range uint64(5) {
				r := NewReceiver(c)
				// The first packet has nothing before it to wait for.
				packets := append(m.packets[:1:1], bad.deliver(rand.New(rand.NewPCG(seed, 1)), m.packets[1:])...)
				events, outcomes := receive(t, r, packets)
				equal(t, "frames", m.frames, payloads(events))
				equal(t, "accepted", int64(len(m.packets)), outcomes[Accepted])
				equal(t, "duplicates", int64(len(packets)-len(m.packets)), outcomes[Duplicate])
			}
		})
	}
}

// After a loss only such frames come out as decode to the very pictures that
// they are in the stream that lost nothing.
func TestRow14StreamsWithLossDecodeToTheSamePictures(t *testing.T) {
	for _, c := range videoCodecs {
		t.Run(c.String(), func(t *testing.T) {
			m := stream(t, c)
			sums := decode(t, c, streamWidth, streamHeight, m.frames)
			lossy := network{loss: 0.02, repaired: 0.4, duplicated: 0.05, jitter: 40 * ms}
			for seed := range uint64(4) {
				r := NewReceiver(c)
				packets := lossy.deliver(rand.New(rand.NewPCG(seed, 2)), m.packets)
				events, _ := receive(t, r, packets)
				stats := r.Stats()
				if stats.Lost == 0 || stats.Freezes == 0 || stats.Keyframes < 2 {
					t.Fatalf("seed %d tests nothing: %+v", seed, stats)
				}
				checkPushes(t, stats, len(packets))
				checkOrder(t, events)
				var got, want []string
				for _, f := range frames(events) {
					i := int(f.Timestamp / 3000)
					if !bytes.Equal(f.Payload, m.frames[i]) {
						t.Errorf("seed %d: frame %d is not what was sent", seed, i)
					}
					want = append(want, sums[i])
				}
				got = decode(t, c, streamWidth, streamHeight, payloads(events))
				equal(t, "pictures", want, got)
			}
		})
	}
}

// VP8 with three temporal layers: a loss in an upper layer costs only what leans
// on it, and the pictures are right all the same.
func TestRow14TemporalLayersDecodeToTheSamePictures(t *testing.T) {
	requireFFmpeg(t)
	m := &medium{codec: VP8, units: split(t, VP8, ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-frames:v", "200",
		"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k", "-g", "1000", "-error-resilient", "1",
		"-auto-alt-ref", "0", "-lag-in-frames", "0", "-ts-parameters",
		"ts_number_layers=3:ts_target_bitrate=200,300,500:ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3",
		"-f", "ivf", "pipe:1"))}
	m.packetise(t, &temporalPayloader{})
	sums := decode(t, VP8, 320, 180, m.frames)
	rng := rand.New(rand.NewPCG(1, 3))
	var packets []sent
	for _, p := range m.packets {
		upper := p.ts/3000%4 != 0
		if p.ts < 10*3000 || !upper || rng.Float64() > 0.05 {
			packets = append(packets, p)
		}
	}
	r := NewReceiver(VP8)
	events, _ := receive(t, r, packets)
	var want []string
	base := 0
	for _, f := range frames(events) {
		want = append(want, sums[f.Timestamp/3000])
		if f.Timestamp/3000%4 == 0 {
			base++
		}
	}
	equal(t, "pictures", want, decode(t, VP8, 320, 180, payloads(events)))
	equal(t, "pictures of the base layer", 50, base)
	if s := r.Stats(); s.Lost == 0 || s.Held == 0 || s.Freezes > 0 || s.Frames < 130 {
		t.Errorf("stats: %+v", s)
	}
}

// temporalPayloader tells the layers of the pattern 0 2 1 2, of which the first
// two after each base frame lean on that alone.
type temporalPayloader struct{ n int }

func (p *temporalPayloader) Payload(mtu uint16, frame []byte) (out [][]byte) {
	phase := p.n % 4
	last := [...]byte{0, 2<<6 | 0x20, 1<<6 | 0x20, 2 << 6}[phase]
	for i, payload := range (&codecs.VP8Payloader{}).Payload(mtu-5, frame) {
		start := byte(0x80)
		if i == 0 {
			start |= 0x10
		}
		descriptor := []byte{start, 0xE0, 0x80 | byte(p.n>>8), byte(p.n), byte(p.n / 4), last}
		out = append(out, append(descriptor, payload[1:]...))
	}
	p.n++
	return out
}

func TestStreamOfSoundWithLoss(t *testing.T) {
	m := stream(t, Opus)
	r := NewReceiver(Opus)
	packets := network{loss: 0.05, duplicated: 0.05, jitter: 60 * ms}.deliver(rand.New(rand.NewPCG(1, 4)), m.packets)
	events, _ := receive(t, r, packets)
	checkPushes(t, r.Stats(), len(packets))
	checkOrder(t, events)
	var lost int64
	for _, f := range frames(events) {
		if !bytes.Equal(f.Payload, m.frames[f.Timestamp/960]) {
			t.Errorf("packet at %d is not what was sent", f.Timestamp)
		}
		lost += f.Lost
	}
	got := frames(events)
	first, last := got[0].Timestamp/960, got[len(got)-1].Timestamp/960
	equal(t, "packets and losses", int64(last-first+1), int64(len(got))+lost)
	equal(t, "lost", lost, r.Stats().Lost)
}

// FFmpeg's packets of VP9 in flexible mode.
func TestStreamVP9FlexibleMode(t *testing.T) {
	m := &medium{codec: VP9, units: stream(t, VP9).units}
	m.packetise(t, &codecs.VP9Payloader{FlexibleMode: true, InitialPictureIDFn: func() uint16 { return 0x7FFE }})
	events, _ := receive(t, NewReceiver(VP9), m.packets)
	equal(t, "frames", m.frames, payloads(events))
}

// H.264 without aggregation: every parameter set in a packet of its own.
func TestStreamH264SingleNALUnits(t *testing.T) {
	m := &medium{codec: H264, units: stream(t, H264).units}
	m.packetise(t, &codecs.H264Payloader{DisableStapA: true})
	events, _ := receive(t, NewReceiver(H264), m.packets)
	equal(t, "frames", m.frames, payloads(events))
}

func TestStreamH265Aggregated(t *testing.T) {
	for _, skip := range []bool{false, true} {
		m := &medium{codec: H265, units: stream(t, H265).units}
		m.packetise(t, &codecs.H265Payloader{SkipAggregation: skip})
		events, _ := receive(t, NewReceiver(H265), m.packets)
		equal(t, "frames", m.frames, payloads(events))
	}
}

// Header extensions, CSRCs and padding after the payload are no part of a frame.
func TestStreamWithHeaderExtensionsAndPadding(t *testing.T) {
	m := stream(t, VP8)
	r := NewReceiver(VP8)
	var events []Event
	for i, s := range m.packets {
		p := rtp.Packet{Header: rtp.Header{
			Version: 2, PayloadType: 96, SequenceNumber: s.seq, Timestamp: s.ts, Marker: s.marker, CSRC: []uint32{1, 2, 3},
			Padding: i%2 == 0,
		}, Payload: s.payload}
		if p.Padding {
			p.Header.PaddingSize = byte(1 + i%64)
		}
		if err := p.Header.SetExtension(1, []byte{1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "outcome", Accepted, pushRaw(r, raw, s.at))
		events = append(events, next(r, s.at)...)
	}
	equal(t, "frames", m.frames, payloads(events))
}

// checkPushes holds the sum of the outcomes against the pushes.
func checkPushes(t *testing.T, s Stats, pushes int) {
	t.Helper()
	sum := s.Accepted + s.Padding + s.Duplicate + s.Late + s.Old + s.Resync + s.Jump + s.Overflow + s.Refused + s.Malformed
	equal(t, "sum of outcomes", int64(pushes), sum)
}

// checkOrder holds what every owner relies on: frames in order, freezes that
// begin and end in turn, none given out while one lasts.
func checkOrder(t *testing.T, events []Event) {
	t.Helper()
	frozen, last := false, Timestamp(-1)
	for i, e := range events {
		switch e := e.(type) {
		case *Frame:
			if e.Timestamp <= last || frozen {
				t.Errorf("event %d: frame at %d after one at %d, frozen %v", i, e.Timestamp, last, frozen)
			}
			last = e.Timestamp
		case FreezeBegin:
			if frozen || e.Timestamp != last {
				t.Errorf("event %d: freeze at %d, frozen %v, last frame at %d", i, e.Timestamp, frozen, last)
			}
			frozen = true
		case FreezeEnd:
			f, ok := events[i+1].(*Frame)
			if !frozen || !ok || !f.Keyframe || f.Timestamp != e.Timestamp {
				t.Errorf("event %d: freeze ends at %d with %v", i, e.Timestamp, events[i+1])
			}
			frozen = false
		}
	}
}
