//go:build !race

package recorder

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"

	people "github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

// eventually waits until the bot's goroutine finds that it is so.
func (b *Bot) eventually(ctx context.Context, t *testing.T, what string, is func() bool) {
	t.Helper()
	for {
		var yes bool
		must(t, b.ask(ctx, func() error { yes = is(); return nil }))
		if yes {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		}
	}
}

// TestBotForgetsWhoLeft: what is known of a participant's tracks goes when they do.
func TestBotForgetsWhoLeft(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	server, bots := visitors(ctx, t, 1)
	b := bots[0]
	must(t, b.Start(ctx, wish()))
	for range 3 {
		ben, err := people.Join(ctx, server, people.Options{
			Room: "r", Identity: "ben", Publish: []livekit.TrackSource{people.Microphone},
		})
		must(t, err)
		b.eventually(ctx, t, "Ben is heard", func() bool { return len(b.tracks) == 2 })
		must(t, ben.Close())
		b.eventually(ctx, t, "Ben has left", func() bool { return len(b.people) == 1 && len(b.tracks) == 1 })
	}
	b.eventually(ctx, t, "only Anna's microphone is known", func() bool {
		return len(b.publications) == 1 && len(b.requested) == 1
	})
	must(t, b.Close(ctx, recording.EndedByStop))
}

// TestBotTellsWhoIsNotSent: the manifest names the track that LiveKit never sent, and
// no longer the one that it sent after all.
func TestBotTellsWhoIsNotSent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	server, bots := visitors(ctx, t, 1)
	b := bots[0]
	permit := func(subscribe bool) {
		_, err := lksdk.NewRoomServiceClient(server.URL, server.Key, server.Secret).UpdateParticipant(ctx, &livekit.UpdateParticipantRequest{
			Room: "r", Identity: b.Identity(), Permission: &livekit.ParticipantPermission{CanSubscribe: subscribe, Hidden: true, Recorder: true},
		})
		must(t, err)
	}
	rec := wish()
	permit(false)
	must(t, b.Start(ctx, rec))
	ben, err := people.Join(ctx, server, people.Options{
		Room: "r", Identity: "ben", Publish: []livekit.TrackSource{people.Microphone},
	})
	must(t, err)
	b.eventually(ctx, t, "both are told off", func() bool { return len(b.captures[rec.ID].refused) == 2 })
	must(t, ben.Close())
	b.eventually(ctx, t, "Ben has left", func() bool { return len(b.people) == 1 })
	permit(true)
	b.eventually(ctx, t, "Anna is written", func() bool {
		for _, tr := range b.tracks {
			if n := tr.published.Load(); n != nil {
				return n.frames > 0
			}
		}
		return false
	})
	m, err := b.Stop(ctx, rec.ID, recording.EndedByStop)
	must(t, err)
	if len(m.Parts) != 1 || m.Parts[0].Participant != "anna" {
		t.Errorf("parts are %+v", m.Parts)
	}
	want := []recording.RefusedTrack{{
		Participant: "ben", Source: "microphone", Codec: "audio/opus", Error: &recording.Error{Code: recording.CodeSubscribeFailed},
	}}
	if diff := cmp.Diff(want, m.Refused, cmpopts.IgnoreFields(recording.RefusedTrack{}, "At", "SID"), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	must(t, b.Close(ctx, recording.EndedByStop))
}
