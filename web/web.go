// Package web holds the pages that roomreel serves, embedded into the binary.
package web

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"
)

// JoinOptions say which rooms the console's join page leads to.
type JoinOptions struct {
	// URL is LiveKit's WebSocket URL as a browser reaches it.
	URL string
	// Token mints the token of a visitor.
	Token func(room, identity, name string, ttl time.Duration) (string, error)
}

// The lengths, in bytes, of the names that a visitor may choose.
const longestName = 100

// Join mints the token with which a visitor enters a room from the console's
// join page, and leads there. It asks for no credentials: it is for a server on
// loopback only.
func Join(o JoinOptions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		to := "/console/join"
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("POST /token", o.token)
	return http.NewCrossOriginProtection().Handler(mux)
}

// token answers {"room", "name"} with {"url", "token"}. No page of another origin
// may ask, whatever the API allows those.
func (o JoinOptions) token(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Room, Name string }
	const most = 4 << 10
	if r.Header.Get("Content-Type") != "application/json" ||
		json.NewDecoder(http.MaxBytesReader(w, r.Body, most)).Decode(&ask) != nil ||
		ask.Room == "" || len(ask.Room) > longestName || len(ask.Name) > longestName {
		http.Error(w, `send JSON {"room": "…", "name": "…"} with names of up to 100 bytes`, http.StatusBadRequest)
		return
	}
	token, err := o.Token(ask.Room, "visitor-"+rand.Text()[:8], ask.Name, time.Hour)
	if err != nil {
		http.Error(w, "no token can be minted", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"url": o.URL, "token": token})
}

// secure keeps the page to its own files and LiveKit.
func secure(next http.Handler, livekit string) http.Handler {
	policy := "default-src 'self'; connect-src 'self' " + livekit + " " + httpOf(livekit) +
		"; media-src 'self' blob:; img-src 'self' data: blob:; form-action 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// httpOf is the HTTP form of a WebSocket URL: LiveKit's client checks its token
// there when the WebSocket fails.
func httpOf(u string) string { return "http" + u[len("ws"):] }
