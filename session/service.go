package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Recordings is where streams are recorded. Every error that a caller caused is
// a *recording.Error.
type Recordings interface {
	Start(ctx context.Context, want recording.Request) (recording.Recording, error)
	Stop(ctx context.Context, id string) (recording.Recording, error)
	Pause(ctx context.Context, id string) (recording.Recording, error)
	Resume(ctx context.Context, id string) (recording.Recording, error)
	Get(ctx context.Context, id string) (recording.Recording, error)
	Wait(ctx context.Context, id string, done func(recording.Recording) bool) (recording.Recording, error)
	Watch(ctx context.Context) <-chan recording.Recording
}

// Participant is somebody in a room.
type Participant struct {
	Identity string
	// Publishing says that they have a track.
	Publishing bool
}

// Rooms acts on LiveKit's rooms.
type Rooms interface {
	// Create makes a room that outlasts its last participant by linger.
	Create(ctx context.Context, room string, linger time.Duration) error
	// Delete closes a room; one that is not there is no error.
	Delete(ctx context.Context, room string) error
	// Participants lists everybody, hidden ones too; nobody where there is no room.
	Participants(ctx context.Context, room string) ([]Participant, error)
	// Admit lets a participant subscribe who could not; CodeNotFound says that
	// they are not there.
	Admit(ctx context.Context, room, identity string) error
	// Evict takes a participant out at once; one that is not there is no error.
	Evict(ctx context.Context, room, identity string) error
}

// News is what others are told of a session's or a supervision's begin and end.
type News struct {
	Session     *recording.Session
	Supervision *recording.Supervision
}

// Public is what it is about, without the URL that may hold a secret.
func (n News) Public() any {
	if n.Session != nil {
		one := *n.Session
		one.WebhookURL = ""
		return one
	}
	one := *n.Supervision
	one.WebhookURL = ""
	return one
}

// Options are what a Service needs. The first three are required, other zero
// values stand for the defaults.
type Options struct {
	Redis      redis.UniversalClient
	Recordings Recordings
	Rooms      Rooms
	// AgentToken mints the token with which an agent joins their room.
	AgentToken func(room, identity string) (string, error)
	// Tell is told of begins and ends, at least once.
	Tell func(context.Context, News) error
	// CheckURL refuses URLs that may not be dialled.
	CheckURL func(string) error

	MaxStreams     int           // of a session; 3
	MaxSupervisors int           // of one agent or room; 3
	JoinWithin     time.Duration // of asking; 60 s
	Grace          time.Duration // for an agent who is gone; 45 s
	MediaWithin    time.Duration // of a recording's start; 15 s
	SilentFor      time.Duration // until NO_PACKET_RECEIVED; 30 s
	Every          time.Duration // between looks at the rooms; 1 s

	// Node names this process among those that share Redis.
	Node string
	Log  *slog.Logger
}

// Service keeps sessions and supervisions. Its methods are safe for concurrent
// use; they fail with CodeStoreUnavailable when Redis cannot be asked.
type Service struct {
	store
	o   Options
	now func() time.Time

	mu        sync.Mutex
	followers map[string]map[chan struct{}]bool // by session
}

// New returns a Service; Run has to run beside it.
func New(o Options) *Service {
	setDefault(&o.MaxStreams, 3)
	setDefault(&o.MaxSupervisors, 3)
	setDefault(&o.JoinWithin, time.Minute)
	setDefault(&o.Grace, 45*time.Second)
	setDefault(&o.MediaWithin, 15*time.Second)
	setDefault(&o.SilentFor, 30*time.Second)
	setDefault(&o.Every, time.Second)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, News) error { return nil }
	}
	if o.CheckURL == nil {
		o.CheckURL = func(string) error { return nil }
	}
	return &Service{
		store: store{o.Redis}, o: o, now: func() time.Time { return time.Now().UTC() },
		followers: map[string]map[chan struct{}]bool{},
	}
}

func setDefault[T int | time.Duration](v *T, standard T) {
	if *v == 0 {
		*v = standard
	}
}

// MaxStreams is how many streams a session may have.
func (s *Service) MaxStreams() int { return s.o.MaxStreams }

// OpenWish is the session that an agent wants. Only ClientID is required.
type OpenWish struct {
	ClientID   string
	Streams    []string
	WebhookURL string
	// ResumeKey is that of a session that lives, to get back into it.
	ResumeKey string
	// Takeover ends the session that the agent has, if it is another one, instead of
	// refusing this one: for who has lost the key.
	Takeover bool
}

// Opened is a session with what its agent needs to join.
type Opened struct {
	recording.Session
	// Token is LiveKit's, good for joining within a minute.
	Token string
	// ResumeKey opens the same session again, after a reload of the page.
	ResumeKey string
	Resumed   bool
}

// Open begins an agent's session. While the agent has one, the error is
// CodeTwoTimer and Existing names it, unless w has the key of that session, or takes
// over from it.
func (s *Service) Open(ctx context.Context, w OpenWish) (Opened, error) {
	if err := s.checkOpen(w.ClientID, w.Streams, w.WebhookURL); err != nil {
		return Opened{}, err
	}
	opened, held, err := s.openNew(ctx, w)
	if err == nil && held != "" {
		opened, err = s.reopen(ctx, held, w.Streams, w.ResumeKey)
		if w.Takeover && recording.CodeOf(err) == recording.CodeTwoTimer {
			opened, err = s.takeOver(ctx, held, w)
		}
	}
	if err != nil {
		return Opened{}, err
	}
	if err := s.o.Rooms.Create(ctx, opened.Room, s.o.JoinWithin+s.o.Grace); err != nil {
		return Opened{}, s.abandon(ctx, opened, err)
	}
	if opened.Token, err = s.o.AgentToken(opened.Room, w.ClientID); err != nil {
		return Opened{}, s.abandon(ctx, opened, err)
	}
	return opened, nil
}

// openNew writes a new session down, or returns the one that the agent has.
func (s *Service) openNew(ctx context.Context, w OpenWish) (opened Opened, held string, err error) {
	id := recording.NewID(recording.PrefixSession)
	session := recording.Session{
		ID: id, ClientID: w.ClientID, Room: id, Streams: w.Streams, WebhookURL: w.WebhookURL,
		State: recording.SessionWaiting, Recordings: []recording.StreamRecording{}, CreatedAt: s.now(),
	}
	opened = Opened{Session: session, ResumeKey: rand.Text()}
	waiting := recording.SessionEvent{Type: "session", State: string(recording.SessionWaiting)}
	held, err = s.text(ctx, openScript, id, w.ClientID, encode(session), encode(w.Streams), hash(opened.ResumeKey), encode(waiting))
	if err != nil {
		return Opened{}, "", fmt.Errorf("open session: %w", err)
	}
	return opened, held, nil
}

// takeOver ends the session that the agent has, with its recordings whole, and begins
// another. Of several that do so at once, one wins.
func (s *Service) takeOver(ctx context.Context, held string, w OpenWish) (Opened, error) {
	if _, err := s.End(ctx, held, recording.TwoTimer); err != nil {
		return Opened{}, fmt.Errorf("take session over: %w", err)
	}
	opened, held, err := s.openNew(ctx, w)
	if err == nil && held != "" {
		err = twoTimer(held)
	}
	return opened, err
}

func twoTimer(held string) error {
	refusal := recording.Errorf(recording.CodeTwoTimer, "the agent has a session already: %s", held)
	refusal.Existing = held
	return refusal
}

// abandon ends a session that could not be opened whole, so that the agent may
// try again at once.
func (s *Service) abandon(ctx context.Context, opened Opened, cause error) error {
	if !opened.Resumed {
		if _, err := s.End(context.WithoutCancel(ctx), opened.ID, recording.ConnError); err != nil {
			s.o.Log.Warn("session not ended", "session", opened.ID, "error", err)
		}
	}
	return fmt.Errorf("open session: %w", cause)
}

// reopen lets whoever has its resume key back into a session.
func (s *Service) reopen(ctx context.Context, id string, streams []string, resumeKey string) (Opened, error) {
	key, err := s.rdb.HGet(ctx, prefix+"doc:"+id, "resume").Result()
	if err != nil {
		return Opened{}, fmt.Errorf("open session: %w", unavailable(err))
	}
	if resumeKey == "" || key != hash(resumeKey) {
		return Opened{}, twoTimer(id)
	}
	for _, name := range streams {
		if _, err := s.AddStream(ctx, id, name); err != nil {
			return Opened{}, err
		}
	}
	session, err := s.Get(ctx, id)
	return Opened{Session: session, ResumeKey: resumeKey, Resumed: true}, err
}

func hash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Get returns a session, or CodeNotFound.
func (s *Service) Get(ctx context.Context, id string) (recording.Session, error) {
	found, err := s.sessions(ctx, id)
	if err != nil {
		return recording.Session{}, err
	}
	if len(found) == 0 {
		return recording.Session{}, notFound(id)
	}
	return found[0], nil
}

// Query narrows a list; empty fields do not.
type Query struct {
	ClientID string
	State    recording.SessionState
	Limit    int
	Cursor   string // the cursor that came with the page before
	// From and To bound the creation; To is exclusive.
	From, To time.Time
}

// List returns sessions, newest first, and the cursor of the page that follows.
func (s *Service) List(ctx context.Context, q Query) ([]recording.Session, string, error) {
	if q.Cursor != "" {
		if err := recording.CheckID(recording.PrefixSession, q.Cursor); err != nil {
			return nil, "", recording.Errorf(recording.CodeInvalidRequest, "cursor: %w", err)
		}
	}
	return page(ctx, s.store, "sessions", q.Cursor, q.Limit, s.sessions,
		func(one recording.Session) string { return one.ID },
		func(one recording.Session) bool { return q.takes(one.ClientID, one.State, one.CreatedAt) })
}

func (q Query) takes(clientID string, state recording.SessionState, at time.Time) bool {
	return (q.ClientID == "" || q.ClientID == clientID) && (q.State == "" || q.State == state) &&
		(q.From.IsZero() || !at.Before(q.From)) && (q.To.IsZero() || at.Before(q.To))
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
