package recorder

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// TestStreamGateAfterLoss: a picture that leans on a lost one is never written.
// A keyframe is asked for, and the journal tells how long the picture stood.
func TestStreamGateAfterLoss(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120", "-g", "1000") // one keyframe
	var file string
	var written int
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
		cam.keyframes = len(vp8)
		cam.lose = func(frame, _ int) bool { return frame == 30 }
		st.play(6*time.Second, mic, cam)
		time.Sleep(keep)
		m := st.stop(c)
		p := parts(t, m, 1)[0]
		file = c.file(p)
		_, blocks := readBlocks(t, file)
		seen := ofTrack(blocks, 2)
		written = len(seen)
		for i, b := range seen {
			if frame := int(b.Time / cam.every); b.Time > time.Second && seen[i-1].Time < 29*cam.every && frame >= 30 {
				t.Fatalf("frame %d follows one at %v", frame, seen[i-1].Time)
			}
		}
		// Frames 0 to 29, then from the keyframe that was asked for after the wait
		// of a second for the lost packet.
		before, after := seen[29], seen[30]
		if before.Time != 29*cam.every || !after.Keyframe || after.Time < 31*cam.every || after.Time > 3*time.Second {
			t.Errorf("after the picture at %v comes one at %v, keyframe %v", before.Time, after.Time, after.Keyframe)
		}
		if n := cam.asked.Load(); n < 1 || n > 3 {
			t.Errorf("a keyframe was asked for %d times", n)
		}
		tr := trackOf(t, p, recording.Video)
		frozen := []recording.Interval{{From: recording.Seconds(before.Time), To: recording.Seconds(after.Time)}}
		if diff := cmp.Diff(frozen, tr.Freezes); diff != "" || tr.Lost < 1 || len(tr.Gaps) != 1 {
			t.Errorf("%d lost in gaps %v, freezes (-want +got):\n%s", tr.Lost, tr.Gaps, diff)
		}
		sameTimes(t, "sound", span(0, 6*time.Second, packetTime), times(blocks, 1))
	})
	if n := decodedPictures(t, file); n != written {
		t.Errorf("%d of %d pictures play", n, written)
	}
}

// TestStreamTime plays what happens to the time of media, and looks where the
// blocks lie in the end.
func TestStreamTime(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	const tail = 8 * time.Second
	for _, c := range []struct {
		name  string
		play  func(st *stage, mic, cam *sender)
		total time.Duration // of the file
		// pictures are missing in between from and to.
		from, to time.Duration
	}{
		{"pictures paused by the server", func(st *stage, mic, cam *sender) {
			st.play(2*time.Second, mic, cam)
			st.play(5*time.Second, mic)
			cam.skip(5 * time.Second)
		}, 7*time.Second + tail, 2 * time.Second, 7 * time.Second},
		{"microphone muted", func(st *stage, mic, cam *sender) {
			st.play(2*time.Second, mic, cam)
			st.play(5*time.Second, cam)
			mic.skip(5 * time.Second)
		}, 7*time.Second + tail, 0, 0},
		{"server's silence while muted", func(st *stage, mic, cam *sender) {
			st.play(2*time.Second, mic, cam)
			talk := mic.frames
			mic.frames = [][]byte{append([]byte("\xf8\xff\xfe"), make([]byte, 77)...)}
			st.play(time.Second, mic, cam)
			mic.frames = talk
			st.play(4*time.Second, cam)
			mic.skip(4 * time.Second)
		}, 7*time.Second + tail, 0, 0},
		{"DTX", func(st *stage, mic, cam *sender) {
			for range 10 {
				st.play(40*time.Millisecond, mic, cam)
				st.play(360*time.Millisecond, cam)
				mic.skip(360 * time.Millisecond)
			}
		}, 4*time.Second + tail, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var file string
			onStage(t, func(st *stage) {
				rec := st.record(recording.Selection{})
				mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
				c.play(st, mic, cam)
				cam.wanted.Store(true) // the server asks for one when it goes on
				st.play(tail, mic, cam)
				time.Sleep(keep)
				file = rec.file(parts(t, st.stop(rec), 1)[0])
				_, blocks := readBlocks(t, file)
				sameTimes(t, "sound", span(0, c.total, packetTime), times(blocks, 1))
				sameTimes(t, "pictures", append(span(0, c.from, cam.every), span(c.to, c.total, cam.every)...), times(blocks, 2))
			})
			if got := decodedSound(t, file); (got - c.total).Abs() > 20*time.Millisecond {
				t.Errorf("%v of sound play for %v", c.total, got)
			}
		})
	}
}

// TestStreamLipSync: a camera's encoder takes its time. Sender reports tell how
// long, and pictures are put where they were taken, from the first one on.
func TestStreamLipSync(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	for _, latency := range []time.Duration{20 * time.Millisecond, 60 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond} {
		t.Run(fmt.Sprint(latency), func(t *testing.T) {
			onStage(t, func(st *stage) {
				c := st.record(recording.Selection{})
				mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
				cam.latency = latency
				st.play(2*time.Second, mic)
				cam.sent = 0
				for range 10 {
					st.play(time.Second, mic, cam)
					mic.report()
					cam.report()
				}
				time.Sleep(keep)
				m := st.stop(c)
				p := parts(t, m, 1)[0]
				_, blocks := readBlocks(t, c.file(p))
				sameTimes(t, "sound", span(0, 12*time.Second, packetTime), times(blocks, 1))
				got := times(blocks, 2)
				want := span(2*time.Second, 12*time.Second, cam.every)
				if len(got) != len(want) {
					t.Fatalf("%d pictures, want %d", len(got), len(want))
				}
				for i := range got {
					if off := (got[i] - want[i]).Abs(); off > alignLimit+time.Millisecond {
						t.Fatalf("picture %d is off by %v", i, off)
					}
				}
			})
		})
	}
}

// TestStreamLipSyncOfEarlyPictures: a camera whose first pictures are slow to come, as
// of a browser that is busy, begins the file with them. Once it is known how slow they
// were, all are put where they were taken, as far as that is not before the file begins.
func TestStreamLipSyncOfEarlyPictures(t *testing.T) {
	const early, latency = 400 * time.Millisecond, 180 * time.Millisecond
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		cam := st.publish("TR_V", packet.VP8, vp8)
		cam.latency = latency
		st.play(early, cam)
		cam.latency = 0
		st.play(time.Second-early, cam)
		mic := st.publish("TR_A", packet.Opus, sound)
		st.play(7*time.Second, mic, cam)
		time.Sleep(keep)
		m := st.stop(c)
		p := parts(t, m, 1)[0]
		_, blocks := readBlocks(t, c.file(p))
		sameTimes(t, "sound", span(time.Second-latency, 8*time.Second-latency, packetTime), times(blocks, 1))
		want, last := span(0, 8*time.Second, cam.every), -time.Millisecond
		got := times(blocks, 2)
		if len(got) != len(want) {
			t.Errorf("%d pictures, want %d", len(got), len(want))
			return
		}
		for i := range got {
			last = max(want[i]-latency, last+time.Millisecond)
			if off := (got[i] - last).Abs(); off > alignLimit+time.Millisecond {
				t.Errorf("picture %d is at %v, want %v", i, got[i], last)
			}
		}
	})
}

// TestFailedPart: the cause of a refused write decides the code.
func TestFailedPart(t *testing.T) {
	for _, c := range []struct {
		err  error
		want recording.Code
	}{
		{&webm.WriteError{Op: "write", Err: syscall.ENOSPC}, recording.CodeDiskFull},
		{fmt.Errorf("write part: %w", &webm.WriteError{Op: "patch", Err: syscall.EDQUOT}), recording.CodeDiskFull},
		{&webm.WriteError{Op: "sync", Err: syscall.EIO}, recording.CodeWriteFailed},
		{webm.ErrTracksFull, recording.CodeWriteFailed},
		{errors.New("anything else"), recording.CodeWriteFailed},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			sound := opus(t)
			onStage(t, func(st *stage) {
				rec := st.record(recording.Selection{})
				mic := st.publish("TR_A", packet.Opus, sound)
				st.play(time.Second, mic)
				st.s.queue.call(func() { st.s.failPart(rec, c.err) })
				st.play(time.Second, mic)
				p := parts(t, st.stop(rec), 1)[0]
				if p.Ended != recording.EndedByWrite || p.Error == nil || p.Error.Code != c.want {
					t.Errorf("part ended by %s, %v; want %s", p.Ended, p.Error, c.want)
				}
			})
		})
	}
}

// A track that LiveKit sends anew, in another codec or after an interruption, takes
// its own place, although the stream has not seen it end yet.
func TestTrackIsSentAnew(t *testing.T) {
	vp8, vp9 := pictures(t, "libvpx", "160x120"), pictures(t, "libvpx-vp9", "160x120")
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		first := st.publish("TR_V", packet.VP8, vp8)
		st.play(2*time.Second, first)
		again := st.publish("TR_V", packet.VP9, vp9)
		must(st.t, st.bot.ask(st.t.Context(), func() error { st.bot.tracks["TR_V"] = again.track; return nil }))
		first.unpublish() // as its reader tells
		st.play(2*time.Second, again)
		must(st.t, st.bot.ask(st.t.Context(), func() error {
			if st.bot.tracks["TR_V"] != again.track {
				st.t.Error("the bot does not look after the track any more")
			}
			return nil
		}))
		for _, p := range parts(st.t, st.stop(c), 2) {
			if p.Stream != "camera" || p.Duration.Duration() < 1900*time.Millisecond {
				st.t.Errorf("stream %s has a part of %v", p.Stream, p.Duration)
			}
		}
	})
}
