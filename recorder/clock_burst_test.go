package recorder

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// TestStreamHeldBack: what the network holds back, and then delivers at once or faster
// than it is spoken, lies where it was captured, however long it took.
func TestStreamHeldBack(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	const before, after = 20, 40 // seconds
	atOnce := math.Inf(1)
	for _, c := range []struct {
		held  time.Duration
		speed float64 // at which it is delivered then
	}{{8 * time.Second, atOnce}, {15 * time.Second, atOnce}, {40 * time.Second, atOnce}, {15 * time.Second, 4}, {40 * time.Second, 2}} {
		t.Run(fmt.Sprintf("%v, then %v times as fast", c.held, c.speed), func(t *testing.T) {
			onStage(t, func(st *stage) {
				rec := st.record(recording.Selection{})
				mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
				second := func() {
					mic.report()
					cam.report()
					st.play(time.Second, mic, cam)
				}
				total := time.Duration(0)
				for ; total < before*time.Second; total += time.Second {
					second()
				}
				gained := time.Duration(float64(cam.every) * (1 - 1/c.speed)) // by each picture
				for left := c.held; left > 0; left -= gained {
					if mic.sent%50 == 0 {
						mic.report()
						cam.report()
					}
					mic.latency, cam.latency = left, left
					st.play(cam.every, mic, cam)
					total += cam.every
				}
				mic.latency, cam.latency = 100*time.Millisecond, 100*time.Millisecond
				for range after {
					second()
					total += time.Second
				}
				time.Sleep(keep)
				p := parts(t, st.stop(rec), 1)[0]
				_, blocks := readBlocks(t, rec.file(p))
				sameTimes(t, "sound", span(0, total, packetTime), times(blocks, 1))
				sameTimes(t, "pictures", span(0, total, cam.every), times(blocks, 2))
				for _, tr := range p.Tracks {
					for at := time.Duration(0); at < total; at += time.Second {
						if off := tr.At(recording.Seconds(at)).Duration() - at; off.Abs() > 200*time.Millisecond {
							t.Errorf("%s captured at %v lies %v off", tr.Kind, at, off)
						}
					}
				}
			})
		})
	}
}

// TestStreamStoodStill: where a source stood still for long, as in a phone call, what
// follows lies where it was captured, but for the second that it takes to be sure.
func TestStreamStoodStill(t *testing.T) {
	sound := opus(t)
	const before, pause, after = 20 * time.Second, 18 * time.Second, 40 * time.Second
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic := st.publish("TR_A", packet.Opus, sound)
		mic.latency = 20 * time.Millisecond
		st.play(before, mic)
		time.Sleep(pause)
		st.play(after, mic)
		time.Sleep(keep)
		p := parts(t, st.stop(c), 1)[0]
		_, blocks := readBlocks(t, c.file(p))
		sameTimes(t, "sound", span(0, before+pause+after, packetTime), times(blocks, 1)) // with silence where it stood still
		spoken := 0
		for _, b := range blocks {
			if len(b.Payload) > len(silence) && b.Time >= before+lagPatience && b.Time < before+pause+lagPatience {
				spoken++
			}
		}
		if spoken > 0 {
			t.Errorf("%d packets lie in the pause", spoken)
		}
		for at := time.Duration(0); at < before+pause+after; at += time.Second {
			if off := p.Tracks[0].At(recording.Seconds(at)).Duration() - at; off.Abs() > 100*time.Millisecond {
				t.Errorf("file time %v lies %v off", at, off)
			}
		}
	})
}
