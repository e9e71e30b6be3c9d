package coord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// stage is where the scripted bots of all nodes play; it sees what they do.
type stage struct {
	mu     sync.Mutex
	opened []opening
	bots   []*actor

	refuse func(room string) error         // what Open answers; nil opens
	start  func(recording.Recording) error // what Start answers
	silent bool                            // no media comes by itself
	hold   chan struct{}                   // Stop waits until it is closed
}

type opening struct {
	node, room string
	epoch      int64
}

// actor is a bot that follows the stage's script and keeps its calls.
type actor struct {
	opening
	stage  *stage
	report func(Report)
	calls  []string // guarded by stage.mu
	closed bool
}

func (s *stage) open(node string) OpenRoom {
	return func(_ context.Context, room string, epoch int64, report func(Report)) (Bot, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		a := &actor{opening: opening{node, room, epoch}, stage: s, report: report}
		s.opened = append(s.opened, a.opening)
		if s.refuse != nil {
			if err := s.refuse(room); err != nil {
				return nil, err
			}
		}
		s.bots = append(s.bots, a)
		return a, nil
	}
}

func (a *actor) note(format string, args ...any) {
	a.stage.mu.Lock()
	defer a.stage.mu.Unlock()
	a.calls = append(a.calls, fmt.Sprintf(format, args...))
}

func (a *actor) Start(_ context.Context, r recording.Recording) error {
	a.note("start %s", r.ID)
	if a.stage.start != nil {
		if err := a.stage.start(r); err != nil {
			return err
		}
	}
	if !a.stage.silent {
		a.report(Report{ID: r.ID, FirstMediaAt: mediaAt})
	}
	return nil
}

var mediaAt = time.Date(2026, 3, 1, 10, 0, 1, 0, time.UTC)

func (a *actor) Update(_ context.Context, rec recording.Recording) error {
	a.note("update %s paused=%t takes=%v", rec.ID, rec.PauseWanted, rec.Selection.Identities)
	return nil
}

func (a *actor) Stop(ctx context.Context, id string, why recording.EndReason) (Result, error) {
	a.note("stop %s %s", id, why)
	if a.stage.hold != nil {
		select {
		case <-a.stage.hold:
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
	}
	return Result{StartedAt: mediaAt, StoppedAt: mediaAt.Add(time.Minute), Duration: recording.Seconds(time.Minute), Parts: 2, Bytes: 99}, nil
}

func (a *actor) Close(_ context.Context, why recording.EndReason) error {
	a.note("close %s", why)
	a.stage.mu.Lock()
	defer a.stage.mu.Unlock()
	if a.closed {
		return errors.New("closed twice")
	}
	a.closed = true
	return nil
}

// bot returns the bot that was opened last in a room by a node ("" for any).
func (s *stage) bot(room, node string) *actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range slices.Backward(s.bots) {
		if a.room == room && (node == "" || a.node == node) {
			return a
		}
	}
	return nil
}

func (s *stage) callsOf(a *actor) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(a.calls)
}

// running is a node at work.
type running struct {
	*Node
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// runNode runs a node with short times until the test ends, at the latest.
func runNode(t *testing.T, rdb redis.UniversalClient, s *stage, name string, change ...func(*NodeOptions)) *running {
	t.Helper()
	opts := NodeOptions{
		Name: name, Open: s.open(name), LeaseTTL: 300 * time.Millisecond, Poll: 100 * time.Millisecond,
		OpenPause: time.Millisecond, OpenTries: 3, Log: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&opts)
	}
	store := NewStore(rdb)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Node: NewNode(store, opts), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = r.Run(ctx)
	}()
	t.Cleanup(func() {
		r.crash()
	})
	until(t, name+" is known", func() bool {
		nodes, _ := store.Nodes(t.Context())
		return slices.ContainsFunc(nodes, func(i NodeInfo) bool { return i.Name == name })
	})
	return r
}

// crash cuts the node off without drain, as kill -9 does.
func (r *running) crash() {
	r.kill()
	<-r.ended
	r.cancel()
}

// shutDown drains the node, as SIGTERM does.
func (r *running) shutDown(t *testing.T) {
	t.Helper()
	r.cancel()
	select {
	case <-r.ended:
	case <-time.After(patience):
		t.Fatal("the node does not drain")
	}
	if r.err != nil {
		t.Error(r.err)
	}
}

// reaches waits until a recording is in a state and returns it.
func reaches(t *testing.T, s *Store, id string, state recording.State) recording.Recording {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := s.Wait(ctx, id, func(r recording.Recording) bool { return r.State == state })
	if err != nil {
		t.Fatalf("%s does not become %s but is %s: %v", id, state, r.State, err)
	}
	return r
}
