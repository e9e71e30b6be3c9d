package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Our own page and programs get a visitor's token, and no page of another origin does.
func TestJoin(t *testing.T) {
	join := Join(JoinOptions{URL: "ws://livekit.example", Token: func(room, _, name string, _ time.Duration) (string, error) {
		return room + " " + name, nil
	}})
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"a program", nil, http.StatusOK},
		{"our page", []string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		{"our page, old browser", []string{"Origin", "http://example.com"}, http.StatusOK},
		{"a page of another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, http.StatusForbidden},
		{"the same, old browser", []string{"Origin", "https://evil.example"}, http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/token", strings.NewReader(`{"room":"hello","name":"Anna"}`))
			r.Header.Set("Content-Type", "application/json")
			for i := 0; i < len(tt.headers); i += 2 {
				r.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			w := httptest.NewRecorder()
			join.ServeHTTP(w, r)
			if w.Code != tt.status || strings.Contains(w.Body.String(), "hello Anna") != (tt.status == http.StatusOK) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
