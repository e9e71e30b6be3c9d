package recorder

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/rtpdump"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// A track that is sent anew under its SID, as after a reconnect, has a dump for each
// time, with every packet.
func TestDumpOfTrackThatIsSentAnew(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		st.s.queue.dumps = true
		c := st.record(recording.Selection{})
		for range 2 {
			mic := st.publish("TR_A", packet.Opus, sound)
			st.play(2*time.Second, mic)
			mic.unpublish()
		}
		st.stop(c)
		for _, name := range []string{"TR_A.rtpdump", "TR_A-2.rtpdump"} {
			if n := packetsIn(t, filepath.Join(c.dir, name)); n != 100 {
				st.t.Errorf("%s has %d packets, want 100", name, n)
			}
		}
	})
}

func packetsIn(t *testing.T, dump string) (n int) {
	t.Helper()
	f, err := os.Open(dump)
	must(t, err)
	defer f.Close()
	r, _, err := rtpdump.NewReader(f)
	must(t, err)
	for {
		_, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n
		}
		must(t, err)
		n++
	}
}
