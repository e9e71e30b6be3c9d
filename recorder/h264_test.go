package recorder

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recording"
)

// h264 are 2 s of access units in Annex B form, 25 a second, of which the first one
// of each second is a keyframe with its parameter sets.
func h264(t testing.TB, size string) [][]byte {
	t.Helper()
	delimiter := []byte{0, 0, 0, 1, 9}
	b := encode(t, "h264", "-f", "lavfi", "-i", "testsrc2=size="+size+":rate=25:duration=2", "-c:v", "libx264",
		"-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "keyint=25:scenecut=0:sliced-threads=0:slices=1:aud=1:repeat-headers=1")
	var units [][]byte
	for _, unit := range bytes.Split(b, delimiter)[1:] {
		units = append(units, append(bytes.Clone(delimiter), unit...))
	}
	return units
}

// TestStreamH264Layers: LiveKit begins with whatever layer it has, and goes on with a
// better one after a picture or two. That makes no part of its own; a change later on
// does, for Matroska keeps the parameters outside the pictures.
func TestStreamH264Layers(t *testing.T) {
	small, large := h264(t, "160x120"), h264(t, "320x240")
	var files []string
	onStage(t, func(st *stage) {
		c := st.record(recording.Selection{})
		cam := st.publish("TR_V", packet.H264, append(append(append([][]byte{}, small[:2]...), large...), small...))
		cam.keyframes = 1 // a layer has them where it has them
		st.play(time.Duration(len(cam.frames))*cam.every, cam)
		time.Sleep(keep)
		m := st.stop(c)
		for _, p := range m.Parts {
			files = append(files, c.file(p))
		}
		want := []outline{
			{recording.EndedByCodec, 0, 52, 0, 2100 * time.Millisecond},
			{recording.EndedByStop, 0, 50, 2100 * time.Millisecond, 2 * time.Second},
		}
		if diff := cmp.Diff(want, outlines(m)); diff != "" {
			t.Fatalf("parts (-want +got):\n%s", diff)
		}
		var sizes [][2]int
		for _, s := range m.Parts[0].Tracks[0].Sizes {
			sizes = append(sizes, [2]int{s.Width, s.Height})
		}
		if diff := cmp.Diff([][2]int{{160, 120}, {320, 240}}, sizes); diff != "" {
			t.Errorf("sizes of the first part (-want +got):\n%s", diff)
		}
	})
	for i, want := range []int{52, 50} {
		if n := decodedPictures(t, files[i]); n != want {
			t.Errorf("%d pictures of part %d play, want %d", n, i, want)
		}
	}
}
