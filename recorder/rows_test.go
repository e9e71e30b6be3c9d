package recorder

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/transport/v4/packetio"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// The tests named TestRow… hold the recorder against the list of things that other
// recorders get wrong, by its rows.

// wire is what pion keeps a track's packets in.
type wire struct{ *packetio.Buffer }

func (w wire) Read(b []byte) (int, interceptor.Attributes, error) {
	n, err := w.Buffer.Read(b)
	return n, nil, err
}

// stuck is a packet that does not fit, and that stays: pion's SRTP does so with one
// that came before its stream was known.
type stuck struct{}

func (stuck) Read([]byte) (int, interceptor.Attributes, error) { return 0, nil, io.ErrShortBuffer }

// absurd is a packet that nobody thought of.
type absurd struct{}

func (absurd) Read([]byte) (int, interceptor.Attributes, error) { panic("absurd") }

// TestRow53PanicCostsOneTrack: the other track of the stream goes on, and another
// may take the place of the one that is lost.
func TestRow53PanicCostsOneTrack(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	onStage(t, func(st *stage) {
		rec := st.record(recording.Selection{})
		mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
		st.play(time.Second, mic, cam)
		cam.track.remote = absurd{}
		cam.track.read(st.s)
		st.play(time.Second, mic)
		cam = st.publish("TR_V2", packet.VP8, vp8)
		st.play(time.Second, mic, cam)
		want := []outline{{recording.EndedByStop, 150, 50, 0, 3 * time.Second}}
		if diff := cmp.Diff(want, outlines(st.stop(rec))); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
	})
}

// TestRow12ReadErrors: a packet that is too large is lost and counted, and the end
// of the wire ends the track, as does an error that does not pass.
func TestRow12ReadErrors(t *testing.T) {
	onStage(t, func(st *stage) {
		rec := st.record(recording.Selection{})
		x := st.publish("TR_A", packet.Opus, numbered(100))
		w := wire{packetio.NewBuffer()}
		x.track.remote = w
		for i := range 10 {
			p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(i) * 960}, Payload: x.frames[i]}
			if i == 4 {
				p.Payload = make([]byte, 2*packet.BufferSize)
			}
			b, err := p.Marshal()
			must(t, err)
			_, err = w.Write(b)
			must(t, err)
		}
		must(t, w.Close())
		x.track.read(st.s)
		synctest.Wait()
		st.s.queue.call(func() {
			if st.s.tracks[0] != nil {
				t.Error("the track has not ended")
			}
		})
		y := st.publish("TR_B", packet.Opus, numbered(1))
		y.track.remote = stuck{}
		y.track.read(st.s)
		tr := trackOf(t, parts(t, st.stop(rec), 1)[0], recording.Audio)
		if tr.Packets != 9 || tr.Frames != 9 {
			t.Errorf("%d packets and %d frames, want 9: %+v", tr.Packets, tr.Frames, tr)
		}
		if tr.Lost != 1 {
			t.Errorf("%d lost, want the one that was too large", tr.Lost)
		}
	})
}

// TestRow48AnotherNodeGoesOn: what a node leaves when it dies becomes part of the
// recording that another goes on with.
func TestRow48AnotherNodeGoesOn(t *testing.T) {
	sound := opus(t)
	onStage(t, func(st *stage) {
		first := st.record(recording.Selection{})
		mic := st.publish("TR_A", packet.Opus, sound)
		st.play(2*time.Second, mic)
		archive, err := recording.OpenArchive(t.TempDir())
		must(t, err)
		dir, err := archive.Create(first.rec.ID)
		must(t, err)
		must(t, os.CopyFS(dir, os.DirFS(crash(t, first))))
		st.stop(first)

		epoch := recording.EpochEntry{Number: 2, Node: "other", Wall: time.Now().UTC().Round(0), Room: "r"}
		second, err := openCapture(archive, first.rec, epoch, st.bot.now(), slog.New(slog.DiscardHandler))
		must(t, err)
		second.onMedia = func(time.Duration) {}
		st.captures = append(st.captures, second)
		st.s.attach(second)
		st.play(3*time.Second, mic)
		type piece struct {
			epoch int64
			node  string
			ended recording.EndReason
			whole bool
		}
		var got []piece
		var end recording.Seconds
		for _, p := range st.stop(second).Parts {
			_, err := os.Stat(second.file(p))
			got = append(got, piece{p.Epoch, p.Node, p.Ended, err == nil})
			if p.Start < end {
				t.Errorf("part of epoch %d begins at %v, before the end of the last at %v", p.Epoch, p.Start, end)
			}
			end = p.Start + p.Duration
		}
		want := []piece{{1, "n", recording.EndedByCrash, true}, {2, "other", recording.EndedByStop, true}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(piece{})); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
	})
}

// TestRow60SilentTrackHoldsNothingBack: a camera that sends nothing keeps no sound
// from the disk, not even for as long as it takes to miss it.
func TestRow60SilentTrackHoldsNothingBack(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	const flushed = 250*time.Millisecond + beat // and as long as a beat may be late
	onStage(t, func(st *stage) {
		rec := st.record(recording.Selection{})
		mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
		st.play(time.Second, mic, cam)
		st.play(2*time.Second, mic)
		left := crash(t, rec)
		open, err := filepath.Glob(filepath.Join(left, "*"+webm.OpenSuffix))
		must(t, err)
		if len(open) != 1 {
			t.Fatalf("%d open files, want 1", len(open))
		}
		r, err := webm.Open(open[0])
		must(t, err)
		defer r.Close()
		var heard time.Duration
		for {
			b, err := r.Next()
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				break
			}
			must(t, err)
			if b.Track == 1 {
				heard = b.Time + packetTime
			}
		}
		if heard < 3*time.Second-flushed {
			t.Errorf("%v of 3 s of sound are on disk", heard)
		}
		st.stop(rec)
	})
}
