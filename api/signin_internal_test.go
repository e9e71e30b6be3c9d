package api

import (
	"crypto/sha256"
	"testing"
	"time"
)

func TestSessionEnds(t *testing.T) {
	key := sha256.Sum256([]byte("key"))
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	value := newSession(key, now.Add(time.Hour))
	for at, want := range map[time.Duration]bool{0: true, time.Hour - time.Second: true, time.Hour: false} {
		if got := validSession(key, value, now.Add(at)); got != want {
			t.Errorf("after %v: valid %v, want %v", at, got, want)
		}
	}
	if validSession(sha256.Sum256([]byte("other")), value, now) {
		t.Error("valid under another key")
	}
}
