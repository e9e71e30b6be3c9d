package recorder

import (
	"testing"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// The counters of a part begin with its first frame.
func TestStreamCounters(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		first := st.record(recording.Selection{})
		mic := st.publish("TR_A1", packet.Opus, sound)
		st.play(2*time.Second, mic)
		second := st.record(recording.Selection{})
		st.play(2*time.Second, mic)
		mic.unpublish()
		mic = st.publish("TR_A2", packet.Opus, sound)
		st.play(2*time.Second, mic)
		time.Sleep(keep)
		for i, c := range []*capture{first, second} {
			want := int64(300 - 100*i)
			if tr := parts(t, st.stop(c), 1)[0].Tracks[0]; tr.Frames != want || tr.Packets != want {
				t.Errorf("recording %d counts %d packets and %d frames, want %d", i, tr.Packets, tr.Frames, want)
			}
		}
	})
}
