package recorder

import (
	"slices"
	"testing"
	"time"

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
