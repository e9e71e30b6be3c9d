package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// CodeWebhookFailed is why an attempt failed that got no answer, or one other
// than 2xx.
const CodeWebhookFailed recording.Code = "WEBHOOK_FAILED"

// WebhookOptions say who gets webhooks, and how. Zero values stand for the
// defaults.
type WebhookOptions struct {
	// Endpoints get all events that they want.
	Endpoints []Endpoint
	// Callbacks signs what is sent to callbacks; nil sends it unsigned.
	Callbacks Signer
	// LiveKit signs for the endpoints that want SignLiveKit; without it there
	// can be none.
	LiveKit Signer
	// Policy says which URLs callbacks and managed endpoints may have.
	Policy URLPolicy
	// Timeout bounds an attempt; 15 s when zero.
	Timeout time.Duration
	// DisableAfter is how long an endpoint may fail before it is disabled; 5
	// days when zero.
	DisableAfter time.Duration
	// KeepEvents is how many events Feed can replay, about; 10,000 when zero.
	KeepEvents int
	// QueueOptions default to the pauses of Svix (5 s, 5 m, 30 m, 2 h, 5 h, 10 h,
	// 10 h), 256 workers and 16 deliveries to one endpoint at once.
	QueueOptions
}

// Webhooks sends events to endpoints: at least once, in order per endpoint and
// recording, signed. An answer of 2xx in time is success; all else, redirects
// too, is tried again. Who answers 410, or fails for DisableAfter, is disabled:
// deliveries to it fail at once, until Enable, and the other endpoints get an
// EndpointDisabled event. Its methods are safe for concurrent use; they fail
// with CodeStoreUnavailable when Redis cannot be asked.
type Webhooks struct {
	opts      WebhookOptions
	queue     *queue
	endpoints map[string]Endpoint
	trusted   *http.Client // for endpoints
	guarded   *http.Client // for callbacks

	log      eventLog
	watchers watchers
}

// hook is what a delivery is, as it is queued.
type hook struct {
	EventID  string    `json:"event_id"`
	Type     EventType `json:"type"`
	Endpoint string    `json:"endpoint"`
	URL      string    `json:"url,omitempty"` // of a callback
	Body     []byte    `json:"body"`          // base64: Body need not be JSON
}

// NewWebhooks returns Webhooks on rdb, which stays the caller's to close.
func NewWebhooks(rdb redis.UniversalClient, opts WebhookOptions) (*Webhooks, error) {
	opts.setDefaults([]time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
	}, 256, 16)
	setDefault(&opts.Timeout, 15*time.Second)
	setDefault(&opts.DisableAfter, 5*24*time.Hour)
	setDefault(&opts.KeepEvents, 10_000)
	w := &Webhooks{
		opts: opts, endpoints: map[string]Endpoint{},
		queue: &queue{
			rdb: rdb, prefix: "roomreel:{deliver}:webhook:", opts: opts.QueueOptions, disableAfter: opts.DisableAfter,
		},
		log:     eventLog{rdb, "roomreel:{deliver}:event:", opts.KeepEvents},
		trusted: newClient((&net.Dialer{Timeout: dialTimeout}).DialContext),
		guarded: opts.Policy.Client(),
	}
	for _, e := range opts.Endpoints {
		if err := e.validate(); err != nil {
			return nil, err
		}
		if _, twice := w.endpoints[e.ID]; twice {
			return nil, recording.Errorf(recording.CodeInvalidRequest, "webhook endpoint %s: there are two of that id", e.ID)
		}
		w.endpoints[e.ID] = e
	}
	return w, nil
}

// Publish queues an event for all endpoints that want it and for the callbacks,
// and tells those who watch. When it returns nil, Redis has it. After an error it may be called again with
// the same event: who has it already does not get it twice.
func (w *Webhooks) Publish(ctx context.Context, e Event, callbacks ...Callback) error {
	body, err := e.body()
	if err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	var hooks []hook
	for _, endpoint := range w.opts.Endpoints {
		if wants(endpoint.Types, e.Type) {
			hooks = append(hooks, hook{EventID: e.ID, Type: e.Type, Endpoint: endpoint.ID, Body: body})
		}
	}
	added, err := w.managedEndpoints(ctx)
	if err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	for _, m := range added {
		if !m.Disabled && wants(m.Types, e.Type) {
			hooks = append(hooks, hook{EventID: e.ID, Type: e.Type, Endpoint: m.ID, Body: body})
		}
	}
	for _, c := range callbacks {
		h := hook{EventID: e.ID, Type: e.Type, Endpoint: callbackID(c.URL), URL: c.URL, Body: body}
		if c.Body != nil {
			h.Body = c.Body
		}
		if len(h.Body) > maxBody {
			return recording.Errorf(recording.CodeInvalidRequest, "publish event: the callback's body is longer than %d bytes", maxBody)
		}
		hooks = append(hooks, h)
	}
	if err := w.log.append(ctx, e.ID, body); err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	for _, h := range hooks {
		if err := w.enqueue(ctx, e, h); err != nil {
			return fmt.Errorf("publish event: %w", err)
		}
	}
	return nil
}

// Test sends a TestEvent to one of the endpoints, or CodeNotFound, and returns
// the delivery's id.
func (w *Webhooks) Test(ctx context.Context, endpoint string) (string, error) {
	if _, err := w.Endpoint(ctx, endpoint); err != nil {
		return "", err
	}
	e, err := NewEvent(TestEvent, "", map[string]string{"endpoint": endpoint})
	if err != nil {
		return "", err
	}
	body, err := e.body()
	if err != nil {
		return "", err
	}
	h := hook{EventID: e.ID, Type: e.Type, Endpoint: endpoint, Body: body}
	if err := w.enqueue(ctx, e, h); err != nil {
		return "", fmt.Errorf("send test event: %w", err)
	}
	return h.id(), nil
}

// id begins with the event's, hence with its time.
func (h hook) id() string { return h.EventID + "." + h.Endpoint }

func (w *Webhooks) enqueue(ctx context.Context, e Event, h hook) error {
	doc, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return w.queue.add(ctx, job{
		id: h.id(), group: h.Endpoint, lane: h.Endpoint + "/" + e.order(), recording: e.RecordingID, doc: doc,
	})
}

// Run delivers until ctx ends; attempts under way may then come to their end.
// It may be called once. Redis may be away at any time, also at the start.
func (w *Webhooks) Run(ctx context.Context) error {
	defer w.trusted.CloseIdleConnections()
	defer w.guarded.CloseIdleConnections()
	listening, stop := context.WithCancel(ctx)
	var listener sync.WaitGroup
	listener.Go(func() { w.tellWatchers(listening) })
	defer listener.Wait()
	defer stop()
	worker := worker{queue: w.queue, work: w.work, disabled: w.tellDisabled, drain: w.opts.Timeout}
	return worker.run(ctx)
}

// work makes one attempt at a delivery.
func (w *Webhooks) work(ctx context.Context, t *task) outcome {
	var h hook
	if err := json.Unmarshal(t.doc, &h); err != nil {
		return outcome{state: Failed, err: recording.Errorf(recording.CodeInternal, "read delivery: %w", err)}
	}
	if t.disabled {
		return outcome{state: Failed, err: recording.Errorf(CodeEndpointDisabled, "the endpoint is disabled: enable it and redeliver")}
	}
	a := Attempt{At: time.Now().UTC()}
	answer, err := w.send(ctx, h)
	a.Latency, a.Status, a.Answer = recording.Seconds(time.Since(a.At)), answer.Status, answer.Text
	if err == nil && answer.ok() {
		return outcome{state: Done, attempt: &a, health: good}
	}
	switch {
	case ctx.Err() != nil:
		return putBack
	case recording.CodeOf(err) == recording.CodeStoreUnavailable:
		return outcome{state: Pending, pause: time.Second} // nothing was attempted
	case recording.CodeOf(err) == recording.CodeNotFound && strings.HasPrefix(h.Endpoint, PrefixEndpoint+"_"):
		return outcome{state: Failed, err: recording.AsError(err, recording.CodeNotFound)}
	}
	if err == nil {
		err = recording.Errorf(CodeWebhookFailed, "the endpoint answered %d", answer.Status)
	}
	a.Error = recording.AsError(err, CodeWebhookFailed)
	w.opts.Log.Warn("a webhook was not delivered", "delivery", t.id, "type", h.Type, "attempt", t.tries+1, "error", err)
	if answer.Status == http.StatusGone {
		return outcome{state: Failed, attempt: &a, err: a.Error, health: gone}
	}
	return w.queue.again(t, a, bad)
}

// send posts a delivery. An error may come with an answer that was cut short.
func (w *Webhooks) send(ctx context.Context, h hook) (Answer, error) {
	client, target, signer, err := w.receiver(ctx, h)
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, w.opts.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(h.Body))
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "roomreel")
	req.Header.Set("webhook-id", h.EventID)
	if signer != nil {
		signer.Sign(req.Header, h.EventID, time.Now(), h.Body)
	}
	resp, err := client.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return Answer{}, recording.Errorf(CodeWebhookFailed, "no answer within %v", w.opts.Timeout)
	}
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer resp.Body.Close()
	return readAnswer(resp), nil
}

// receiver tells where a delivery goes, by which client, and who signs it.
func (w *Webhooks) receiver(ctx context.Context, h hook) (*http.Client, string, Signer, error) {
	if endpoint, fixed := w.endpoints[h.Endpoint]; fixed {
		return w.trusted, endpoint.URL, endpoint.Signer, nil
	}
	target, signer := h.URL, w.opts.Callbacks
	if target == "" {
		m, err := w.managedEndpoint(ctx, h.Endpoint)
		if err != nil {
			return nil, "", nil, err
		}
		target = m.URL
		if signer, err = w.signer(m); err != nil {
			return nil, "", nil, err
		}
	}
	_, err := w.opts.Policy.Check(target)
	return w.guarded, target, signer, err
}

// tellDisabled is the operational event of an endpoint that was disabled.
func (w *Webhooks) tellDisabled(ctx context.Context, t *task) {
	_, id, _ := strings.Cut(t.id, ".")
	status := EndpointStatus{ID: id}
	err := w.fare(ctx, &status)
	if err != nil {
		w.opts.Log.Warn("the state of an endpoint cannot be read", "endpoint", id, "error", err)
	}
	w.opts.Log.Error("a webhook endpoint was disabled", "endpoint", id, "reason", status.Reason)
	e, err := NewEvent(EndpointDisabled, "", map[string]string{"endpoint": id, "reason": status.Reason})
	if err == nil {
		err = w.Publish(ctx, e)
	}
	if err != nil {
		w.opts.Log.Error("a disabled endpoint was not told of", "endpoint", id, "error", err)
	}
}

// Answer is what a receiver has said.
type Answer struct {
	Status int    // of HTTP, or zero
	Text   string // the beginning of the body, 2 KiB at most
}

func (a Answer) ok() bool { return a.Status >= 200 && a.Status <= 299 }

// readAnswer takes what comes of a body: that it ends early does not matter.
func readAnswer(resp *http.Response) Answer {
	const most = 2 << 10
	text, _ := io.ReadAll(io.LimitReader(resp.Body, most))
	return Answer{Status: resp.StatusCode, Text: strings.ToValidUTF8(string(text), "\uFFFD")}
}
