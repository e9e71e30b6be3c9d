package deliver

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/webhook"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// manageable allows endpoints on loopback.
func manageable(o *WebhookOptions) {
	o.Policy = URLPolicy{AllowHTTP: true, AnyPort: true, AllowHosts: []string{"127.0.0.1"}}
}

// mailbox takes webhooks and keeps their headers and bodies.
func mailbox(t *testing.T) (*httptest.Server, <-chan *http.Request, <-chan string) {
	t.Helper()
	requests, bodies := make(chan *http.Request, 100), make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body strings.Builder
		_ = r.Write(&body) // reads the body too
		_, text, _ := strings.Cut(body.String(), "\r\n\r\n")
		requests <- r
		bodies <- text
	}))
	t.Cleanup(s.Close)
	return s, requests, bodies
}

func takeOne[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	panic("unreachable")
}

// An endpoint is added while two nodes run, gets what it wants of both, with the
// secret that was told once, and nothing more when it is turned off or deleted.
func TestManagedEndpoint(t *testing.T) {
	addr := redisserver.Run(t).Addr
	w, other := newWebhooks(t, client(t, addr), nil, manageable), newWebhooks(t, client(t, addr), nil, manageable)
	runUntilEnd(t, w.Run)
	server, requests, bodies := mailbox(t)
	status, secret, err := w.CreateEndpoint(t.Context(), EndpointSpec{
		URL: server.URL + "/hook?token=hunter2", Description: "the app", Types: []string{"recording.*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := EndpointStatus{URL: server.URL + "/hook", Description: "the app", Types: []string{"recording.*"}, Signing: SignStandard}
	if d := cmp.Diff(want, status, cmpopts.IgnoreFields(EndpointStatus{}, "ID", "CreatedAt", "UpdatedAt")); d != "" {
		t.Errorf("created: %s", d)
	}
	verify := func(e Event, secrets ...string) {
		t.Helper()
		r, body := takeOne(t, requests), takeOne(t, bodies)
		if got := r.Header.Get("webhook-id"); got != e.ID {
			t.Fatalf("got %s, want %s", got, e.ID)
		}
		for _, s := range secrets {
			if err := verifyStandard(s, r.Header, []byte(body), time.Now()); err != nil {
				t.Errorf("signature: %v", err)
			}
		}
	}
	e := event(t, "rec_1", 1)
	publish(t, other, e)
	verify(e, secret)

	renewed, err := other.RotateSecret(t.Context(), status.ID)
	if err != nil || renewed == secret {
		t.Fatal("the secret is not new", err)
	}
	e = event(t, "rec_1", 2)
	publish(t, w, e)
	verify(e, secret, renewed)

	narrowed, err := other.UpdateEndpoint(t.Context(), status.ID, func(s *EndpointSpec) { s.Types = []string{"composition.ready"} })
	if err != nil || !slices.Equal(narrowed.Types, []string{"composition.ready"}) || narrowed.URL != status.URL {
		t.Errorf("narrowed: %+v, %v", narrowed, err)
	}
	unwanted := event(t, "rec_1", 3)
	publish(t, w, unwanted)
	if _, err := w.UpdateEndpoint(t.Context(), status.ID, func(s *EndpointSpec) { s.Types, s.Disabled = nil, true }); err != nil {
		t.Fatal(err)
	}
	publish(t, w, event(t, "rec_1", 4))
	if err := w.Enable(t.Context(), status.ID); err != nil {
		t.Fatal(err)
	}
	id, err := other.Test(t.Context(), status.ID)
	if err != nil || !strings.HasSuffix(id, "."+status.ID) {
		t.Fatal(id, err)
	}
	if got := takeOne(t, requests).Header.Get("webhook-id"); got+"."+status.ID != id {
		t.Errorf("got %s, want the test event %s", got, id)
	}
	until(t, "the test event is delivered", func() bool { d, err := w.Delivery(t.Context(), id); return err == nil && d.State == Done })

	if err := w.DeleteEndpoint(t.Context(), status.ID); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"delete again": w.DeleteEndpoint(t.Context(), status.ID), "get": second(w.Endpoint(t.Context(), status.ID)),
		"test": second(w.Test(t.Context(), status.ID)), "enable": w.Enable(t.Context(), status.ID),
		"rotate": second(w.RotateSecret(t.Context(), status.ID)),
	} {
		if recording.CodeOf(err) != recording.CodeNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Redeliver(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	until(t, "what waits for a deleted endpoint fails", func() bool {
		d, err := w.Delivery(t.Context(), id)
		return err == nil && d.State == Failed && d.Error.Code == recording.CodeNotFound && d.URL == ""
	})
}

func second[T any](_ T, err error) error { return err }

// LiveKit's own receiver takes what is signed its way.
func TestManagedEndpointLiveKit(t *testing.T) {
	key, err := LiveKitSigner("devkey", "a-secret-of-this-test-0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), nil, manageable, func(o *WebhookOptions) { o.LiveKit = key })
	runUntilEnd(t, w.Run)
	received := make(chan error, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := webhook.Receive(r, auth.NewSimpleKeyProvider("devkey", "a-secret-of-this-test-0123456789abcdef"))
		received <- err
	}))
	t.Cleanup(s.Close)
	status, secret, err := w.CreateEndpoint(t.Context(), EndpointSpec{URL: s.URL, Signing: SignLiveKit})
	if err != nil || secret != "" {
		t.Fatal(secret, err)
	}
	publish(t, w, event(t, "rec_1", 1))
	if err := takeOne(t, received); err != nil {
		t.Error(err)
	}
	if _, err := w.RotateSecret(t.Context(), status.ID); recording.CodeOf(err) != recording.CodeInvalidRequest {
		t.Errorf("rotated: %v", err)
	}
}

func TestManagedEndpointRefuses(t *testing.T) {
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{"http://127.0.0.1:1"})
	good := EndpointSpec{URL: "https://app.example.com/hook"}
	for name, c := range map[string]struct {
		change func(*EndpointSpec)
		want   recording.Code
	}{
		"private address": {func(s *EndpointSpec) { s.URL = "https://10.0.0.1/" }, CodeURLAddress},
		"scheme":          {func(s *EndpointSpec) { s.URL = "http://app.example.com/" }, CodeURLScheme},
		"port":            {func(s *EndpointSpec) { s.URL = "https://app.example.com:6379/" }, CodeURLPort},
		"no URL":          {func(s *EndpointSpec) { s.URL = "" }, CodeURLScheme},
		"long URL":        {func(s *EndpointSpec) { s.URL += strings.Repeat("x", 3000) }, recording.CodeInvalidRequest},
		"type":            {func(s *EndpointSpec) { s.Types = []string{"recording"} }, recording.CodeInvalidRequest},
		"signing":         {func(s *EndpointSpec) { s.Signing = "none" }, recording.CodeInvalidRequest},
		"LiveKit":         {func(s *EndpointSpec) { s.Signing = SignLiveKit }, recording.CodeInvalidRequest},
	} {
		spec := good
		c.change(&spec)
		if _, _, err := w.CreateEndpoint(t.Context(), spec); recording.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for name, err := range map[string]error{
		"delete": w.DeleteEndpoint(t.Context(), "e0"), "rotate": second(w.RotateSecret(t.Context(), "e0")),
		"update": second(w.UpdateEndpoint(t.Context(), "e0", func(*EndpointSpec) {})),
	} {
		if recording.CodeOf(err) != CodeReadOnly {
			t.Errorf("%s of a configured one: %v", name, err)
		}
	}
	for range mostManaged {
		if _, _, err := w.CreateEndpoint(t.Context(), good); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := w.CreateEndpoint(t.Context(), good); recording.CodeOf(err) != CodeLimitReached {
		t.Errorf("one more than allowed: %v", err)
	}
	list, err := w.Endpoints(t.Context())
	if err != nil || len(list) != mostManaged+1 || list[0].ID != "e0" || !slices.IsSortedFunc(list[1:], func(a, b EndpointStatus) int { return strings.Compare(a.ID, b.ID) }) {
		t.Errorf("%d endpoints, %v", len(list), err)
	}
}
