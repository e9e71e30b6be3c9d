package recorder

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// outside is a bot that is in no room.
func outside(t *testing.T) (*Bot, recording.Recording) {
	t.Helper()
	archive, err := recording.OpenArchive(t.TempDir())
	must(t, err)
	b := newBot(t.Context(), "r", 1, Options{Archive: archive, Node: "n", Log: slog.New(slog.DiscardHandler)}, func(Report) {})
	go b.run()
	return b, recording.Recording{
		ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: "r"}, CreatedAt: time.Now(),
	}
}

// A bot leaves its room also if that takes longer than its caller waits: nobody
// calls Close again.
func TestCloseGoesOn(t *testing.T) {
	b, rec := outside(t)
	must(t, b.Start(t.Context(), rec))
	var c *capture
	must(t, b.ask(t.Context(), func() error {
		c = b.captures[rec.ID]
		c.finalizing.Add(1) // a disk that is slow
		return nil
	}))
	ctx, giveUp := context.WithCancel(t.Context())
	giveUp()
	if err := b.Close(ctx, recording.EndedByStop); !errors.Is(err, context.Canceled) {
		t.Errorf("Close = %v, want that it was given up", err)
	}
	c.finalizing.Done()
	select {
	case <-b.done:
	case <-time.After(time.Minute):
		t.Fatal("the bot has not left")
	}
	m, err := recording.ReadManifest(c.dir)
	if err != nil || m.Ended != recording.EndedByStop {
		t.Errorf("the manifest is %+v, %v", m, err)
	}
}
