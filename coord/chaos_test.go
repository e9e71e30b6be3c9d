package coord

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// takenOver waits until a recording runs under a newer epoch than before.
func takenOver(t *testing.T, s *Store, before recording.Recording) recording.Recording {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	after, err := s.Wait(ctx, before.ID, func(r recording.Recording) bool {
		return r.State == recording.Active && r.Epoch > before.Epoch
	})
	if err != nil {
		t.Fatalf("%s is not taken over: %v", before.ID, err)
	}
	return after
}

// openedOnce fails if a room was opened twice under one epoch.
func (s *stage) openedOnce(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	by := map[opening]string{}
	for _, o := range s.opened {
		key := opening{room: o.room, epoch: o.epoch}
		if other := by[key]; other != "" {
			t.Errorf("room %s was opened under epoch %d by %s and by %s", o.room, o.epoch, other, o.node)
		}
		by[key] = o.node
	}
}

func TestCrashTakeover(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		nodes := map[string]*running{}
		for _, name := range []string{"n1", "n2", "n3"} {
			nodes[name] = runNode(t, rdb, st, name)
		}
		var before []recording.Recording
		for i := range 6 {
			r := mustStart(t, s, fmt.Sprint("room", i), recording.Selection{})
			before = append(before, reaches(t, s, r.ID, recording.Active))
		}
		dead := before[0].Node
		nodes[dead].crash()
		crashed := time.Now()
		for _, was := range before {
			if was.Node != dead {
				if diff := cmp.Diff(was, mustGet(t, s, was.ID), ignoreStart); diff != "" {
					t.Errorf("a room of a living node was touched: %s", diff)
				}
				continue
			}
			is := takenOver(t, s, was)
			if took := time.Since(crashed); took > 5*time.Second {
				t.Errorf("%s was taken over after %v", was.Room, took)
			}
			want := was
			want.Node, want.Epoch = is.Node, was.Epoch+1
			if diff := cmp.Diff(want, is, ignoreStart); diff != "" {
				t.Error(diff)
			}
			if is.Node == dead {
				t.Error("a dead node records")
			}
			zombie := Lease{Room: was.Room, Node: dead, Epoch: was.Epoch}
			was.State = recording.Failed
			if err := s.Put(t.Context(), zombie, was); err == nil {
				t.Error("a zombie's write counted")
			}
		}
		for _, r := range before {
			if got, err := s.Stop(t.Context(), r.ID); err != nil || got.State != recording.Stopped {
				t.Errorf("stop: %+v, %v", got, err)
			}
		}
		st.openedOnce(t)
	})
}

// ignoreStart leaves StartedAt out: it is written just after the first media.
var ignoreStart = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".StartedAt" }, cmp.Ignore())

func TestCrashOfTheOnlyNode(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		var finished sync.Map
		finish := func(o *NodeOptions) {
			o.Finish = func(_ context.Context, r recording.Recording, why recording.EndReason) (Result, error) {
				finished.Store(r.ID, why)
				return Result{Parts: 7}, nil
			}
		}
		n := runNode(t, rdb, st, "n1", finish)
		on := mustStart(t, s, "blue", recording.Selection{})
		off := mustStart(t, s, "red", recording.Selection{})
		closed := mustStart(t, s, "closed", recording.Selection{})
		was := reaches(t, s, on.ID, recording.Active)
		reaches(t, s, off.ID, recording.Active)
		reaches(t, s, closed.ID, recording.Active)
		n.crash()
		short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if got, err := s.Stop(short, off.ID); err == nil || got.State.Final() {
			t.Errorf("nobody can have completed the files: %+v, %v", got, err)
		}

		until(t, "the record says that its node is gone", func() bool {
			got, err := s.Get(t.Context(), on.ID)
			return err == nil && got.State == recording.Active && got.Error != nil && got.Error.Code == recording.CodeCapacity
		})

		st.mu.Lock()
		st.refuse = func(room string) error {
			if room == "closed" {
				return recording.Errorf(recording.CodeRoomNotFound, "no such room")
			}
			return nil
		}
		st.mu.Unlock()
		runNode(t, rdb, st, "n1", finish)
		if is := takenOver(t, s, was); is.Epoch != was.Epoch+1 {
			t.Errorf("epoch %d follows %d", is.Epoch, was.Epoch)
		}
		for id, why := range map[string]recording.EndReason{off.ID: recording.EndedByStop, closed.ID: recording.EndedByRoom} {
			got := reaches(t, s, id, recording.Stopped)
			if got.Ended != why || got.Parts != 7 || got.FirstMediaAt != mediaAt {
				t.Errorf("what the dead node left became %+v", got)
			}
			if reason, _ := finished.Load(id); reason != why {
				t.Errorf("its files were completed because of %v, want %v", reason, why)
			}
		}
		st.openedOnce(t)
	})
}

func TestZombieIsFenced(t *testing.T) {
	addr := redisserver.Run(t).Addr
	rdb := client(t, addr)
	s, st := NewStore(rdb), &stage{}
	wire := startProxy(t, addr)
	runNode(t, client(t, wire.addr()), st, "zombie")
	r := mustStart(t, s, "blue", recording.Selection{})
	was := reaches(t, s, r.ID, recording.Active)
	runNode(t, rdb, st, "heir")
	wire.set(true)
	is := takenOver(t, s, was)
	if is.Node != "heir" || is.Epoch != was.Epoch+1 {
		t.Errorf("taken over by %s under %d, before %d", is.Node, is.Epoch, was.Epoch)
	}
	zombie := st.bot("blue", "zombie")
	zombie.report(Report{ID: r.ID, Ended: recording.EndedByWrite, Err: recording.Errorf(recording.CodeDiskFull, "full")})
	wire.set(false)
	until(t, "the zombie gives the room up", func() bool { return slices.Contains(st.callsOf(zombie), "close failure") })
	if got, err := s.Stop(t.Context(), r.ID); err != nil || got.State != recording.Stopped || got.Node != "heir" {
		t.Errorf("the heir's recording: %+v, %v", got, err)
	}
	if calls := st.callsOf(zombie); !slices.Equal(calls, []string{"start " + r.ID, "close failure"}) {
		t.Errorf("the zombie did %v", calls)
	}
	st.openedOnce(t)
}

// A node that was cut off, and whose room nobody took, simply goes on.
func TestCutOffNodeGoesOn(t *testing.T) {
	addr := redisserver.Run(t).Addr
	rdb := client(t, addr)
	s, st := NewStore(rdb), &stage{silent: true}
	wire := startProxy(t, addr)
	runNode(t, client(t, wire.addr()), st, "n1")
	r := mustStart(t, s, "blue", recording.Selection{})
	until(t, "the bot has it", func() bool { return !mustGet(t, s, r.ID).StartedAt.IsZero() })
	was := mustGet(t, s, r.ID)
	wire.set(true)
	until(t, "the lease ends", func() bool { return rdb.Exists(t.Context(), prefix+"lease:blue").Val() == 0 })
	bot := st.bot("blue", "n1")
	bot.report(Report{ID: r.ID, FirstMediaAt: mediaAt})
	wire.set(false)
	is := reaches(t, s, r.ID, recording.Active)
	want := was
	want.State, want.FirstMediaAt = recording.Active, mediaAt
	if diff := cmp.Diff(want, is); diff != "" {
		t.Error(diff)
	}
	if calls := st.callsOf(bot); !slices.Equal(calls, []string{"start " + r.ID}) {
		t.Errorf("the bot was disturbed: %v", calls)
	}
}

// calm gives leases time enough that a busy machine does not end one.
func calm(o *NodeOptions) { o.LeaseTTL = 2 * time.Second }

func TestRedisComesBack(t *testing.T) {
	for name, args := range map[string][]string{
		"with its memory": {"--appendonly", "yes", "--appendfsync", "always"},
		"empty":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			srv := redisserver.Run(t, args...)
			rdb := client(t, srv.Addr)
			s, st := NewStore(rdb), &stage{}
			runNode(t, rdb, st, "n1", calm)
			runNode(t, rdb, st, "n2", calm)
			var before []recording.Recording
			for i := range 6 {
				r := mustStart(t, s, fmt.Sprint("room", i), recording.Selection{})
				before = append(before, reaches(t, s, r.ID, recording.Active))
			}
			srv.Kill()
			st.bot("room0", "").report(Report{ID: before[0].ID, Ended: recording.EndedByRoom, Result: Result{Parts: 1, StoppedAt: mediaAt}})
			if err := srv.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := eventually(t, s, before[0].ID, recording.Stopped); got.Ended != recording.EndedByRoom {
				t.Errorf("what happened meanwhile: %+v", got)
			}
			for _, was := range before[1:] {
				is := eventually(t, s, was.ID, recording.Active)
				if diff := cmp.Diff(was, is, ignoreStart); diff != "" {
					t.Error(diff)
				}
				if calls := st.callsOf(st.bot(was.Room, "")); !slices.Equal(calls, []string{"start " + was.ID}) {
					t.Errorf("the bot was disturbed: %v", calls)
				}
			}
			for _, r := range before[1:] {
				until(t, "the room's lease is back", func() bool { return rdb.Exists(t.Context(), prefix+"lease:"+r.Room).Val() == 1 })
				if got, err := s.Stop(t.Context(), r.ID); err != nil || got.State != recording.Stopped {
					t.Errorf("stop: %+v, %v", got, err)
				}
			}
			st.openedOnce(t)
		})
	}
}

// eventually polls for a state while Redis comes and goes.
func eventually(t *testing.T, s *Store, id string, state recording.State) recording.Recording {
	t.Helper()
	var r recording.Recording
	until(t, fmt.Sprintf("%s is %s", id, state), func() bool {
		var err error
		r, err = s.read(t.Context(), id)
		return err == nil && r.State == state
	})
	return r
}

func TestFlushAll(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		runNode(t, rdb, st, "n1", calm)
		runNode(t, rdb, st, "n2", calm)
		r := mustStart(t, s, "blue", recording.Selection{})
		was := reaches(t, s, r.ID, recording.Active)
		rdb.FlushAll(t.Context())
		is := eventually(t, s, r.ID, recording.Active)
		if diff := cmp.Diff(was, is, ignoreStart); diff != "" {
			t.Error(diff)
		}

		// Callers and other nodes may be faster than the node that remembers.
		was = is
		until(t, "nodes are known", func() bool { n, err := s.Nodes(t.Context()); return err == nil && len(n) == 2 })
		rdb.FlushAll(t.Context())
		other := mustStart(t, s, "blue", sound)
		reaches(t, s, other.ID, recording.Active)
		if is = eventually(t, s, r.ID, recording.Active); is.Epoch < was.Epoch {
			t.Errorf("epoch %d follows %d", is.Epoch, was.Epoch)
		}
		for _, id := range []string{r.ID, other.ID} {
			if got, err := s.Stop(t.Context(), id); err != nil || got.State != recording.Stopped {
				t.Errorf("stop: %+v, %v", got, err)
			}
		}
		st.openedOnce(t)
	})
}

func TestRaceForRooms(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	s, st := NewStore(rdb), &stage{}
	for _, name := range []string{"n1", "n2"} {
		// A node's own connections, as in processes of their own.
		runNode(t, client(t, rdb.Options().Addr), st, name, func(o *NodeOptions) { o.LeaseTTL = 10 * time.Second })
	}
	var all sync.WaitGroup
	ids := make([]string, 200)
	for i := range ids {
		all.Go(func() {
			r, err := s.Start(t.Context(), recording.Request{Room: fmt.Sprint("room", i)})
			if err != nil {
				t.Error(err)
			}
			ids[i] = r.ID
		})
	}
	all.Wait()
	by := map[string]int{}
	for _, id := range ids {
		by[reaches(t, s, id, recording.Active).Node]++
	}
	st.openedOnce(t)
	if len(st.opened) != len(ids) {
		t.Errorf("%d openings of %d rooms", len(st.opened), len(ids))
	}
	t.Logf("rooms by node: %v", by)
}
