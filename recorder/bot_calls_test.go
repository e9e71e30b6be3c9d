package recorder

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"

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

// A call whose caller has given up while the bot was busy has no effect later on.
func TestStartInVain(t *testing.T) {
	b, rec := outside(t)
	began, busy := make(chan struct{}), make(chan struct{})
	b.do(func() { close(began); <-busy })
	<-began
	ctx, giveUp := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() { answer <- b.Start(ctx, rec) }()
	for len(b.inbox) == 0 {
		time.Sleep(time.Millisecond)
	}
	giveUp()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("Start = %v, want that it was given up", err)
	}
	close(busy)
	must(t, b.ask(t.Context(), func() error {
		if len(b.captures) > 0 {
			t.Error("a recording has begun whose caller was told that it has not")
		}
		return nil
	}))
	must(t, b.Close(t.Context(), recording.EndedByStop))
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

// Who stops a recording while it is being completed, because its room was closed or
// it reached its limit, gets what it has become.
func TestStopOfWhatHasEnded(t *testing.T) {
	b, rec := outside(t)
	must(t, b.Start(t.Context(), rec))
	slow := make(chan struct{})
	must(t, b.ask(t.Context(), func() error {
		b.captures[rec.ID].finalizing.Go(func() { <-slow })
		b.endAll(recording.EndedByRoom, nil)
		return nil
	}))
	go close(slow)
	for range 2 {
		if m, err := b.Stop(t.Context(), rec.ID, recording.EndedByStop); err != nil || m.Ended != recording.EndedByRoom {
			t.Errorf("Stop = %+v, %v", m, err)
		}
	}
	must(t, b.Close(t.Context(), recording.EndedByStop))
}

// A bot whose room was closed takes no recordings any more: nothing would ever come.
func TestStartInClosedRoom(t *testing.T) {
	b, rec := outside(t)
	room := lksdk.NewRoom(nil)
	room.OnDisconnected(livekit.DisconnectReason_ROOM_DELETED)
	must(t, b.ask(t.Context(), func() error {
		b.room = room
		b.disconnected(room)
		return nil
	}))
	if err := b.Start(t.Context(), rec); !errors.Is(err, ErrClosed) {
		t.Errorf("Start = %v, want %v", err, ErrClosed)
	}
	must(t, b.Close(t.Context(), recording.EndedByStop))
}
