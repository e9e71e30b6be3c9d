package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

// A webhook of LiveKit's is acted on once, on whichever of two nodes it comes, and
// not at all when it is forged.
func TestHintsAreActedOnOnce(t *testing.T) {
	rdb := runRedis(t)
	keys := testKeys
	var acted []string
	act := func(_ context.Context, h plugin.Hint) { acted = append(acted, h.ID+" "+h.Event) }
	log := slog.New(slog.DiscardHandler)
	nodes := []func(*http.Request) error{
		receiveHints(keys, coord.NewStore(rdb), act, log), receiveHints(keys, coord.NewStore(rdb), act, log),
	}
	const body = `{"event":"participant_left","id":"EV_1","room":{"name":"blue"},"participant":{"identity":"anna"}}`
	for _, c := range []struct {
		node   int
		body   string
		secret string
		want   recording.Code
	}{
		{0, body, "another-secret-0123456789abcdefghijklmnop", api.CodeUnauthenticated},
		{0, body, keys.Secret, ""},
		{0, body, keys.Secret, ""}, // replayed
		{1, body, keys.Secret, ""}, // to another node
		{1, `{"event":`, keys.Secret, recording.CodeInvalidRequest},
		{1, strings.ReplaceAll(body, "EV_1", "EV_2"), keys.Secret, ""},
	} {
		sum := sha256.Sum256([]byte(c.body))
		token, err := auth.NewAccessToken(keys.Key, c.secret).SetValidFor(time.Minute).SetSha256(base64.StdEncoding.EncodeToString(sum[:])).ToJWT()
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/livekit/webhook", strings.NewReader(c.body))
		r.Header.Set("Authorization", token)
		if err := nodes[c.node](r); recording.CodeOf(err) != c.want {
			t.Errorf("%.40s to node %d: %v, want code %q", c.body, c.node, err, c.want)
		}
	}
	if got := strings.Join(acted, ", "); got != "EV_1 participant_left, EV_2 participant_left" {
		t.Errorf("acted on %s", got)
	}
}
