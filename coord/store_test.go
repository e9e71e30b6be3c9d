package coord

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

func wantCode(t *testing.T, err error, want recording.Code) {
	t.Helper()
	if got := recording.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, want %q", err, got, want)
	}
}

func mustStart(t *testing.T, s *Store, room string, sel recording.Selection) recording.Recording {
	t.Helper()
	r, err := s.Start(t.Context(), recording.Request{Room: room, Selection: sel})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustClaim(t *testing.T, s *Store, room, node string, ttl time.Duration) Lease {
	t.Helper()
	l, ok, err := s.Claim(t.Context(), room, node, ttl)
	if err != nil || !ok {
		t.Fatalf("claim of %s by %s: %v, %v", room, node, ok, err)
	}
	return l
}

// soonClaims claims once the time to remember is over.
func soonClaims(t *testing.T, s *Store, room, node string) (l Lease) {
	t.Helper()
	until(t, node+" is granted "+room, func() (ok bool) {
		var err error
		l, ok, err = s.Claim(t.Context(), room, node, time.Minute)
		return ok && err == nil
	})
	return l
}

func mustGet(t *testing.T, s *Store, id string) recording.Recording {
	t.Helper()
	r, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var sound = recording.Selection{Kinds: []recording.Kind{recording.Audio}}

func TestStart(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		at := time.Date(2026, 3, 1, 10, 0, 0, 5, time.UTC)
		s.now = func() time.Time { return at }
		sel := recording.Selection{Identities: []string{"zoë", "al"}}
		r := mustStart(t, s, "blue", sel)
		want := recording.Recording{
			ID: r.ID, Request: recording.Request{Room: "blue", Selection: sel.Normal()}, State: recording.Queued, CreatedAt: at,
		}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Error(diff)
		}
		want.Error = recording.Errorf(recording.CodeCapacity, "it waits: no recorder node is running")
		if diff := cmp.Diff(want, mustGet(t, s, r.ID), cmp.AllowUnexported(recording.Error{})); diff != "" {
			t.Error(diff)
		}
		_, err := s.Start(t.Context(), recording.Request{Room: "blue", Selection: recording.Selection{Identities: []string{"al", "zoë", "al"}}})
		wantCode(t, err, recording.CodeAlreadyRecording)
		var conflict *recording.Error
		if !errors.As(err, &conflict) || conflict.Existing != r.ID {
			t.Errorf("conflict names %+v, want %s", conflict, r.ID)
		}
		mustStart(t, s, "blue", sound)
		mustStart(t, s, "red", sel)
		for _, room := range []string{"", strings.Repeat("a", 257), "\xff"} {
			_, err = s.Start(t.Context(), recording.Request{Room: room, Selection: sel})
			wantCode(t, err, recording.CodeInvalidRequest)
		}
		_, err = s.Start(t.Context(), recording.Request{Room: "blue", Selection: recording.Selection{Kinds: []recording.Kind{"smell"}}})
		wantCode(t, err, recording.CodeInvalidRequest)
		_, err = s.Get(t.Context(), "rec_nobody")
		wantCode(t, err, recording.CodeNotFound)
	})
}

func TestStartRace(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		var all sync.WaitGroup
		ids, errs := make([]string, 50), make([]error, 50)
		for i := range ids {
			all.Go(func() {
				r, err := s.Start(t.Context(), recording.Request{Room: "blue"})
				ids[i], errs[i] = r.ID, err
			})
		}
		all.Wait()
		winner := slices.IndexFunc(errs, func(err error) bool { return err == nil })
		if winner < 0 {
			t.Fatal("nobody won")
		}
		for i, err := range errs {
			if i == winner {
				continue
			}
			var conflict *recording.Error
			if !errors.As(err, &conflict) || conflict.Code != recording.CodeAlreadyRecording || conflict.Existing != ids[winner] {
				t.Errorf("caller %d got %q, %v; the winner is %s", i, ids[i], err, ids[winner])
			}
		}
	})
}

func TestStopQueued(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		r := mustStart(t, s, "blue", recording.Selection{})
		got, err := s.Stop(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := r
		want.State, want.Ended, want.StopWanted, want.StoppedAt = recording.Stopped, recording.EndedByStop, true, got.StoppedAt
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got.StoppedAt.IsZero() {
			t.Error("stopped at no time")
		}
		_, err = s.Stop(t.Context(), r.ID)
		var already *recording.Error
		if !errors.As(err, &already) || already.Code != recording.CodeAlreadyStopped || already.Existing != r.ID {
			t.Errorf("second stop: %v", err)
		}
		_, err = s.Stop(t.Context(), "rec_nobody")
		wantCode(t, err, recording.CodeNotFound)
		if again := mustStart(t, s, "blue", recording.Selection{}); again.ID == r.ID {
			t.Error("the room cannot be recorded anew")
		}
		if rooms, err := s.freeRooms(t.Context(), time.Second); err != nil || !slices.Equal(rooms, []string{"blue"}) {
			t.Errorf("free rooms %v, %v", rooms, err)
		}
	})
}

func TestStopJoins(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		r := mustStart(t, s, "blue", recording.Selection{})
		l := mustClaim(t, s, "blue", "n1", time.Minute)
		r.State, r.Node, r.Epoch = recording.Active, l.Node, l.Epoch
		if err := s.Put(t.Context(), l, r); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		got, err := s.Stop(short, r.ID)
		if !errors.Is(err, context.DeadlineExceeded) || !got.StopWanted || got.State != recording.Active {
			t.Fatalf("stop that nobody obeys: %+v, %v", got, err)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				got, err := s.Stop(t.Context(), r.ID)
				if err != nil || got.State != recording.Stopped {
					t.Errorf("joined stop: %+v, %v", got, err)
				}
			})
		}
		until(t, "all stops wait", func() bool { return listeners(t, rdb, "changes") == 3 })
		r.State = recording.Stopped
		if err := s.Put(t.Context(), l, r); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if !mustGet(t, s, r.ID).StopWanted {
			t.Error("the node's write took the caller's wish back")
		}
		if err := s.Put(t.Context(), l, r); !errors.Is(err, errFinal) {
			t.Errorf("write to a final record: %v", err)
		}
	})
}

func TestList(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		var all, blue, queued []string // newest first
		for i := range 23 {
			room := []string{"blue", "red"}[i%2]
			r := mustStart(t, s, room, recording.Selection{Identities: []string{fmt.Sprint(i)}})
			if i%3 == 0 {
				if _, err := s.Stop(t.Context(), r.ID); err != nil {
					t.Fatal(err)
				}
			} else {
				queued = slices.Insert(queued, 0, r.ID)
			}
			all = slices.Insert(all, 0, r.ID)
			if room == "blue" {
				blue = slices.Insert(blue, 0, r.ID)
			}
		}
		both := slices.DeleteFunc(slices.Clone(blue), func(id string) bool { return !slices.Contains(queued, id) })
		stopped := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return slices.Contains(queued, id) })
		for name, c := range map[string]struct {
			query Query
			want  []string
		}{
			"all":            {Query{}, all},
			"small pages":    {Query{Limit: 1}, all},
			"even pages":     {Query{Limit: 23}, all},
			"room":           {Query{Room: "blue", Limit: 5}, blue},
			"queued":         {Query{States: []recording.State{recording.Queued}, Limit: 4}, queued},
			"stopped":        {Query{States: []recording.State{recording.Stopped, recording.Failed}, Limit: 3}, stopped},
			"room and state": {Query{Room: "blue", States: []recording.State{recording.Queued}, Limit: 2}, both},
			"none":           {Query{Room: "green"}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				var got []string
				for q := c.query; ; {
					page, err := s.List(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					if q.Limit > 0 && len(page.Items) > q.Limit {
						t.Fatalf("a page of %d, asked for %d", len(page.Items), q.Limit)
					}
					for _, r := range page.Items {
						got = append(got, r.ID)
					}
					if q.Cursor = page.Next; q.Cursor == "" {
						break
					}
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
		first, err := s.List(t.Context(), Query{Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		mustStart(t, s, "new", recording.Selection{})
		second, err := s.List(t.Context(), Query{Limit: 1, Cursor: first.Next})
		if err != nil || second.Items[0].ID != all[2] {
			t.Errorf("a page shifted: %+v, %v", second, err)
		}
		for _, q := range []Query{{Limit: 201}, {Limit: -1}, {Cursor: "[x"}} {
			_, err := s.List(t.Context(), q)
			wantCode(t, err, recording.CodeInvalidRequest)
		}
	})
}

// What goes on in a room is found without reading all that was recorded in it: whoever
// joins one asks.
func TestListOfWhatGoesOnIsShort(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		const past = 300
		at := time.Now()
		for range past {
			_, err := s.Restore(t.Context(), recording.Recording{
				ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: "blue"}, State: recording.Stopped, CreatedAt: at, StoppedAt: at,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		r := mustStart(t, s, "blue", recording.Selection{})
		mustStart(t, s, "red", recording.Selection{})
		counted := &readCount{}
		rdb.AddHook(counted)
		page, err := s.List(t.Context(), Query{Room: "blue", States: []recording.State{recording.Queued}})
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != r.ID {
			t.Errorf("%+v, %v", page, err)
		}
		if n := counted.records.Load(); n > 10 {
			t.Errorf("%d records were read", n)
		}
	})
}

// readCount counts the records that are read.
type readCount struct{ records atomic.Int64 }

func (c *readCount) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (c *readCount) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (c *readCount) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == "hmget" {
				c.records.Add(1)
			}
		}
		return next(ctx, cmds)
	}
}

func TestRemoveAndRestore(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		r := mustStart(t, s, "blue", recording.Selection{})
		wantCode(t, s.Remove(t.Context(), r.ID), recording.CodeNotReady)
		_, err := s.Restore(t.Context(), r)
		wantCode(t, err, recording.CodeInvalidRequest)
		r, err = s.Stop(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		wantCode(t, s.Remove(t.Context(), r.ID), recording.CodeNotFound)
		keys := rdb.Keys(t.Context(), "*").Val()
		slices.Sort(keys)
		if want := []string{prefix + "news", prefix + "removed:" + r.ID}; !slices.Equal(keys, want) {
			t.Errorf("keys are left: %v, want %v", keys, want)
		}
		r.StopWanted = false
		if wrote, err := s.Restore(t.Context(), r); err != nil || wrote {
			t.Errorf("what was removed came back: %v, %v", wrote, err)
		}
		if removed, err := s.Removed(t.Context(), r.ID); err != nil || !removed {
			t.Errorf("removed: %v, %v", removed, err)
		}
		rdb.FlushAll(t.Context())
		for _, want := range []bool{true, false} {
			if wrote, err := s.Restore(t.Context(), r); err != nil || wrote != want {
				t.Errorf("restore: %v, %v, want %v", wrote, err, want)
			}
		}
		if diff := cmp.Diff(r, mustGet(t, s, r.ID)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLease(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		ctx := t.Context()
		const ttl = 80 * time.Millisecond
		r := mustStart(t, s, "blue", recording.Selection{})
		first := mustClaim(t, s, "blue", "n1", time.Minute)
		for _, node := range []string{"n1", "n2"} {
			if _, ok, err := s.Claim(ctx, "blue", node, ttl); ok || err != nil {
				t.Fatalf("claim by %s of a held room: %v, %v", node, ok, err)
			}
		}
		if err := s.Renew(ctx, first, ttl); err != nil {
			t.Fatal(err)
		}
		until(t, "the lease ends", func() bool { return rdb.Exists(ctx, prefix+"lease:blue").Val() == 0 })
		if err := s.Renew(ctx, first, ttl); err != nil {
			t.Fatalf("nobody took the room, yet: %v", err)
		}
		var second Lease
		until(t, "n2 takes over", func() bool {
			l, ok, err := s.Claim(ctx, "blue", "n2", time.Minute)
			second = l
			return ok && err == nil
		})
		if second.Epoch != first.Epoch+1 {
			t.Errorf("epoch %d follows %d", second.Epoch, first.Epoch)
		}
		zombie := r
		zombie.State, zombie.Epoch = recording.Failed, first.Epoch
		for what, err := range map[string]error{
			"renew": s.Renew(ctx, first, ttl), "release": s.Release(ctx, first), "put": s.Put(ctx, first, zombie),
			"impostor's put": s.Put(ctx, Lease{Room: "blue", Node: "n3", Epoch: second.Epoch}, zombie),
		} {
			if !errors.Is(err, ErrFenced) {
				t.Errorf("%s of a zombie: %v", what, err)
			}
		}
		if got := mustGet(t, s, r.ID).State; got != recording.Queued {
			t.Errorf("a zombie's write counted: %s", got)
		}
		if err := s.Release(ctx, second); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(ctx, first, zombie); !errors.Is(err, ErrFenced) {
			t.Errorf("put of a zombie into a free room: %v", err)
		}
		if third := mustClaim(t, s, "blue", "n1", ttl); third.Epoch != second.Epoch+1 {
			t.Errorf("epoch %d follows %d", third.Epoch, second.Epoch)
		}
	})
}

func TestForgetfulRedis(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		ctx := t.Context()
		r := mustStart(t, s, "blue", recording.Selection{})
		l := mustClaim(t, s, "blue", "n1", time.Minute)
		r.State, r.Epoch = recording.Active, l.Epoch
		const recall = 50 * time.Millisecond
		rdb.FlushAll(ctx)
		if err := s.Put(ctx, l, r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, mustGet(t, s, r.ID)); diff != "" {
			t.Error(diff)
		}
		_, err := s.Start(ctx, recording.Request{Room: "blue"})
		wantCode(t, err, recording.CodeAlreadyRecording)
		if _, ok, err := s.Claim(ctx, "blue", "n2", recall); ok || err != nil {
			t.Errorf("the room was taken from its holder: %v, %v", ok, err)
		}
		if err := s.Release(ctx, l); err != nil {
			t.Fatal(err)
		}
		if l, ok, err := s.Claim(ctx, "nobody asked", "n2", time.Minute); ok || err != nil {
			t.Errorf("a room that nobody wants recorded was granted: %+v, %v", l, err)
		}
		if next := soonClaims(t, s, "blue", "n2"); next.Epoch <= l.Epoch {
			t.Errorf("epoch %d follows %d", next.Epoch, l.Epoch)
		}

		// Somebody else was faster than the node that remembers: its wish is kept.
		rdb.FlushAll(ctx)
		other := mustStart(t, s, "blue", recording.Selection{})
		if _, ok, err := s.Claim(ctx, "blue", "n2", recall); ok || err != nil {
			t.Errorf("the holder was given no time to remember: %v, %v", ok, err)
		}
		newer := soonClaims(t, s, "blue", "n2")
		if err := s.Renew(ctx, l, time.Minute); !errors.Is(err, ErrFenced) {
			t.Errorf("renew: %v", err)
		}
		if err := s.Put(ctx, l, r); err != nil {
			t.Errorf("the wish was lost: %v", err)
		}
		wishes, err := s.wishes(ctx, "blue")
		if err != nil || len(wishes) != 2 {
			t.Errorf("wishes %v, %v; want %s and %s", wishes, err, r.ID, other.ID)
		}

		// A record that was removed on purpose does not come back.
		gone := r
		gone.ID = recording.NewID(recording.PrefixRecording)
		stale := Lease{Room: "blue", Node: "n1", Epoch: newer.Epoch - 1, generation: newer.generation, ttl: time.Minute}
		if err := s.Put(ctx, stale, gone); !errors.Is(err, ErrFenced) {
			t.Errorf("put of a removed record: %v", err)
		}
	})
}

func TestWatch(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		ctx, cancel := context.WithCancel(t.Context())
		feed := s.Watch(ctx)
		r := mustStart(t, s, "blue", recording.Selection{})
		stopped, err := s.Stop(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]recording.Recording{r, stopped}, []recording.Recording{<-feed, <-feed}); diff != "" {
			t.Error(diff)
		}
		cancel()
		for range feed { // ends once it is closed
		}
	})
}

func TestOfferDropsOldest(t *testing.T) {
	c := make(chan int, 3)
	for i := range 10 {
		offer(c, i)
	}
	if diff := cmp.Diff([]int{7, 8, 9}, []int{<-c, <-c, <-c}); diff != "" {
		t.Error(diff)
	}
}

func TestRedisAway(t *testing.T) {
	server := redisserver.Run(t)
	frozen := startProxy(t, server.Addr)
	frozen.set(true)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, addr := range map[string]string{"refuses": closed.Addr().String(), "hangs": frozen.addr()} {
		t.Run(name, func(t *testing.T) {
			s := NewStore(client(t, addr))
			ctx := t.Context()
			calls := map[string]func() error{
				"start": func() error { _, err := s.Start(ctx, recording.Request{Room: "blue"}); return err },
				"stop":  func() error { _, err := s.Stop(ctx, "rec_x"); return err },
				"get":   func() error { _, err := s.Get(ctx, "rec_x"); return err },
				"list":  func() error { _, err := s.List(ctx, Query{}); return err },
				"wait": func() error {
					_, err := s.Wait(ctx, "rec_x", func(recording.Recording) bool { return true })
					return err
				},
				"claim":  func() error { _, _, err := s.Claim(ctx, "blue", "n1", time.Second); return err },
				"nodes":  func() error { _, err := s.Nodes(ctx); return err },
				"remove": func() error { return s.Remove(ctx, "rec_x") },
			}
			var all sync.WaitGroup
			for call, do := range calls {
				all.Go(func() {
					began := time.Now()
					if err := do(); recording.CodeOf(err) != recording.CodeStoreUnavailable {
						t.Errorf("%s: %v", call, err)
					}
					if took := time.Since(began); took > 2*callTimeout+time.Second {
						t.Errorf("%s took %v", call, took)
					}
				})
			}
			all.Wait()
		})
	}
}
