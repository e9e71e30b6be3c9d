package meeting

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/ivfwriter"
	"github.com/pion/webrtc/v4/pkg/media/oggwriter"
)

// written plays a clip twice round through a feed, as if to a track, for one of pion's file writers.
func written(c *clip, write func(*rtp.Packet) error) {
	f := newFeed(c, func() bool { return true }, func(p *rtp.Packet, _ *lksdk.SampleWriteOptions) error { return write(p) })
	for k := range int64(2 * len(c.frames)) {
		f.send(k)
	}
}

func TestMediaFlashesAndBeepsOnWholeSeconds(t *testing.T) {
	dir := t.TempDir()
	for index := range len(sources) {
		for _, fps := range []int{25, 30}[index&1:] {
			t.Run(fmt.Sprintf("%d at %d", index, fps), func(t *testing.T) {
				c, err := videoClip(t.Context(), dir, picture{name: "Ada Lovelace", index: index, width: 320, height: 180, fps: fps}, webrtc.MimeTypeVP8)
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(t.TempDir(), "video.ivf")
				w, err := ivfwriter.New(file, ivfwriter.WithCodec(webrtc.MimeTypeVP8), ivfwriter.WithDirectPTS(), ivfwriter.WithFrameRate(1, 90000))
				if err != nil {
					t.Fatal(err)
				}
				written(c, w.WriteRTP)
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				got, err := Measure(t.Context(), file, Probe{Tile: WholePicture})
				if err != nil {
					t.Fatal(err)
				}
				near(t, "flash", got[0].Flashes, 1, 19, time.Millisecond) // the first is lit in the first frame
			})
		}
	}
	for index := range len(tones) {
		c, err := audioClip(t.Context(), dir, Tone(index))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "audio.ogg")
		w, err := oggwriter.New(file, 48000, 2)
		if err != nil {
			t.Fatal(err)
		}
		written(c, w.WriteRTP)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := Measure(t.Context(), file, Probe{Tone: Tone(index)}, Probe{Tone: Tone(index + 1)})
		if err != nil {
			t.Fatal(err)
		}
		// oggwriter has players skip the first 80 ms, the beep at 0 with them.
		near(t, fmt.Sprintf("beep of %d", index), got[0].Beeps, 0.92, 19, 2*time.Millisecond)
		if got[1].Beeps != nil {
			t.Errorf("the voice of %d was taken for that of %d: %v", index, index+1, got[1].Beeps)
		}
	}
}

func TestEveryCodecIsMade(t *testing.T) {
	dir := t.TempDir()
	for mime := range encoders {
		opts, err := Options{Room: "r", Identity: "i", Codec: mime, CacheDir: dir, Width: 320, Height: 180, Simulcast: mime == webrtc.MimeTypeVP8}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		layers, err := opts.clips(t.Context(), livekit.TrackSource_CAMERA)
		if err != nil {
			t.Errorf("%s: %v", mime, err)
			continue
		}
		if want := map[bool]int{false: 1, true: 3}[opts.Simulcast]; len(layers) != want {
			t.Errorf("%s: %d layers, want %d", mime, len(layers), want)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(encoders)+2 {
		t.Fatalf("cache holds %d files (%v), want %d", len(files), err, len(encoders)+2)
	}
	if _, err := (Options{Codec: "video/none", CacheDir: dir}).clips(t.Context(), Camera); err == nil {
		t.Error("an unknown codec was accepted")
	}
}

// The second run takes from the cache what the first made.
func TestEncodeCaches(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-f", "lavfi", "-i", "sine=d=0.1"}
	first, err := encode(t.Context(), dir, "wav", nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	second, err := encode(t.Context(), dir, "wav", nil, args...)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("not from the cache: %v", err)
	}
	if _, err := encode(t.Context(), dir, "wav", nil, "-other"); err == nil {
		t.Fatal("made without ffmpeg")
	}
}
