package webm

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// FFmpeg's own OpusHead is the reference, but for the sample rate of the input,
// which is 48 kHz here as well.
func TestOpusHead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "opus.webm")
	run(t, "ffmpeg", "-v", "error", "-i", opusMedia.path(t), "-c", "copy", path)
	tracks, _ := readFile(t, path)
	got, err := OpusHead(2, 312)
	if err != nil || string(got) != string(tracks[0].CodecPrivate) {
		t.Errorf("%x, %v; FFmpeg writes %x", got, err, tracks[0].CodecPrivate)
	}
	if got := OpusCodecDelay(312); got != tracks[0].CodecDelay || got != 6500*time.Microsecond {
		t.Errorf("CodecDelay %v, FFmpeg writes %v", got, tracks[0].CodecDelay)
	}
	if tracks[0].SeekPreRoll != OpusSeekPreRoll {
		t.Errorf("SeekPreRoll %v, FFmpeg writes %v", OpusSeekPreRoll, tracks[0].SeekPreRoll)
	}
	for _, c := range [][2]int{{0, 0}, {3, 0}, {1, -1}, {1, 1 << 16}} {
		if _, err := OpusHead(c[0], c[1]); !errors.Is(err, ErrInvalidCodecData) {
			t.Errorf("%d channels, pre-skip %d: %v", c[0], c[1], err)
		}
	}
}

var clickMedia = encoding{name: "click.ogg", read: readOgg, args: []string{
	"-f", "lavfi", "-i", `aevalsrc=if(between(n\,48000\,48047)\,0.9*sin(2*PI*1000*(n-48000)/48000)\,0):d=3:s=48000`,
	"-c:a", "libopus", "-b:a", "128k",
}}

// A sound is played exactly at its block's time, wherever the track begins, and
// the picture beside it stays where it is.
func TestOpusPlaysAtItsBlockTime(t *testing.T) {
	// Where the click is in the decoder's output: FFmpeg skips 312 samples of Ogg's.
	want := loudest(t, clickMedia.path(t)) + 312
	for _, start := range []time.Duration{0, 1234 * time.Millisecond} {
		click, vp8 := clickMedia.load(t), vp8Media.load(t)
		for i := range click.blocks {
			click.blocks[i].Time += start
		}
		path := filepath.Join(t.TempDir(), "part.webm")
		mux(t, path, vp8, click)
		got := loudest(t, path) - int(start*48000/time.Second)
		if got != want {
			t.Errorf("starting at %v, the click is at sample %d, want %d", start, got, want)
		}
		out := run(t, "ffprobe", "-v", "error", "-show_entries", "format=start_time", "-of", "csv=p=0", path)
		if out != "0.000000\n" {
			t.Errorf("the file begins at %s", out)
		}
	}
}

// loudest returns the loudest sample of a file, counted at 48 kHz from time 0.
func loudest(t *testing.T, path string) int {
	t.Helper()
	pcm := run(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-af", "aresample=async=1:first_pts=0", "-f", "s16le", "-ac", "1", "-")
	at, peak := 0, 0
	for i := 0; i+1 < len(pcm); i += 2 {
		v := int(int16(binary.LittleEndian.Uint16([]byte(pcm[i:]))))
		if max(v, -v) > peak {
			at, peak = i/2, max(v, -v)
		}
	}
	return at
}
