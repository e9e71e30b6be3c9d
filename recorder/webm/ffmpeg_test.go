package webm

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// probed is what ffprobe says of one stream.
type probed struct {
	Codec   string `json:"codec_name"`
	Packets string `json:"nb_read_packets"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Rate    string `json:"sample_rate"`
	Chans   int    `json:"channels"`
}

// probe returns the streams, the format's name and its duration in seconds.
func probe(t *testing.T, path string) (streams []probed, format string, duration float64) {
	t.Helper()
	out := run(t, "ffprobe", "-v", "error", "-count_packets", "-of", "json", "-show_entries",
		"stream=codec_name,nb_read_packets,width,height,sample_rate,channels:format=duration,format_name", path)
	var p struct {
		Streams []probed
		Format  struct {
			Duration string
			Name     string `json:"format_name"`
		}
	}
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatalf("%v: ffprobe said %s", err, out)
	}
	if p.Format.Duration != "" {
		var err error
		if duration, err = strconv.ParseFloat(p.Format.Duration, 64); err != nil {
			t.Fatal(err)
		}
	}
	return p.Streams, p.Format.Name, duration
}

// mustDecode fails the test if FFmpeg or MKVToolNix have anything to complain of.
func mustDecode(t *testing.T, path string) {
	t.Helper()
	if out := run(t, "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"); out != "" {
		t.Errorf("decoding: %s", out)
	}
	if out := run(t, "ffmpeg", "-v", "error", "-y", "-i", path, "-c", "copy", filepath.Join(t.TempDir(), "copy.mkv")); out != "" {
		t.Errorf("copying: %s", out)
	}
	mustDecodeStructure(t, path)
}

// mustDecodeStructure fails the test if MKVToolNix has.
func mustDecodeStructure(t *testing.T, path string) {
	t.Helper()
	out := run(t, "mkvmerge", "-J", path)
	var m struct {
		Container struct{ Recognized, Supported bool }
		Errors    []string
		Warnings  []string
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatal(err)
	}
	if !m.Container.Recognized || !m.Container.Supported || len(m.Errors)+len(m.Warnings) > 0 {
		t.Errorf("mkvmerge: %+v", m)
	}
	// mkvinfo prints what it cannot place in brackets or by these words.
	out = strings.ToLower(run(t, "mkvinfo", "--all", path))
	for _, word := range []string{"unknown", "error", "warning", "invalid", "corrupt"} {
		if strings.Contains(out, word) {
			t.Errorf("mkvinfo says %q:\n%s", word, out)
		}
	}
}

func TestFilesPlay(t *testing.T) {
	sound := probed{Codec: "opus", Rate: "48000", Chans: 2}
	for _, c := range []struct {
		video *encoding
		codec string
		file  string
	}{
		{&vp8Media, "vp8", "vp8.webm"},
		{&vp9Media, "vp9", "vp9.webm"},
		{&av1Media, "av1", "av1.webm"},
		{&h264Media, "h264", "h264.mkv"},
		{&h265Media, "hevc", "h265.mkv"},
		{nil, "", "opus.webm"},
	} {
		t.Run(c.file, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			opus := opusMedia.load(t)
			streams := []stream{opus}
			sound.Packets = fmt.Sprint(len(opus.blocks))
			want := []probed{sound}
			if c.video != nil {
				v := c.video.load(t)
				streams = append(streams, v)
				want = append(want, probed{
					Codec: c.codec, Width: testWidth, Height: testHeight, Packets: fmt.Sprint(len(v.blocks)),
				})
			}
			s := mux(t, path, streams...)
			got, _, duration := probe(t, path)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("streams (-want +got):\n%s", diff)
			}
			// 4 s of sound, and the packet that flushes the encoder.
			if s.Duration != 4020*time.Millisecond || duration != s.Duration.Seconds() {
				t.Errorf("duration is %v, ffprobe says %v", s.Duration, duration)
			}
			mustDecode(t, path)

			// The same file, but cut off.
			w := create(t, filepath.Join(t.TempDir(), c.file), testOptions())
			for _, s := range streams {
				if err := w.SetTrack(s.track); err != nil {
					t.Fatal(err)
				}
			}
			writeAll(t, w, interleave(streams...))
			if err := w.flush(); err != nil {
				t.Fatal(err)
			}
			got, _, _ = probe(t, w.path+OpenSuffix)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("streams of the unfinished file (-want +got):\n%s", diff)
			}
			if out := run(t, "ffmpeg", "-v", "error", "-i", w.path+OpenSuffix, "-f", "null", "-"); out != "" {
				t.Errorf("decoding the unfinished file: %s", out)
			}
		})
	}
}
