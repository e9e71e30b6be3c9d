package deliver

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {
	// The example of Standard Webhooks' own libraries.
	const secret, other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	const body = `{"test": 2432232314}`
	sent := time.Unix(1614265330, 0)
	signed := func() http.Header {
		return http.Header{
			"Webhook-Id":        {"msg_p5jXN8AQM9LWM0D4loKWxJek"},
			"Webhook-Timestamp": {"1614265330"},
			"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		}
	}
	for _, tt := range []struct {
		name    string
		change  func(http.Header)
		body    string
		now     time.Time
		secrets []string
		want    error
	}{
		{name: "as it came"},
		{name: "second secret", secrets: []string{other, secret}},
		{name: "second signature", change: func(h http.Header) { h.Set("webhook-signature", "v1,AAAA "+h.Get("webhook-signature")) }},
		{name: "other secret", secrets: []string{other}, want: ErrSignature},
		{name: "no secret", secrets: []string{}, want: ErrSignature},
		{name: "other body", body: body + " ", want: ErrSignature},
		{name: "other id", change: func(h http.Header) { h.Set("webhook-id", "msg_2") }, want: ErrSignature},
		{name: "other time", change: func(h http.Header) { h.Set("webhook-timestamp", "1614265331") }, want: ErrSignature},
		{name: "no time", change: func(h http.Header) { h.Del("webhook-timestamp") }, want: ErrSignature},
		{name: "no signature", change: func(h http.Header) { h.Del("webhook-signature") }, want: ErrSignature},
		{name: "late", now: sent.Add(301 * time.Second), want: ErrSignature},
		{name: "early", now: sent.Add(-301 * time.Second), want: ErrSignature},
		{name: "just in time", now: sent.Add(300 * time.Second)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := signed()
			if tt.change != nil {
				tt.change(h)
			}
			if tt.body == "" {
				tt.body = body
			}
			if tt.now.IsZero() {
				tt.now = sent
			}
			if tt.secrets == nil {
				tt.secrets = []string{secret}
			}
			if err := Verify(h, []byte(tt.body), tt.now, tt.secrets...); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if err := Verify(signed(), []byte(body), sent, "secret"); err == nil || errors.Is(err, ErrSignature) {
		t.Errorf("a secret of another form: got %v", err)
	}
}
