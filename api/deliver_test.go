package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// webhooks adapts deliver.Webhooks as the program does, as far as these tests
// look; the program's tests look at the rest.
type webhooks struct{ hooks *deliver.Webhooks }

func (w webhooks) Endpoints(ctx context.Context) (list []api.WebhookEndpoint, err error) {
	all, err := w.hooks.Endpoints(ctx)
	for _, s := range all {
		list = append(list, endpoint(s))
	}
	return list, err
}

func endpoint(s deliver.EndpointStatus) api.WebhookEndpoint {
	return api.WebhookEndpoint{ID: s.ID, URL: s.URL, Types: append([]string{}, s.Types...), ReadOnly: s.ReadOnly, Enabled: !s.Disabled}
}

func (w webhooks) Endpoint(ctx context.Context, id string) (api.WebhookEndpoint, error) {
	s, err := w.hooks.Endpoint(ctx, id)
	return endpoint(s), err
}

func (w webhooks) Create(ctx context.Context, spec api.WebhookSpec) (api.WebhookEndpoint, error) {
	s, secret, err := w.hooks.CreateEndpoint(ctx, deliver.EndpointSpec{URL: spec.URL, Types: spec.Types})
	body := endpoint(s)
	body.Secret = secret
	return body, err
}

func (w webhooks) Update(ctx context.Context, id string, edit api.WebhookEdit) (api.WebhookEndpoint, error) {
	s, err := w.hooks.UpdateEndpoint(ctx, id, func(spec *deliver.EndpointSpec) { spec.Types = *edit.Types })
	return endpoint(s), err
}

func (w webhooks) Delete(ctx context.Context, id string) error {
	return w.hooks.DeleteEndpoint(ctx, id)
}

func (w webhooks) Rotate(ctx context.Context, id string) (api.WebhookEndpoint, error) {
	secret, err := w.hooks.RotateSecret(ctx, id)
	return api.WebhookEndpoint{ID: id, Secret: secret, Types: []string{}}, err
}

func (w webhooks) Test(ctx context.Context, id string) (api.WebhookDelivery, error) {
	delivery, err := w.hooks.Test(ctx, id)
	if err != nil {
		return api.WebhookDelivery{}, err
	}
	return w.Delivery(ctx, delivery)
}

func (w webhooks) Enable(ctx context.Context, id string) (api.WebhookEndpoint, error) {
	if err := w.hooks.Enable(ctx, id); err != nil {
		return api.WebhookEndpoint{}, err
	}
	return w.Endpoint(ctx, id)
}

func (w webhooks) Recover(ctx context.Context, id string, since time.Time, delivered bool) (int, error) {
	return w.hooks.RedeliverSince(ctx, id, since, delivered)
}

func (w webhooks) Deliveries(ctx context.Context, q api.DeliveryQuery) (api.WebhookDeliveryList, error) {
	page, err := w.hooks.Deliveries(ctx, deliver.Query{Endpoint: q.Endpoint, Limit: q.Limit, Cursor: q.Cursor})
	list := api.WebhookDeliveryList{Data: []api.WebhookDelivery{}, NextCursor: page.Next}
	for _, d := range page.Items {
		list.Data = append(list.Data, delivery(d))
	}
	return list, err
}

func delivery(d deliver.Delivery) api.WebhookDelivery {
	return api.WebhookDelivery{
		ID: d.ID, Event: d.EventID, Type: string(d.Type), Endpoint: d.Endpoint, State: string(d.State), CreatedAt: d.CreatedAt,
		Attempts: []api.DeliveryAttempt{}, Body: d.Body,
	}
}

func (w webhooks) Delivery(ctx context.Context, id string) (api.WebhookDelivery, error) {
	d, err := w.hooks.Delivery(ctx, id)
	return delivery(d), err
}

func (w webhooks) Redeliver(ctx context.Context, id string) (api.WebhookDelivery, error) {
	if err := w.hooks.Redeliver(ctx, id); err != nil {
		return api.WebhookDelivery{}, err
	}
	return w.Delivery(ctx, id)
}

func (w webhooks) Watch(ctx context.Context, q api.EventQuery) (<-chan api.Event, error) {
	feed, err := w.hooks.Feed(ctx, deliver.FeedQuery{After: q.After, Since: q.Since, Types: q.Types, Recording: q.Recording, Room: q.Room})
	if err != nil {
		return nil, err
	}
	events := make(chan api.Event)
	go func() {
		defer close(events)
		for e := range feed {
			select {
			case events <- api.Event{ID: e.Event.ID, Type: string(e.Event.Type), Time: e.Event.Time, RecordingID: e.Event.RecordingID, Room: e.Event.Room, Data: e.Event.Data, Cursor: e.Cursor}:
			case <-ctx.Done():
			}
		}
	}()
	return events, nil
}

// The life of an endpoint by REST: its secret is told twice only, literal paths
// and identifiers do not get in each other's way.
func TestWebhooks(t *testing.T) {
	p := newPlace(t)
	got := p.do(t, adminKey, "POST", "/v1/webhooks", `{"url":"https://app.example.com/hooks?token=hunter2","types":["recording.*"]}`)
	created := decode[api.WebhookEndpoint](t, got)
	if got.status != 201 || got.header.Get("Location") != "/v1/webhooks/"+created.ID || !strings.HasPrefix(created.Secret, "whsec_") {
		t.Fatalf("%d, at %s: %s", got.status, got.header.Get("Location"), got.body)
	}
	path := "/v1/webhooks/" + created.ID
	want := created
	want.Secret, want.URL = "", "https://app.example.com/hooks"
	if got := decode[api.WebhookEndpoint](t, p.do(t, adminKey, "GET", path, "")); !cmp.Equal(got, want) {
		t.Errorf("get: %s", cmp.Diff(want, got))
	}
	want.Types = []string{"composition.ready"}
	if got := decode[api.WebhookEndpoint](t, p.do(t, adminKey, "PATCH", path, `{"types":["composition.ready"]}`)); !cmp.Equal(got, want) {
		t.Errorf("patch: %s", cmp.Diff(want, got))
	}
	list := decode[api.WebhookEndpointList](t, p.do(t, adminKey, "GET", "/v1/webhooks", ""))
	fixed := api.WebhookEndpoint{ID: "app", URL: "https://configured.example.com/", Types: []string{}, ReadOnly: true, Enabled: true}
	if !cmp.Equal(list.Data, []api.WebhookEndpoint{fixed, want}) {
		t.Errorf("list: %s", cmp.Diff([]api.WebhookEndpoint{fixed, want}, list.Data))
	}
	if renewed := decode[api.WebhookEndpoint](t, p.do(t, adminKey, "POST", path+"/rotate", "")); renewed.Secret == "" || renewed.Secret == created.Secret {
		t.Errorf("rotated: %+v", renewed)
	}
	test := p.do(t, adminKey, "POST", path+"/test", "")
	sent := decode[api.WebhookDelivery](t, test)
	if test.status != 202 || sent.Type != "webhook.test" || sent.ID != sent.Event+"."+created.ID || sent.Body == "" {
		t.Errorf("test: %d %+v", test.status, sent)
	}
	if got := decode[api.WebhookDelivery](t, p.do(t, adminKey, "GET", "/v1/webhooks/deliveries/"+sent.ID, "")); !cmp.Equal(got, sent) {
		t.Errorf("delivery: %s", cmp.Diff(sent, got))
	}
	brief := sent
	brief.Body = ""
	page := decode[api.WebhookDeliveryList](t, p.do(t, adminKey, "GET", "/v1/webhooks/deliveries?endpoint="+created.ID, ""))
	if !cmp.Equal(page.Data, []api.WebhookDelivery{brief}) {
		t.Errorf("deliveries: %+v", page)
	}
	if got := p.do(t, adminKey, "POST", "/v1/webhooks/deliveries/"+sent.ID+"/redeliver", ""); got.status != 202 {
		t.Errorf("redeliver: %d %s", got.status, got.body)
	}
	if got := p.do(t, adminKey, "POST", path+"/recover", `{"since":"2026-03-01T09:00:00Z"}`); got.body != `{"redelivered":0}`+"\n" {
		t.Errorf("recover: %d %s", got.status, got.body)
	}
	if got := p.do(t, adminKey, "DELETE", path, ""); got.status != 204 || got.body != "" {
		t.Errorf("delete: %d %s", got.status, got.body)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", path, "", 404, "NOT_FOUND"},
		{"DELETE", path, "", 404, "NOT_FOUND"},
		{"POST", path + "/recover", `{"since":"2026-03-01T09:00:00Z"}`, 404, "NOT_FOUND"},
		{"DELETE", "/v1/webhooks/app", "", 409, "READ_ONLY"},
		{"PATCH", "/v1/webhooks/app", `{"types":[]}`, 409, "READ_ONLY"},
		{"POST", "/v1/webhooks", `{"url":"https://10.0.0.1/"}`, 422, "URL_ADDRESS_NOT_ALLOWED"},
		{"POST", "/v1/webhooks", `{"url":"http://app.example.com/"}`, 422, "URL_SCHEME_NOT_ALLOWED"},
		{"POST", "/v1/webhooks", `{"url":"https://app.example.com:22/"}`, 422, "URL_PORT_NOT_ALLOWED"},
		{"POST", "/v1/webhooks", `{"url":"https://u:p@app.example.com/"}`, 422, "URL_INVALID"},
		{"POST", "/v1/webhooks", `{"url":"https://app.example.com/","types":["all"]}`, 422, "INVALID_REQUEST"},
		{"POST", "/v1/webhooks", `{}`, 422, "INVALID_REQUEST"},
		{"POST", "/v1/webhooks", strings.Repeat(`{"url":`, 20_000), 400, "INVALID_REQUEST"},
		{"GET", "/v1/webhooks/deliveries/evt_1.app", "", 404, "NOT_FOUND"},
		{"POST", "/v1/webhooks/deliveries/evt_1.app/redeliver", "", 404, "NOT_FOUND"},
		{"GET", "/v1/webhooks/deliveries?state=lost", "", 422, "INVALID_REQUEST"},
	} {
		got := p.do(t, adminKey, c.method, c.path, c.body)
		if problem := decode[api.Problem](t, got); got.status != c.status || problem.Code != c.code || strings.Contains(got.body, "u:p") {
			t.Errorf("%s %s %.60s: %d %s", c.method, c.path, c.body, got.status, got.body)
		}
	}
}

// sse reads a stream of events.
type sse struct {
	t     *testing.T
	lines *bufio.Scanner
	close context.CancelFunc
}

// However many follow how recordings fare, they share one subscription, and the last who
// leaves ends it.
func TestProgressIsWatchedOnce(t *testing.T) {
	p := newPlace(t)
	const channel = "roomreel:{coord}:changes"
	subscribed := func() int { return p.redis.PubSubNumSub(channel)[channel] }
	for range 2 {
		var all []*sse
		for range 5 {
			all = append(all, p.watch(t, adminKey, "?progress=true"))
		}
		if n := subscribed(); n != 1 {
			t.Errorf("%d subscriptions of five who watch", n)
		}
		r, err := p.store.Start(t.Context(), recording.Request{Room: "standup", Selection: recording.Selection{Identities: []string{recording.NewID("id")}}})
		if err != nil {
			t.Fatal(err)
		}
		for i, one := range all {
			if _, e := one.next(); e.Type != "recording.progress" || e.RecordingID != r.ID {
				t.Errorf("watcher %d was told %+v", i, e)
			}
			one.close()
		}
		if _, err := client.Await(t.Context(), func() (int, error) { return subscribed(), nil }, func(n int) bool { return n == 0 }); err != nil {
			t.Errorf("%d subscriptions are left", subscribed())
		}
	}
}

func (p *place) watch(t *testing.T, bearer, query string, headers ...string) *sse {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("events: %d %v", resp.StatusCode, resp.Header)
	}
	s := &sse{t, bufio.NewScanner(resp.Body), cancel}
	if !s.lines.Scan() || s.lines.Text() != "retry: 2000" {
		t.Fatalf("it begins with %q", s.lines.Text())
	}
	return s
}

// next returns the next event and its id.
func (s *sse) next() (id string, e api.Event) {
	s.t.Helper()
	kind := ""
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch {
		case name == "id":
			id = value
		case name == "event":
			kind = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &e); err != nil || e.Type != kind {
				s.t.Fatalf("%s event with %s: %v", kind, value, err)
			}
		case name == "" && e.ID != "":
			return id, e
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return "", e
}

func (p *place) publish(t *testing.T, kind deliver.EventType, rec, room string) string {
	t.Helper()
	e, err := deliver.NewEvent(kind, rec, map[string]string{"room": room})
	if err != nil {
		t.Fatal(err)
	}
	e.Room = room
	if err := p.hooks.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// Who watches sees what they may, and goes on where they were cut off.
func TestEventFeed(t *testing.T) {
	p := newPlace(t)
	rec, _, _ := p.recorded(t, "standup")
	all, room, own := p.watch(t, adminKey, ""), p.watch(t, "record", ""), p.watch(t, "list-oth", "")
	narrow := p.watch(t, "admin-own", "?type=composition.ready,session.*&recording="+rec.ID)
	first := p.publish(t, deliver.RecordingStarted, rec.ID, "standup")
	second := p.publish(t, deliver.EndpointDisabled, "", "")
	third := p.publish(t, deliver.SessionStarted, "", "other")
	fourth := p.publish(t, deliver.CompositionReady, rec.ID, "standup")
	var cursor string
	for name, c := range map[string]struct {
		stream *sse
		want   []string
	}{
		"admin": {all, []string{first, second, third, fourth}}, "any room": {room, []string{first, third, fourth}},
		"one room": {own, []string{third}}, "narrow": {narrow, []string{fourth}},
	} {
		for _, want := range c.want {
			id, e := c.stream.next()
			if e.ID != want {
				t.Errorf("%s: got %+v, want %s", name, e, want)
			}
			if want == second {
				cursor = id
			}
		}
	}
	all.close()
	again := p.watch(t, adminKey, "", "Last-Event-ID", cursor)
	for _, want := range []string{third, fourth} {
		if _, e := again.next(); e.ID != want {
			t.Errorf("again: got %+v, want %s", e, want)
		}
	}
	if _, e := p.watch(t, "admin-own", "?since=2026-01-01T00:00:00Z").next(); e.ID != first {
		t.Errorf("since: got %+v", e)
	}
	other, _, _ := p.recorded(t, "other")
	for _, c := range []struct {
		bearer, query, last string
		status              int
		code                recording.Code
	}{
		{adminKey, "", "1-1", 410, api.CodeEventsGone},
		{adminKey, "", "yesterday", 422, recording.CodeInvalidRequest},
		{adminKey, "?since=yesterday", "", 422, recording.CodeInvalidRequest},
		{adminKey, "?rooms=standup", "", 422, recording.CodeInvalidRequest},
		{adminKey, "?recording=" + recording.NewID("rec"), "", 404, recording.CodeNotFound},
		{"admin-own", "?room=other", "", 403, recording.CodeNotPermitted},
		{"admin-own", "?recording=" + other.ID, "", 403, recording.CodeNotPermitted},
		{"join", "", "", 403, recording.CodeNotPermitted},
		{"", "", "", 401, api.CodeUnauthenticated},
	} {
		got := p.do(t, c.bearer, "GET", "/v1/events"+c.query, "", "Last-Event-ID", c.last)
		if problem := decode[api.Problem](t, got); got.status != c.status || problem.Code != string(c.code) {
			t.Errorf("%s, %s, %s: %d %s", c.bearer, c.query, c.last, got.status, got.body)
		}
	}
}
