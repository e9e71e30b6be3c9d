package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/roomreel/roomreel/api"
)

// A name that DNS could lead here is refused, unless it is the server's own.
func TestOnlyHosts(t *testing.T) {
	handler := api.OnlyHosts(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "Reel.example.com")
	for host, ok := range map[string]bool{
		"127.0.0.1:7890": true, "127.0.0.1": true, "192.168.1.5:7890": true, "[::1]:7890": true, "[fd00::1]": true,
		"localhost:7890": true, "LOCALHOST": true, "localhost.:7890": true, "roomreel.localhost:7890": true,
		"reel.example.com": true, "reel.example.com:8443": true, "REEL.EXAMPLE.COM.": true,
		"evil.example.com:7890": false, "notlocalhost": false, "localhost.evil.example.com": false, "127.0.0.1.evil.example.com": false,
		"example.com": false, "x.reel.example.com": false, "": false, ":7890": false, "2130706433": false,
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusForbidden || (w.Code == http.StatusOK) != ok {
			t.Errorf("%q: %d, want it to pass: %v", host, w.Code, ok)
		}
	}
}
