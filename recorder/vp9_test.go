package recorder

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// TestStreamVP9Grows: VP9 may grow without a keyframe, as when an encoder finds the time
// for a further layer. The manifest tells, and the head holds the largest picture.
func TestStreamVP9Grows(t *testing.T) {
	frames := slices.Clone(pictures(t, "libvpx-vp9", "160x120"))
	// An inter frame of 320x240 that no other refers to (bitstream section 6.2).
	frames[30] = []byte{0x87, 0x00, 0x00, 0x00, 0x02, 0x7E, 0x01, 0xDE, 0x00}
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		cam := st.publish("TR_V", packet.VP9, frames)
		st.play(2*time.Second, cam)
		time.Sleep(keep)
		p := parts(t, st.stop(c), 1)[0]
		want := []recording.Size{
			{Width: 160, Height: 120}, {At: sec(1.2), Width: 320, Height: 240}, {At: sec(1.24), Width: 160, Height: 120},
		}
		if diff := cmp.Diff(want, p.Tracks[0].Sizes); diff != "" {
			t.Errorf("sizes (-want +got):\n%s", diff)
		}
		heads, blocks := readBlocks(t, c.file(p))
		if len(blocks) != 50 || len(heads) != 1 || heads[0].Width != 320 || heads[0].Height != 240 {
			t.Errorf("%d blocks, head %+v", len(blocks), heads)
		}
	})
}
