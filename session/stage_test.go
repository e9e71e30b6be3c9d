package session

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// stage is a Service on real Redis, with rooms whose people a test moves and a
// clock that it sets.
type stage struct {
	*Service
	t       *testing.T
	rdb     *redis.Client
	records *coord.Store
	in      *rooms
	watch   *watcher

	mu    sync.Mutex
	clock time.Time
	told  []string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	rdb := startRedis(t)
	s := &stage{t: t, rdb: rdb, records: coord.NewStore(rdb), in: &rooms{people: map[string][]Participant{}}, clock: time.Now().UTC()}
	s.Service = s.node("node-1")
	s.watch = &watcher{Service: s.Service, gone: map[string]time.Time{}, silent: map[string]time.Time{}}
	return s
}

// node is another process on the same Redis and the same rooms.
func (s *stage) node(name string) *Service {
	service := New(Options{
		Redis: s.rdb, Recordings: s.records, Rooms: s.in, Node: name, MediaWithin: 50 * time.Millisecond,
		AgentToken: func(room, identity string) (string, error) { return room + " " + identity, nil },
		Tell:       s.tell, Log: slog.New(slog.DiscardHandler),
	})
	service.now = s.now
	return service
}

func (s *stage) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *stage) tell(_ context.Context, n News) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Session != nil {
		s.told = append(s.told, "session "+string(n.Session.State)+" "+string(n.Session.Cause))
	} else {
		s.told = append(s.told, "supervision "+string(n.Supervision.State)+" "+string(n.Supervision.Cause))
	}
	return nil
}

// pass lets time pass, the watcher looking every second.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	for end := s.now().Add(d); s.now().Before(end); {
		s.mu.Lock()
		s.clock = s.clock.Add(time.Second)
		s.mu.Unlock()
		if err := s.watch.look(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// open opens a session whose agent joins and publishes.
func (s *stage) open(clientID string) recording.Session {
	s.t.Helper()
	o, err := s.Open(s.t.Context(), OpenWish{ClientID: clientID, Streams: []string{"camera"}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.in.join(o.Room, Participant{Identity: clientID, Publishing: true})
	s.pass(time.Second)
	return o.Session
}

// supervise lets a supervisor in.
func (s *stage) supervise(supervisor, clientID string) recording.Supervision {
	s.t.Helper()
	one, err := s.Supervise(s.t.Context(), Wish{SupervisorID: supervisor, ClientID: clientID, By: supervisor})
	if err != nil {
		s.t.Fatal(err)
	}
	s.in.join(one.Room, Participant{Identity: one.Identity()})
	if one, err = s.Admit(s.t.Context(), one.ID); err != nil || one.State != recording.SessionActive {
		s.t.Fatalf("%+v, %v", one, err)
	}
	return one
}

func (s *stage) causeOf(id string) recording.Termination {
	s.t.Helper()
	if kindOf(id) == "supervision" {
		one, err := s.Supervision(s.t.Context(), id)
		if err != nil {
			s.t.Fatal(err)
		}
		return one.Cause
	}
	one, err := s.Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return one.Cause
}

func (s *stage) wantCause(id string, want recording.Termination) {
	s.t.Helper()
	if got := s.causeOf(id); got != want {
		s.t.Errorf("%s ended by %q, want %q", kindOf(id), got, want)
	}
}

// rooms are LiveKit's, as far as a Service sees them.
type rooms struct {
	mu      sync.Mutex
	people  map[string][]Participant
	hearing []string
	broken  bool
}

func (r *rooms) join(room string, p Participant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.people[room] = append(r.people[room], p)
}

func (r *rooms) leave(room, identity string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.people[room] = slices.DeleteFunc(r.people[room], func(p Participant) bool { return p.Identity == identity })
}

func (r *rooms) has(room, identity string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return contains(r.people[room], identity)
}

func (r *rooms) Create(_ context.Context, room string, _ time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return errBroken
	}
	r.people[room] = slices.Clone(r.people[room])
	return nil
}

var errBroken = errors.New("LiveKit does not answer")

func (r *rooms) Delete(_ context.Context, room string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return errBroken
	}
	delete(r.people, room)
	return nil
}

func (r *rooms) Participants(_ context.Context, room string) ([]Participant, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return nil, errBroken
	}
	return slices.Clone(r.people[room]), nil
}

func (r *rooms) Admit(_ context.Context, room, identity string) error {
	if !r.has(room, identity) {
		return recording.Errorf(recording.CodeNotFound, "%s is not there", identity)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hearing = append(r.hearing, identity)
	return nil
}

func (r *rooms) Evict(_ context.Context, room, identity string) error {
	r.leave(room, identity)
	return nil
}
