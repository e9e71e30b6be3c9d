package recorder

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// TestWatchStalls: a track of which nothing comes any more is told at once when it
// is missed and when it comes again, unless its publisher has muted it.
func TestWatchStalls(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		type told struct{ Stalled, Flowing bool }
		rec := st.record(recording.Selection{})
		var news []told
		b := st.bot
		b.report = func(r Report) {
			for _, l := range r.Live {
				if now := (told{l.Stalled, l.Flowing}); len(news) == 0 || news[len(news)-1] != now {
					news = append(news, now)
				}
			}
		}
		mic := st.publish("TR_A", packet.Opus, sound)
		b.do(func() {
			mic.track.key = st.s.key
			b.captures[rec.rec.ID], b.tracks["TR_A"] = rec, mic.track
		})
		watch := func(seconds int, senders ...*sender) {
			for range seconds {
				st.play(time.Second, senders...)
				b.do(b.watch)
				synctest.Wait()
			}
		}
		watch(3, mic)
		watch(12)
		watch(3, mic)
		b.muted("TR_A", true)
		watch(20)
		b.do(func() { delete(b.captures, rec.rec.ID); delete(b.tracks, "TR_A") })
		synctest.Wait()
		// Whether packets flow is told every few seconds, that they have stalled at once.
		want := []told{{false, true}, {false, false}, {true, false}, {false, true}, {false, false}}
		if diff := cmp.Diff(want, news); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		tr := trackOf(t, parts(t, st.stop(rec), 1)[0], recording.Audio)
		// It is known to be missed after 10 s, at the next look.
		wantStalled := []recording.Interval{{From: sec(13), To: sec(16)}}
		if diff := cmp.Diff(wantStalled, tr.Stalled); diff != "" {
			t.Errorf("stalled (-want +got):\n%s", diff)
		}
	})
}
