package recorder

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// keep waits out what is on its way, and the pace of the stream's own work.
const keep = 500 * time.Millisecond

// times are those of a track's blocks.
func times(blocks []webm.Block, number int) []time.Duration {
	var list []time.Duration
	for _, b := range ofTrack(blocks, number) {
		list = append(list, b.Time)
	}
	return list
}

// span is every time from one to before another.
func span(from, to, every time.Duration) []time.Duration {
	var list []time.Duration
	for at := from; at < to; at += every {
		list = append(list, at)
	}
	return list
}

func sameTimes(t *testing.T, what string, want, got []time.Duration) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= time.Millisecond })); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// parts are the parts of a manifest, of which there must be n.
func parts(t *testing.T, m *recording.Manifest, n int) []recording.Part {
	t.Helper()
	if len(m.Parts) != n {
		t.Fatalf("%d parts, want %d: %+v", len(m.Parts), n, m.Parts)
	}
	return m.Parts
}

func trackOf(t *testing.T, p recording.Part, kind recording.Kind) recording.Track {
	t.Helper()
	i := slices.IndexFunc(p.Tracks, func(tr recording.Track) bool { return tr.Kind == kind })
	if i < 0 {
		t.Fatalf("no %s in part %+v", kind, p)
	}
	return p.Tracks[i]
}

// TestStreamSuccessor: a track that comes before the end of the one it replaces is
// noticed, as when a page is reloaded, goes on in its place; the late end changes
// nothing.
func TestStreamSuccessor(t *testing.T) {
	vp8 := pictures(t, "libvpx", "160x120")
	var file string
	var number int
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		first := st.publish("TR_1", packet.VP8, vp8)
		st.play(2*time.Second, first)
		st.gone = "TR_1"
		second := st.publish("TR_2", packet.VP8, vp8)
		st.play(time.Second, first, second) // the last of the first is still on its way
		first.unpublish()
		st.play(2*time.Second, second)
		time.Sleep(keep)
		m := st.stop(c)
		p := parts(t, m, 1)[0]
		file = c.file(p)
		number = trackOf(t, p, recording.Video).Number
		if got := trackOf(t, p, recording.Video).SIDs; !slices.Equal(got, []string{"TR_1", "TR_2"}) {
			t.Errorf("one track of %q, want both", got)
		}
		_, blocks := readBlocks(t, file)
		sameTimes(t, "pictures", span(0, 5*time.Second, second.every), times(blocks, number))
	})
}

// TestStreamChannels: WebRTC negotiates two channels whatever is sent, so the
// packets tell.
func TestStreamChannels(t *testing.T) {
	mono, stereo := opus(t, "-ac", "1"), opus(t)
	for name, c := range map[string]struct {
		sound [][]byte
		want  int
	}{
		"mono":              {mono, 1},
		"stereo":            {stereo, 2},
		"stereo at last":    {append(slices.Clone(mono[:100]), stereo[:100]...), 2},
		"stereo at first":   {append(slices.Clone(stereo[:100]), mono[:100]...), 2},
		"LiveKit's silence": {append([][]byte{{0xF8, 0xFF, 0xFE}}, mono...), 1},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(st *stage) {
				rec := st.record(recording.Selection{})
				st.play(4*time.Second, st.publish("TR_A", packet.Opus, c.sound))
				time.Sleep(keep)
				if got := parts(t, st.stop(rec), 1)[0].Tracks[0].Channels; got != c.want {
					t.Errorf("%d channels, want %d", got, c.want)
				}
			})
		})
	}
}

// TestStreamLatePictures: sound is kept from its first packet, although pictures
// come later, and both lie in one file where they belong.
func TestStreamLatePictures(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	var file string
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic := st.publish("TR_A", packet.Opus, sound)
		st.play(3*time.Second, mic)
		cam := st.publish("TR_V", packet.VP8, vp8)
		st.play(5*time.Second, mic, cam)
		time.Sleep(keep)
		m := st.stop(c)
		p := parts(t, m, 1)[0]
		file = c.file(p)
		_, blocks := readBlocks(t, file)
		sameTimes(t, "sound", span(0, 8*time.Second, packetTime), times(blocks, 1))
		sameTimes(t, "pictures", span(3*time.Second, 8*time.Second, cam.every), times(blocks, 2))
		want := []recording.Track{
			{Number: 1, SIDs: []string{"TR_A"}, Source: "microphone", Kind: recording.Audio, Codec: "opus", Channels: 2, End: sec(8)},
			{
				Number: 2, SIDs: []string{"TR_V"}, Source: "camera", Kind: recording.Video, Codec: "vp8", Start: sec(3), End: sec(7.96),
				Sizes: []recording.Size{{At: sec(3), Width: 160, Height: 120}},
			},
		}
		for i := range want {
			want[i].Sync = []recording.SyncPoint{{}}
		}
		counters := cmpopts.IgnoreFields(recording.Track{}, "Packets", "Frames", "Bytes")
		if diff := cmp.Diff(want, p.Tracks, counters); diff != "" {
			t.Errorf("tracks (-want +got):\n%s", diff)
		}
		if p.Participant != "ada" || p.Stream != "camera" || p.Ended != recording.EndedByStop || p.Error != nil || p.Duration != sec(8) {
			t.Errorf("part is %+v", p)
		}
	})
	if n := decodedPictures(t, file); n != 125 {
		t.Errorf("%d pictures play, want 125", n)
	}
	if got := decodedSound(t, file); (got - 8*time.Second).Abs() > 20*time.Millisecond {
		t.Errorf("8 s of sound play for %v", got)
	}
}

// TestStreamRepublished: a track that is published again, with another SSRC and
// RTP time, goes on in the same part, and what was between them is kept as time.
func TestStreamRepublished(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	var file string
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic, cam := st.publish("TR_A1", packet.Opus, sound), st.publish("TR_V1", packet.VP8, vp8)
		st.play(2*time.Second, mic, cam)
		mic.unpublish()
		cam.unpublish()
		st.play(3 * time.Second)
		mic, cam = st.publish("TR_A2", packet.Opus, sound), st.publish("TR_V2", packet.VP8, vp8)
		st.play(2*time.Second, mic, cam)
		time.Sleep(keep)
		m := st.stop(c)
		p := parts(t, m, 1)[0]
		file = c.file(p)
		_, blocks := readBlocks(t, file)
		sameTimes(t, "sound, filled", span(0, 7*time.Second, packetTime), times(blocks, 1))
		sameTimes(t, "pictures", append(span(0, 2*time.Second, cam.every), span(5*time.Second, 7*time.Second, cam.every)...), times(blocks, 2))
		for i, want := range [][]string{{"TR_A1", "TR_A2"}, {"TR_V1", "TR_V2"}} {
			tr := p.Tracks[i]
			if diff := cmp.Diff(want, tr.SIDs); diff != "" || tr.Lost != 0 {
				t.Errorf("track %d: %d lost, SIDs (-want +got):\n%s", tr.Number, tr.Lost, diff)
			}
		}
	})
	if got := decodedSound(t, file); (got - 7*time.Second).Abs() > 20*time.Millisecond {
		t.Errorf("7 s of sound play for %v", got)
	}
}

// TestStreamCodecChange: another codec needs another part; no sound is lost.
func TestStreamCodecChange(t *testing.T) {
	sound, vp8, vp9 := opus(t), pictures(t, "libvpx", "160x120"), pictures(t, "libvpx-vp9", "160x120")
	var files []string
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
		st.play(2*time.Second, mic, cam)
		cam.unpublish()
		cam = st.publish("TR_V", packet.VP9, vp9)
		st.play(2*time.Second, mic, cam)
		time.Sleep(keep)
		m := st.stop(c)
		var codecs []string
		var heard []time.Duration
		for _, p := range parts(t, m, 2) {
			files = append(files, c.file(p))
			_, blocks := readBlocks(t, c.file(p))
			for _, at := range times(blocks, 1) {
				heard = append(heard, at+p.Start.Duration())
			}
			codecs = append(codecs, trackOf(t, p, recording.Video).Codec)
			if n := len(times(blocks, 2)); n != 50 {
				t.Errorf("%d pictures of %s, want 50", n, codecs[len(codecs)-1])
			}
		}
		sameTimes(t, "sound of both parts", span(0, 4*time.Second, packetTime), heard)
		if diff := cmp.Diff([]string{"vp8", "vp9"}, codecs); diff != "" || m.Parts[0].Ended != recording.EndedByCodec || m.Parts[1].Ended != recording.EndedByStop {
			t.Errorf("parts ended by %s and %s; codecs (-want +got):\n%s", m.Parts[0].Ended, m.Parts[1].Ended, diff)
		}
	})
	for _, f := range files {
		if n := decodedPictures(t, f); n != 50 {
			t.Errorf("%d pictures play, want 50", n)
		}
	}
}

// TestStreamTwoRecordings: recordings of one stream do not depend on each other.
func TestStreamTwoRecordings(t *testing.T) {
	sound, vp8 := opus(t), pictures(t, "libvpx", "160x120")
	onStage(t, func(st *stage) {
		all := st.record(recording.Selection{})
		mic, cam := st.publish("TR_A", packet.Opus, sound), st.publish("TR_V", packet.VP8, vp8)
		st.play(2*time.Second, mic, cam)
		heard := st.record(recording.Selection{Kinds: []recording.Kind{recording.Audio}})
		other := st.record(recording.Selection{Identities: []string{"bob"}})
		st.play(2*time.Second, mic, cam)
		first := st.stop(all)
		st.play(2*time.Second, mic, cam)
		time.Sleep(keep)
		second := st.stop(heard)
		_, blocks := readBlocks(t, all.file(parts(t, first, 1)[0]))
		if a, v := len(times(blocks, 1)), len(times(blocks, 2)); a != 200 || v != 100 {
			t.Errorf("the first has %d blocks of sound and %d of pictures, want 200 and 100", a, v)
		}
		tracks, blocks := readBlocks(t, heard.file(parts(t, second, 1)[0]))
		if len(tracks) != 1 || len(blocks) != 200 {
			t.Errorf("the second has %d tracks and %d blocks, want 1 and 200", len(tracks), len(blocks))
		}
		parts(t, st.stop(other), 0)
	})
}
