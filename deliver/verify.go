package deliver

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrSignature is the error of a webhook that was not signed with the secret,
// or not lately.
var ErrSignature = errors.New("the signature does not fit")

// Verify tells whether a webhook was signed with one of the secrets, not more
// than five minutes from now (Standard Webhooks 1.0.0, "Verifying webhook
// authenticity"). The errors are ErrSignature, and StandardSigner's for a
// secret that is none.
func Verify(header http.Header, body []byte, now time.Time, secrets ...string) error {
	const tolerance = 5 * time.Minute
	at, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	sent := time.Unix(at, 0)
	stale := err != nil || now.Sub(sent).Abs() > tolerance
	for _, secret := range secrets {
		signer, err := StandardSigner(secret)
		if err != nil {
			return err
		}
		want := http.Header{}
		signer.Sign(want, header.Get("webhook-id"), sent, body)
		for _, given := range strings.Fields(header.Get("webhook-signature")) {
			if hmac.Equal([]byte(given), []byte(want.Get("webhook-signature"))) && !stale {
				return nil
			}
		}
	}
	return ErrSignature
}
