package coord

import (
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

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
