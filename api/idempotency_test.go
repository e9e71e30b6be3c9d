package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

// A request that is sent again with its key is answered again and done once;
// keys belong to callers, and to one request each.
func TestIdempotencyKey(t *testing.T) {
	p := newPlace(t)
	body := `{"room":"standup"}`
	first := p.do(t, adminKey, "POST", "/v1/recordings", body, "Idempotency-Key", "k1")
	if first.status != 201 {
		t.Fatalf("%d %s", first.status, first.body)
	}
	again := p.do(t, adminKey, "POST", "/v1/recordings", body, "Idempotency-Key", "k1")
	if again.status != 201 || again.body != first.body || again.header.Get("Location") != first.header.Get("Location") ||
		again.header.Get("Content-Type") != first.header.Get("Content-Type") || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %d %v %s", again.status, again.header, again.body)
	}
	if n := len(p.live(t, "standup")); n != 1 {
		t.Errorf("%d recordings were begun", n)
	}
	for name, c := range map[string]struct {
		bearer, path, body, key string
		status                  int
		code                    recording.Code
	}{
		"other body":   {adminKey, "/v1/recordings", `{"room":"other"}`, "k1", 422, api.CodeKeyReused},
		"other path":   {adminKey, "/v1/webhooks", body, "k1", 422, api.CodeKeyReused},
		"other key":    {adminKey, "/v1/recordings", body, "k2", 409, recording.CodeAlreadyRecording},
		"other caller": {"record", "/v1/recordings", body, "k1", 409, recording.CodeAlreadyRecording},
		"nobody":       {"", "/v1/recordings", body, "k1", 401, api.CodeUnauthenticated},
		"long key":     {adminKey, "/v1/recordings", body, strings.Repeat("k", 256), 422, recording.CodeInvalidRequest},
		"no key":       {adminKey, "/v1/recordings", body, "", 409, recording.CodeAlreadyRecording},
		"large body":   {adminKey, "/v1/recordings", strings.Repeat(" ", 1<<20+1), "k3", 413, recording.CodeInvalidRequest},
	} {
		got := p.do(t, c.bearer, "POST", c.path, c.body, "Idempotency-Key", c.key)
		if problem := decode[api.Problem](t, got); got.status != c.status || problem.Code != string(c.code) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	// Requests at once: one is done, the others are told of it, or answered alike.
	var all sync.WaitGroup
	statuses := make(chan answer, 20)
	for range cap(statuses) {
		all.Go(func() {
			statuses <- p.do(t, adminKey, "POST", "/v1/recordings", `{"room":"other"}`, "Idempotency-Key", "k4")
		})
	}
	all.Wait()
	close(statuses)
	ids := map[string]bool{}
	for got := range statuses {
		switch got.status {
		case 201:
			ids[got.body] = true
		case 409:
			if code := decode[api.Problem](t, got).Code; code != string(api.CodeKeyInUse) {
				t.Errorf("at once: %s", got.body)
			}
		default:
			t.Errorf("at once: %d %s", got.status, got.body)
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d different answers", len(ids))
	}
	p.redis.SetError("LOADING")
	if got := p.do(t, adminKey, "POST", "/v1/webhooks/app/test", "", "Idempotency-Key", "k5"); got.status != 503 {
		t.Errorf("without Redis: %d %s", got.status, got.body)
	}
	p.redis.SetError("")
	if got := p.do(t, adminKey, "POST", "/v1/webhooks/app/test", "", "Idempotency-Key", "k5"); got.status != http.StatusAccepted {
		t.Errorf("what had failed is done when it is sent again: %d %s", got.status, got.body)
	}
}

// A caller who asks too often waits, alone; so does an address that guesses.
func TestRateLimit(t *testing.T) {
	p := newPlace(t, func(o *api.Options) {
		o.Rate, o.Guesses = api.RateLimit{PerSecond: 0.001, Burst: 3}, api.RateLimit{PerSecond: 0.001, Burst: 2}
	})
	refused := func(got answer) bool {
		problem := decode[api.Problem](t, got)
		return got.status == 429 && problem.Code == string(api.CodeRateLimited) && got.header.Get("Retry-After") > "0"
	}
	for i := range 3 {
		if got := p.do(t, "list", "GET", "/v1/recordings", ""); got.status != 200 {
			t.Errorf("request %d: %d", i, got.status)
		}
	}
	if got := p.do(t, "list", "GET", "/v1/recordings", ""); !refused(got) {
		t.Errorf("one too many: %d %v", got.status, got.header)
	}
	if got := p.do(t, adminKey, "GET", "/v1/recordings", ""); got.status != 200 {
		t.Errorf("another caller: %d", got.status)
	}
	for range 2 {
		if got := p.do(t, "wrong", "GET", "/v1/recordings", ""); got.status != 401 {
			t.Errorf("a guess: %d", got.status)
		}
	}
	if got := p.do(t, "wrong", "GET", "/v1/recordings", ""); !refused(got) {
		t.Errorf("one guess too many: %d %v", got.status, got.header)
	}
	if got := p.do(t, adminKey, "GET", "/v1/recordings", ""); got.status != 200 {
		t.Errorf("a good key from the address of guesses: %d", got.status)
	}
}

// Master keys, console sign-ins and uploads are guessed at no faster than bearers.
func TestRateLimitOfKeysInBodies(t *testing.T) {
	for _, r := range []struct{ method, path, body string }{
		{"POST", "/auth_v2/client", `{"master_key":"a-guess","client_id":"ann"}`},
		{"POST", "/auth_v2/supervisor", `{"master_key":"a-guess","client_id":"sam","client_to_monitor":"ann"}`},
		{"POST", "/auth_v2/stats", `{"master_key":"a-guess","client_id":"reports"}`},
		{"POST", "/console/sign-in", `{"key":"a-guess"}`},
		{"POST", "/api/recordings", ""},
	} {
		p := newPlace(t, everything, func(o *api.Options) { o.Guesses = api.RateLimit{PerSecond: 0.001, Burst: 1} })
		if got := p.do(t, "wrong", r.method, r.path, r.body); got.status != http.StatusUnauthorized {
			t.Errorf("%s: a guess: %d %s", r.path, got.status, got.body)
		}
		if got := p.do(t, "wrong", r.method, r.path, r.body); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") < "1" {
			t.Errorf("%s: one too many: %d %v", r.path, got.status, got.header)
		}
		good := `{"master_key":"` + adminKey + `","client_id":"ann"}`
		if got := p.do(t, "", "POST", "/auth_v2/client", good); got.status != http.StatusCreated {
			t.Errorf("%s: a good key from the address of guesses: %d", r.path, got.status)
		}
	}
}

// What no operation answers is guessed at no faster: the path of supervisors takes any
// bearer in its query, and tells an admin key from one that is not valid.
func TestRateLimitOutsideOperations(t *testing.T) {
	for _, path := range []string{"/metrics", "/v1/supervisions/sup_0199a3f27c5d7e0fb1d2c3b4a5968778/signal/rtc?access_token=wrong"} {
		p := newPlace(t, everything, func(o *api.Options) { o.Guesses = api.RateLimit{PerSecond: 0.001, Burst: 1} })
		through := []string{"X-Forwarded-For", "192.0.2.1"} // else it is a scraper on this machine
		if got := p.do(t, "wrong", "GET", path, "", through...); got.status != http.StatusUnauthorized {
			t.Errorf("%s: a guess: %d %s", path, got.status, got.body)
		}
		if got := p.do(t, "wrong", "GET", path, "", through...); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") < "1" {
			t.Errorf("%s: one too many: %d %v", path, got.status, got.header)
		}
	}
}

// A session that is asked for twice with one key is opened once: the second answer is
// the first one, not TWO_TIMER.
func TestIdempotentSessions(t *testing.T) {
	p := newPlace(t)
	for path, body := range map[string]string{
		"/v1/sessions": `{"client_id":"ann"}`, "/api/v2/session": `{"client_id":"bob"}`,
	} {
		first := p.do(t, adminKey, "POST", path, body, "Idempotency-Key", path)
		again := p.do(t, adminKey, "POST", path, body, "Idempotency-Key", path)
		if first.status != http.StatusCreated || again.status != first.status || again.body != first.body {
			t.Errorf("%s: %d %s, then %d %s", path, first.status, first.body, again.status, again.body)
		}
	}
	agent := p.active(t, "cid")
	wish := `{"agent_id":"cid","supervisor_id":"sam","reason":"training"}`
	first := p.do(t, adminKey, "POST", "/v1/supervisions", wish, "Idempotency-Key", agent.ID)
	again := p.do(t, adminKey, "POST", "/v1/supervisions", wish, "Idempotency-Key", agent.ID)
	if first.status != http.StatusCreated || again.body != first.body {
		t.Errorf("supervision: %d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
}
