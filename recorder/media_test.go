package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"github.com/roomreel/roomreel/recorder/webm"
)

// ffmpeg returns what the program prints. A test that needs it is skipped where
// it is not installed, but not in CI.
func ffmpeg(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is needed: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	var said bytes.Buffer
	cmd := exec.Command(path, append([]string{"-v", "error"}, args...)...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("%s %q: %v\n%s", name, args, err, &said)
	}
	return out
}

// encoded keeps what was encoded once for all tests.
var encoded sync.Map

func encode(t testing.TB, kind string, args ...string) []byte {
	t.Helper()
	key := strings.Join(args, " ")
	if b, ok := encoded.Load(key); ok {
		return b.([]byte)
	}
	path := filepath.Join(t.TempDir(), "media."+kind)
	ffmpeg(t, "ffmpeg", append(args, path)...)
	b, err := os.ReadFile(path)
	must(t, err)
	encoded.Store(key, b)
	return b
}

// opus is 4 s of a tone in packets of 20 ms, unless options say otherwise.
func opus(t testing.TB, options ...string) [][]byte {
	t.Helper()
	args := append([]string{
		"-f", "lavfi", "-i", "sine=frequency=440:duration=4:sample_rate=48000", "-ac", "2",
		"-c:a", "libopus", "-page_duration", "1",
	}, options...) // a page for each packet
	r, _, err := oggreader.NewWith(bytes.NewReader(encode(t, "ogg", args...)))
	must(t, err)
	var packets [][]byte
	for {
		page, _, err := r.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return packets[1:] // after OpusTags
		}
		must(t, err)
		packets = append(packets, page)
	}
}

// pictures are 4 s at 25 pictures a second, each second beginning with a
// keyframe, unless options say otherwise.
func pictures(t testing.TB, encoder, size string, options ...string) [][]byte {
	t.Helper()
	args := append([]string{
		"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=25:duration=4", "-c:v", encoder, "-deadline", "realtime",
		"-cpu-used", "8", "-b:v", "100k", "-g", "25", "-lag-in-frames", "0", "-auto-alt-ref", "0",
	}, options...)
	r, _, err := ivfreader.NewWith(bytes.NewReader(encode(t, "ivf", args...)))
	must(t, err)
	var frames [][]byte
	for {
		frame, _, err := r.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			return frames
		}
		must(t, err)
		frames = append(frames, frame)
	}
}

// readBlocks returns the tracks and the blocks of a file that has to be whole.
func readBlocks(t testing.TB, path string) ([]webm.Track, []webm.Block) {
	t.Helper()
	r, err := webm.Open(path)
	must(t, err)
	defer r.Close()
	var blocks []webm.Block
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Tracks(), blocks
		}
		must(t, err)
		b.Payload = bytes.Clone(b.Payload)
		blocks = append(blocks, b)
	}
}

// ofTrack returns the blocks of one track.
func ofTrack(blocks []webm.Block, number int) []webm.Block {
	var of []webm.Block
	for _, b := range blocks {
		if b.Track == number {
			of = append(of, b)
		}
	}
	return of
}

// decodedSound is how long the sound of a file plays when all of it is decoded,
// whatever the times of its blocks.
func decodedSound(t testing.TB, path string) time.Duration {
	t.Helper()
	pcm := ffmpeg(t, "ffmpeg", "-i", path, "-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "48000", "-")
	return time.Duration(len(pcm)/2) * time.Second / 48000
}

// decodedPictures counts the pictures of a file.
func decodedPictures(t testing.TB, path string) int {
	t.Helper()
	var p struct {
		Streams []struct {
			Frames string `json:"nb_read_frames"`
		}
	}
	out := ffmpeg(t, "ffprobe", "-select_streams", "v", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "json", path)
	must(t, json.Unmarshal(out, &p))
	n, err := strconv.Atoi(p.Streams[0].Frames)
	must(t, err)
	return n
}
