package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
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
	// letters, digits, hyphens and underscores. "url_" and "whk_" begin no ID,
	// and "deliveries" is none.
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

// EndpointStatus tells what an endpoint is and how it does.
type EndpointStatus struct {
	ID          string
	URL         string // redacted
	Description string
	Types       []string
	Signing     Signing // empty if the configuration chose it
	// ReadOnly says that the endpoint stands in the configuration.
	ReadOnly bool
	// Disabled says that calls turned it off.
	Disabled             bool
	CreatedAt, UpdatedAt time.Time
	Pending              int
	// FailingSince is when the first of the attempts was that failed since the
	// last one that did not.
	FailingSince time.Time
	// DisabledAt is when it was given up, Reason why.
	DisabledAt time.Time
	Reason     string
}

const callbackPrefix = "url_"

// takenPrefixes begin the ids of others: of callbacks, of managed endpoints, and
// a path of the API.
var takenPrefixes = []string{callbackPrefix, PrefixEndpoint + "_", "deliveries"}

var endpointID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (e Endpoint) validate() error {
	u, err := url.Parse(e.URL)
	switch {
	case !endpointID.MatchString(e.ID) || slices.ContainsFunc(takenPrefixes, func(p string) bool { return strings.HasPrefix(e.ID, p) }):
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

// Endpoints tells of all endpoints: the configured ones, then those that calls
// manage, oldest first.
func (w *Webhooks) Endpoints(ctx context.Context) ([]EndpointStatus, error) {
	added, err := w.managedEndpoints(ctx)
	if err != nil {
		return nil, fmt.Errorf("list endpoints: %w", err)
	}
	list := make([]EndpointStatus, 0, len(w.opts.Endpoints)+len(added))
	for _, e := range w.opts.Endpoints {
		list = append(list, e.status())
	}
	for _, m := range added {
		list = append(list, m.status())
	}
	for i := range list {
		if err := w.fare(ctx, &list[i]); err != nil {
			return nil, fmt.Errorf("list endpoints: %w", err)
		}
	}
	return list, nil
}

// Endpoint tells of one endpoint, or CodeNotFound.
func (w *Webhooks) Endpoint(ctx context.Context, id string) (EndpointStatus, error) {
	var status EndpointStatus
	if e, fixed := w.endpoints[id]; fixed {
		status = e.status()
	} else {
		m, err := w.managedEndpoint(ctx, id)
		if err != nil {
			return EndpointStatus{}, fmt.Errorf("get endpoint: %w", err)
		}
		status = m.status()
	}
	if err := w.fare(ctx, &status); err != nil {
		return EndpointStatus{}, fmt.Errorf("get endpoint: %w", err)
	}
	return status, nil
}

func (e Endpoint) status() EndpointStatus {
	return EndpointStatus{ID: e.ID, URL: Redact(e.URL), Types: e.Types, ReadOnly: true}
}

func (m managed) status() EndpointStatus {
	return EndpointStatus{
		ID: m.ID, URL: Redact(m.URL), Description: m.Description, Types: m.Types, Signing: m.Signing,
		Disabled: m.Disabled, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}

// fare fills in how the endpoint does.
func (w *Webhooks) fare(ctx context.Context, status *EndpointStatus) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	h, err := w.queue.rdb.HGetAll(ctx, w.queue.prefix+"group:"+status.ID).Result()
	if err != nil {
		return unavailable(err)
	}
	status.FailingSince, status.DisabledAt, status.Reason = moment(h["failing"]), moment(h["disabled"]), h["why"]
	status.Pending, _ = strconv.Atoi(h["pending"]) // absent is none
	return nil
}

// Enable takes a disabled endpoint, also that of a callback, into use again.
// What failed meanwhile is sent by RedeliverSince. CodeNotFound says that calls
// have deleted it.
func (w *Webhooks) Enable(ctx context.Context, endpoint string) error {
	if strings.HasPrefix(endpoint, PrefixEndpoint+"_") {
		if err := w.editOne(ctx, endpoint, func(m *managed) error { m.Disabled = false; return nil }); err != nil {
			return fmt.Errorf("enable endpoint: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := w.queue.rdb.HDel(ctx, w.queue.prefix+"group:"+endpoint, "failing", "disabled", "why").Err(); err != nil {
		return fmt.Errorf("enable endpoint: %w", unavailable(err))
	}
	return nil
}
