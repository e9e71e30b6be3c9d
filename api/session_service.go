package api

import (
	"context"
	"net/http"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// SessionOptions are what agents' sessions and supervisions need.
type SessionOptions struct {
	Service Sessions
	Tokens  SessionTokens
	// Signal connects supervisors to LiveKit. Only its Serve is asked, after the
	// right to the supervision was looked at.
	Signal Signal
	// LiveKitURL is LiveKit's WebSocket URL as agents reach it.
	LiveKitURL string
	// MaxStreams is how many streams a session may have.
	MaxStreams int
	// PublicURL is the base URL of this API as agents and supervisors reach it.
	// Empty: what they have called it.
	PublicURL string
	// MasterKeys are taken by /auth_v2, besides the admin keys.
	MasterKeys []string
	// Origins are the web origins whose pages may call; "*" stands for all.
	Origins []string
}

// Sessions is the service that keeps sessions and supervisions.
type Sessions interface {
	// Open begins an agent's session; CodeTwoTimer names the one that stands.
	Open(ctx context.Context, w SessionWish) (OpenedSession, error)
	Get(ctx context.Context, id string) (recording.Session, error)
	List(ctx context.Context, q SessionQuery) (sessions []recording.Session, next string, err error)
	// End ends a session or a supervision; the first cause counts.
	End(ctx context.Context, id string, cause recording.Termination) (bool, error)
	AddStream(ctx context.Context, id, stream string) (recording.Session, error)
	// RemoveStream also stops and completes the stream's recording.
	RemoveStream(ctx context.Context, id, stream string) (recording.Session, error)
	// Record returns once each stream's first media is on disk, or it has failed.
	Record(ctx context.Context, id string, streams map[string]recording.Delivery) ([]recording.StreamRecording, error)
	Stop(ctx context.Context, id string) ([]recording.StreamRecording, error)
	Pause(ctx context.Context, id string) ([]recording.StreamRecording, error)
	Resume(ctx context.Context, id string) ([]recording.StreamRecording, error)
	// Follow sends what happened after an event, and what happens from then on,
	// until the end.
	Follow(ctx context.Context, id, after string) (<-chan recording.SessionEvent, error)

	Supervise(ctx context.Context, w SupervisionWish) (recording.Supervision, error)
	Supervision(ctx context.Context, id string) (recording.Supervision, error)
	Supervisions(ctx context.Context, q SessionQuery) (supervisions []recording.Supervision, next string, err error)
	// Standing fails for a supervision that gives no right to join.
	Standing(ctx context.Context, id string) (recording.Supervision, error)
	// Admit lets a supervisor hear who has joined.
	Admit(ctx context.Context, id string) (recording.Supervision, error)
	Audit(ctx context.Context, q AuditQuery) (entries []recording.AuditEntry, next string, err error)
}

// SessionWish is the session that an agent wants. Only ClientID is required.
type SessionWish struct {
	ClientID   string
	Streams    []string
	WebhookURL string
	// ResumeKey is that of a session that lives, to get back into it; Takeover ends one
	// that stands in the way.
	ResumeKey string
	Takeover  bool
}

// OpenedSession is a session with what its agent needs to join.
type OpenedSession struct {
	recording.Session
	Token, ResumeKey string
	Resumed          bool
}

// SessionQuery narrows a list; empty fields do not.
type SessionQuery struct {
	ClientID string
	State    recording.SessionState
	Limit    int
	Cursor   string
	From, To time.Time // bounds of the creation; To is exclusive
}

// SupervisionWish says who wants to watch whom, and why.
type SupervisionWish struct {
	SupervisorID, ClientID, SessionID, Room, Reason, By, WebhookURL string
}

// AuditQuery narrows the audit trail; empty fields do not.
type AuditQuery struct {
	SupervisorID, ClientID, Room string
	Limit                        int
	Cursor                       string
}

// The roles that a session token may have.
const (
	roleAgent      = "agent"
	roleSupervisor = "supervisor"
	roleStats      = "stats"
	roleSignal     = "signal"
)

// TokenWish says which token to mint. Role is one of a session token's, or
// "participant" or "server" for one of LiveKit's.
type TokenWish struct {
	Role          string
	Subject, Name string
	Room          string // of LiveKit's
	Agent         string // whom a supervisor may watch
	API           string // base URL of this API
	TTL           time.Duration
}

// SessionTokens mints tokens.
type SessionTokens interface {
	Mint(w TokenWish) (string, error)
}

// Signal passes LiveKit's signalling on for a supervision that stands.
type Signal interface {
	Serve(w http.ResponseWriter, r *http.Request, path string, one recording.Supervision)
}
