package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// CodeEndpointDisabled is why deliveries to a disabled endpoint fail.
const CodeEndpointDisabled recording.Code = "ENDPOINT_DISABLED"

// Endpoint is a receiver that the operator has configured. Its URL is trusted:
// it may be http and point to an inner network.
type Endpoint struct {
	// ID names it for good, over changes of the URL and the secret: 1 to 64
	// letters, digits, hyphens and underscores. "url_" begins no ID.
	ID  string
	URL string
	// Signer signs what is sent.
	Signer Signer
	// Types are the events it gets, by type or as "recording.*"; none is all.
	Types []string
}

// Callback is a receiver that a caller has named for one recording or session.
// Its URL is dialled under the URLPolicy.
type Callback struct {
	URL string
	// Body is sent instead of the event's own JSON form, if it is not nil.
	Body []byte
}

// EndpointStatus tells how an endpoint does.
type EndpointStatus struct {
	ID      string `json:"id"`
	URL     string `json:"url"` // redacted
	Pending int    `json:"pending"`
	// FailingSince is when the first of the attempts was that failed since the
	// last one that did not.
	FailingSince time.Time `json:"failing_since,omitzero"`
	// DisabledAt is when it was given up, Reason why.
	DisabledAt time.Time `json:"disabled_at,omitzero"`
	Reason     string    `json:"reason,omitempty"`
}

const callbackPrefix = "url_"

var endpointID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (e Endpoint) validate() error {
	u, err := url.Parse(e.URL)
	switch {
	case !endpointID.MatchString(e.ID) || strings.HasPrefix(e.ID, callbackPrefix):
		return recording.Errorf(recording.CodeInvalidRequest, "webhook endpoint %.80q: the id is not valid", e.ID)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return recording.Errorf(recording.CodeInvalidRequest, "webhook endpoint %s: the URL must be http or https", e.ID)
	case e.Signer == nil:
		return recording.Errorf(recording.CodeInvalidRequest, "webhook endpoint %s: it must have a signer", e.ID)
	}
	return nil
}

// callbackID names the endpoint that a URL is, without telling the URL.
func callbackID(rawURL string) string {
	sum := sha256.Sum256([]byte(rawURL))
	return callbackPrefix + hex.EncodeToString(sum[:16])
}

// Endpoints tells how the configured endpoints do.
func (w *Webhooks) Endpoints(ctx context.Context) ([]EndpointStatus, error) {
	list := make([]EndpointStatus, 0, len(w.opts.Endpoints))
	for _, e := range w.opts.Endpoints {
		status, err := w.status(ctx, e.ID)
		if err != nil {
			return nil, fmt.Errorf("list endpoints: %w", err)
		}
		status.URL = Redact(e.URL)
		list = append(list, status)
	}
	return list, nil
}

func (w *Webhooks) status(ctx context.Context, id string) (EndpointStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	h, err := w.queue.rdb.HGetAll(ctx, w.queue.prefix+"group:"+id).Result()
	if err != nil {
		return EndpointStatus{}, unavailable(err)
	}
	status := EndpointStatus{ID: id, FailingSince: moment(h["failing"]), DisabledAt: moment(h["disabled"]), Reason: h["why"]}
	status.Pending, _ = strconv.Atoi(h["pending"]) // absent is none
	return status, nil
}

// Enable takes a disabled endpoint, also that of a callback, into use again.
// What failed meanwhile is sent by RedeliverSince.
func (w *Webhooks) Enable(ctx context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := w.queue.rdb.HDel(ctx, w.queue.prefix+"group:"+endpoint, "failing", "disabled", "why").Err(); err != nil {
		return fmt.Errorf("enable endpoint: %w", unavailable(err))
	}
	return nil
}
