package coord

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

func TestRecordingLife(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		runNode(t, rdb, st, "n1")
		feed := s.Watch(t.Context())
		one := mustStart(t, s, "blue", recording.Selection{})
		active := reaches(t, s, one.ID, recording.Active)
		two := mustStart(t, s, "blue", sound)
		reaches(t, s, two.ID, recording.Active)

		got, err := s.Stop(t.Context(), one.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := one
		want.State, want.Ended, want.StopWanted = recording.Stopped, recording.EndedByStop, true
		want.Node, want.Epoch = "n1", active.Epoch
		want.StartedAt, want.FirstMediaAt, want.StoppedAt = mediaAt, mediaAt, mediaAt.Add(time.Minute)
		want.Duration, want.Parts, want.Bytes = recording.Seconds(time.Minute), 2, 99
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if _, err := s.Stop(t.Context(), two.ID); err != nil {
			t.Fatal(err)
		}
		bot := st.bot("blue", "n1")
		until(t, "the room is left", func() bool { return rdb.Exists(t.Context(), prefix+"lease:blue").Val() == 0 })
		if diff := cmp.Diff([]string{
			"start " + one.ID, "start " + two.ID, "stop " + one.ID + " stop", "stop " + two.ID + " stop", "close stop",
		}, st.callsOf(bot)); diff != "" {
			t.Error(diff)
		}

		var states []recording.State
		for r := range feed {
			if r.ID == one.ID && !slices.Contains(states, r.State) {
				states = append(states, r.State)
			}
			if r.ID == two.ID && r.State.Final() {
				break
			}
		}
		if diff := cmp.Diff([]recording.State{
			recording.Queued, recording.Starting, recording.Active, recording.Stopping, recording.Stopped,
		}, states); diff != "" {
			t.Error(diff)
		}
		again := mustStart(t, s, "blue", recording.Selection{})
		if r := reaches(t, s, again.ID, recording.Active); r.Epoch != active.Epoch+1 {
			t.Errorf("epoch %d follows %d", r.Epoch, active.Epoch)
		}
	})
}

func TestReportedEnds(t *testing.T) {
	result := Result{StartedAt: mediaAt, StoppedAt: mediaAt.Add(time.Second), Duration: recording.Seconds(time.Second), Parts: 1, Bytes: 5}
	full := recording.Errorf(recording.CodeDiskFull, "no space")
	for name, c := range map[string]struct {
		report Report
		state  recording.State
		ended  recording.EndReason
		err    *recording.Error
	}{
		"room closed": {Report{Ended: recording.EndedByRoom, Result: result}, recording.Stopped, recording.EndedByRoom, nil},
		// What there is is whole: it is stopped, and says what went wrong.
		"disk full":   {Report{Err: full, Result: result}, recording.Stopped, recording.EndedByFailure, full},
		"write error": {Report{Ended: recording.EndedByWrite, Err: full, Result: result}, recording.Stopped, recording.EndedByWrite, full},
	} {
		t.Run(name, func(t *testing.T) {
			eachRedis(t, func(t *testing.T, rdb *redis.Client) {
				s, st := NewStore(rdb), &stage{}
				runNode(t, rdb, st, "n1")
				r := mustStart(t, s, "blue", recording.Selection{})
				want := reaches(t, s, r.ID, recording.Active)
				c.report.ID = r.ID
				st.bot("blue", "n1").report(c.report)
				got := reaches(t, s, r.ID, c.state)
				want.State, want.Ended, want.Error = c.state, c.ended, c.err
				want.StartedAt, want.StoppedAt, want.Duration, want.Parts, want.Bytes = result.StartedAt, result.StoppedAt, result.Duration, result.Parts, result.Bytes
				if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(recording.Error{})); diff != "" {
					t.Error(diff)
				}
				next := mustStart(t, s, "blue", recording.Selection{})
				reaches(t, s, next.ID, recording.Active)
				// Of a room that is still there, the bot may go on, if it has not left yet.
				if c.report.Ended == recording.EndedByRoom && st.bot("blue", "n1").epoch != want.Epoch+1 {
					t.Error("the next recording got the bot of a room that was closed")
				}
			})
		})
	}
}

func TestOpenFails(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		code  recording.Code
		ended recording.EndReason
		tries int
	}{
		"unreachable": {errors.New("no route"), recording.CodeRoomUnreachable, recording.EndedByFailure, 3},
		"no room":     {recording.Errorf(recording.CodeRoomNotFound, "no such room"), recording.CodeRoomNotFound, recording.EndedByRoom, 1},
	} {
		t.Run(name, func(t *testing.T) {
			eachRedis(t, func(t *testing.T, rdb *redis.Client) {
				s, st := NewStore(rdb), &stage{refuse: func(string) error { return c.err }}
				runNode(t, rdb, st, "n1")
				r := mustStart(t, s, "blue", recording.Selection{})
				got := reaches(t, s, r.ID, recording.Failed)
				if got.Error == nil || got.Error.Code != c.code || got.Ended != c.ended {
					t.Errorf("got %+v with %v", got, got.Error)
				}
				st.mu.Lock()
				defer st.mu.Unlock()
				if len(st.opened) != c.tries {
					t.Errorf("tried %d times, want %d", len(st.opened), c.tries)
				}
			})
		})
	}
}

func TestStartFails(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{start: func(r recording.Recording) error {
			if len(r.Selection.Kinds) > 0 {
				return recording.Errorf(recording.CodeDiskFull, "no space")
			}
			return nil
		}}
		runNode(t, rdb, st, "n1")
		good := mustStart(t, s, "blue", recording.Selection{})
		bad := mustStart(t, s, "blue", sound)
		if got := reaches(t, s, bad.ID, recording.Failed); got.Error == nil || got.Error.Code != recording.CodeDiskFull {
			t.Errorf("failed with %v", got.Error)
		}
		reaches(t, s, good.ID, recording.Active)
	})
}

// A stop leads to a final state whatever the recording was doing.
// A recording that is asked for while the room is being closed is not lost: once the
// bot has left, another one begins it.
func TestStartInClosedRoom(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		var starts atomic.Int64
		s, st := NewStore(rdb), &stage{start: func(recording.Recording) error {
			if starts.Add(1) == 1 {
				return fmt.Errorf("start: %w", ErrGone)
			}
			return nil
		}}
		runNode(t, rdb, st, "n1")
		r := reaches(t, s, mustStart(t, s, "blue", recording.Selection{}).ID, recording.Active)
		st.mu.Lock()
		defer st.mu.Unlock()
		if len(st.bots) != 2 || !st.bots[0].closed || r.Epoch != st.bots[1].epoch {
			t.Errorf("%d bots, recorded under epoch %d", len(st.bots), r.Epoch)
		}
	})
}

func TestStopInEachState(t *testing.T) {
	for name, c := range map[string]struct {
		stage *stage
		state recording.State
		calls []string
	}{
		"opening":       {&stage{refuse: func(string) error { return errors.New("not yet") }}, recording.Starting, nil},
		"without media": {&stage{silent: true}, recording.Starting, []string{"start", "stop", "close"}},
		"recording":     {&stage{}, recording.Active, []string{"start", "stop", "close"}},
	} {
		t.Run(name, func(t *testing.T) {
			eachRedis(t, func(t *testing.T, rdb *redis.Client) {
				s := NewStore(rdb)
				runNode(t, rdb, c.stage, "n1", func(o *NodeOptions) { o.OpenPause = time.Hour })
				r := mustStart(t, s, "blue", recording.Selection{})
				reaches(t, s, r.ID, c.state)
				if len(c.calls) > 0 {
					until(t, "the bot has it", func() bool { return !mustGet(t, s, r.ID).StartedAt.IsZero() })
				}
				got, err := s.Stop(t.Context(), r.ID)
				if err != nil || got.State != recording.Stopped || got.Ended != recording.EndedByStop {
					t.Fatalf("stop: %+v, %v", got, err)
				}
				until(t, "the room is left", func() bool { return rdb.Exists(t.Context(), prefix+"lease:blue").Val() == 0 })
				var calls []string
				if bot := c.stage.bot("blue", "n1"); bot != nil {
					for _, call := range c.stage.callsOf(bot) {
						var verb string
						fmt.Sscan(call, &verb)
						calls = append(calls, verb)
					}
				}
				if diff := cmp.Diff(c.calls, calls); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestStopWhileStoppingJoins(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{hold: make(chan struct{})}
		runNode(t, rdb, st, "n1")
		r := mustStart(t, s, "blue", recording.Selection{})
		reaches(t, s, r.ID, recording.Active)
		var all sync.WaitGroup
		stop := func() {
			if got, err := s.Stop(t.Context(), r.ID); err != nil || got.State != recording.Stopped {
				t.Errorf("stop: %+v, %v", got, err)
			}
		}
		all.Go(stop)
		reaches(t, s, r.ID, recording.Stopping)
		feed := s.Watch(t.Context())
		all.Go(stop)
		// Other recordings of the room need not wait for this one's files.
		other := mustStart(t, s, "blue", sound)
		reaches(t, s, other.ID, recording.Active)
		for got := range feed {
			if got.ID == other.ID && got.State == recording.Active {
				break
			}
		}
		until(t, "both stops wait", func() bool {
			return listeners(t, rdb, "changes") == 4 // the node, the feed and they
		})
		close(st.hold)
		all.Wait()
	})
}

// Files may take longer to be complete than other calls may last: what a crash left
// of a long meeting has to be read whole.
func TestStopOfLargeFiles(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{hold: make(chan struct{})}
		runNode(t, rdb, st, "n1", func(o *NodeOptions) { o.CallTimeout = time.Nanosecond })
		r := mustStart(t, s, "blue", recording.Selection{})
		reaches(t, s, r.ID, recording.Active)
		if _, err := s.End(t.Context(), r.ID, recording.EndedByStop); err != nil {
			t.Fatal(err)
		}
		until(t, "the bot completes the files", func() bool {
			return slices.Contains(st.callsOf(st.bot("blue", "n1")), "stop "+r.ID+" stop")
		})
		close(st.hold)
		got, err := s.Wait(t.Context(), r.ID, func(r recording.Recording) bool { return r.State.Final() })
		if err != nil || got.State != recording.Stopped || got.Parts != 2 {
			t.Errorf("it has ended as %+v, %v", got, err)
		}
	})
}

func TestCommandToEffect(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	s, st := NewStore(rdb), &stage{}
	// Only a notification can be that fast.
	runNode(t, rdb, st, "n1", func(o *NodeOptions) { o.Poll, o.LeaseTTL = time.Hour, time.Hour })
	warm := mustStart(t, s, "warm", recording.Selection{})
	reaches(t, s, warm.ID, recording.Active)
	var took []time.Duration
	for i := range 20 {
		began := time.Now()
		r := mustStart(t, s, fmt.Sprint("room", i), recording.Selection{})
		reaches(t, s, r.ID, recording.Active)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("median %v, worst %v", took[len(took)/2], took[len(took)-1])
	if took[len(took)/2] > 100*time.Millisecond {
		t.Errorf("it takes %v from command to effect", took)
	}
}

func TestFullNodesQueue(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		runNode(t, rdb, st, "n1", func(o *NodeOptions) { o.MaxRooms = 1 })
		one := mustStart(t, s, "blue", recording.Selection{})
		reaches(t, s, one.ID, recording.Active)
		until(t, "the node says it is full", func() bool {
			nodes, err := s.Nodes(t.Context())
			return err == nil && len(nodes) == 1 && !nodes[0].CanAccept()
		})
		two := mustStart(t, s, "red", recording.Selection{})
		page, err := s.List(t.Context(), Query{Room: "red"})
		if err != nil || page.Items[0].State != recording.Queued || recording.CodeOf(page.Items[0].Error) != recording.CodeCapacity {
			t.Fatalf("a recording that nobody can take: %+v, %v", page, err)
		}
		if _, err := s.Stop(t.Context(), one.ID); err != nil {
			t.Fatal(err)
		}
		if got := reaches(t, s, two.ID, recording.Active); got.Error != nil {
			t.Errorf("it still tells why it waited: %v", got.Error)
		}
	})
}

// A node that joins takes what waits, and what is new; what runs stays where it is.
func TestJoiningNodeTakesWhatWaits(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		full := func(o *NodeOptions) { o.MaxRooms = 1 }
		runNode(t, rdb, st, "n1", full)
		one := mustStart(t, s, "blue", recording.Selection{})
		running := reaches(t, s, one.ID, recording.Active)
		two := mustStart(t, s, "red", recording.Selection{})
		until(t, "red waits", func() bool { return recording.CodeOf(mustGet(t, s, two.ID).Error) == recording.CodeCapacity })
		runNode(t, rdb, st, "n2")
		if got := reaches(t, s, two.ID, recording.Active); got.Node != "n2" {
			t.Errorf("red is recorded by %s", got.Node)
		}
		if got := reaches(t, s, mustStart(t, s, "green", recording.Selection{}).ID, recording.Active); got.Node != "n2" {
			t.Errorf("green is recorded by %s", got.Node)
		}
		if got := mustGet(t, s, one.ID); got.Node != "n1" || got.Epoch != running.Epoch {
			t.Errorf("blue went from %s to %s", running.Node, got.Node)
		}
	})
}

func TestIdleNodeWins(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	s, st := NewStore(rdb), &stage{}
	runNode(t, rdb, st, "busy", func(o *NodeOptions) { o.Poll = time.Hour })
	for i := range 20 {
		r := mustStart(t, s, fmt.Sprint("room", i), recording.Selection{})
		reaches(t, s, r.ID, recording.Active)
	}
	runNode(t, rdb, st, "idle", func(o *NodeOptions) { o.Poll = time.Hour })
	until(t, "both listen", func() bool { return listeners(t, rdb, "changes") == 2 })
	var byIdle int
	for i := range 5 {
		r := mustStart(t, s, fmt.Sprint("new", i), recording.Selection{})
		if reaches(t, s, r.ID, recording.Active).Node == "idle" {
			byIdle++
		}
	}
	if byIdle < 4 {
		t.Errorf("the idle node took %d of 5 rooms", byIdle)
	}
}

// A node may take the place of another from when the others know of it.
func TestNodeIsAnnounced(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		unknown := func() {
			t.Helper()
			if err := s.Announced(t.Context(), "n1"); recording.CodeOf(err) != recording.CodeNotReady {
				t.Errorf("a node that does not run: %v", err)
			}
		}
		unknown()
		n := runNode(t, rdb, st, "n1")
		if err := s.Announced(t.Context(), "n1"); err != nil {
			t.Error(err)
		}
		n.shutDown(t)
		unknown()
	})
}

// afterCommand calls then once a client has had its n-th answer.
type afterCommand struct {
	n    int
	then func()
}

func (a *afterCommand) DialHook(next redis.DialHook) redis.DialHook { return next }

func (a *afterCommand) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (a *afterCommand) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if a.n--; a.n == 0 {
			a.then()
		}
		return err
	}
}

// A node that comes back while others look who is there is not taken for gone: a
// node that drains would end its recordings for want of it.
func TestNodeComesBackWhileOthersLook(t *testing.T) {
	addr := redisserver.Run(t).Addr
	for commands := 1; commands <= 3; commands++ {
		s, looking := NewStore(client(t, addr)), client(t, addr)
		back := NodeInfo{Name: fmt.Sprint("n", commands)}
		err := errors.Join(looking.Ping(t.Context()).Err(), // for the greeting of a new connection
			s.rdb.SAdd(t.Context(), prefix+"nodes", back.Name).Err()) // its heartbeat was late
		if err != nil {
			t.Fatal(err)
		}
		looking.AddHook(&afterCommand{commands, func() {
			if err := s.heartbeat(t.Context(), back, time.Minute); err != nil {
				t.Error(err)
			}
		}})
		for range 3 {
			if _, err := NewStore(looking).Nodes(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		nodes, err := s.Nodes(t.Context())
		if err != nil || !slices.ContainsFunc(nodes, func(i NodeInfo) bool { return i.Name == back.Name }) {
			t.Errorf("%s is not there: %+v, %v", back.Name, nodes, err)
		}
	}
}

func TestDrainAlone(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		refused := sync.Map{}
		s, st := NewStore(rdb), &stage{refuse: func(room string) error {
			if room == "closed" {
				refused.Store(room, true)
				return errors.New("not yet")
			}
			return nil
		}}
		n := runNode(t, rdb, st, "n1", func(o *NodeOptions) { o.OpenPause = time.Hour })
		active := mustStart(t, s, "blue", recording.Selection{})
		reaches(t, s, active.ID, recording.Active)
		waiting := mustStart(t, s, "closed", recording.Selection{})
		until(t, "the room refuses", func() bool { _, ok := refused.Load("closed"); return ok })
		n.shutDown(t)
		got := mustGet(t, s, active.ID)
		if got.State != recording.Stopped || got.Ended != recording.EndedByShutdown || got.Parts != 2 {
			t.Errorf("the recording that ran: %+v", got)
		}
		if got := mustGet(t, s, waiting.ID); got.State != recording.Queued || got.Node != "" {
			t.Errorf("the recording that had not begun: %+v", got)
		}
		if diff := cmp.Diff([]string{"start " + active.ID, "stop " + active.ID + " shutdown", "close shutdown"},
			st.callsOf(st.bot("blue", "n1"))); diff != "" {
			t.Error(diff)
		}
		if nodes, err := s.Nodes(t.Context()); err != nil || len(nodes) != 0 {
			t.Errorf("nodes %v, %v", nodes, err)
		}
		if leases := rdb.Keys(t.Context(), prefix+"lease:*").Val(); len(leases) != 0 {
			t.Errorf("leases are left: %v", leases)
		}
	})
}

func TestDrainHandsOver(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		first := runNode(t, rdb, st, "n1", func(o *NodeOptions) { o.LeaseTTL = time.Minute })
		r := mustStart(t, s, "blue", recording.Selection{})
		before := reaches(t, s, r.ID, recording.Active)
		runNode(t, rdb, st, "n2", func(o *NodeOptions) { o.Poll, o.LeaseTTL = time.Hour, time.Hour })
		until(t, "both listen", func() bool { return listeners(t, rdb, "free") == 2 })
		first.shutDown(t)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		after, err := s.Wait(ctx, r.ID, func(r recording.Recording) bool {
			return r.Node == "n2" && r.State == recording.Active
		})
		if err != nil {
			t.Fatal(err)
		}
		want := before
		want.Node, want.Epoch, want.StartedAt = "n2", before.Epoch+1, after.StartedAt
		if diff := cmp.Diff(want, after); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"start " + r.ID, "close shutdown"}, st.callsOf(st.bot("blue", "n1"))); diff != "" {
			t.Error(diff)
		}
	})
}
