package recorder

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// guest lets somebody publish a microphone, as LiveKit tells the bot.
func (st *stage) guest(identity, sid string, frames [][]byte) *sender {
	st.t.Helper()
	g := *st
	x := g.sender(sid, packet.Opus, frames)
	must(st.t, st.bot.ask(st.t.Context(), func() error {
		g.s = st.bot.stream(streamKey{identity, "camera"}, x.track, func(string) bool { return true })
		g.s.add(x.track)
		return nil
	}))
	return x
}

// running counts the goroutines of streams.
func running() int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "(*stream).run(")
}

// Of those who have left a room nothing is kept once their parts are whole, however
// many they were; who comes back is recorded again, within a minute in the same part.
func TestStreamsAreReleased(t *testing.T) {
	sound := opus(t)
	const many = 20
	onStage(t, func(st *stage) {
		st.s.queue.dumps = true
		c := st.record(recording.Selection{})
		must(t, st.bot.ask(st.t.Context(), func() error { st.bot.captures[c.rec.ID] = c; return nil }))
		visit := func(i, n int) {
			x := st.guest(fmt.Sprintf("guest-%02d", i), fmt.Sprintf("TR_%02d_%d", i, n), sound)
			st.play(time.Second, x)
			x.unpublish()
		}
		for i := range many {
			visit(i, 1)
		}
		visit(many-1, 2) // at once
		if n := running(); n != 1+many {
			t.Errorf("%d streams run while parts wait for their participants, want %d", n, 1+many)
		}
		time.Sleep(linger + time.Second)
		synctest.Wait()
		if n := running(); n != 1 { // the stage's own
			t.Errorf("%d streams run after %d participants came and left, want 1", n, many)
		}
		visit(0, 2) // once nothing is left of them
		time.Sleep(linger + time.Second)
		want := map[string][]int{}
		for i := range many {
			want[fmt.Sprintf("guest-%02d", i)] = []int{50}
		}
		want["guest-00"], want[fmt.Sprintf("guest-%02d", many-1)] = []int{50, 50}, []int{100}
		got := map[string][]int{}
		for _, p := range st.stop(c).Parts {
			got[p.Participant] = append(got[p.Participant], int(p.Tracks[0].Packets))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("packets of each part (-want +got):\n%s", diff)
		}
	})
}

// A stream that has run out of things to do stays when another track has been given a
// place in it before that is heard.
func TestStreamStaysForTheNextTrack(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		first := st.guest("ben", "TR_1", sound)
		s := first.st.s
		second := st.sender("TR_2", packet.Opus, sound)
		must(t, st.bot.ask(st.t.Context(), func() error {
			s.end(first.track)
			synctest.Wait() // the word that nothing is left to do comes after this
			if !s.claim(second.track, func(string) bool { return true }) {
				t.Error("the place is not free")
			}
			s.add(second.track)
			return nil
		}))
		synctest.Wait()
		must(t, st.bot.ask(st.t.Context(), func() error {
			if st.bot.streams[s.key] != s || running() != 2 {
				t.Error("the stream was released")
			}
			return nil
		}))
		s.end(second.track)
		synctest.Wait()
		if n := running(); n != 1 {
			t.Errorf("%d streams run, want 1", n)
		}
	})
}
