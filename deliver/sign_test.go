package deliver

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/webhook"

	"github.com/roomreel/roomreel/recording"
)

const (
	secretA = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secretB = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// The example of the Standard Webhooks reference libraries and of Svix' manual.
func TestStandardSignerVector(t *testing.T) {
	s, err := StandardSigner(secretA)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	s.Sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	got := fmt.Sprint(h.Get("webhook-timestamp"), " ", h.Get("webhook-signature"))
	if want := "1614265330 v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// verifyStandard is a receiver's side of Standard Webhooks, written from its
// specification: it takes a message when one of the signatures is good.
func verifyStandard(secret string, h http.Header, body []byte, now time.Time) error {
	key, err := base64.StdEncoding.DecodeString(secret[len("whsec_"):])
	if err != nil {
		return err
	}
	sent, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("timestamp %q is not of %v", h.Get("webhook-timestamp"), now)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", h.Get("webhook-id"), sent, body)
	for _, part := range strings.Fields(h.Get("webhook-signature")) {
		version, signature, _ := strings.Cut(part, ",")
		raw, err := base64.StdEncoding.DecodeString(signature)
		if err == nil && version == "v1" && hmac.Equal(raw, mac.Sum(nil)) {
			return nil
		}
	}
	return fmt.Errorf("no signature in %q is good", h.Get("webhook-signature"))
}

func TestStandardSignerRotation(t *testing.T) {
	both, err := StandardSigner(secretB, secretA)
	if err != nil {
		t.Fatal(err)
	}
	one, err := StandardSigner(secretA)
	if err != nil {
		t.Fatal(err)
	}
	now, body := time.Now(), []byte(`{"a":1}`)
	for _, c := range []struct {
		name   string
		signer Signer
		secret string
		body   string
		at     time.Time
		good   bool
	}{
		{"new secret", both, secretB, `{"a":1}`, now, true},
		{"old secret", both, secretA, `{"a":1}`, now, true},
		{"unknown secret", one, secretB, `{"a":1}`, now, false},
		{"changed body", both, secretA, `{"a":2}`, now, false},
		{"replayed later", both, secretA, `{"a":1}`, now.Add(time.Hour), false},
	} {
		h := http.Header{"Webhook-Id": {"evt_1"}}
		c.signer.Sign(h, "evt_1", now, body)
		if err := verifyStandard(c.secret, h, []byte(c.body), c.at); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSignerRefusesSecrets(t *testing.T) {
	for _, secrets := range [][]string{
		{},
		{""},
		{"whsec_"},
		{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		{"whsec_tooshort"},
		{"whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"},
		{secretA, "whsec_c2hvcnQ="},
		{"whsec_" + strings.Repeat("AAAA", 22)},
	} {
		_, err := StandardSigner(secrets...)
		if recording.CodeOf(err) != recording.CodeInvalidRequest {
			t.Errorf("%q: %v", secrets, err)
		}
		for _, s := range secrets {
			if key := strings.TrimPrefix(s, "whsec_"); key != "" && strings.Contains(err.Error(), key) {
				t.Errorf("the error tells the secret: %v", err)
			}
		}
	}
	if _, err := LiveKitSigner("key", ""); recording.CodeOf(err) != recording.CodeInvalidRequest {
		t.Errorf("LiveKit's form without a secret: %v", err)
	}
}

// LiveKit's own receiver accepts what LiveKitSigner signs, and nothing else.
func TestLiveKitSigner(t *testing.T) {
	const key, secret = "APIkey", "0123456789abcdef0123456789abcdef"
	body := []byte(`{"id":"evt_1","type":"recording.started","timestamp":"2026-01-02T03:04:05Z","data":{}}`)
	for _, c := range []struct {
		name        string
		signerKey   string
		signerSalt  string
		signed      time.Time
		body        []byte
		acceptsBody bool
	}{
		{"good", key, secret, time.Now(), body, true},
		{"changed body", key, secret, time.Now(), append([]byte(" "), body...), false},
		{"other secret", key, "another", time.Now(), body, false},
		{"other key", "unknown", secret, time.Now(), body, false},
		{"replayed later", key, secret, time.Now().Add(-time.Hour), body, false},
	} {
		s, err := LiveKitSigner(c.signerKey, c.signerSalt)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(c.body))
		s.Sign(r.Header, "evt_1", c.signed, body)
		got, err := webhook.Receive(r, auth.NewSimpleKeyProvider(key, secret))
		if (err == nil) != c.acceptsBody || err == nil && !bytes.Equal(got, body) {
			t.Errorf("%s: %v", c.name, err)
		}
		if ct := r.Header.Get("Content-Type"); ct != "application/webhook+json" {
			t.Errorf("content type %q", ct)
		}
	}
	s, _ := LiveKitSigner(key, secret)
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	s.Sign(r.Header, "evt_1", time.Now(), body)
	e, err := webhook.ReceiveWebhookEvent(r, auth.NewSimpleKeyProvider(key, secret))
	if err != nil || e.Id != "evt_1" {
		t.Errorf("ReceiveWebhookEvent: %v, %v", e, err)
	}
}
