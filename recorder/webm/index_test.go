package webm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTracksWithoutBlocksAreLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.webm")
	opus := testOpus(t)
	w := create(t, path, testOptions(), testVP8, opus)
	writeAll(t, w, []Block{{Track: 2, Payload: []byte{0xF8, 0xFF, 0xFE}}})
	s := finalize(t, w)
	tracks, _ := readFile(t, path)
	if diff := cmp.Diff([]Track{opus}, tracks); diff != "" {
		t.Errorf("tracks (-want +got):\n%s", diff)
	}
	want := []TrackSummary{{Track: opus, Blocks: 1, Bytes: 3}}
	if diff := cmp.Diff(want, s.Tracks); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// A cue for every keyframe that matters, and for nothing else once there is one.
func TestCues(t *testing.T) {
	opus, vp8 := opusMedia.load(t), vp8Media.load(t)
	slow := stream{opus.track, slices.Clone(opus.blocks)}
	for i := range slow.blocks {
		slow.blocks[i].Time *= 3
	}
	for name, c := range map[string]struct {
		streams []stream
		want    string
	}{
		"picture and sound": {[]stream{vp8, opus}, "0 1200 2400 3600"},
		"sound alone":       {[]stream{slow}, "0 5040 10080"},
	} {
		path := filepath.Join(t.TempDir(), "part.webm")
		mux(t, path, c.streams...)
		if got := cueTimes(t, path); got != c.want {
			t.Errorf("%s: cues at %s ms, want %s", name, got, c.want)
		}
	}

	path := filepath.Join(t.TempDir(), "part.webm")
	mux(t, path, vp8, opus)
	got := run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-read_intervals", "3%+#1", "-show_entries", "packet=pts_time", "-of", "csv=p=0", path)
	if got != "2.400000\n" {
		t.Errorf("a jump to 3 s lands at %s", got)
	}
}

// cueTimes has mkvinfo read the cues, and looks for a block where each one points.
func cueTimes(t *testing.T, path string) string {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var times []string
	var cluster, relative int
	for line := range strings.Lines(run(t, "mkvinfo", "--all", path)) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case strings.Contains(line, "Cue time"):
			d, err := time.Parse("15:04:05.000000000", value)
			if err != nil {
				t.Fatal(err)
			}
			times = append(times, fmt.Sprint(d.Sub(d.Truncate(24*time.Hour)).Milliseconds()))
		case strings.Contains(line, "Cue cluster position"):
			cluster = segmentData + atoi(t, value)
		case strings.Contains(line, "Cue relative position"):
			relative = cluster + clusterHeader + atoi(t, value)
			if string(file[cluster:cluster+4]) != "\x1F\x43\xB6\x75" || file[relative] != idSimpleBlock {
				t.Errorf("a cue points to bytes %d and %d, where no cluster and block begin", cluster, relative)
			}
		}
	}
	return strings.Join(times, " ")
}
