package meeting

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// Prepare makes the media that a participant with these options publishes and leaves it in the
// cache, so that a later Join takes no time.
func Prepare(ctx context.Context, options Options) error {
	opts, err := options.withDefaults()
	if err != nil {
		return fmt.Errorf("prepare media: %w", err)
	}
	for _, source := range opts.Publish {
		if _, err := opts.clips(ctx, source); err != nil {
			return fmt.Errorf("prepare media: %w", err)
		}
	}
	return nil
}

// layer is one encoding of a source, and how LiveKit describes it.
type layer struct {
	clip *clip
	info *livekit.VideoLayer // nil for audio
}

// clips makes the encodings of a source, largest first: one, or three of a camera in simulcast.
func (o Options) clips(ctx context.Context, source livekit.TrackSource) ([]layer, error) {
	switch source {
	case Microphone, ScreenAudio:
		tone := Tone(o.Index)
		if source == ScreenAudio {
			tone = ScreenTone(o.Index)
		}
		c, err := audioClip(ctx, o.CacheDir, tone)
		if err == nil && o.Talks && source == Microphone {
			const aloud = 20
			c.levels = slices.Repeat([]uint8{aloud}, len(c.levels))
		}
		return []layer{{clip: c}}, err
	case Camera, Screen:
	default:
		return nil, fmt.Errorf("no media for source %s", source)
	}
	p := picture{name: o.Name, index: o.Index, width: o.Width, height: o.Height, fps: o.FPS}
	qualities := []livekit.VideoQuality{livekit.VideoQuality_HIGH}
	if source == Screen {
		p.screen, p.name = true, o.Name+": screen"
	} else if o.Simulcast {
		qualities = append(qualities, livekit.VideoQuality_MEDIUM, livekit.VideoQuality_LOW)
	}
	var layers []layer
	for _, quality := range qualities {
		c, err := videoClip(ctx, o.CacheDir, p, o.Codec)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer{c, &livekit.VideoLayer{
			Quality: quality, Width: uint32(p.width), Height: uint32(p.height), Bitrate: uint32(p.bitrate()),
		}})
		p.width, p.height = p.width/2&^1, p.height/2&^1
	}
	return layers, nil
}

// publication is a published source and the goroutines that feed it, one for each layer.
type publication struct {
	*lksdk.LocalTrackPublication
	cancel context.CancelFunc // ends the feeds
	feeds  sync.WaitGroup
}

func (p *publication) stop() {
	p.cancel()
	p.feeds.Wait()
}

func publish(room *lksdk.Room, opts Options, told *reports, source livekit.TrackSource, layers []layer) (*publication, error) {
	about := &lksdk.TrackPublicationOptions{Name: source.String(), Source: source, DisableDTX: true}
	if info := layers[0].info; info != nil {
		about.VideoWidth, about.VideoHeight = int(info.Width), int(info.Height)
	}
	group := fmt.Sprintf("%s-%s-%d", opts.Identity, source, rand.Uint32())
	var tracks []*lksdk.LocalTrack
	for _, l := range layers {
		var simulcast []lksdk.LocalTrackOptions
		if len(layers) > 1 {
			simulcast = append(simulcast, lksdk.WithSimulcast(group, l.info))
		}
		track, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{MimeType: l.clip.mime, ClockRate: l.clip.clock, Channels: l.channels()}, simulcast...)
		if err != nil {
			return nil, fmt.Errorf("make track: %w", err)
		}
		track.SetLogger(sdkLogger(opts.Logger))
		tracks = append(tracks, track)
	}
	var lkpub *lksdk.LocalTrackPublication
	var err error
	if len(tracks) > 1 {
		lkpub, err = room.LocalParticipant.PublishSimulcastTrack(tracks, about)
	} else {
		lkpub, err = room.LocalParticipant.PublishTrack(tracks[0], about)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &publication{LocalTrackPublication: lkpub, cancel: cancel}
	ready := func() bool {
		pc := room.LocalParticipant.GetPublisherPeerConnection()
		return pc != nil && pc.ConnectionState() == webrtc.PeerConnectionStateConnected && !lkpub.IsMuted()
	}
	for i, track := range tracks {
		f := newFeed(layers[i].clip, ready, track.WriteRTP)
		told.add(route{track, f})
		p.feeds.Go(func() {
			pace(ctx, opts.Epoch, f.clip.rate, f.send)
			told.remove(f)
		})
	}
	return p, nil
}

// errorsOnly lets errors through: on joining, the SDK puts the access token into its log at level
// info, where its warnings come out too.
type errorsOnly struct{ slog.Handler }

func (h errorsOnly) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && h.Handler.Enabled(ctx, level)
}

func (h errorsOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return errorsOnly{h.Handler.WithAttrs(attrs)}
}
func (h errorsOnly) WithGroup(name string) slog.Handler { return errorsOnly{h.Handler.WithGroup(name)} }

func sdkLogger(l *slog.Logger) logger.Logger {
	return logger.LogRLogger(logr.FromSlogHandler(errorsOnly{l.Handler()}))
}

// channels is 2 for Opus, whatever is inside: RFC 7587 section 7 signals it so.
func (l layer) channels() uint16 {
	if l.info == nil {
		return 2
	}
	return 0
}

// feed turns the frames of a clip into RTP. It numbers and stamps packets itself, because a track fed
// with samples rounds each duration down to whole ticks, and the picture would fall behind the sound.
type feed struct {
	clip      *clip
	ready     func() bool
	write     func(*rtp.Packet, *lksdk.SampleWriteOptions) error
	payloader rtp.Payloader
	sequence  uint16
	base      uint32 // RTP timestamp of the epoch
	last      int64  // the frame sent last; -1 before the first and after a pause
}

func newFeed(c *clip, ready func() bool, write func(*rtp.Packet, *lksdk.SampleWriteOptions) error) *feed {
	f := &feed{clip: c, ready: ready, write: write, sequence: uint16(rand.Uint32()), base: rand.Uint32(), last: -1}
	switch c.mime {
	case webrtc.MimeTypeVP8:
		f.payloader = &codecs.VP8Payloader{EnablePictureID: true}
	case webrtc.MimeTypeVP9:
		f.payloader = &codecs.VP9Payloader{}
	case webrtc.MimeTypeAV1:
		f.payloader = &codecs.AV1Payloader{}
	case webrtc.MimeTypeH264:
		f.payloader = &codecs.H264Payloader{}
	default:
		f.payloader = &codecs.OpusPayloader{}
	}
	return f
}

// timestamp is the RTP time of an instant so long after the epoch.
func (f *feed) timestamp(since time.Duration) uint32 {
	clock := time.Duration(f.clip.clock)
	return f.base + uint32(since/time.Second*clock+since%time.Second*clock/time.Second)
}

// payloadSize leaves room below an Ethernet MTU of 1500 for headers, extensions and encryption.
const payloadSize = 1150

// send writes frame k. What cannot be sent now is lost, as with any live source; after that a video
// goes on with a key frame only, for it could not be decoded otherwise.
func (f *feed) send(k int64) {
	if !f.ready() || (k != f.last+1 && !f.clip.key(k)) {
		f.last = -1
		return
	}
	f.last = k
	payloads := f.payloader.Payload(payloadSize, f.clip.frame(k))
	for i, payload := range payloads {
		packet := &rtp.Packet{
			Header: rtp.Header{
				Version:        2,
				SequenceNumber: f.sequence,
				Timestamp:      f.base + uint32(k*int64(f.clip.clock)/int64(f.clip.rate)),
				Marker:         f.clip.levels == nil && i == len(payloads)-1,
			},
			Payload: payload,
		}
		f.sequence++
		// An error means that the connection is being closed or replaced; the SDK binds the track
		// anew, and the next key frame mends what is missing.
		_ = f.write(packet, &lksdk.SampleWriteOptions{AudioLevel: f.clip.level(k)})
	}
}
