package deliver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Signer proves to the receiver who sent a webhook.
type Signer interface {
	// Sign sets the headers that prove it for a message that is sent now; the
	// webhook-id is set already.
	Sign(header http.Header, id string, now time.Time, body []byte)
}

type standardSigner [][]byte

// StandardSigner signs by Standard Webhooks 1.0.0, symmetric form: webhook-id,
// webhook-timestamp, and webhook-signature with a v1 signature by each secret.
// A secret is "whsec_" and the base64 form of 24 to 64 bytes. For a rotation
// give the new one and the old one, until all receivers know the new.
func StandardSigner(secrets ...string) (Signer, error) {
	const prefix, least, most = "whsec_", 24, 64
	if len(secrets) == 0 {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "webhook secret: at least one must be given")
	}
	var s standardSigner
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, prefix))
		if err != nil || !strings.HasPrefix(secret, prefix) || len(key) < least || len(key) > most {
			return nil, recording.Errorf(recording.CodeInvalidRequest,
				"webhook secret: must be %s and the base64 form of %d to %d bytes", prefix, least, most)
		}
		s = append(s, key)
	}
	return s, nil
}

func (s standardSigner) Sign(header http.Header, id string, now time.Time, body []byte) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(s))
	for i, key := range s {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	header.Set("webhook-timestamp", timestamp)
	header.Set("webhook-signature", strings.Join(signatures, " "))
}

type liveKitSigner struct{ key, secret string }

// LiveKitSigner signs as LiveKit signs its own webhooks, so that the
// WebhookReceiver of its server SDKs accepts them: the Authorization header is
// a JWT of the API key, valid for 5 minutes, whose sha256 claim is the base64
// form of the body's digest, and the content type is application/webhook+json
// (livekit/protocol, package webhook).
func LiveKitSigner(apiKey, apiSecret string) (Signer, error) {
	if apiKey == "" || apiSecret == "" {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "webhook secret: LiveKit's form needs an API key and its secret")
	}
	return liveKitSigner{apiKey, apiSecret}, nil
}

func (s liveKitSigner) Sign(header http.Header, _ string, now time.Time, body []byte) {
	digest := sha256.Sum256(body)
	claims, _ := json.Marshal(struct { // strings and numbers only: cannot fail
		Issuer    string `json:"iss"`
		NotBefore int64  `json:"nbf"`
		Expires   int64  `json:"exp"`
		Digest    string `json:"sha256"`
	}{s.key, now.Unix(), now.Add(5 * time.Minute).Unix(), base64.StdEncoding.EncodeToString(digest[:])})
	enc := base64.RawURLEncoding
	token := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(s.secret))
	mac.Write([]byte(token))
	header.Set("Authorization", token+"."+enc.EncodeToString(mac.Sum(nil)))
	header.Set("Content-Type", "application/webhook+json")
}
