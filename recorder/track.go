package recorder

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// A track is one subscription to one publication. Its reader moves packets to
// the stream's queue; what is not said otherwise belongs to the stream's goroutine.
type track struct {
	sid    string
	source string
	kind   recording.Kind
	codec  packet.Codec
	ssrc   uint32

	remote reader
	// pli asks the publisher for a keyframe.
	pli func()
	// arrived is when the last packet came, on the bot's clock, and published
	// what the stream has counted lately.
	arrived   atomic.Int64
	published atomic.Pointer[totals]

	// Owned by the bot.
	key            streamKey
	muted, stalled bool

	// Guarded by the queue: overflowed counts packets that it had no room for.
	receiver   *packet.Receiver
	overflowed int64

	// astray: the receiver asks for a keyframe.
	astray bool
	clock  clock
	// began is when its first frame arrived.
	began time.Duration
	// channels are the most that a frame of sound had.
	channels int
	// journaled is when the clock was last written to the journals.
	journaled time.Duration
	// frozen is the last picture before the freeze that is going on.
	frozen packet.Timestamp
	// counted is what it had counted before the frame at hand.
	counted totals
	// disagreed is how often in a row pictures were found out of step with sound.
	disagreed int
	// asked is when a keyframe was last asked for.
	asked time.Duration
}

// reader is what a track's packets come from, a *webrtc.TrackRemote.
type reader interface {
	Read(b []byte) (n int, attributes interceptor.Attributes, err error)
}

func (t *track) codecName() string { return strings.ToLower(t.codec.String()) }

// totals are the counters of what has been received. They are guarded by the
// queue.
func (t *track) totals() totals {
	n := t.receiver.Stats()
	return totals{
		packets: n.Accepted + n.Resync + n.Jump + n.Overflow,
		lost:    max(n.Lost, t.overflowed), duplicates: n.Duplicate,
		frames: n.Frames, bytes: n.Bytes,
	}
}

// subscribed takes a track that LiveKit begins to send.
func (b *Bot) subscribed(remote *webrtc.TrackRemote, pub *lksdk.RemoteTrackPublication, rp *lksdk.RemoteParticipant) {
	info, identity := pub.TrackInfo(), rp.Identity()
	if info == nil {
		return
	}
	p := describePublication(info)
	p.mime = remote.Codec().MimeType
	codec, err := packet.ParseMIME(p.mime)
	if err != nil {
		b.do(func() {
			b.refuse(identity, p, recording.Errorf(recording.CodeUnsupportedCodec,
				"%s cannot be recorded: publish Opus, and VP8, VP9, AV1, H.264 or H.265", p.mime))
		})
		return
	}
	t := &track{
		sid: p.sid, source: p.source, kind: p.kind, codec: codec,
		ssrc: uint32(remote.SSRC()), remote: remote, pli: func() { rp.WritePLI(remote.SSRC()) },
		receiver: packet.NewReceiver(codec), clock: clock{rate: codec.ClockRate()},
	}
	b.do(func() {
		s := b.stream(streamKey{identity, p.stream}, t, func(sid string) bool {
			return slices.ContainsFunc(rp.TrackPublications(), func(pub lksdk.TrackPublication) bool { return pub.SID() == sid })
		})
		t.key, t.muted = s.key, pub.IsMuted()
		b.begins(t)
		if t.kind == recording.Audio && b.expectsMatroska(rp, p.stream) {
			s.queue.call(func() { s.matroska = true })
		}
		pub.OnRTCP(func(p rtcp.Packet) {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == t.ssrc && s.taken[slotOf(t.codec)].Load() == t {
				at := b.now()
				s.queue.call(func() { s.senderReport(t, sr.NTPTime, sr.RTPTime, at) })
			}
		})
		s.add(t)
		go t.read(s)
	})
}

// begins looks after t from now on. Under its SID it may have been sent before: whether
// it was unmuted since, while the bot was not in the room, nobody has told.
func (b *Bot) begins(t *track) {
	t.arrived.Store(int64(b.now()))
	b.tracks[t.sid] = t
	b.noteAll(recording.Entry{Mute: &recording.MuteEntry{SID: t.sid, Muted: t.muted}})
	b.noteAll(recording.Entry{Stall: &recording.StallEntry{SID: t.sid}})
}

// streamKey names a stream within a room.
type streamKey struct{ identity, stream string }

// stream returns the stream that t belongs to. Where a participant publishes a
// second track of the same kind under the same name, that one gets a stream of
// its own. published reports which tracks the participant still has.
func (b *Bot) stream(named streamKey, t *track, published func(sid string) bool) *stream {
	key := named
	for n := 1; ; n++ {
		if n > 1 {
			key.stream = fmt.Sprintf("%s-%d", named.stream, n)
		}
		s := b.streams[key]
		if s == nil {
			s = newStream(b, key)
			b.streams[key] = s
			for _, c := range b.captures {
				s.attach(c)
			}
		}
		if s.claim(t, published) {
			return s
		}
	}
}

// release lets go of a stream that had neither a track nor a part once it had seen
// so many tracks, unless another has been given a place in it since.
func (b *Bot) release(s *stream, seen int) {
	if b.streams[s.key] == s && s.claims == seen {
		delete(b.streams, s.key)
		s.close()
	}
}

// expectsMatroska reports whether the pictures of a stream are published in a
// codec that WebM cannot hold: sound that comes first then goes to Matroska too.
func (b *Bot) expectsMatroska(rp *lksdk.RemoteParticipant, stream string) bool {
	for _, pub := range rp.TrackPublications() {
		p, known := b.publication(pub.(*lksdk.RemoteTrackPublication))
		if !known || p.kind != recording.Video || p.stream != stream {
			continue
		}
		if codec, err := packet.ParseMIME(p.mime); err == nil && !containers[codec].WebM() {
			return true
		}
	}
	return false
}

// read moves packets from the network to the stream's queue until the track ends.
// It never waits for the disk: what does not fit is dropped and counted. Should a
// packet make it panic, it costs this track and no other.
func (t *track) read(s *stream) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("track is given up: its packets cannot be understood", "track", t.sid, "panic", v, "stack", string(debug.Stack()))
			s.queue.abandon(t, func() { s.trackEnded(t) })
		}
	}()
	// A packet that is too large counts as lost; so many in a row are none.
	const mostShort = 100
	for short := 0; ; {
		buf := packet.GetBuffer()
		n, _, err := t.remote.Read(buf.Bytes())
		now := s.bot.now()
		if err == nil {
			short = 0
			t.arrived.Store(int64(now))
			s.queue.receive(t, buf, n, now)
			continue
		}
		buf.Release()
		if short++; errors.Is(err, io.ErrShortBuffer) && short < mostShort {
			s.queue.lose(t)
			continue
		}
		if !errors.Is(err, io.EOF) {
			s.log.Warn("track cannot be read any more", "track", t.sid, "error", err)
		}
		s.end(t)
		return
	}
}

// refuse tells, once for each track, that it cannot be recorded.
func (c *capture) refuse(at time.Duration, identity string, p publication, why *recording.Error) {
	if c.refused[p.sid] {
		return
	}
	c.refused[p.sid] = true
	c.log.Warn("track is not recorded", "participant", identity, "track", p.sid, "code", why.Code, "cause", why.Message)
	c.note(at, recording.Entry{Refused: &recording.RefusedEntry{
		Participant: identity, SID: p.sid, Source: p.source, Codec: p.mime, Error: why,
	}})
}
