package recorder

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// A stage is a stream of a bot without a room: packets come from the test. It
// runs in a synctest bubble, so that minutes pass in no time, and exactly.
type stage struct {
	gone     string     // SID of a track that is not published any more, although nobody has ended it
	t        *testing.T // of the bubble
	outer    *testing.T // whose files outlive it
	bot      *Bot
	s        *stream
	captures []*capture
}

// onStage plays a scene in a bubble. Media must have been made before.
func onStage(outer *testing.T, scene func(st *stage)) {
	outer.Helper()
	synctest.Test(outer, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := &Bot{
			log: slog.New(slog.DiscardHandler), origin: time.Now(), ctx: ctx, cancel: cancel,
			inbox: make(chan func(), 256), done: make(chan struct{}),
			captures: map[string]*capture{}, outcomes: map[string]*outcome{}, streams: map[streamKey]*stream{}, tracks: map[string]*track{},
			people: map[string]person{}, publications: map[string]publication{}, requested: map[string]request{},
		}
		go func() {
			for {
				select {
				case f := <-b.inbox:
					f()
				case <-b.done:
					return
				}
			}
		}()
		st := &stage{t: t, outer: outer, bot: b, s: newStream(b, streamKey{"ada", "camera"})}
		scene(st)
		st.s.close()
		b.running.Wait()
		cancel()
		close(b.done)
	})
}

// record begins a recording.
func (st *stage) record(s recording.Selection) *capture {
	st.t.Helper()
	c := capturing(st.outer, s)
	st.captures = append(st.captures, c)
	st.s.attach(c)
	return c
}

// stop ends a recording and returns its manifest.
func (st *stage) stop(c *capture) *recording.Manifest {
	st.t.Helper()
	st.captures = slices.DeleteFunc(st.captures, func(other *capture) bool { return other == c })
	<-st.s.detach(c, len(st.captures) == 0, recording.EndedByStop)
	m, err := c.close(st.bot.ctx, st.bot.now(), recording.EndedByStop, nil)
	must(st.t, err)
	checkManifest(st.t, m)
	return m
}

// file is the path of a part.
func (c *capture) file(p recording.Part) string { return filepath.Join(c.dir, p.File) }

// A sender publishes one track of encoded media.
type sender struct {
	st     *stage
	track  *track
	frames [][]byte
	// every is the time from one frame to the next.
	every time.Duration
	// latency is from the capture of a frame to its arrival.
	latency time.Duration
	// lose drops the packets for which it is true.
	lose func(frame, packet int) bool
	// rtp is added to the RTP time of a frame.
	rtp func(frame int) time.Duration

	// keyframes is how many frames they are apart in frames.
	keyframes int

	payloader rtp.Payloader
	seq       uint16
	base      uint32
	// sent counts frames, next is the one of frames that comes next.
	sent, next int
	// wanted is set when a keyframe was asked for, asked counts how often.
	wanted atomic.Bool
	asked  atomic.Int64
}

// publish adds a track.
func (st *stage) publish(sid string, codec packet.Codec, frames [][]byte) *sender {
	st.t.Helper()
	x := st.sender(sid, codec, frames)
	if !st.s.claim(x.track, func(sid string) bool { return sid != st.gone }) {
		st.t.Fatalf("%s: there is a track of its kind already", sid)
	}
	st.s.add(x.track)
	return x
}

// sender makes a track. Each has its own SSRC and RTP time.
func (st *stage) sender(sid string, codec packet.Codec, frames [][]byte) *sender {
	x := &sender{st: st, frames: frames, every: 40 * time.Millisecond, keyframes: 25, seq: 65500, base: 0xf0000000}
	for _, c := range sid {
		x.base = x.base*31 + uint32(c)
	}
	x.track = &track{
		sid: sid, source: "camera", kind: recording.Video, codec: codec, ssrc: x.base,
		pli:      func() { x.asked.Add(1); x.wanted.Store(true) },
		receiver: packet.NewReceiver(codec), clock: clock{rate: codec.ClockRate()},
	}
	switch codec {
	case packet.Opus:
		x.track.kind, x.track.source, x.every, x.payloader = recording.Audio, "microphone", packetTime, &codecs.OpusPayloader{}
	case packet.VP8:
		x.payloader = &codecs.VP8Payloader{EnablePictureID: true}
	case packet.H264:
		x.payloader = &codecs.H264Payloader{}
	case packet.VP9:
		x.payloader = &codecs.VP9Payloader{}
	}
	return x
}

// unpublish ends the track, and waits until the stream has seen to it.
func (x *sender) unpublish() {
	x.st.s.end(x.track)
	synctest.Wait()
}

// send captures the next frame now; it arrives after the latency.
func (x *sender) send() {
	const mtu = 1100
	if x.wanted.Swap(false) {
		x.next = (x.next + x.keyframes - 1) / x.keyframes * x.keyframes
	}
	frame := x.frames[x.next%len(x.frames)]
	at := time.Duration(x.sent) * x.every
	if x.rtp != nil {
		at += x.rtp(x.sent)
	}
	ts := x.base + uint32(x.track.clock.rate.Ticks(at))
	payloads := x.payloader.Payload(mtu, frame)
	var packets []rtp.Packet
	for i, payload := range payloads {
		if x.lose == nil || !x.lose(x.sent, i) {
			packets = append(packets, rtp.Packet{
				Header:  rtp.Header{Version: 2, SSRC: x.base, SequenceNumber: x.seq, Timestamp: ts, Marker: i == len(payloads)-1},
				Payload: payload,
			})
		}
		x.seq++
	}
	arrive := func() {
		for _, p := range packets {
			x.arrive(p)
		}
	}
	if x.latency == 0 {
		arrive()
	} else {
		time.AfterFunc(x.latency, arrive)
	}
	x.sent++
	x.next++
}

// arrive does what a track's reader does.
func (x *sender) arrive(p rtp.Packet) {
	x.track.arrived.Store(int64(x.st.bot.now()))
	buf := packet.GetBuffer()
	n, err := p.MarshalTo(buf.Bytes())
	must(x.st.t, err)
	x.st.s.queue.receive(x.track, buf, n, x.st.bot.now())
	if x.track.overflowed > 0 {
		x.st.t.Error("the queue is full")
	}
}

// skip lets frames pass that are captured and not sent.
func (x *sender) skip(d time.Duration) { x.sent += int(d / x.every) }

// report sends an RTCP sender report, whose NTP clock is that of the bubble.
func (x *sender) report() {
	at := time.Duration(x.sent) * x.every
	if x.rtp != nil {
		at += x.rtp(x.sent)
	}
	rtp := x.base + uint32(x.track.clock.rate.Ticks(at))
	const since1900 = 2208988800
	wall := time.Now()
	ntp := uint64(wall.Unix()+since1900)<<32 | uint64(wall.Nanosecond())<<32/uint64(time.Second)
	now := x.st.bot.now()
	x.st.s.queue.call(func() { x.st.s.senderReport(x.track, ntp, rtp, now) })
}

// play lets time pass while the senders send. All of them capture their next
// frame at its beginning.
func (st *stage) play(d time.Duration, senders ...*sender) {
	for now := time.Duration(0); now < d; now += packetTime {
		for _, x := range senders {
			if now%x.every == 0 {
				x.send()
			}
		}
		time.Sleep(packetTime)
	}
	synctest.Wait()
}
