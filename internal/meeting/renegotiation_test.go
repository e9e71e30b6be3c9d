//go:build !race

// LiveKit's server 1.13.4 itself races when a publisher of video negotiates once more
// (ParticipantImpl.updateRidsFromSDP writes what SendParticipantUpdates reads), so these tests fail
// under -race with a server in the same process, through no fault of this package.

package meeting

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

func TestSimulcastLayersCanBeChosen(t *testing.T) {
	server := startLiveKit(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	widths := make(chan int, 100) // of key frames
	publications := make(chan *lksdk.RemoteTrackPublication, 1)
	watcher, err := Join(ctx, server, Options{
		Room: "r", Identity: "w",
		OnTrack: func(track *webrtc.TrackRemote, pub *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
			publications <- pub
			go func() {
				for {
					packet, _, err := track.ReadRTP()
					if err != nil {
						return
					}
					var vp8 codecs.VP8Packet
					frame, err := vp8.Unmarshal(packet.Payload)
					// RFC 6386 section 9.1: a key frame carries its width in bytes 6 and 7.
					if err == nil && vp8.S == 1 && vp8.PID == 0 && len(frame) > 8 && frame[0]&1 == 0 {
						select {
						case widths <- int(binary.LittleEndian.Uint16(frame[6:]) & 0x3fff):
						default:
						}
					}
				}
			}()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	p, err := Join(ctx, server, Options{Room: "r", Identity: "p", Width: 320, Height: 180, Simulcast: true, Publish: []livekit.TrackSource{Camera}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	await := func(width int) {
		t.Helper()
		for {
			select {
			case got := <-widths:
				if got == width {
					return
				}
			case <-ctx.Done():
				t.Fatalf("no key frame %d wide", width)
			}
		}
	}
	await(320)
	pub := <-publications
	if layers := pub.TrackInfo().Layers; len(layers) != 3 {
		t.Errorf("%d layers, want 3: %v", len(layers), layers)
	}
	if err := pub.SetVideoQuality(livekit.VideoQuality_LOW); err != nil {
		t.Fatal(err)
	}
	await(80)
	if err := pub.SetVideoQuality(livekit.VideoQuality_MEDIUM); err != nil {
		t.Fatal(err)
	}
	await(160)
}

// Muted, a source sends nothing; what is not published cannot be muted.
func TestMuteAndScreenShare(t *testing.T) {
	server := startLiveKit(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	arrivals := make(chan livekit.TrackSource, 10_000)
	watcher, err := Join(ctx, server, Options{
		Room: "r", Identity: "w",
		OnTrack: func(track *webrtc.TrackRemote, pub *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
			go func() {
				for {
					if _, _, err := track.ReadRTP(); err != nil {
						return
					}
					select {
					case arrivals <- pub.Source():
					default:
					}
				}
			}()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	p, err := Join(ctx, server, Options{
		Room: "r", Identity: "p", Width: 320, Height: 180,
		Publish: []livekit.TrackSource{Camera, Microphone, Screen, ScreenAudio},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got, want := p.Sources(), []livekit.TrackSource{Camera, Microphone, Screen, ScreenAudio}; !slices.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
	waiting := map[livekit.TrackSource]bool{Camera: true, Microphone: true, Screen: true, ScreenAudio: true}
	for len(waiting) > 0 {
		select {
		case source := <-arrivals:
			delete(waiting, source)
		case <-ctx.Done():
			t.Fatalf("nothing came of %v", waiting)
		}
	}
	if err := p.Mute(Camera, true); err != nil {
		t.Fatal(err)
	}
	for quiet := time.NewTimer(300 * time.Millisecond); ; { // until the camera has been quiet so long
		select {
		case source := <-arrivals:
			if source == Camera {
				quiet.Reset(300 * time.Millisecond)
			}
			continue
		case <-ctx.Done():
			t.Fatal("a muted camera goes on")
		case <-quiet.C:
		}
		break
	}
	if err := p.Mute(Camera, false); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case source := <-arrivals:
			if source != Camera {
				continue
			}
		case <-ctx.Done():
			t.Fatal("an unmuted camera does not go on")
		}
		break
	}
	if err := p.Unpublish(Screen); err != nil {
		t.Error(err)
	}
	if err := p.Mute(Screen, true); err == nil {
		t.Error("muted a screen that is not shared")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Publish(ctx, Screen); err == nil {
		t.Error("published after leaving")
	}
}
