package deliver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// Deliveries are listed by endpoint, recording and state, page by page, and sent
// again, one or all since a time.
func TestDeliveriesAndRedelivery(t *testing.T) {
	a, b := startReceiver(t, nil), startReceiver(t, status(500))
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{a.URL, b.URL}, func(o *WebhookOptions) { o.Backoff = []time.Duration{} })
	runUntilEnd(t, w.Run)
	var events []Event
	for i := range 9 {
		e := event(t, fmt.Sprint("rec_", i%3), i)
		publish(t, w, e)
		events = append(events, e)
		settled(t, w, e.ID+".e0")
		settled(t, w, e.ID+".e1")
		if i == 3 {
			until(t, "the clock goes on", func() bool { return time.Since(e.Time) > 2*time.Millisecond })
		}
	}
	ids := func(q Query) (got []string) {
		t.Helper()
		for {
			page, err := w.Deliveries(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page.Items {
				got = append(got, d.ID)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return got
			}
		}
	}
	want := func(suffixes string, keep func(i int) bool) (list []string) {
		for i, e := range slices.Backward(events) {
			for _, s := range strings.Fields(suffixes) {
				if keep(i) {
					list = append(list, e.ID+s)
				}
			}
		}
		return list
	}
	all := func(int) bool { return true }
	sameIDs(t, "all", ids(Query{Limit: 4}), want(".e1 .e0", all))
	sameIDs(t, "all on one page", ids(Query{Limit: 18}), want(".e1 .e0", all))
	sameIDs(t, "endpoint", ids(Query{Limit: 2, Endpoint: "e0"}), want(".e0", all))
	sameIDs(t, "recording", ids(Query{Limit: 1, Recording: "rec_1"}), want(".e1 .e0", func(i int) bool { return i%3 == 1 }))
	sameIDs(t, "failed", ids(Query{States: []State{Failed}}), want(".e1", all))
	sameIDs(t, "both", ids(Query{Recording: "rec_2", Endpoint: "e1", States: []State{Failed}}), want(".e1", func(i int) bool { return i%3 == 2 }))
	sameIDs(t, "pending", ids(Query{States: []State{Pending, Running}}), nil)
	if _, err := w.Deliveries(t.Context(), Query{Limit: 201}); recording.CodeOf(err) != recording.CodeInvalidRequest {
		t.Errorf("limit 201: %v", err)
	}

	body, _ := events[0].body()
	got, err := w.Delivery(t.Context(), events[0].ID+".e1")
	wantDelivery := Delivery{
		ID: events[0].ID + ".e1", EventID: events[0].ID, Type: RecordingStarted, Endpoint: "e1", URL: b.URL, RecordingID: "rec_0",
		State: Failed, Error: recording.Errorf(CodeWebhookFailed, "the endpoint answered 500"), Body: string(body),
		Attempts: []Attempt{{Status: 500, Error: recording.Errorf(CodeWebhookFailed, "the endpoint answered 500")}},
	}
	if diff := cmp.Diff(wantDelivery, got, cmpopts.IgnoreUnexported(recording.Error{}),
		cmpopts.IgnoreFields(Delivery{}, "CreatedAt", "EndedAt"), cmpopts.IgnoreFields(Attempt{}, "At", "Latency")); diff != "" || err != nil {
		t.Errorf("delivery: %v %s", err, diff)
	}
	if got.CreatedAt.IsZero() || got.EndedAt.Before(got.CreatedAt) {
		t.Errorf("made %v, ended %v", got.CreatedAt, got.EndedAt)
	}

	b.set(nil)
	if err := w.Redeliver(t.Context(), events[0].ID+".e1"); err != nil {
		t.Fatal(err)
	}
	d := settled(t, w, events[0].ID+".e1")
	if d.State != Done || d.Error != nil || !slices.Equal(statuses(d.Attempts), []int{500, 204}) {
		t.Errorf("redelivered: %s, %v, %v", d.State, d.Error, statuses(d.Attempts))
	}
	if err := w.Redeliver(t.Context(), "evt_0.e0"); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("redeliver what is not there: %v", err)
	}

	since := events[4].Time
	n, err := w.RedeliverSince(t.Context(), "e1", since, false)
	if err != nil || n != 5 {
		t.Errorf("failed since: %d, %v", n, err)
	}
	n, err = w.RedeliverSince(t.Context(), "e0", since, true)
	if err != nil || n != 5 {
		t.Errorf("all since: %d, %v", n, err)
	}
	until(t, "all have come again", func() bool { return len(a.ids(true)) == 14 && len(b.ids(true)) == 6 })
	for _, rec := range []string{"rec_0", "rec_1", "rec_2"} {
		var got, want []string
		for _, m := range a.taken[9:] {
			if m.RecordingID == rec {
				got = append(got, m.ID)
			}
		}
		for _, e := range events[4:] {
			if e.RecordingID == rec {
				want = append(want, e.ID)
			}
		}
		sameIDs(t, "order of "+rec, got, want)
	}

	id, err := w.Test(t.Context(), "e0")
	if err != nil {
		t.Fatal(err)
	}
	if d := settled(t, w, id); d.State != Done || d.Type != TestEvent {
		t.Errorf("test event: %+v", d)
	}
	if _, err := w.Test(t.Context(), "e9"); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("test of nobody: %v", err)
	}
}

// A delivery that waits for its next attempt is hurried, and keeps its place.
func TestRedeliverPending(t *testing.T) {
	r := startReceiver(t, func(n int, _ message, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(500)
			return
		}
		w.WriteHeader(200)
	})
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{r.URL}, func(o *WebhookOptions) { o.Backoff = []time.Duration{time.Hour} })
	runUntilEnd(t, w.Run)
	first, second := event(t, "rec_1", 1), event(t, "rec_1", 2)
	publish(t, w, first)
	publish(t, w, second)
	until(t, "the first waits", func() bool {
		d, err := w.Delivery(t.Context(), first.ID+".e0")
		return err == nil && d.State == Pending && len(d.Attempts) == 1 && time.Until(d.NextAttempt) > 50*time.Minute
	})
	if err := w.Redeliver(t.Context(), first.ID+".e0"); err != nil {
		t.Fatal(err)
	}
	settled(t, w, second.ID+".e0")
	sameIDs(t, "order", r.ids(false), []string{first.ID, first.ID, second.ID})
}

// Redelivering what is under way, or waits behind it, starts no second attempt.
func TestRedeliverRunning(t *testing.T) {
	release := make(chan struct{})
	r := startReceiver(t, func(_ int, m message, w http.ResponseWriter) {
		if m.RecordingID == "rec_1" {
			<-release
		}
		w.WriteHeader(200)
	})
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{r.URL}, func(o *WebhookOptions) { o.LeaseTTL = time.Minute })
	runUntilEnd(t, w.Run)
	first, second, other := event(t, "rec_1", 1), event(t, "rec_1", 2), event(t, "rec_2", 3)
	publish(t, w, first)
	publish(t, w, second)
	until(t, "the first is under way", func() bool { return len(r.ids(false)) == 1 })
	for _, e := range []Event{first, second} {
		if err := w.Redeliver(t.Context(), e.ID+".e0"); err != nil {
			t.Error(err)
		}
	}
	publish(t, w, other)
	settled(t, w, other.ID+".e0")
	sameIDs(t, "while it is under way", r.ids(false), []string{first.ID, other.ID})
	close(release)
	settled(t, w, second.ID+".e0")
	sameIDs(t, "in the end", r.ids(false), []string{first.ID, other.ID, second.ID})
}

// What is over the bounds is filed as failed, or forgotten.
func TestBounds(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	r := startReceiver(t, nil)
	w := newWebhooks(t, rdb, []string{r.URL}, func(o *WebhookOptions) { o.MaxPending, o.KeepMost = 5, 8 })
	var ids []string
	for i := range 7 {
		e := event(t, "rec_1", i)
		publish(t, w, e)
		ids = append(ids, e.ID+".e0")
	}
	for i, id := range ids {
		d, err := w.Delivery(t.Context(), id)
		if want := []State{Pending, Failed}[i/5]; err != nil || d.State != want || want == Failed && d.Error.Code != recording.CodeCapacity {
			t.Errorf("delivery %d: %s, %v, %v", i, d.State, d.Error, err)
		}
	}
	stop := runUntilEnd(t, w.Run)
	until(t, "five are delivered", func() bool { s, err := w.Endpoints(t.Context()); return err == nil && s[0].Pending == 0 })
	if n, err := w.RedeliverSince(t.Context(), "e0", time.Time{}, false); n != 2 || err != nil {
		t.Errorf("redelivered %d, %v", n, err)
	}
	for i := range 20 {
		e := event(t, fmt.Sprint("rec_", i), i)
		publish(t, w, e)
		settled(t, w, e.ID+".e0")
	}
	until(t, "nothing is left to look at", func() bool { return rdb.Exists(t.Context(), w.queue.prefix+"ready:").Val() == 0 })
	stop()
	page, err := w.Deliveries(t.Context(), Query{})
	if err != nil || len(page.Items) != 8 {
		t.Fatalf("%d deliveries are kept, %v", len(page.Items), err)
	}
	// Nothing is left of the others: 8 jobs with their logs and recordings, the
	// endpoint, the indexes, the token.
	keys, err := rdb.Keys(t.Context(), w.queue.prefix+"*").Result()
	if want := 8*3 + 5; err != nil || len(keys) != want {
		t.Errorf("%d keys, want %d: %q, %v", len(keys), want, keys, err)
	}
}

// Identifiers that follow from what an event is about tell nothing of time: the lists
// and what is sent again since a time go by when it was queued.
func TestDeliveriesAreInOrderWhateverTheirIDs(t *testing.T) {
	a := startReceiver(t, nil)
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{a.URL})
	runUntilEnd(t, w.Run)
	var ids []string
	var since time.Time
	for i := range 12 {
		if i == 6 {
			until(t, "the clock goes on", func() bool { return since.IsZero() || time.Since(since) > 2*time.Millisecond })
			since = time.Now()
		}
		e := event(t, "rec_0", i)
		e.ID = recording.DerivedID(PrefixEvent, fmt.Sprint("event ", i))
		publish(t, w, e)
		settled(t, w, e.ID+".e0")
		ids = append(ids, e.ID)
	}
	var listed []string
	for q := (Query{Recording: "rec_0", Limit: 5}); ; {
		page, err := w.Deliveries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			listed = append(listed, d.EventID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	slices.Reverse(listed)
	sameIDs(t, "oldest first", listed, ids)
	if n, err := w.RedeliverSince(t.Context(), "e0", since, true); err != nil || n != 6 {
		t.Errorf("since the sixth: %d, %v", n, err)
	}
	until(t, "they have come again", func() bool { return len(a.ids(true)) == 18 })
	sameIDs(t, "again", a.ids(true)[12:], ids[6:])
	if _, err := w.Deliveries(t.Context(), Query{Cursor: ids[0]}); recording.CodeOf(err) != recording.CodeInvalidRequest {
		t.Errorf("a cursor of no list: %v", err)
	}
}
