package deliver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// receiver is somebody's webhook endpoint: it verifies what comes, keeps it,
// and answers what the test says.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	answer func(n int, m message, w http.ResponseWriter) // n counts the requests; nil answers 204
	got    []message
	taken  []message // those answered 2xx
}

// message is a webhook as it came.
type message struct {
	ID   string
	Body string
	Event
}

func startReceiver(t *testing.T, answer func(n int, m message, w http.ResponseWriter)) *receiver {
	r := &receiver{t: t, answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	if err := verifyStandard(secretA, req.Header, body, time.Now()); err != nil {
		r.t.Errorf("a webhook is not signed: %v", err)
	}
	if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("a webhook came as %s of %q", req.Method, req.Header.Get("Content-Type"))
	}
	m := message{ID: req.Header.Get("webhook-id"), Body: string(body)}
	if err := json.Unmarshal(body, &m.Event); err != nil {
		r.t.Errorf("a webhook is no JSON: %v", err)
	}
	m.Event.Time = m.Event.Time.UTC()
	r.mu.Lock()
	r.got = append(r.got, m)
	n, answer := len(r.got), r.answer
	r.mu.Unlock()
	status := &statusWriter{ResponseWriter: w}
	if answer == nil {
		status.WriteHeader(http.StatusNoContent)
	} else {
		answer(n, m, status)
	}
	if status.code >= 200 && status.code < 300 {
		r.mu.Lock()
		r.taken = append(r.taken, m)
		r.mu.Unlock()
	}
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (s *statusWriter) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (r *receiver) set(answer func(n int, m message, w http.ResponseWriter)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// ids returns the webhook-ids of the requests, or of those answered 2xx.
func (r *receiver) ids(taken bool) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.got
	if taken {
		list = r.taken
	}
	ids := make([]string, len(list))
	for i, m := range list {
		ids[i] = m.ID
	}
	return ids
}

func status(code int) func(int, message, http.ResponseWriter) {
	return func(_ int, _ message, w http.ResponseWriter) { w.WriteHeader(code) }
}

func signer(t *testing.T) Signer {
	t.Helper()
	s, err := StandardSigner(secretB, secretA)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newWebhooks returns Webhooks to endpoints e0, e1, … with short times.
func newWebhooks(t *testing.T, rdb redis.UniversalClient, urls []string, change ...func(*WebhookOptions)) *Webhooks {
	t.Helper()
	opts := WebhookOptions{Timeout: 10 * time.Second, Callbacks: signer(t), QueueOptions: quick()}
	for i, u := range urls {
		opts.Endpoints = append(opts.Endpoints, Endpoint{ID: fmt.Sprint("e", i), URL: u, Signer: signer(t)})
	}
	for _, c := range change {
		c(&opts)
	}
	w, err := NewWebhooks(rdb, opts)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// event returns an event of a recording that exists for the test only.
func event(t *testing.T, recordingID string, data any) Event {
	t.Helper()
	e, err := NewEvent(RecordingStarted, recordingID, data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func publish(t *testing.T, w *Webhooks, e Event, callbacks ...Callback) {
	t.Helper()
	if err := w.Publish(t.Context(), e, callbacks...); err != nil {
		t.Fatal(err)
	}
}

// settled waits until a delivery is done or failed.
func settled(t *testing.T, w *Webhooks, id string) Delivery {
	t.Helper()
	var d Delivery
	until(t, id+" is settled", func() bool {
		var err error
		if d, err = w.Delivery(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return d.State == Done || d.State == Failed
	})
	return d
}

func statuses(list []Attempt) []int {
	codes := []int{}
	for _, a := range list {
		codes = append(codes, a.Status)
	}
	return codes
}

// compact drops repetitions of what came before: at least once is allowed.
func compact(ids []string) []string {
	seen, out := map[string]bool{}, []string{}
	for _, id := range ids {
		if !seen[id] {
			seen[id], out = true, append(out, id)
		}
	}
	return out
}

func sameIDs(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %d ids, want %d in this order:\n%q\n%q", what, len(got), len(want), got, want)
	}
}
