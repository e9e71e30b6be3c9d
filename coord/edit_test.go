package coord

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// A recording is paused, resumed and changed while it runs; the bot hears of
// each change, and the state tells of the pause. The selection it was started
// with stays its name: a second start with that is refused all along.
func TestEdits(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		runNode(t, rdb, st, "n1")
		rec := mustStart(t, s, "blue", recording.Selection{})
		reaches(t, s, rec.ID, recording.Active)

		if _, err := s.Pause(t.Context(), rec.ID); err != nil {
			t.Fatal(err)
		}
		reaches(t, s, rec.ID, recording.Paused)
		if r, err := s.Pause(t.Context(), rec.ID); err != nil || !r.PauseWanted {
			t.Errorf("pausing twice: %+v, %v", r, err)
		}
		ann := recording.Selection{Identities: []string{"ann"}}
		if r, err := s.Select(t.Context(), rec.ID, ann); err != nil || r.Selection.Key() != ann.Key() || !r.PauseWanted {
			t.Errorf("selecting: %+v, %v", r, err)
		}
		if _, err := s.Resume(t.Context(), rec.ID); err != nil {
			t.Fatal(err)
		}
		reaches(t, s, rec.ID, recording.Active)
		bot := st.bot("blue", "n1")
		last := fmt.Sprintf("update %s paused=false takes=[ann]", rec.ID)
		until(t, "the bot has heard of all", func() bool { return slices.Contains(st.callsOf(bot), last) })
		if paused := fmt.Sprintf("update %s paused=true takes=[]", rec.ID); !slices.Contains(st.callsOf(bot), paused) {
			t.Errorf("the bot never heard of the pause: %q", st.callsOf(bot))
		}

		_, err := s.Start(t.Context(), recording.Request{Room: "blue"})
		if recording.CodeOf(err) != recording.CodeAlreadyRecording {
			t.Errorf("a second start: %v", err)
		}
		got, err := s.Stop(t.Context(), rec.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Selection.Key() != ann.Key() || got.State != recording.Stopped {
			t.Errorf("stopped: %+v", got)
		}
		if _, err := s.Pause(t.Context(), rec.ID); recording.CodeOf(err) != recording.CodeAlreadyStopped {
			t.Errorf("pausing a stopped one: %v", err)
		}
		if _, err := s.Pause(t.Context(), recording.NewID(recording.PrefixRecording)); recording.CodeOf(err) != recording.CodeNotFound {
			t.Errorf("pausing an unknown one: %v", err)
		}
		mustStart(t, s, "blue", recording.Selection{}) // the name is free again
	})
}

func TestHold(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		hold := &recording.Hold{Since: mediaAt, By: "counsel", Reason: "case 7"}
		_, err := s.Hold(t.Context(), "rec_nobody", hold)
		wantCode(t, err, recording.CodeNotFound)
		r := mustStart(t, s, "blue", recording.Selection{})
		stopped, err := s.Stop(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		held, err := s.Hold(t.Context(), r.ID, hold)
		want := stopped
		want.Hold = hold
		if diff := cmp.Diff(want, held); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		wantCode(t, s.Remove(t.Context(), r.ID), recording.CodeLegalHold)
		if rdb.XLen(t.Context(), prefix+"news").Val() != 1 {
			t.Error("a hold made news of an end that was told already")
		}
		rdb.FlushAll(t.Context())
		if _, err := s.Restore(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		wantCode(t, s.Remove(t.Context(), r.ID), recording.CodeLegalHold)
		if _, err := s.Hold(t.Context(), r.ID, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(t.Context(), r.ID); err != nil {
			t.Error(err)
		}
	})
}

// A hold that is placed while the node records stays through its writes.
func TestHoldWhileRecording(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	s, st := NewStore(rdb), &stage{}
	runNode(t, rdb, st, "n1")
	r := mustStart(t, s, "blue", recording.Selection{})
	reaches(t, s, r.ID, recording.Active)
	hold := &recording.Hold{Since: mediaAt}
	if _, err := s.Hold(t.Context(), r.ID, hold); err != nil {
		t.Fatal(err)
	}
	got, err := s.StopFor(t.Context(), r.ID, recording.EndedByHost)
	if err != nil || got.Ended != recording.EndedByHost || !cmp.Equal(got.Hold, hold) {
		t.Errorf("stopped: %+v, %v", got, err)
	}
	if calls := st.callsOf(st.bot("blue", "n1")); !slices.Contains(calls, "stop "+r.ID+" host_left") {
		t.Errorf("the bot was not told why: %v", calls)
	}
}

// Recordings that serve egresses stand beside others of the same selection, one for
// each egress. A change of layout reaches the bot.
func TestLayoutOfEgress(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s, st := NewStore(rdb), &stage{}
		runNode(t, rdb, st, "n1")
		plain := mustStart(t, s, "blue", recording.Selection{})
		want := recording.Request{Room: "blue", Egress: "EG_1", Layout: "grid"}
		rec, err := s.Start(t.Context(), want)
		if err != nil || rec.ID == plain.ID {
			t.Fatalf("a recording for an egress: %+v, %v", rec, err)
		}
		var conflict *recording.Error
		if _, err := s.Start(t.Context(), want); !errors.As(err, &conflict) || conflict.Existing != rec.ID {
			t.Errorf("the same egress again: %v", err)
		}
		reaches(t, s, rec.ID, recording.Active)
		if r, err := s.SetLayout(t.Context(), rec.ID, "speaker"); err != nil || r.Layout != "speaker" {
			t.Errorf("layout: %q, %v", r.Layout, err)
		}
		bot, update := st.bot("blue", "n1"), fmt.Sprintf("update %s paused=false takes=[]", rec.ID)
		until(t, "the bot has heard of the layout", func() bool { return slices.Contains(st.callsOf(bot), update) })
		_, err = s.SetLayout(t.Context(), rec.ID, "\xff")
		wantCode(t, err, recording.CodeInvalidRequest)
	})
}
