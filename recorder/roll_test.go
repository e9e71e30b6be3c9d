package recorder

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// outline is what tells parts apart.
type outline struct {
	Ended recording.EndReason
	// Sound and Pictures count the frames of each.
	Sound, Pictures int64
	Start, Duration time.Duration
}

// outlines rounds to a tenth of a second.
func outlines(m *recording.Manifest) []outline {
	var list []outline
	for _, p := range m.Parts {
		o := outline{Ended: p.Ended, Start: p.Start.Duration().Round(time.Second / 10), Duration: p.Duration.Duration().Round(time.Second / 10)}
		for _, t := range p.Tracks {
			if t.Kind == recording.Audio {
				o.Sound += t.Frames
			} else {
				o.Pictures += t.Frames
			}
		}
		list = append(list, o)
	}
	return list
}

// TestStreamRollsOver: a part that has become long ends before a keyframe, and
// nothing is missing between it and the next.
func TestStreamRollsOver(t *testing.T) {
	sound, video := opus(t), pictures(t, "libvpx", "320x180")
	t.Run("at the keyframe after", func(t *testing.T) {
		onStage(t, func(st *stage) {
			st.bot.opts.Roll = Roll{Duration: 1500 * time.Millisecond}
			rec := st.record(recording.Selection{})
			st.play(4*time.Second, st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, video))
			m := st.stop(rec)
			var all outline
			for i, o := range outlines(m) {
				all.Sound, all.Pictures = all.Sound+o.Sound, all.Pictures+o.Pictures
				rolled := o.Ended == recording.EndedByRoll
				if last := i == len(m.Parts)-1; rolled == last || rolled && o.Duration < 1500*time.Millisecond || o.Pictures == 0 {
					t.Errorf("part %d: %+v", i, o)
				}
				if _, blocks := readBlocks(t, rec.file(m.Parts[i])); !ofTrack(blocks, 2)[0].Keyframe {
					t.Errorf("part %d does not begin with a keyframe", i)
				}
			}
			if want := (outline{Sound: 200, Pictures: 100}); all != want || len(m.Parts) != 3 {
				t.Errorf("%d parts hold %+v, want 3 with %+v", len(m.Parts), all, want)
			}
		})
	})
	t.Run("not where one URL takes one file", func(t *testing.T) {
		onStage(t, func(st *stage) {
			st.bot.opts.Roll = Roll{Duration: time.Second}
			rec := st.record(recording.Selection{})
			rec.rec.Delivery.UploadURL = "https://app.example.com/put"
			st.play(4*time.Second, st.publish("TR_A", packet.Opus, sound))
			if diff := cmp.Diff([]outline{{recording.EndedByStop, 200, 0, 0, 4 * time.Second}}, outlines(st.stop(rec))); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	})
	for name, c := range map[string]struct {
		roll Roll
		play func(st *stage)
		want []outline
	}{
		"by size": {
			Roll{Bytes: 20_000},
			func(st *stage) { st.play(4*time.Second, st.publish("TR_A", packet.Opus, sound)) },
			[]outline{
				{recording.EndedByRoll, 0, 0, 0, 0},
				{recording.EndedByStop, 0, 0, 0, 0},
			},
		},
		"without pictures": {
			Roll{Duration: 3 * time.Second},
			func(st *stage) { st.play(4*time.Second, st.publish("TR_A", packet.Opus, sound)) },
			[]outline{
				{recording.EndedByRoll, 150, 0, 0, 3 * time.Second},
				{recording.EndedByStop, 50, 0, 3 * time.Second, time.Second},
			},
		},
		"beside a camera that is muted": {
			Roll{Duration: 6 * time.Second},
			func(st *stage) {
				a, v := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, video)
				st.play(time.Second, a, v)
				st.play(7*time.Second, a)
			},
			[]outline{
				{recording.EndedByRoll, 300, 25, 0, 6 * time.Second},
				{recording.EndedByStop, 100, 0, 6 * time.Second, 2 * time.Second},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(st *stage) {
				st.bot.opts.Roll = c.roll
				rec := st.record(recording.Selection{})
				c.play(st)
				got := outlines(st.stop(rec))
				if c.roll.Bytes > 0 { // how many, depends on the encoder
					for i := range got {
						got[i] = outline{Ended: got[i].Ended}
					}
					got = got[max(0, len(got)-2):]
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("parts (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestStreamLingers: the part of somebody who has left is made whole after a
// while; who comes back sooner goes on in it.
func TestStreamLingers(t *testing.T) {
	sound := opus(t)
	for name, c := range map[string]struct {
		away time.Duration
		want []outline
	}{
		"back soon": {linger / 2, []outline{{recording.EndedByStop, 0, 0, 0, 34 * time.Second}}},
		"back late": {2 * linger, []outline{
			{recording.EndedByLeave, 100, 0, 0, 2 * time.Second},
			{recording.EndedByStop, 100, 0, 2 * (linger + time.Second), 2 * time.Second},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(st *stage) {
				rec := st.record(recording.Selection{})
				first := st.publish("TR_1", packet.Opus, sound)
				st.play(2*time.Second, first)
				first.unpublish()
				time.Sleep(c.away)
				st.play(2*time.Second, st.publish("TR_2", packet.Opus, sound))
				got := outlines(st.stop(rec))
				if len(got) == 1 {
					got[0].Sound = 0 // silence fills the time between
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("parts (-want +got):\n%s", diff)
				}
			})
		})
	}
}
