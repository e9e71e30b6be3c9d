package plugin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/livekit/protocol/auth"

	"github.com/roomreel/roomreel/recording"
)

// sign is what LiveKit puts into the Authorization header of a webhook.
func sign(t *testing.T, k Keys, body string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	token, err := auth.NewAccessToken(k.Key, k.Secret).SetValidFor(time.Minute).SetSha256(base64.StdEncoding.EncodeToString(sum[:])).ToJWT()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestReceiveHint(t *testing.T) {
	const body = `{"event":"participant_left","room":{"name":"blue","sid":"RM_1","turnPassword":"x"},
		"participant":{"identity":"anna","sid":"PA_1"},"id":"EV_1","createdAt":"1772355600","newerThanUs":{"a":1}}`
	const finished = `{"event":"room_finished","room":{"name":"blue"},"id":"EV_2"}`
	server, err := keys.ServerToken("app", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	bad := func(err error) bool { return errors.Is(err, ErrToken) }
	invalid := func(err error) bool { return recording.CodeOf(err) == recording.CodeInvalidRequest }
	for _, c := range []struct {
		name, body, token string
		want              Hint
		wrong             func(error) bool
	}{
		{"LiveKit's", body, sign(t, keys, body), Hint{"EV_1", "participant_left", "blue", "anna", time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}, nil},
		{"of a room", finished, sign(t, keys, finished), Hint{"EV_2", RoomFinished, "blue", "", time.Unix(0, 0).UTC()}, nil},
		{"unsigned", body, "", Hint{}, bad},
		{"of another body", body + " ", sign(t, keys, body), Hint{}, bad},
		{"another secret's", body, sign(t, Keys{keys.Key, "another-secret-0123456789abcdefghijk"}, body), Hint{}, bad},
		{"another key's", body, sign(t, Keys{"other", keys.Secret}, body), Hint{}, bad},
		{"a token for something else", body, server, Hint{}, bad},
		{"no JSON", "no", sign(t, keys, "no"), Hint{}, invalid},
		{"too long", string(bytes.Repeat([]byte("x"), 5000)), sign(t, keys, body), Hint{}, invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/livekit/webhook", bytes.NewReader([]byte(c.body)))
			r.Header.Set("Authorization", c.token)
			r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 4000)
			got, err := keys.ReceiveHint(r)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if (err != nil) != (c.wrong != nil) || c.wrong != nil && !c.wrong(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}
