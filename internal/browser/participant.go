package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/internal/meeting"
)

// Options describe one participant. Room and Identity are required.
type Options struct {
	Room     string
	Identity string
	Name     string
	// Dynacast pauses what nobody subscribes to, as LiveKit's own meeting application does.
	Dynacast bool
}

// Track describes a track to publish. The zero value of all but Source is what LiveKit's client does
// by itself: VP8 in simulcast, Opus with RED and DTX.
type Track struct {
	Source livekit.TrackSource
	// Device publishes Chromium's fake device for the source instead of flashes and beeps; there is
	// none for a screen's audio.
	Device bool
	// Index chooses hue and pitch of flashes and beeps: see [meeting.Tone], [meeting.ScreenTone].
	Index int
	// Width, Height and FPS of a video; zero: 960x540 at 30, which LiveKit's client sends in three
	// layers.
	Width, Height, FPS int
	// Codec is "vp8", "vp9", "av1" or "h264"; empty: the client's choice, VP8.
	Codec string
	// SingleLayer sends one layer where the client would send a simulcast.
	SingleLayer bool
}

// Participant is someone in a room, in a page of their own. Its methods may be called from any
// goroutine.
type Participant struct {
	browser *Browser
	page    string

	mu      sync.Mutex
	current State
	changed chan struct{} // closed and replaced at each change
}

// State is what the client says of its room. Nobody is listed as their own participant.
type State struct {
	Connection   string   `json:"connection"`   // such as "connected"
	Participants []string `json:"participants"` // identities in the room, sorted
	Seen         []string `json:"seen"`         // identities that ever were, sorted
	// Counts are the values that room.numParticipants has had, in order; it counts the participant.
	Counts []int `json:"counts"`
	// Recording is room.isRecording, and Recordings what RecordingStatusChanged told, in order.
	Recording  bool        `json:"recording"`
	Recordings []bool      `json:"recordings"`
	Tracks     []Published `json:"tracks"`
}

// Published is a track that the participant publishes.
type Published struct {
	Source string `json:"source"` // in the client's words, such as "screen_share"
	SID    string `json:"sid"`
	MIME   string `json:"mime"`
	Muted  bool   `json:"muted"`
}

// Join opens a page and enters a room with it. Publishing is another step.
func (b *Browser) Join(ctx context.Context, server meeting.Server, o Options) (*Participant, error) {
	token, err := auth.NewAccessToken(server.Key, server.Secret).SetIdentity(o.Identity).SetName(o.Name).
		SetVideoGrant(&auth.VideoGrant{RoomJoin: true, Room: o.Room}).ToJWT()
	if err != nil {
		return nil, fmt.Errorf("join as %s: %w", o.Identity, err)
	}
	p := &Participant{browser: b, changed: make(chan struct{})}
	if p.page, err = b.open(ctx, o.Identity); err == nil {
		b.driver.listen(p.page, p.report)
		err = p.call(ctx, nil, "join", server.URL, token, o.Dynacast)
	}
	if err != nil {
		return nil, fmt.Errorf("join as %s: %w", o.Identity, err)
	}
	return p, nil
}

// Publish publishes a track; the answer comes when the server knows it.
func (p *Participant) Publish(ctx context.Context, t Track) error {
	return p.call(ctx, nil, "publish", describe(t))
}

// Replace sends other media in a track that is published: the track stays the same for LiveKit. Codec
// and SingleLayer have no effect.
func (p *Participant) Replace(ctx context.Context, t Track) error {
	return p.call(ctx, nil, "replace", describe(t))
}

// Unpublish takes a track away again.
func (p *Participant) Unpublish(ctx context.Context, source livekit.TrackSource) error {
	return p.call(ctx, nil, "unpublish", nameOf(source))
}

// Mute mutes a track, or unmutes it.
func (p *Participant) Mute(ctx context.Context, source livekit.TrackSource, muted bool) error {
	return p.call(ctx, nil, "mute", nameOf(source), muted)
}

// Leave leaves the room as a person does who hangs up. The page stays open, and State keeps what it
// last saw.
func (p *Participant) Leave(ctx context.Context) error { return p.call(ctx, nil, "leave") }

// CloseTab closes the page, without a goodbye.
func (p *Participant) CloseTab(ctx context.Context) error {
	if err := p.browser.driver.do(ctx, command{Page: p.page}, nil); err != nil {
		return fmt.Errorf("%s: close tab: %w", p.page, err)
	}
	return nil
}

// State is a copy of what is known now.
func (p *Participant) State() State {
	now, _ := p.state()
	return now
}

// Await waits until what is known fulfils a condition, and returns it. The error wraps that of ctx,
// if ctx ends first.
func (p *Participant) Await(ctx context.Context, fulfilled func(State) bool) (State, error) {
	for {
		now, changed := p.state()
		if fulfilled(now) {
			return now, nil
		}
		select {
		case <-changed:
		case <-p.browser.driver.ended:
			return now, fmt.Errorf("%s: await a change in the room (now %+v): %w", p.page, now, p.browser.driver.failure)
		case <-ctx.Done():
			return now, fmt.Errorf("%s: await a change in the room (now %+v): %w", p.page, now, context.Cause(ctx))
		}
	}
}

func (p *Participant) state() (State, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current, p.changed // each report is a State of its own: no slice is ever changed
}

func (p *Participant) report(said json.RawMessage) {
	var now State
	if err := json.Unmarshal(said, &now); err != nil {
		fmt.Fprintf(&p.browser.driver.said, "%s: report not understood: %v\n", p.page, err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = now
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Participant) call(ctx context.Context, value any, method string, parameters ...any) error {
	if err := p.browser.driver.do(ctx, command{Page: p.page, Call: method, With: parameters}, value); err != nil {
		return fmt.Errorf("%s: %s: %w", p.page, method, err)
	}
	return nil
}

// describe is a track in the page's words.
func describe(t Track) map[string]any {
	tone := meeting.Tone(t.Index)
	if t.Source == meeting.ScreenAudio {
		tone = meeting.ScreenTone(t.Index)
	}
	if t.Width == 0 || t.Height == 0 {
		t.Width, t.Height = 960, 540
	}
	if t.FPS == 0 {
		t.FPS = 30
	}
	hue := 30 + t.Index*137 // as in package meeting
	if t.Source == meeting.Screen {
		hue += 60
	}
	return map[string]any{
		"source": nameOf(t.Source), "device": t.Device, "hue": hue % 360, "tone": tone,
		"width": t.Width, "height": t.Height, "fps": t.FPS, "codec": t.Codec, "simulcast": !t.SingleLayer,
	}
}

// nameOf is a source in the client's words.
func nameOf(source livekit.TrackSource) string { return strings.ToLower(source.String()) }
