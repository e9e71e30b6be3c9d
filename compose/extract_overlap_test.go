package compose

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/roomreel/roomreel/recording"
)

// Where a node wrote on after another had taken over, a track goes on with the other's
// part: times go up, and nothing is there twice.
func TestExtractAfterTakeover(t *testing.T) {
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "anna", colour: "red", from: 0, to: 3, tone: 440, steady: true},
		person{identity: "anna", colour: "blue", from: 2, to: 4, videoAt: 2, audioAt: 2, tone: 880, steady: true},
		person{identity: "anna", colour: "blue", from: 2, to: 2.5, videoAt: 2, audioAt: 2, tone: 220, steady: true},
	)
	// A part that has nothing before the next begins.
	m.Parts[1], m.Parts[2] = m.Parts[2], m.Parts[1]
	for i := range m.Parts {
		for j := range m.Parts[i].Tracks {
			m.Parts[i].Tracks[j].Frames = 1
		}
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	for kind, name := range map[recording.Kind]string{recording.Audio: "sound.ogg", recording.Video: "pictures.webm"} {
		out := filepath.Join(t.TempDir(), name)
		if err := (Composer{}).Extract(t.Context(), dir, Extract{Kinds: []recording.Kind{kind}}, out); err != nil {
			t.Fatal(err)
		}
		last, packets := -1.0, 0
		for line := range strings.Lines(string(tool(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", out))) {
			text := strings.Trim(line, ",\n")
			if text == "" {
				continue // of a packet with more to tell
			}
			at, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			if at <= last {
				t.Errorf("%s: after %.3f s comes %.3f s", name, last, at)
			}
			last, packets = at, packets+1
		}
		perSecond := map[recording.Kind]float64{recording.Audio: 50, recording.Video: 100}[kind]
		if got := float64(packets) / perSecond; math.Abs(got-4) > 0.05 || math.Abs(last-4) > 0.05 {
			t.Errorf("%s: media of %.2f s until %.2f s, want 4", name, got, last)
		}
	}
}
