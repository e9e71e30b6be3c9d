package deliver

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// 410 disables, and so does failing for long. The others are told, what comes
// meanwhile fails at once, and is there to be sent again.
func TestEndpointIsDisabled(t *testing.T) {
	for _, c := range []struct {
		name         string
		status       int
		disableAfter time.Duration
	}{{"410", 410, time.Hour}, {"failing for long", 500, 30 * time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			sick, well := startReceiver(t, status(c.status)), startReceiver(t, nil)
			w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{sick.URL, well.URL}, func(o *WebhookOptions) {
				o.DisableAfter = c.disableAfter
			})
			runUntilEnd(t, w.Run)
			began := time.Now()
			var want []string
			for i := range 3 {
				e := event(t, "rec_1", i)
				publish(t, w, e)
				want = append(want, e.ID)
			}
			for i, id := range want {
				d := settled(t, w, id+".e0")
				if d.State != Failed || i > 0 && (len(d.Attempts) != 0 || d.Error.Code != CodeEndpointDisabled) {
					t.Errorf("delivery %d: %s, %v, %d attempts", i, d.State, d.Error, len(d.Attempts))
				}
			}
			list, err := w.Endpoints(t.Context())
			if err != nil || list[0].DisabledAt.Before(began.Add(-time.Second)) || list[0].Reason != fmt.Sprint("the endpoint answered ", c.status) ||
				!list[1].DisabledAt.IsZero() {
				t.Errorf("endpoints: %+v, %v", list, err)
			}
			until(t, "the other one is told", func() bool { return len(well.ids(true)) == 4 })
			told := well.taken[slices.IndexFunc(well.taken, func(m message) bool { return m.Type == EndpointDisabled })]
			if want := fmt.Sprintf(`{"endpoint":"e0","reason":"the endpoint answered %d"}`, c.status); string(told.Data) != want {
				t.Errorf("told %s, want %s", told.Data, want)
			}

			sick.set(nil)
			if err := w.Enable(t.Context(), "e0"); err != nil {
				t.Fatal(err)
			}
			n, err := w.RedeliverSince(t.Context(), "e0", began, false)
			if err != nil || n != 4 { // with the event that tells of it
				t.Errorf("redelivered %d, %v", n, err)
			}
			until(t, "it has all", func() bool { return len(sick.ids(true)) == 4 })
			got := slices.DeleteFunc(sick.ids(true), func(id string) bool { return id == told.ID })
			sameIDs(t, "after it was enabled", got, want)
			until(t, "it is well", func() bool {
				list, err = w.Endpoints(t.Context())
				return err == nil && cmp.Equal(list[0], EndpointStatus{ID: "e0", URL: sick.URL, ReadOnly: true})
			})
		})
	}
}

// Callbacks get their events at URLs that the policy allows, in their own form,
// and nothing secret of them is told anywhere.
func TestCallbacks(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	r := startReceiver(t, nil)
	_, port := portOf(t, r.Listener.Addr())
	var out logs
	w := newWebhooks(t, rdb, nil, func(o *WebhookOptions) {
		o.Log = slog.New(slog.NewJSONHandler(&out, nil))
		o.Policy = URLPolicy{AllowHTTP: true, AllowPorts: []uint16{port}, AllowHosts: []string{"127.0.0.1"}}
		o.Backoff = o.Backoff[:1]
	})
	runUntilEnd(t, w.Run)
	e := event(t, "rec_1", nil)
	good, own := r.URL+"/cb?token=hunter2", r.URL+"/eyeson?token=hunter2"
	hostile := []string{
		"http://10.0.0.1/?token=hunter2", "http://user:hunter2@8.8.8.8/", "gopher://8.8.8.8/hunter2", "http://[::1]/?token=hunter2",
		fmt.Sprintf("http://localhost:%d/?token=hunter2", port), "http://8.8.8.8:1/?token=hunter2", "://hunter2",
	}
	callbacks := []Callback{{URL: good}, {URL: own, Body: []byte(`{"status":"upload_ready","rec_id":"x"}`)}}
	for _, u := range hostile {
		callbacks = append(callbacks, Callback{URL: u})
	}
	publish(t, w, e, callbacks...)
	publish(t, w, e, callbacks...) // a second time makes no difference
	codes := []recording.Code{CodeURLAddress, CodeURLInvalid, CodeURLScheme, CodeURLAddress, CodeURLAddress, CodeURLPort, CodeURLInvalid}
	for i, c := range callbacks {
		d := settled(t, w, e.ID+"."+callbackID(c.URL))
		switch {
		case i < 2 && d.State != Done:
			t.Errorf("%s: %v", c.URL, d.Error)
		case i >= 2 && (d.State != Failed || d.Error.Code != codes[i-2]):
			t.Errorf("%s: %s, %v", c.URL, d.State, d.Error)
		}
		if text := fmt.Sprintf("%+v %v", d, d.Error); strings.Contains(text, "hunter2") && c.URL != hostile[2] {
			t.Errorf("a delivery tells the secret: %s", text)
		}
	}
	if text := out.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, e.ID) {
		t.Errorf("the log tells the secret, or nothing: %s", text)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	bodies := []string{}
	for _, m := range r.got {
		bodies = append(bodies, m.Body)
	}
	body, _ := e.body()
	slices.Sort(bodies)
	if want := []string{string(body), string(callbacks[1].Body)}; !slices.Equal(bodies, want) {
		t.Errorf("got %q, want %q", bodies, want)
	}
}

func TestEndpointTypes(t *testing.T) {
	for _, c := range []struct {
		types []string
		event EventType
		want  bool
	}{
		{nil, RecordingStarted, true},
		{[]string{"recording.started"}, RecordingStarted, true},
		{[]string{"recording.started"}, RecordingStopped, false},
		{[]string{"recording.*"}, RecordingStopped, true},
		{[]string{"recording.*"}, CompositionReady, false},
		{[]string{"session.ended", "*"}, CompositionReady, true},
	} {
		if got := wants(c.types, c.event); got != c.want {
			t.Errorf("%v wants %s: %v", c.types, c.event, got)
		}
	}
}

func TestNewWebhooksRefuses(t *testing.T) {
	s := signer(t)
	good := Endpoint{ID: "a", URL: "http://app.internal:3000/hook", Signer: s}
	for name, list := range map[string][]Endpoint{
		"no id":          {{URL: good.URL, Signer: s}},
		"odd id":         {{ID: "a/b", URL: good.URL, Signer: s}},
		"callback's id":  {{ID: "url_1", URL: good.URL, Signer: s}},
		"managed's id":   {{ID: "whk_1", URL: good.URL, Signer: s}},
		"a path":         {{ID: "deliveries", URL: good.URL, Signer: s}},
		"no URL":         {{ID: "a", Signer: s}},
		"other scheme":   {{ID: "a", URL: "ftp://h/", Signer: s}},
		"no signer":      {{ID: "a", URL: good.URL}},
		"two of that id": {good, good},
	} {
		if _, err := NewWebhooks(nil, WebhookOptions{Endpoints: list}); recording.CodeOf(err) != recording.CodeInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewWebhooks(nil, WebhookOptions{Endpoints: []Endpoint{good}}); err != nil {
		t.Error(err)
	}
}

func TestPublishRefuses(t *testing.T) {
	w := newWebhooks(t, client(t, "127.0.0.1:1"), []string{"http://127.0.0.1:1"})
	good := event(t, "rec_1", nil)
	for name, c := range map[string]struct {
		change func(*Event)
		want   recording.Code
	}{
		"foreign id":    {func(e *Event) { e.ID = "msg.1" }, recording.CodeInvalidID},
		"no type":       {func(e *Event) { e.Type = "" }, recording.CodeInvalidRequest},
		"data no JSON":  {func(e *Event) { e.Data = []byte("{") }, recording.CodeInvalidRequest},
		"data too long": {func(e *Event) { e.Data = bytes.Repeat([]byte("1"), maxBody) }, recording.CodeInvalidRequest},
		"no redis":      {func(*Event) {}, recording.CodeStoreUnavailable},
	} {
		e := good
		c.change(&e)
		if err := w.Publish(t.Context(), e); recording.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewEvent(RecordingStarted, "", func() {}); recording.CodeOf(err) != recording.CodeInvalidRequest {
		t.Errorf("data that is no data: %v", err)
	}
}
