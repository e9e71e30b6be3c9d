package compose

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/roomreel/roomreel/recording"
)

// streams tells the codecs in a file, and where each begins and how long the file
// is, in seconds.
func streams(t *testing.T, path string) (codecs string, starts map[string]float64, length float64) {
	t.Helper()
	starts = map[string]float64{}
	var list []string
	out := tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,codec_type,start_time:format=duration", "-of", "csv=p=0", path)
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) == 1 {
			length, _ = strconv.ParseFloat(fields[0], 64)
			continue
		}
		list = append(list, fields[0])
		starts[fields[1]], _ = strconv.ParseFloat(fields[2], 64)
	}
	return strings.Join(list, " "), starts, length
}

// Tracks are copied from one part, from parts of two people, and over several
// parts with the pause between them.
func TestExtract(t *testing.T) {
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "anna", colour: "red", from: 0, to: 2, audioAt: 0, videoAt: 0, tone: 440},
		person{identity: "ben", colour: "blue", from: 1, to: 3, audioAt: 1, videoAt: 1, tone: 880},
		person{identity: "anna", colour: "red", from: 4, to: 6, audioAt: 4, videoAt: 4, tone: 440},
	)
	sids := func(part int) []string {
		var list []string
		for _, track := range m.Parts[part].Tracks {
			list = append(list, track.SIDs...)
		}
		return list
	}
	for i := range m.Parts {
		for j := range m.Parts[i].Tracks {
			track := &m.Parts[i].Tracks[j]
			track.SIDs, track.Frames = []string{"TR_" + m.Parts[i].Participant + "_" + string(track.Kind)}, 1
		}
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for _, tt := range []struct {
		name   string
		what   Extract
		codecs string
		later  float64 // by how much sound begins after the pictures
		length float64
	}{
		{"one part.mkv", Extract{SIDs: sids(1)}, "vp8 opus", 0, 2},
		{"sound over two parts.ogg", Extract{SIDs: sids(0), Kinds: []recording.Kind{recording.Audio}}, "opus", 0, 6},
		{"both over two parts.webm", Extract{SIDs: sids(0)}, "vp8 opus", 0, 6},
		{"two people.mkv", Extract{SIDs: []string{"TR_anna_video", "TR_ben_audio"}}, "vp8 opus", 1, 6},
		{"two people, encoded.mp4", Extract{SIDs: []string{"TR_anna_video", "TR_ben_audio"}, Canvas: recording.CompositionSpec{Width: 320, Height: 180, FrameRate: 15}}, "h264 aac", 1, 6},
		{"sound.mp3", Extract{SIDs: sids(1), Kinds: []recording.Kind{recording.Audio}}, "mp3", 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(out, tt.name)
			if err := (Composer{}).Extract(t.Context(), dir, tt.what, path); err != nil {
				t.Fatal(err)
			}
			codecs, starts, length := streams(t, path)
			if codecs != tt.codecs || math.Abs(length-tt.length) > 0.2 {
				t.Errorf("%s of %.2f s, want %s of %.2f s", codecs, length, tt.codecs, tt.length)
			}
			if len(starts) == 2 && math.Abs(starts["audio"]-starts["video"]-tt.later) > 0.05 {
				t.Errorf("sound begins %.3f s after the pictures, want %.3f", starts["audio"]-starts["video"], tt.later)
			}
			if said := tool(t, "ffmpeg", "-v", "error", "-i", path, "-enc_time_base", "-1", "-f", "null", "-"); len(said) > 0 {
				t.Errorf("it does not play cleanly: %s", said)
			}
		})
	}
	for _, tt := range []struct {
		what Extract
		out  string
		code recording.Code
	}{
		{Extract{SIDs: []string{"TR_nobody"}}, "x.mkv", recording.CodeNoMedia},
		{Extract{}, "x.avi", recording.CodeInvalidRequest},
	} {
		if err := (Composer{}).Extract(t.Context(), dir, tt.what, filepath.Join(out, tt.out)); recording.CodeOf(err) != tt.code {
			t.Errorf("%+v: %v, want %s", tt.what, err, tt.code)
		}
	}
}
