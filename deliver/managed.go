package deliver

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Codes of calls that manage endpoints.
const (
	// CodeReadOnly: the endpoint stands in the configuration, and changes there.
	CodeReadOnly recording.Code = "READ_ONLY"
	// CodeLimitReached: there are as many as there may be.
	CodeLimitReached recording.Code = "LIMIT_REACHED"
)

// PrefixEndpoint begins the identifiers of endpoints that are managed by calls,
// see [recording.NewID].
const PrefixEndpoint = "whk"

// mostManaged is how many endpoints may be managed by calls.
const mostManaged = 100

// Signing is a form in which webhooks are signed.
type Signing string

// The forms of signatures: see StandardSigner and LiveKitSigner.
const (
	SignStandard Signing = "standard"
	SignLiveKit  Signing = "livekit"
)

// EndpointSpec is what a caller may say of an endpoint. Its URL is dialled
// under the URLPolicy.
type EndpointSpec struct {
	URL         string
	Description string
	// Types are the events it gets, by type or as "recording.*"; none is all.
	Types []string
	// Signing is SignStandard when empty.
	Signing Signing
	// Disabled endpoints get no events.
	Disabled bool
}

// managed is an endpoint as Redis keeps it.
type managed struct {
	ID          string         `json:"id"`
	URL         string         `json:"url"`
	Description string         `json:"description,omitempty"`
	Types       []string       `json:"types,omitempty"`
	Signing     Signing        `json:"signing"`
	Secrets     []signedSecret `json:"secrets"` // the newest first
	Disabled    bool           `json:"disabled,omitempty"`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
}

// signedSecret is a secret that signs until it ends, or for good.
type signedSecret struct {
	Secret string    `json:"secret"`
	Ends   time.Time `json:"ends,omitzero"`
}

// oldSecretFor is how long the old secret signs too, after a new one was made.
const oldSecretFor = 24 * time.Hour

// CreateEndpoint adds an endpoint and returns the secret of its signatures,
// which is told only now; SignLiveKit has none of its own. Errors are those of
// URLPolicy.Check, CodeInvalidRequest and CodeLimitReached.
func (w *Webhooks) CreateEndpoint(ctx context.Context, spec EndpointSpec) (status EndpointStatus, secret string, err error) {
	m := managed{ID: recording.NewID(PrefixEndpoint), CreatedAt: time.Now().UTC()}
	m.UpdatedAt = m.CreatedAt
	if err := w.apply(&m, spec); err != nil {
		return EndpointStatus{}, "", fmt.Errorf("create webhook endpoint: %w", err)
	}
	secret = newSecret()
	m.Secrets = []signedSecret{{Secret: secret}}
	err = w.editEndpoints(ctx, func(all map[string]managed) (managed, error) {
		if len(all) >= mostManaged {
			return m, recording.Errorf(CodeLimitReached, "there are %d webhook endpoints already: delete one first", mostManaged)
		}
		return m, nil
	})
	if err != nil {
		return EndpointStatus{}, "", fmt.Errorf("create webhook endpoint: %w", err)
	}
	if m.Signing == SignLiveKit {
		secret = ""
	}
	status, err = w.Endpoint(ctx, m.ID)
	return status, secret, err
}

// UpdateEndpoint changes what change does of an endpoint's spec, whose URL is
// whole there. Errors: CodeNotFound, CodeReadOnly, and those of CreateEndpoint.
func (w *Webhooks) UpdateEndpoint(ctx context.Context, id string, change func(*EndpointSpec)) (EndpointStatus, error) {
	err := w.editOne(ctx, id, func(m *managed) error {
		spec := EndpointSpec{m.URL, m.Description, m.Types, m.Signing, m.Disabled}
		change(&spec)
		return w.apply(m, spec)
	})
	if err != nil {
		return EndpointStatus{}, fmt.Errorf("change webhook endpoint: %w", err)
	}
	return w.Endpoint(ctx, id)
}

// RotateSecret gives an endpoint a new secret, which is told only now. The one
// before signs too for a day, so that the receiver can be changed meanwhile.
func (w *Webhooks) RotateSecret(ctx context.Context, id string) (secret string, err error) {
	secret = newSecret()
	err = w.editOne(ctx, id, func(m *managed) error {
		if m.Signing == SignLiveKit {
			return recording.Errorf(recording.CodeInvalidRequest, "the endpoint is signed with LiveKit's key, it has no secret of its own")
		}
		old := m.Secrets[0]
		old.Ends = time.Now().Add(oldSecretFor).UTC()
		m.Secrets = []signedSecret{{Secret: secret}, old}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("rotate webhook secret: %w", err)
	}
	return secret, nil
}

// DeleteEndpoint forgets an endpoint; what waits for it fails. Errors:
// CodeNotFound, CodeReadOnly.
func (w *Webhooks) DeleteEndpoint(ctx context.Context, id string) error {
	if _, fixed := w.endpoints[id]; fixed {
		return readOnly(id)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n, err := w.queue.rdb.HDel(ctx, w.managedKey(), id).Result()
	switch {
	case err != nil:
		return fmt.Errorf("delete webhook endpoint: %w", unavailable(err))
	case n == 0:
		return noEndpoint(id)
	}
	return nil
}

var eventPattern = regexp.MustCompile(`^(\*|[a-z]+\.(\*|[a-z_]+))$`)

// apply lays a spec over an endpoint, if the spec is good.
func (w *Webhooks) apply(m *managed, spec EndpointSpec) error {
	const longest, mostTypes = 500, 50
	if spec.Signing == "" {
		spec.Signing = SignStandard
	}
	if _, err := w.opts.Policy.Check(spec.URL); err != nil {
		return err
	}
	switch {
	case len(spec.URL) > 2048 || len(spec.Description) > longest || len(spec.Types) > mostTypes:
		return recording.Errorf(recording.CodeInvalidRequest, "the URL may have 2048 bytes, the description %d, and there may be %d types", longest, mostTypes)
	case spec.Signing != SignStandard && spec.Signing != SignLiveKit:
		return recording.Errorf(recording.CodeInvalidRequest, "signing: must be %s or %s", SignStandard, SignLiveKit)
	case spec.Signing == SignLiveKit && w.opts.LiveKit == nil:
		return recording.Errorf(recording.CodeInvalidRequest, "signing: no LiveKit key is configured")
	}
	for _, pattern := range spec.Types {
		if !eventPattern.MatchString(pattern) {
			return recording.Errorf(recording.CodeInvalidRequest, "types: %.60q is neither a type, nor a family such as \"recording.*\"", pattern)
		}
	}
	m.URL, m.Description, m.Types, m.Signing, m.Disabled = spec.URL, spec.Description, spec.Types, spec.Signing, spec.Disabled
	return nil
}

func newSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

func (w *Webhooks) managedKey() string { return w.queue.prefix + "endpoints" }

// managedEndpoints returns the endpoints that calls manage, oldest first.
func (w *Webhooks) managedEndpoints(ctx context.Context) ([]managed, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := readManaged(ctx, w.queue.rdb, w.managedKey())
	if err != nil {
		return nil, err
	}
	list := make([]managed, 0, len(all))
	for _, m := range all {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b managed) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

func readManaged(ctx context.Context, rdb redis.Cmdable, key string) (map[string]managed, error) {
	docs, err := rdb.HGetAll(ctx, key).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	all := map[string]managed{}
	for id, doc := range docs {
		var m managed
		if err := json.Unmarshal([]byte(doc), &m); err != nil || len(m.Secrets) == 0 {
			return nil, recording.Errorf(recording.CodeInternal, "webhook endpoint %s cannot be read: %w", id, err)
		}
		all[id] = m
	}
	return all, nil
}

// managedEndpoint returns one of them, or CodeNotFound.
func (w *Webhooks) managedEndpoint(ctx context.Context, id string) (m managed, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	doc, err := w.queue.rdb.HGet(ctx, w.managedKey(), id).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return m, noEndpoint(id)
	case err != nil:
		return m, unavailable(err)
	}
	if err := json.Unmarshal([]byte(doc), &m); err != nil {
		return m, recording.Errorf(recording.CodeInternal, "webhook endpoint %s cannot be read: %w", id, err)
	}
	return m, nil
}

func (w *Webhooks) editOne(ctx context.Context, id string, change func(*managed) error) error {
	if _, fixed := w.endpoints[id]; fixed {
		return readOnly(id)
	}
	return w.editEndpoints(ctx, func(all map[string]managed) (managed, error) {
		m, ok := all[id]
		if !ok {
			return m, noEndpoint(id)
		}
		m.UpdatedAt = time.Now().UTC()
		return m, change(&m)
	})
}

// editEndpoints writes the endpoint that edit makes of those that there are,
// and begins anew when somebody else changes them meanwhile.
func (w *Webhooks) editEndpoints(ctx context.Context, edit func(map[string]managed) (managed, error)) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for {
		err := w.queue.rdb.Watch(ctx, func(tx *redis.Tx) error {
			all, err := readManaged(ctx, tx, w.managedKey())
			if err != nil {
				return err
			}
			m, err := edit(all)
			if err != nil {
				return err
			}
			doc, err := json.Marshal(m)
			if err != nil {
				return err
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.HSet(ctx, w.managedKey(), m.ID, doc)
				return nil
			})
			return err
		}, w.managedKey())
		var told *recording.Error
		switch {
		case errors.Is(err, redis.TxFailedErr):
		case err == nil || errors.As(err, &told):
			return err
		default:
			return unavailable(err)
		}
	}
}

// signer signs for an endpoint with the secrets that count now.
func (w *Webhooks) signer(m managed) (Signer, error) {
	if m.Signing == SignLiveKit {
		if w.opts.LiveKit == nil {
			return nil, recording.Errorf(recording.CodeInvalidRequest, "no LiveKit key is configured to sign with")
		}
		return w.opts.LiveKit, nil
	}
	var secrets []string
	for _, s := range m.Secrets {
		if s.Ends.IsZero() || time.Now().Before(s.Ends) {
			secrets = append(secrets, s.Secret)
		}
	}
	return StandardSigner(secrets...)
}

func readOnly(id string) error {
	return recording.Errorf(CodeReadOnly, "webhook endpoint %s stands in the configuration: change it there", id)
}

func noEndpoint(id string) error {
	return recording.Errorf(recording.CodeNotFound, "there is no webhook endpoint %.80q", id)
}
