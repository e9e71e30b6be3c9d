package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roomreel/roomreel/configs"
)

// A page whose name leads to dev gets no token for its rooms, although it is of the
// same origin to the browser; by the name that is configured a tunnel may come.
func TestDevAnswersToItsOwnNames(t *testing.T) {
	s := startStage(t, func(c *configs.Config) { c.API.PublicURL = "https://reel.example.com" })
	for host, want := range map[string]int{
		"": http.StatusOK, "localhost:7890": http.StatusOK, "reel.example.com": http.StatusOK, "evil.example.com:7890": http.StatusForbidden,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.api.URL+"/join/token", strings.NewReader(`{"room":"hello"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", host, resp.StatusCode, want)
		}
	}
}
