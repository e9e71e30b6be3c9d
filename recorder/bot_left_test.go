//go:build !race

package recorder

import (
	"context"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"

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
