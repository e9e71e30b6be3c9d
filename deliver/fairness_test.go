package deliver

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/internal/redisserver"
)

// 10,000 events go to 50 endpoints of which 5 hang: the others get theirs while
// those hang, and they get theirs when they come to life.
func TestHangingEndpointsDoNotDelayOthers(t *testing.T) {
	const endpoints, hanging, events, recordings = 50, 5, 200, 10
	rdb := client(t, redisserver.Run(t).Addr)
	release := make(chan struct{})
	var held atomic.Int64
	var receivers []*receiver
	var urls []string
	for i := range endpoints {
		var answer func(int, message, http.ResponseWriter)
		if i < hanging {
			answer = func(_ int, _ message, w http.ResponseWriter) {
				held.Add(1)
				defer held.Add(-1)
				<-release
				w.WriteHeader(200)
			}
		}
		receivers = append(receivers, startReceiver(t, answer))
		urls = append(urls, receivers[i].URL)
	}
	w := newWebhooks(t, rdb, urls, func(o *WebhookOptions) {
		o.Timeout, o.Workers, o.PerGroup, o.LeaseTTL = 10*time.Minute, 64, 4, 10*time.Second
	})
	stop := runUntilEnd(t, w.Run)
	want := map[string][]string{}
	for i := range events {
		id := fmt.Sprint("rec_", i%recordings)
		e := event(t, id, i)
		publish(t, w, e)
		want[id] = append(want[id], e.ID)
	}
	check := func(r *receiver, name string) {
		until(t, name+" has all", func() bool { return len(r.ids(true)) == events })
		got := map[string][]string{}
		for _, m := range r.taken {
			got[m.RecordingID] = append(got[m.RecordingID], m.ID)
		}
		if !cmp.Equal(got, want) {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
	for i, r := range receivers[hanging:] {
		check(r, fmt.Sprint("e", hanging+i))
	}
	until(t, "those that hang are hanging", func() bool { return held.Load() == hanging*4 })
	for _, r := range receivers[:hanging] {
		if n := len(r.ids(true)); n != 0 {
			t.Fatalf("one that hangs has answered %d times", n)
		}
	}
	close(release)
	for i, r := range receivers[:hanging] {
		check(r, fmt.Sprint("e", i))
	}
	stop()
}

// An endpoint that has failed is asked by one lane at a time, until it answers.
func TestFailingEndpointIsProbed(t *testing.T) {
	var now, most atomic.Int64
	gate := make(chan struct{})
	r := startReceiver(t, nil)
	r.set(func(n int, _ message, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(500)
			return
		}
		for v := now.Add(1); ; {
			if was := most.Load(); v <= was || most.CompareAndSwap(was, v) {
				break
			}
		}
		defer now.Add(-1)
		<-gate
		w.WriteHeader(200)
	})
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{r.URL}, func(o *WebhookOptions) {
		o.Backoff = []time.Duration{time.Hour}
	})
	runUntilEnd(t, w.Run)
	bad := event(t, "rec_bad", nil)
	publish(t, w, bad)
	until(t, "it fails", func() bool { s, err := w.Endpoints(t.Context()); return err == nil && !s[0].FailingSince.IsZero() })
	for i := range 8 {
		publish(t, w, event(t, fmt.Sprint("rec_", i), nil))
	}
	until(t, "one is tried", func() bool { return now.Load() == 1 })
	gate <- struct{}{} // it answers well: now all may
	until(t, "all others are tried", func() bool { return now.Load() == 7 })
	close(gate)
	until(t, "all are taken", func() bool { return len(r.ids(true)) == 8 })
	if most.Load() != 7 {
		t.Errorf("%d at once", most.Load())
	}
}

// Two nodes share the work, and while nothing fails nobody gets a thing twice.
func TestTwoNodes(t *testing.T) {
	addr := redisserver.Run(t).Addr
	r := startReceiver(t, nil)
	patient := func(o *WebhookOptions) { o.LeaseTTL = time.Minute } // or a slow machine loses leases
	n1, n2 := newWebhooks(t, client(t, addr), []string{r.URL}, patient), newWebhooks(t, client(t, addr), []string{r.URL}, patient)
	stop1, stop2 := runUntilEnd(t, n1.Run), runUntilEnd(t, n2.Run)
	want := map[string][]string{}
	for i := range 500 {
		id := fmt.Sprint("rec_", i%7)
		e := event(t, id, i)
		publish(t, []*Webhooks{n1, n2}[i%2], e)
		want[id] = append(want[id], e.ID)
	}
	until(t, "all have arrived", func() bool { return len(r.ids(true)) >= 500 })
	stop1()
	stop2()
	got := map[string][]string{}
	for _, m := range r.taken {
		got[m.RecordingID] = append(got[m.RecordingID], m.ID)
	}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

// A node that is asked to end lets its attempts come to their end.
func TestRunDrains(t *testing.T) {
	release := make(chan struct{})
	r := startReceiver(t, func(_ int, _ message, w http.ResponseWriter) { <-release; w.WriteHeader(200) })
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{r.URL})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	one, two := event(t, "rec_1", 1), event(t, "rec_1", 2)
	publish(t, w, one)
	publish(t, w, two)
	until(t, "it is under way", func() bool { return len(r.ids(false)) == 1 })
	cancel()
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	first, err1 := w.Delivery(t.Context(), one.ID+".e0")
	second, err2 := w.Delivery(t.Context(), two.ID+".e0")
	if err1 != nil || err2 != nil || first.State != Done || second.State != Pending {
		t.Errorf("%s and %s, %v, %v", first.State, second.State, err1, err2)
	}
	sameIDs(t, "requests", r.ids(false), []string{one.ID})
}
