package deliver

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// feed starts to watch; next waits for the next event that is told.
func feed(t *testing.T, w *Webhooks, q FeedQuery) (next func() Entry) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	entries, err := w.Feed(ctx, q)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		for range entries { // until it is closed
		}
	})
	return func() Entry {
		t.Helper()
		select {
		case e := <-entries:
			return e
		case <-time.After(patience):
			t.Fatal("no event came")
		}
		return Entry{}
	}
}

// Who watches sees each event once, in order, however often it is published,
// and goes on at any event where they were cut off.
func TestFeed(t *testing.T) {
	addr := redisserver.Run(t).Addr
	w := newWebhooks(t, client(t, addr), nil)
	runUntilEnd(t, w.Run)
	before := time.Now().Add(-time.Minute)
	old := event(t, "rec_1", "old")
	publish(t, w, old)
	all, mine := feed(t, w, FeedQuery{}), feed(t, w, FeedQuery{Room: "a", Types: []string{"recording.*"}})
	var events []Event
	for i := range 2 * logBatch {
		e := event(t, fmt.Sprint("rec_", i%3), i)
		e.Room = []string{"a", "b"}[i%2]
		if i%5 == 0 {
			e.Type = SessionEnded
		}
		publish(t, w, e)
		publish(t, w, e)
		events = append(events, e)
	}
	cursors := map[string]string{}
	for i, e := range events {
		got := all()
		if !cmp.Equal(got.Event, e) {
			t.Fatalf("event %d: %s", i, cmp.Diff(e, got.Event))
		}
		cursors[e.ID] = got.Cursor
	}
	for i, e := range events {
		if i%2 == 0 && i%5 != 0 {
			if got := mine(); got.Event.ID != e.ID {
				t.Fatalf("event %d: the narrow feed has %+v", i, got.Event)
			}
		}
	}
	// Another process goes on where this one was.
	other := newWebhooks(t, client(t, addr), nil)
	for from := range events {
		if from%50 != 7 {
			continue
		}
		next := feed(t, other, FeedQuery{After: cursors[events[from].ID]})
		for _, e := range events[from+1:] {
			if got := next(); got.Event.ID != e.ID {
				t.Fatalf("after event %d: got %s, want %s", from, got.Event.ID, e.ID)
			}
		}
	}
	if got := feed(t, other, FeedQuery{Since: before})(); got.Event.ID != old.ID {
		t.Errorf("since before all: %+v", got)
	}
	if got := feed(t, other, FeedQuery{Since: before, Recording: "rec_2"})(); got.Event.ID != events[2].ID {
		t.Errorf("of one recording: %+v", got)
	}
}

func TestFeedRefuses(t *testing.T) {
	s := redisserver.Run(t)
	w := newWebhooks(t, client(t, s.Addr), nil, func(o *WebhookOptions) { o.KeepEvents = 10 })
	publish(t, w, event(t, "rec_1", 0))
	entries, err := w.log.after(t.Context(), "0-0")
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	first := entries[0].Cursor
	until(t, "the first is not kept any more", func() bool {
		publish(t, w, event(t, "rec_1", 1))
		_, err := w.log.start(t.Context(), FeedQuery{After: first})
		return recording.CodeOf(err) == CodeEventsGone
	})
	for after, want := range map[string]recording.Code{
		first: CodeEventsGone, "99999999999999-0": CodeEventsGone, "yesterday": recording.CodeInvalidRequest, "+": recording.CodeInvalidRequest,
	} {
		if _, err := w.Feed(t.Context(), FeedQuery{After: after}); recording.CodeOf(err) != want {
			t.Errorf("after %q: %v, want %s", after, err, want)
		}
	}
}

// A feed outlives a Redis that goes and comes back.
func TestFeedWithoutRedis(t *testing.T) {
	s := redisserver.Run(t, "--appendonly", "yes", "--appendfsync", "always")
	w := newWebhooks(t, client(t, s.Addr), nil)
	runUntilEnd(t, w.Run)
	next := feed(t, w, FeedQuery{})
	publish(t, w, event(t, "rec_1", 0))
	if got := next(); string(got.Event.Data) != "0" {
		t.Fatalf("got %+v", got)
	}
	s.Kill()
	late := event(t, "rec_1", 1)
	if err := w.Publish(t.Context(), late); recording.CodeOf(err) != recording.CodeStoreUnavailable {
		t.Fatalf("published without Redis: %v", err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "redis takes it", func() bool { return w.Publish(t.Context(), late) == nil })
	if got := next(); got.Event.ID != late.ID {
		t.Errorf("got %+v", got)
	}
}
