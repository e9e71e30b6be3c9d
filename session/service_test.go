package session

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Of calls at the same time, on several nodes, as many win as may.
func TestLeasesAreAtomic(t *testing.T) {
	s := newStage(t)
	nodes := []*Service{s.Service, s.node("node-2"), s.node("node-3")}
	const calls = 24
	count := func(call func(i int) error) map[recording.Code]int {
		var mu sync.Mutex
		var all sync.WaitGroup
		outcomes := map[recording.Code]int{}
		for i := range calls {
			all.Go(func() {
				code := recording.CodeOf(call(i))
				mu.Lock()
				defer mu.Unlock()
				outcomes[code]++
			})
		}
		all.Wait()
		return outcomes
	}
	got := count(func(i int) error {
		o, err := nodes[i%3].Open(t.Context(), OpenWish{ClientID: "ann"})
		if err == nil {
			s.in.join(o.Room, Participant{Identity: "ann", Publishing: true})
		}
		return err
	})
	if got[""] != 1 || got[recording.CodeTwoTimer] != calls-1 {
		t.Errorf("sessions of one agent: %v", got)
	}
	got = count(func(i int) error {
		_, err := nodes[i%3].Supervise(t.Context(), Wish{SupervisorID: fmt.Sprintf("sam-%d", i), ClientID: "ann"})
		return err
	})
	if got[""] != 3 || got[recording.CodeMaxSupervisors] != calls-3 {
		t.Errorf("supervisors of one agent: %v", got)
	}
	s.open("bob")
	got = count(func(i int) error {
		_, err := nodes[i%3].Supervise(t.Context(), Wish{SupervisorID: "tom", ClientID: "bob"})
		return err
	})
	if got[""] != 1 || got[recording.CodeTwoTimer] != calls-1 {
		t.Errorf("supervisions of one supervisor: %v", got)
	}
}

// Each cause that the server can tell, where it arises.
func TestCauses(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()

	t.Run("the agent never joins", func(t *testing.T) {
		o, err := s.Open(ctx, OpenWish{ClientID: "late"})
		if err != nil {
			t.Fatal(err)
		}
		s.pass(58 * time.Second)
		s.wantCause(o.ID, "")
		s.pass(3 * time.Second)
		s.wantCause(o.ID, recording.ConnTimeout)
	})
	t.Run("the agent is gone for too long", func(t *testing.T) {
		session := s.open("ann")
		sup := s.supervise("sam", "ann")
		s.in.leave(session.Room, "ann")
		s.pass(40 * time.Second)
		s.in.join(session.Room, Participant{Identity: "ann", Publishing: true})
		s.pass(2 * time.Minute)
		s.wantCause(session.ID, "")
		s.in.leave(session.Room, "ann")
		s.pass(47 * time.Second)
		s.wantCause(session.ID, recording.ConnTimeout)
		s.wantCause(sup.ID, recording.AgentSessionTerm)
		if s.in.has(session.Room, sup.Identity()) {
			t.Error("the supervisor is still in the room")
		}
		if _, err := s.Admit(ctx, sup.ID); recording.CodeOf(err) != recording.CodeSessionEnded {
			t.Errorf("admitted after the end: %v", err)
		}
	})
	t.Run("the session ends while the agent is gone", func(t *testing.T) {
		session := s.open("eve")
		s.in.leave(session.Room, "eve")
		s.pass(2 * time.Second)
		if _, err := s.End(ctx, session.ID, recording.TermByClient); err != nil {
			t.Fatal(err)
		}
		s.pass(2 * time.Second)
		if len(s.watch.gone) > 0 {
			t.Errorf("kept of who is over: %v", s.watch.gone)
		}
	})
	t.Run("LiveKit is away for longer than an agent may be", func(t *testing.T) {
		session := s.open("kim")
		s.in.broken = true
		s.pass(time.Minute)
		s.in.leave(session.Room, "kim") // who comes back a little later than LiveKit
		s.in.broken = false
		s.pass(5 * time.Second)
		s.in.join(session.Room, Participant{Identity: "kim", Publishing: true})
		s.pass(2 * time.Minute)
		s.wantCause(session.ID, "")
	})
	t.Run("the agent comes back while another node looks", func(t *testing.T) {
		session := s.open("max")
		s.in.leave(session.Room, "max")
		s.pass(40 * time.Second)
		s.rdb.Set(ctx, prefix+"watcher", "node-2", 0)
		s.in.join(session.Room, Participant{Identity: "max", Publishing: true})
		s.pass(10 * time.Second)
		s.rdb.Del(ctx, prefix+"watcher")
		s.in.leave(session.Room, "max")
		s.pass(10 * time.Second)
		s.wantCause(session.ID, "")
	})
	t.Run("the agent comes back and publishes a little later", func(t *testing.T) {
		session := s.open("lou")
		s.in.leave(session.Room, "lou")
		s.in.join(session.Room, Participant{Identity: "lou"})
		s.pass(20 * time.Second)
		s.in.leave(session.Room, "lou")
		s.pass(20 * time.Second)
		s.in.join(session.Room, Participant{Identity: "lou"})
		s.pass(5 * time.Second)
		s.in.leave(session.Room, "lou")
		s.in.join(session.Room, Participant{Identity: "lou", Publishing: true})
		s.pass(2 * time.Minute)
		s.wantCause(session.ID, "")
	})
	t.Run("the agent publishes nothing", func(t *testing.T) {
		o, err := s.Open(ctx, OpenWish{ClientID: "mute", Streams: []string{"camera"}})
		if err != nil {
			t.Fatal(err)
		}
		s.in.join(o.Room, Participant{Identity: "mute"})
		s.pass(29 * time.Second)
		s.wantCause(o.ID, "")
		s.pass(3 * time.Second)
		s.wantCause(o.ID, recording.NoPacketReceived)
	})
	t.Run("no packet comes", func(t *testing.T) {
		session := s.open("still")
		rec := s.recorded(session, recording.LiveTrack{Kind: recording.Audio, Flowing: true}, recording.LiveTrack{Kind: recording.Video})
		s.pass(time.Minute)
		s.wantCause(session.ID, "")
		rec(recording.LiveTrack{Kind: recording.Audio}, recording.LiveTrack{Kind: recording.Video, Muted: true})
		s.pass(29 * time.Second)
		s.wantCause(session.ID, "")
		rec(recording.LiveTrack{Kind: recording.Audio, Muted: true}, recording.LiveTrack{Kind: recording.Video, Muted: true})
		s.pass(time.Minute)
		s.wantCause(session.ID, "")
		rec(recording.LiveTrack{Kind: recording.Audio})
		s.pass(33 * time.Second)
		s.wantCause(session.ID, recording.NoPacketReceived)
	})
	t.Run("the supervisor is gone", func(t *testing.T) {
		session := s.open("eve")
		sup := s.supervise("sam", "eve")
		s.in.leave(session.Room, sup.Identity())
		s.pass(14 * time.Second)
		s.wantCause(sup.ID, "")
		s.pass(3 * time.Second)
		s.wantCause(sup.ID, recording.ConnTimeout)
		s.wantCause(session.ID, "")
		if _, err := s.Supervise(ctx, Wish{SupervisorID: "sam", ClientID: "eve"}); err != nil {
			t.Errorf("again: %v", err)
		}
	})
	t.Run("the room that is watched is empty", func(t *testing.T) {
		s.in.join("standup", Participant{Identity: "anna"})
		sup, err := s.Supervise(ctx, Wish{SupervisorID: "tom", Room: "standup", Reason: "training"})
		if err != nil {
			t.Fatal(err)
		}
		s.pass(5 * time.Second)
		s.wantCause(sup.ID, "")
		s.in.leave("standup", "anna")
		s.pass(2 * time.Second)
		s.wantCause(sup.ID, recording.AgentSessionTerm)
	})
	t.Run("the first cause counts", func(t *testing.T) {
		session := s.open("fay")
		for i, cause := range []recording.Termination{recording.TermByClient, recording.ConnTimeout} {
			first, err := s.End(ctx, session.ID, cause)
			if err != nil || first != (i == 0) {
				t.Errorf("end %d: %v, %v", i, first, err)
			}
		}
		s.wantCause(session.ID, recording.TermByClient)
	})
}

// recorded puts a recording of the session that runs on a node, and returns what
// tells how its tracks fare.
func (s *stage) recorded(session recording.Session, live ...recording.LiveTrack) func(...recording.LiveTrack) {
	s.t.Helper()
	ctx := s.t.Context()
	one, err := s.begin(ctx, session, "camera", recording.Delivery{})
	if err != nil {
		s.t.Fatal(err)
	}
	lease, ok, err := s.records.Claim(ctx, session.Room, "node-1", time.Hour)
	if err != nil || !ok {
		s.t.Fatalf("claim: %v, %v", ok, err)
	}
	put := func(live ...recording.LiveTrack) {
		s.t.Helper()
		r, err := s.records.Get(ctx, one.RecordingID)
		if err != nil {
			s.t.Fatal(err)
		}
		r.State, r.FirstMediaAt, r.Live = recording.Active, s.now(), live
		if r.StopWanted {
			r.State = recording.Stopped
		}
		if err := s.records.Put(ctx, lease, r); err != nil {
			s.t.Fatal(err)
		}
	}
	put(live...)
	// A node that makes it so when the end is wished.
	s.t.Cleanup(func() { _ = s.records.Release(s.t.Context(), lease) })
	go func() {
		for r := range s.records.Watch(ctx) {
			if r.ID == one.RecordingID && r.StopWanted && !r.State.Final() {
				r.State, r.Parts = recording.Stopped, 1
				if s.records.Put(ctx, lease, r) == nil {
					return
				}
			}
		}
	}()
	return put
}

// What an end leaves to do is done by whoever watches, should the node die or
// LiveKit not answer.
func TestEndIsFinished(t *testing.T) {
	s := newStage(t)
	session := s.open("ann")
	s.in.broken = true
	if _, err := s.End(t.Context(), session.ID, recording.TermByClient); err != nil {
		t.Fatal(err)
	}
	s.pass(finishWithin + time.Second)
	if !s.in.has(session.Room, "ann") || slices.Contains(s.told, "session ended TERM_BY_CLIENT") {
		t.Fatalf("finished without LiveKit: %q", s.told)
	}
	s.in.broken = false
	s.pass(2 * time.Second)
	if s.in.has(session.Room, "ann") {
		t.Error("the agent is still in the room")
	}
	if want := []string{"session active ", "session ended TERM_BY_CLIENT"}; !slices.Equal(s.told, want) {
		t.Errorf("told %q, want %q", s.told, want)
	}
	if left, err := s.members(t.Context(), "closing"); err != nil || len(left) > 0 {
		t.Errorf("left to close: %q, %v", left, err)
	}
}

// A supervisor without a right is put out, whenever they come.
func TestIntrudersArePutOut(t *testing.T) {
	s := newStage(t)
	session := s.open("ann")
	sup := s.supervise("sam", "ann")
	if _, err := s.End(t.Context(), sup.ID, recording.TermByClient); err != nil {
		t.Fatal(err)
	}
	never := recording.Supervision{ID: recording.NewID(recording.PrefixSupervision)}.Identity()
	for _, identity := range []string{sup.Identity(), never} {
		s.in.join(session.Room, Participant{Identity: identity})
	}
	s.pass(time.Second)
	for _, identity := range []string{sup.Identity(), never} {
		if s.in.has(session.Room, identity) {
			t.Errorf("%s is still in the room", identity)
		}
	}
	if want := []string{sup.Identity()}; !slices.Equal(s.in.hearing, want) {
		t.Errorf("%q were let in, want %q", s.in.hearing, want)
	}
}

// The last node to go ends what lives; one that has others leaves it to them.
func TestShutdown(t *testing.T) {
	s := newStage(t)
	session := s.open("ann")
	other := s.node("node-2")
	if err := (&watcher{Service: other}).look(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.shutDown(t.Context())
	s.wantCause(session.ID, "")
	other.shutDown(t.Context())
	s.wantCause(session.ID, recording.ServiceShutdown)
}

// A page of the list goes on where the one before ended, whatever is added meanwhile.
func TestListPages(t *testing.T) {
	s := newStage(t)
	var want []string
	for i := range 5 {
		o, err := s.Open(t.Context(), OpenWish{ClientID: fmt.Sprintf("agent-%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		want = append([]string{o.ID}, want...)
	}
	// One that Redis has forgotten.
	if err := s.rdb.Del(t.Context(), prefix+"doc:"+want[2]).Err(); err != nil {
		t.Fatal(err)
	}
	want = slices.Delete(want, 2, 3)
	var got []string
	for cursor := ""; ; {
		list, next, err := s.List(t.Context(), Query{Limit: 2, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range list {
			got = append(got, one.ID)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

// An agent who has lost the key of their session takes over from it: that one ends,
// with its recordings and those who watched it, and of many who take over one stays.
func TestTakeover(t *testing.T) {
	s := newStage(t)
	first := s.open("ann")
	watching, err := s.Supervise(t.Context(), Wish{SupervisorID: "sam", ClientID: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), OpenWish{ClientID: "ann", ResumeKey: "wrong"}); recording.CodeOf(err) != recording.CodeTwoTimer {
		t.Errorf("without a wish to take over: %v", err)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			_, err := s.Open(t.Context(), OpenWish{ClientID: "ann", Streams: []string{"camera"}, Takeover: true})
			if code := recording.CodeOf(err); err != nil && code != recording.CodeTwoTimer {
				t.Errorf("taking over: %v", err)
			}
		})
	}
	all.Wait()
	over, err := s.Get(t.Context(), first.ID)
	if err != nil || over.State != recording.SessionEnded || over.Cause != recording.TwoTimer {
		t.Errorf("the session that was taken over: %+v, %v", over, err)
	}
	seen, err := s.Supervision(t.Context(), watching.ID)
	if err != nil || seen.Cause != recording.AgentSessionTerm {
		t.Errorf("who watched it: %+v, %v", seen, err)
	}
	live, _, err := s.List(t.Context(), Query{ClientID: "ann", State: recording.SessionWaiting, Limit: 10})
	if err != nil || len(live) != 1 {
		t.Errorf("%d sessions live, %v", len(live), err)
	}
}
