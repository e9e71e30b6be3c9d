package recorder

import (
	"testing"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// RTP time that jumps ahead by hours must leave the mapping of what came before
// it, and of what comes after, where they belong.
func TestStreamClockJump(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic := st.publish("TR_A", packet.Opus, sound)
		mic.rtp = func(frame int) time.Duration {
			if frame >= 3010 {
				return 10 * time.Hour
			}
			return 0
		}
		mic.latency = 60 * time.Millisecond
		st.play(2*time.Second, mic)
		mic.latency = 20 * time.Millisecond
		st.play(118*time.Second, mic)
		time.Sleep(keep)
		tr := parts(t, st.stop(c), 1)[0].Tracks[0]
		t.Logf("start %v end %v residual %v sync %v", tr.Start, tr.End, tr.Residual, tr.Sync)
		for _, at := range []float64{0, 10, 50, 100} {
			if got := tr.At(sec(at)); (got - sec(at)).Duration().Abs() > 100*time.Millisecond {
				t.Errorf("file time %v lies at %v", at, got)
			}
		}
	})
}
