package recorder

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// A mute and a stall of a track end when it is sent anew, for that they ended before
// nobody tells a bot that was out of the room: else the rest of its sound and
// pictures would be in no film.
func TestTrackEndsItsSilence(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic := st.publish("TR_A", packet.Opus, sound)
		must(st.t, st.bot.ask(st.t.Context(), func() error {
			st.bot.captures[c.rec.ID] = c
			st.bot.begins(mic.track)
			return nil
		}))
		st.play(time.Second, mic)
		st.bot.muted("TR_A", true)
		st.bot.do(func() {
			st.bot.noteAll(recording.Entry{Stall: &recording.StallEntry{SID: "TR_A", Stalled: true}})
		})
		st.play(2*time.Second, mic)
		mic.unpublish()
		mic = st.publish("TR_A", packet.Opus, sound)
		st.bot.do(func() { st.bot.begins(mic.track) })
		st.play(2*time.Second, mic)
		track := parts(st.t, st.stop(c), 1)[0].Tracks[0]
		want := []recording.Interval{{From: sec(1), To: sec(3)}}
		if !slices.Equal(track.Muted, want) || !slices.Equal(track.Stalled, want) {
			st.t.Errorf("muted %v, stalled %v, want %v", track.Muted, track.Stalled, want)
		}
	})
}

// Who changes their name while they are in the room is called by the new one, and has
// not come anew.
func TestParticipantIsRenamed(t *testing.T) {
	outer := t
	synctest.Test(t, func(t *testing.T) {
		b, rec := outside(outer)
		must(t, b.Start(t.Context(), rec))
		for _, name := range []string{"guest 7", "Ada", "Ada", ""} {
			b.do(func() { b.joined(person{identity: "ada", sid: "PA_1", name: name}) })
			time.Sleep(time.Second)
		}
		m, err := b.Stop(t.Context(), rec.ID, recording.EndedByStop)
		must(t, err)
		want := []recording.Participant{{
			Identity: "ada", Name: "Ada", Present: []recording.Presence{{SID: "PA_1", To: sec(4)}},
		}}
		if diff := cmp.Diff(want, m.Participants); diff != "" {
			t.Errorf("participants (-want +got):\n%s", diff)
		}
		must(t, b.Close(t.Context(), recording.EndedByStop))
	})
}

// Stays end for those who leave, or come anew, while the bot is out of the room.
func TestStaysEnd(t *testing.T) {
	outer := t
	synctest.Test(t, func(t *testing.T) {
		b, rec := outside(outer)
		must(t, b.Start(t.Context(), rec))
		then := func(f func()) {
			time.Sleep(time.Second)
			b.do(f)
			synctest.Wait()
		}
		then(func() {
			b.joined(person{identity: "ada", sid: "PA_1"})
			b.joined(person{identity: "ben", sid: "PA_2"})
		})
		then(func() { b.joined(person{identity: "ada", sid: "PA_3"}) })
		then(func() { b.missed(func(string) bool { return false }) })
		time.Sleep(500 * time.Millisecond)
		m, err := b.Stop(t.Context(), rec.ID, recording.EndedByStop)
		must(t, err)
		got := map[string][]recording.Presence{}
		for _, p := range m.Participants {
			got[p.Identity] = p.Present
		}
		if !slices.Equal(got["ada"], []recording.Presence{{SID: "PA_1", From: sec(1), To: sec(2)}, {SID: "PA_3", From: sec(2), To: sec(3)}}) ||
			!slices.Equal(got["ben"], []recording.Presence{{SID: "PA_2", From: sec(1), To: sec(3)}}) {
			t.Errorf("stays are %v", got)
		}
		must(t, b.Close(t.Context(), recording.EndedByStop))
	})
}
