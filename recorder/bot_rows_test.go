//go:build !race

package recorder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"

	people "github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

// visitors are bots of one room of a server, in which Anna publishes.
func visitors(ctx context.Context, t *testing.T, epochs ...int64) (server people.Server, bots []*Bot) {
	t.Helper()
	url, keys := startLiveKit(t), testKeys
	server = people.Server{URL: url, Key: keys.Key, Secret: keys.Secret}
	anna, err := people.Join(ctx, server, people.Options{
		Room: "r", Identity: "anna", Publish: []livekit.TrackSource{people.Microphone},
	})
	must(t, err)
	t.Cleanup(func() { anna.Close() })
	for _, epoch := range epochs {
		archive, err := recording.OpenArchive(t.TempDir())
		must(t, err)
		b, err := Open(ctx, "r", epoch, Options{
			URL: url, Token: keys.RecorderToken, Archive: archive, Node: "n", Log: slog.New(slog.DiscardHandler),
		}, func(Report) {})
		must(t, err)
		bots = append(bots, b)
	}
	return server, bots
}

func wish() recording.Recording {
	return recording.Recording{ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: "r"}, CreatedAt: time.Now()}
}

// TestBotRow46TwoBots: a second bot in a room, even one under the same lease, throws
// the first one out by no means: each has an identity of its own.
func TestBotRow46TwoBots(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	_, bots := visitors(ctx, t, 7, 7)
	if bots[0].Identity() == bots[1].Identity() {
		t.Fatalf("both bots are %s", bots[0].Identity())
	}
	recs := []recording.Recording{wish(), wish()}
	for i, b := range bots {
		must(t, b.Start(ctx, recs[i]))
	}
	for i, b := range bots {
		for heard := false; !heard; {
			must(t, b.ask(ctx, func() error {
				for _, tr := range b.tracks {
					heard = tr.published.Load() != nil
				}
				return nil
			}))
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				t.Fatalf("bot %d hears nothing", i)
			}
		}
	}
	for i, b := range bots {
		m, err := b.Stop(ctx, recs[i].ID, recording.EndedByStop)
		must(t, err)
		if len(m.Parts) != 1 || m.Ended != recording.EndedByStop {
			t.Errorf("bot %d: %d parts, ended by %s", i, len(m.Parts), m.Ended)
		}
		must(t, b.Close(ctx, recording.EndedByStop))
	}
}

// TestBotRow52CallsRaceWithClose: whatever is called while a bot leaves its room
// returns, and says so; nothing is left running, as TestMain checks.
func TestBotRow52CallsRaceWithClose(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	_, bots := visitors(ctx, t, 1)
	b := bots[0]
	const callers, rounds = 8, 50
	var work sync.WaitGroup
	ready := make(chan struct{}, callers)
	for range callers {
		work.Go(func() {
			for i := range rounds {
				rec := wish()
				for _, err := range []error{b.Start(ctx, rec), b.Update(ctx, rec), stopped(b.Stop(ctx, rec.ID, recording.EndedByStop))} {
					var known *recording.Error
					switch {
					case err == nil, errors.Is(err, ErrClosed):
					case errors.As(err, &known) && known.Code == recording.CodeNotFound: // Close has ended it
					default:
						t.Errorf("call while closing: %v", err)
					}
				}
				if i == 0 {
					ready <- struct{}{}
				}
			}
		})
	}
	for range callers {
		<-ready
	}
	for range 2 {
		if err := b.Close(ctx, recording.EndedByShutdown); err != nil {
			var known *recording.Error
			if !errors.As(err, &known) || known.Code != recording.CodeNotFound { // a caller was faster
				t.Errorf("Close: %v", err)
			}
		}
	}
	work.Wait()
	if err := b.Start(ctx, wish()); !errors.Is(err, ErrClosed) {
		t.Errorf("Start after Close: %v, want ErrClosed", err)
	}
}

func stopped(_ *recording.Manifest, err error) error { return err }
