package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
	"github.com/roomreel/roomreel/session"
)

const masterKey = "a-master-key-of-this-test"

// people are LiveKit's rooms and who is in them.
type people struct {
	mu    sync.Mutex
	rooms map[string][]string
}

func (p *people) Create(_ context.Context, room string, _ time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rooms[room] = nil
	return nil
}

func (p *people) Delete(_ context.Context, room string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rooms, room)
	return nil
}

func (p *people) join(room, identity string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rooms[room] = append(p.rooms[room], identity)
}

func (p *people) Participants(_ context.Context, room string) ([]session.Participant, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []session.Participant
	for _, identity := range p.rooms[room] {
		list = append(list, session.Participant{Identity: identity, Publishing: true})
	}
	return list, nil
}

func (p *people) Admit(_ context.Context, room, identity string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.rooms[room], identity) {
		return recording.Errorf(recording.CodeNotFound, "%s is not there", identity)
	}
	return nil
}

func (p *people) Evict(_ context.Context, room, identity string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rooms[room] = slices.DeleteFunc(p.rooms[room], func(one string) bool { return one == identity })
	return nil
}

// sessions adapts session.Service as the program does.
type sessions struct{ *session.Service }

func (s sessions) Open(ctx context.Context, w api.SessionWish) (api.OpenedSession, error) {
	o, err := s.Service.Open(ctx, session.OpenWish(w))
	return api.OpenedSession(o), err
}

func (s sessions) List(ctx context.Context, q api.SessionQuery) ([]recording.Session, string, error) {
	return s.Service.List(ctx, session.Query(q))
}

func (s sessions) Supervisions(ctx context.Context, q api.SessionQuery) ([]recording.Supervision, string, error) {
	return s.Service.Supervisions(ctx, session.Query(q))
}

func (s sessions) Supervise(ctx context.Context, w api.SupervisionWish) (recording.Supervision, error) {
	return s.Service.Supervise(ctx, session.Wish(w))
}

func (s sessions) Audit(ctx context.Context, q api.AuditQuery) ([]recording.AuditEntry, string, error) {
	return s.Service.Audit(ctx, session.AuditQuery(q))
}

// minted are tokens that say what was wished; verifier knows them.
type minted struct{}

const mintedPrefix = "minted:"

func (minted) Mint(w api.TokenWish) (string, error) {
	b, err := json.Marshal(api.Caller{Subject: w.Subject, Role: w.Role, Agent: w.Agent})
	return mintedPrefix + string(b), err
}

// signalled answers where a connection to LiveKit would begin.
type signalled struct{}

func (signalled) Serve(w http.ResponseWriter, _ *http.Request, path string, one recording.Supervision) {
	_, _ = w.Write([]byte(path + " as " + one.Identity()))
}

// withSessions adds sessions to a server's options.
func withSessions(o *api.Options, rdb redis.UniversalClient, recordings session.Recordings, in *people) *session.Service {
	service := session.New(session.Options{
		Redis: rdb, Recordings: recordings, Rooms: in, Node: "test", Log: slog.New(slog.DiscardHandler), MediaWithin: 50 * time.Millisecond,
		AgentToken: func(room, identity string) (string, error) { return "token of " + identity + " for " + room, nil },
		CheckURL: func(raw string) error {
			if !strings.HasPrefix(raw, "https://") {
				return recording.Errorf(api.CodeURLScheme, "only https is allowed")
			}
			return nil
		},
	})
	o.Sessions = api.SessionOptions{
		Service: sessions{service}, Tokens: minted{}, Signal: signalled{}, LiveKitURL: "wss://livekit.example.com", MaxStreams: 3,
		MasterKeys: []string{masterKey}, Origins: []string{"https://app.example.com"},
	}
	return service
}
