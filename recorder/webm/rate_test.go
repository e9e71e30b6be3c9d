package webm

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An even frame rate is told to players, whatever gaps there are between the
// pictures; one that is not even is left for them to see.
func TestFrameRate(t *testing.T) {
	const frame = time.Second / 30
	for _, tt := range []struct {
		name string
		at   func(i int) time.Duration
		want bool
	}{
		{"even", func(i int) time.Duration { return time.Duration(i) * frame }, true},
		{"even with gaps", func(i int) time.Duration { return time.Duration(i)*frame + time.Duration(i/25)*700*time.Millisecond }, true},
		{"as it comes", func(i int) time.Duration { return time.Duration(i*30+i*i*7%50) * time.Millisecond }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.webm")
			w, err := Create(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.SetTrack(Track{Number: 1, Kind: Video, Codec: VP8, Width: 64, Height: 64}); err != nil {
				t.Fatal(err)
			}
			for i := range 90 {
				if err := w.WriteBlock(Block{Track: 1, Time: tt.at(i), Keyframe: i == 0, Payload: []byte{0}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.Finalize(); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("mkvinfo", path).CombinedOutput()
			if err != nil {
				t.Fatalf("mkvinfo: %v: %s", err, out)
			}
			told := strings.Contains(string(out), "Default duration: 00:00:00.0333")
			if told != tt.want {
				t.Errorf("mkvinfo tells of a frame rate: %t\n%s", told, out)
			}
		})
	}
}
