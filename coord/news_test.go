package coord

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// listener gathers what is told of.
type listener struct {
	mu     sync.Mutex
	kinds  map[string][]NewsKind
	tracks map[string][]string
	refuse func(News) error
}

func (l *listener) tell(_ context.Context, n News) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil {
		if err := l.refuse(n); err != nil {
			return err
		}
	}
	if l.kinds == nil {
		l.kinds, l.tracks = map[string][]NewsKind{}, map[string][]string{}
	}
	l.kinds[n.Recording.ID] = append(l.kinds[n.Recording.ID], n.Kind)
	if n.Track != nil {
		l.tracks[n.Recording.ID] = append(l.tracks[n.Recording.ID], n.Track.SID)
	}
	return nil
}

func (l *listener) of(id string) []NewsKind {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]NewsKind(nil), l.kinds[id]...)
}

// listen tells until the test ends.
func listen(t *testing.T, s *Store, l *listener) {
	ctx, cancel := context.WithCancel(context.Background())
	var task sync.WaitGroup
	task.Go(func() { s.Tell(ctx, l.tell) })
	t.Cleanup(func() { cancel(); task.Wait() })
}

// Nobody listens while all of it happens, and a node dies in the middle: every
// piece of news is there afterwards, once and in order.
func TestNewsOutliveEverybody(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		n1 := runNode(t, rdb, st, "n1")
		r := mustStart(t, s, "blue", recording.Selection{})
		reaches(t, s, r.ID, recording.Active)
		if _, err := s.Pause(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		was := reaches(t, s, r.ID, recording.Paused)
		n1.crash()
		runNode(t, rdb, st, "n2")
		until(t, "n2 has it, paused", func() bool {
			is := mustGet(t, s, r.ID)
			return is.Epoch > was.Epoch && is.State == recording.Paused && is.Error == nil
		})
		if _, err := s.Resume(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		reaches(t, s, r.ID, recording.Active)
		if _, err := s.Stop(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		queued := mustStart(t, s, "full", recording.Selection{})
		if _, err := s.Stop(t.Context(), queued.ID); err != nil {
			t.Fatal(err)
		}

		var down sync.Once
		l := &listener{refuse: func(News) (err error) {
			down.Do(func() { err = recording.Errorf(recording.CodeStoreUnavailable, "not now") })
			return err
		}}
		listen(t, s, l)
		until(t, "all is told", func() bool { return len(l.of(queued.ID)) > 0 })
		if diff := cmp.Diff([]NewsKind{Started, Paused, Resumed, Stopped}, l.of(r.ID)); diff != "" {
			t.Error(diff)
		}
		until(t, "news that were told are forgotten", func() bool { return rdb.XLen(t.Context(), prefix+"news").Val() == 0 })
	})
}

func TestNewsOfTracks(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	s, st := NewStore(rdb), &stage{}
	runNode(t, rdb, st, "n1")
	l := &listener{}
	listen(t, s, l)
	r := mustStart(t, s, "blue", recording.Selection{})
	reaches(t, s, r.ID, recording.Active)
	packets := int64(0)
	fares := func(flowing, muted bool) {
		packets++
		st.bot("blue", "").report(Report{ID: r.ID, Live: []recording.LiveTrack{
			{SID: "TR_a", Flowing: flowing, Muted: muted, Packets: packets}, {SID: "TR_never"},
		}})
		until(t, "the report is written", func() bool {
			live := mustGet(t, s, r.ID).Live
			return len(live) > 0 && live[0].Packets == packets
		})
	}
	for _, c := range []struct{ flowing, muted bool }{
		{true, false}, {false, true}, {true, false}, {false, false}, {false, false}, {true, false}, {false, false}, {false, true},
	} {
		fares(c.flowing, c.muted)
	}
	want := []NewsKind{Started, MediaStalled, MediaResumed, MediaStalled, MediaResumed}
	until(t, "all is told", func() bool { return len(l.of(r.ID)) == len(want) })
	if diff := cmp.Diff(want, l.of(r.ID)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"TR_a", "TR_a", "TR_a", "TR_a"}, l.tracks[r.ID]); diff != "" {
		t.Error(diff)
	}
}

// What cannot be told at all must not stand in the way of what follows.
func TestNewsThatCannotBeTold(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	s := NewStore(rdb)
	bad := mustStart(t, s, "blue", recording.Selection{})
	good := mustStart(t, s, "red", recording.Selection{})
	for _, id := range []string{bad.ID, good.ID} {
		if _, err := s.Stop(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: prefix + "news", Values: []string{"kind", "nonsense"}})
	last := mustStart(t, s, "green", recording.Selection{})
	if _, err := s.Stop(t.Context(), last.ID); err != nil {
		t.Fatal(err)
	}
	l := &listener{refuse: func(n News) error {
		if n.Recording.ID == bad.ID {
			return recording.Errorf(recording.CodeInvalidRequest, "too long")
		}
		return nil
	}}
	listen(t, s, l)
	until(t, "the rest is told", func() bool { return len(l.of(good.ID)) == 1 && len(l.of(last.ID)) == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for rdb.XLen(ctx, prefix+"news").Val() > 0 && sleep(ctx, time.Millisecond) {
	}
	if got := l.of(bad.ID); got != nil {
		t.Errorf("told of what was refused: %v", got)
	}
}
