package meeting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"github.com/twitchtv/twirp"
)

// ErrNotPublished means that a participant was asked about a source that it does not publish.
var ErrNotPublished = errors.New("source is not published")

// The sources a participant can publish, in LiveKit's words, and those of an ordinary one.
const (
	Camera      = livekit.TrackSource_CAMERA
	Microphone  = livekit.TrackSource_MICROPHONE
	Screen      = livekit.TrackSource_SCREEN_SHARE
	ScreenAudio = livekit.TrackSource_SCREEN_SHARE_AUDIO
)

// Server says where the meeting is, and with whose key to enter it.
type Server struct {
	URL    string // ws:// or wss://
	Key    string
	Secret string
}

// Options describe one participant. Room and Identity are required.
type Options struct {
	Room     string
	Identity string
	Name     string // also drawn into the picture; empty: the identity
	Metadata string

	// Index chooses the picture, its hue, and the pitch of the beep: see [Tone].
	Index int
	// Publish lists the sources to publish on joining; empty: the participant only looks on.
	Publish []livekit.TrackSource
	// Talks makes the microphone's audio level (RFC 6464) that of somebody who never stops talking,
	// so that LiveKit takes whoever is not muted for an active speaker. Beeps alone are too short for it.
	Talks bool
	// Width, Height and FPS of every video; zero: 640x360 at 30. FPS is 25 or 30, so that frames
	// fall on whole seconds.
	Width, Height, FPS int
	// Codec is the MIME type of every video: VP8 (if empty), VP9, AV1 or H264.
	Codec string
	// Simulcast publishes the camera in three sizes: full, half and quarter. VP8 and H264 only.
	Simulcast bool

	// Epoch is the instant at which everyone's media began; flashes and beeps come at whole seconds
	// after it. Zero: [Epoch], the same for all participants of this process.
	Epoch time.Time
	// JoinAfter and LeaveAfter are counted by [Attend] from its call. LeaveAfter zero: stays on.
	JoinAfter, LeaveAfter time.Duration

	// OnTrack is called for each track subscribed to, on a goroutine of the SDK, and must not block.
	// Nil: the participant subscribes to nothing.
	OnTrack func(*webrtc.TrackRemote, *lksdk.RemoteTrackPublication, *lksdk.RemoteParticipant)
	// CacheDir keeps encoded media between runs; empty: a folder in the user's cache.
	CacheDir string
	// Logger gets the SDK's errors, nothing less; nil: nobody does.
	Logger *slog.Logger
}

var processEpoch = func() time.Time {
	now := time.Now()
	return now.Add(-time.Duration(now.Nanosecond())) // Truncate would drop the monotonic clock
}()

// Epoch is the whole UTC second in which this process began.
func Epoch() time.Time { return processEpoch }

func (o Options) withDefaults() (Options, error) {
	if o.Room == "" || o.Identity == "" {
		return o, errors.New("a participant needs a room and an identity")
	}
	if o.Name == "" {
		o.Name = o.Identity
	}
	if o.Width == 0 || o.Height == 0 {
		o.Width, o.Height = 640, 360
	}
	if o.FPS == 0 {
		o.FPS = 30
	}
	if o.FPS != 25 && o.FPS != 30 {
		return o, fmt.Errorf("%d frames a second, want 25 or 30", o.FPS)
	}
	if o.Codec == "" {
		o.Codec = webrtc.MimeTypeVP8
	}
	if o.Epoch.IsZero() {
		o.Epoch = processEpoch
	}
	if o.CacheDir == "" {
		o.CacheDir = cacheDir()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Participant is someone in a room. Its methods may be called from any goroutine.
type Participant struct {
	server Server
	opts   Options
	room   *lksdk.Room
	view   *View
	told   *reports

	mu           sync.Mutex // publications, and the order of publishing, unpublishing and closing
	publications map[livekit.TrackSource]*publication
	closed       bool
}

// joinTimeout bounds one attempt to connect. The SDK's own 5 s do not suffice while a busy machine
// runs the server and many participants.
const joinTimeout = 20 * time.Second

// Join makes the participant's media if it is not in the cache (some seconds for each video), enters
// the room, and publishes. The participant stays until Close.
func Join(ctx context.Context, server Server, options Options) (*Participant, error) {
	opts, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	if err := Prepare(ctx, opts); err != nil { // no one in the room should wait for an encoder
		return nil, fmt.Errorf("join: %w", err)
	}
	p := &Participant{
		server: server, opts: opts, view: newView(), told: &reports{epoch: opts.Epoch},
		publications: make(map[livekit.TrackSource]*publication),
	}
	callback := p.view.callback()
	callback.OnTrackSubscribed = opts.OnTrack
	p.room = lksdk.NewRoom(callback)
	p.room.SetLogger(sdkLogger(opts.Logger))
	err = p.room.JoinWithContext(ctx, server.URL, lksdk.ConnectInfo{
		APIKey: server.Key, APISecret: server.Secret, RoomName: opts.Room,
		ParticipantIdentity: opts.Identity, ParticipantName: opts.Name, ParticipantMetadata: opts.Metadata,
	}, lksdk.WithAutoSubscribe(opts.OnTrack != nil), lksdk.WithConnectTimeout(joinTimeout),
		lksdk.WithInterceptors([]interceptor.Factory{p.told}), lksdk.WithIncludeDefaultInterceptors(true))
	if err != nil {
		return nil, fmt.Errorf("join %s as %s: %w", opts.Room, opts.Identity, err)
	}
	p.view.joined(p.room)
	for _, source := range opts.Publish {
		if err := p.Publish(ctx, source); err != nil {
			return nil, errors.Join(fmt.Errorf("join: %w", err), p.Close())
		}
	}
	return p, nil
}

// Attend joins after options.JoinAfter, stays until options.LeaveAfter or until ctx ends, and leaves.
func Attend(ctx context.Context, server Server, options Options) error {
	began := time.Now()
	if err := Prepare(ctx, options); err != nil {
		return fmt.Errorf("attend: %w", err)
	}
	if !sleepUntil(ctx, began.Add(options.JoinAfter)) {
		return nil
	}
	p, err := Join(ctx, server, options)
	if err != nil {
		return err
	}
	if options.LeaveAfter > 0 {
		sleepUntil(ctx, began.Add(options.LeaveAfter))
	} else {
		<-ctx.Done()
	}
	return p.Close()
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Room is the SDK's room, for what has no method here, such as simulated network failures.
func (p *Participant) Room() *lksdk.Room { return p.room }

// View is what this participant sees of the room.
func (p *Participant) View() *View { return p.view }

// Publish adds a source. Publishing again what was unpublished gives a new track.
func (p *Participant) Publish(ctx context.Context, source livekit.TrackSource) error {
	clips, err := p.opts.clips(ctx, source)
	if err != nil {
		return fmt.Errorf("publish %s: %w", source, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.publications[source] != nil {
		return fmt.Errorf("publish %s: published already, or the participant has left", source)
	}
	pub, err := publish(p.room, p.opts, p.told, source, clips)
	if err != nil {
		return fmt.Errorf("publish %s: %w", source, err)
	}
	p.publications[source] = pub
	return nil
}

// Unpublish takes a source away again.
func (p *Participant) Unpublish(source livekit.TrackSource) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pub := p.publications[source]
	if pub == nil {
		return fmt.Errorf("unpublish %s: %w", source, ErrNotPublished)
	}
	delete(p.publications, source)
	pub.stop()
	if err := p.room.LocalParticipant.UnpublishTrack(pub.SID()); err != nil {
		return fmt.Errorf("unpublish %s: %w", source, err)
	}
	return nil
}

// Mute silences a source, or lets it be heard or seen again; like a browser it sends nothing
// meanwhile, and a video goes on with a key frame. Muted sources stay published.
func (p *Participant) Mute(source livekit.TrackSource, muted bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pub := p.publications[source]
	if pub == nil {
		return fmt.Errorf("mute %s: %w", source, ErrNotPublished)
	}
	pub.SetMuted(muted)
	return nil
}

// Sources lists what is published now, in LiveKit's order.
func (p *Participant) Sources() []livekit.TrackSource {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sources []livekit.TrackSource
	for source := range p.publications {
		sources = append(sources, source)
	}
	slices.Sort(sources)
	return sources
}

// Close stops publishing and leaves the room as a person does who hangs up; on return the others have
// been told, or soon will be. Closing twice is harmless.
func (p *Participant) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	for _, pub := range p.publications {
		pub.stop()
	}
	clear(p.publications)
	sid := p.room.LocalParticipant.SID()
	p.room.Disconnect()
	return p.awaitGone(sid)
}

// awaitGone waits until the server has noticed that the participant left, and removes it if it does
// not. The SDK closes its connection right behind the leave request, and now and then the request
// has no effect on the server, which then waits 20 s for a return.
func (p *Participant) awaitGone(sid string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	rooms := lksdk.NewRoomServiceClient(p.server.URL, p.server.Key, p.server.Secret)
	who := &livekit.RoomParticipantIdentity{Room: p.opts.Room, Identity: p.opts.Identity}
	for patience := time.Now().Add(time.Second); ; {
		info, err := rooms.GetParticipant(ctx, who)
		if err == nil && info.Sid != sid || isNotFound(err) {
			return nil
		}
		if err == nil && time.Now().After(patience) {
			_, err = rooms.RemoveParticipant(ctx, who)
		}
		if err != nil && !isNotFound(err) {
			return fmt.Errorf("leave %s as %s: %w", p.opts.Room, p.opts.Identity, err)
		}
		sleepUntil(ctx, time.Now().Add(20*time.Millisecond))
	}
}

func isNotFound(err error) bool {
	var refusal twirp.Error
	return errors.As(err, &refusal) && refusal.Code() == twirp.NotFound
}
