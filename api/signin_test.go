package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roomreel/roomreel/api"
)

func withConsole(o *api.Options) {
	o.Console = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("page " + r.URL.Path)) })
}

// session signs in and returns the cookie as a browser would send it.
func sessionCookie(t *testing.T, p *place, key string) string {
	t.Helper()
	got := p.do(t, "", "POST", "/console/sign-in", `{"key":"`+key+`"}`)
	if got.status != http.StatusNoContent {
		t.Fatalf("sign-in: status %d: %s", got.status, got.body)
	}
	set := got.header.Get("Set-Cookie")
	for _, attribute := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} {
		if !strings.Contains(set, attribute) {
			t.Errorf("Set-Cookie %q lacks %s", set, attribute)
		}
	}
	if strings.Contains(set, key) {
		t.Error("the cookie holds the key")
	}
	cookie, _, _ := strings.Cut(set, ";")
	return cookie
}

func TestConsoleSession(t *testing.T) {
	p := newPlace(t, withConsole)
	cookie := sessionCookie(t, p, adminKey)
	rec, _, _ := p.recorded(t, "standup")

	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
	}{
		{"reads", "GET", "/v1/recordings", "", []string{"Cookie", cookie}, 200},
		{"loads media", "GET", "/v1/recordings/" + rec.ID + "/parts", "", []string{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"}, 200},
		{"changes from our page", "POST", "/v1/recordings", `{"room":"standup"}`, []string{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"}, 201},
		{"changes from another site", "POST", "/v1/recordings", `{"room":"other"}`, []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site"}, 403},
		{"changes from another site, old browser", "POST", "/v1/recordings", `{"room":"other"}`, []string{"Cookie", cookie, "Origin", "https://evil.example"}, 403},
		{"a bearer counts before the cookie", "GET", "/v1/recordings", "", []string{"Cookie", cookie, "Authorization", "Bearer wrong"}, 401},
		{"forged", "GET", "/v1/recordings", "", []string{"Cookie", cookie[:len(cookie)-2] + "AA"}, 401},
		{"garbage", "GET", "/v1/recordings", "", []string{"Cookie", "roomreel_session=%%%"}, 401},
		{"empty", "GET", "/v1/recordings", "", []string{"Cookie", "roomreel_session="}, 401},
		{"sign-in from another site", "POST", "/console/sign-in", `{"key":"` + adminKey + `"}`, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"wrong key", "POST", "/console/sign-in", `{"key":"record"}`, nil, 401},
		{"no key", "POST", "/console/sign-in", ``, nil, 422},
		{"pages are open", "GET", "/console/recordings/x", "", nil, 200},
		{"front door", "GET", "/", "", nil, 302},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := p.do(t, "", tt.method, tt.path, tt.body, tt.headers...); got.status != tt.status {
				t.Errorf("status %d, want %d: %s", got.status, tt.status, got.body)
			}
		})
	}

	out := p.do(t, "", "POST", "/console/sign-out", "", "Cookie", cookie)
	if set := out.header.Get("Set-Cookie"); out.status != 204 || !strings.HasPrefix(set, "roomreel_session=;") || !strings.Contains(set, "Max-Age=0") {
		t.Errorf("sign-out: status %d, Set-Cookie %q", out.status, set)
	}
	if log := p.log.String(); strings.Contains(log, adminKey) || strings.Contains(log, strings.TrimPrefix(cookie, "roomreel_session=")) {
		t.Error("a credential is in the log")
	}
}

// Whoever takes an admin key out of the configuration ends its sessions; other
// nodes with the key know them.
func TestConsoleSessionBelongsToItsKey(t *testing.T) {
	cookie := sessionCookie(t, newPlace(t, withConsole), adminKey)
	again := newPlace(t, withConsole)
	if got := again.do(t, "", "GET", "/v1/recordings", "", "Cookie", cookie); got.status != 200 {
		t.Errorf("another node: status %d", got.status)
	}
	without := newPlace(t, withConsole, func(o *api.Options) { o.AdminKeys = o.AdminKeys[:1] })
	if got := without.do(t, "", "GET", "/v1/recordings", "", "Cookie", cookie); got.status != 401 {
		t.Errorf("without the key: status %d", got.status)
	}
}
