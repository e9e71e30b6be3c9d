package compose

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/roomreel/roomreel/recording"
)

// Previews makes waveforms and thumbnails of parts, each once: what was made
// is kept in the recording's directory. One is made at a time, so that looking
// at a large recording does not take the machine from those that run.
type Previews struct {
	archive recording.Archive
	ffmpeg  string

	ctx     context.Context
	end     context.CancelFunc
	flights singleflight.Group
	turn    chan struct{}
}

// NewPreviews makes previews of what is in the archive with the given ffmpeg.
func NewPreviews(archive recording.Archive, ffmpeg string) *Previews {
	ctx, cancel := context.WithCancel(context.Background())
	return &Previews{archive: archive, ffmpeg: ffmpeg, ctx: ctx, end: cancel, turn: make(chan struct{}, 1)}
}

// Close breaks off what is being made and waits for its end.
func (v *Previews) Close() {
	v.end()
	v.turn <- struct{}{}
}

// Peaks returns the loudness of a part's sound, recording.PeaksPerSecond levels
// for each second of the file. A level is linear in decibels: 0 is -60 dBFS or
// less, 255 is full scale. The error is CodeNoMedia for a part without sound.
func (v *Previews) Peaks(ctx context.Context, recordingID string, p recording.Part) ([]byte, error) {
	if !has(p, recording.Audio) {
		return nil, recording.Errorf(recording.CodeNoMedia, "part %s has no sound", p.ID)
	}
	path, err := v.made(ctx, recordingID, p, ".peaks", v.measure)
	if err != nil {
		return nil, err
	}
	levels, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read peaks: %w", err)
	}
	return levels, nil
}

// Thumbnail opens a JPEG of at most 480x270 pixels of a part. The error is
// CodeNoMedia for a part without pictures.
func (v *Previews) Thumbnail(ctx context.Context, recordingID string, p recording.Part) (*os.File, error) {
	if !has(p, recording.Video) {
		return nil, recording.Errorf(recording.CodeNoMedia, "part %s has no pictures", p.ID)
	}
	path, err := v.made(ctx, recordingID, p, ".jpg", v.picture)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open thumbnail: %w", err)
	}
	return f, nil
}

func has(p recording.Part, kind recording.Kind) bool {
	return slices.ContainsFunc(p.Tracks, func(t recording.Track) bool { return t.Kind == kind })
}

// made returns the path of a preview, after making it if it is not there. The
// making does not end with ctx: the next caller finds it done.
func (v *Previews) made(ctx context.Context, recordingID string, p recording.Part, suffix string, fill func(ctx context.Context, source string, p recording.Part, out io.Writer) error) (string, error) {
	dir, err := v.archive.Dir(recordingID)
	if err != nil {
		return "", err
	}
	path := filepath.Join(recording.PreviewsDir(dir), p.ID+suffix)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	flight := v.flights.DoChan(path, func() (any, error) {
		select {
		case v.turn <- struct{}{}:
			defer func() { <-v.turn }()
		case <-v.ctx.Done():
			return nil, v.ctx.Err()
		}
		const longest = 10 * time.Minute
		ctx, cancel := context.WithTimeout(v.ctx, longest)
		defer cancel()
		return nil, write(path, func(out io.Writer) error { return fill(ctx, filepath.Join(dir, p.File), p, out) })
	})
	select {
	case done := <-flight:
		return path, done.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// write puts what fill writes at path, whole or not at all.
func write(path string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make preview: %w", err)
	}
	return recording.WriteWhole(path, func(w io.Writer) error {
		out := bufio.NewWriter(w)
		return errors.Join(fill(out), out.Flush())
	})
}

// measure writes the peaks of a file's sound. Its samples begin at the file's
// time zero, however late the sound does.
func (v *Previews) measure(ctx context.Context, source string, _ recording.Part, out io.Writer) error {
	const rate = 8000
	return v.run(ctx, []string{
		"-i", "file:" + source, "-map", "0:a:0", "-af", "aresample=" + strconv.Itoa(rate) + ":async=1:first_pts=0",
		"-ac", "1", "-f", "s16le", "pipe:1",
	}, func(pcm io.Reader) error {
		span := make([]byte, 2*rate/recording.PeaksPerSecond)
		for {
			n, err := io.ReadFull(pcm, span)
			if n > 0 {
				if _, err := out.Write([]byte{level(span[:n&^1])}); err != nil {
					return err
				}
			}
			switch {
			case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
				return nil
			case err != nil:
				return err
			}
		}
	})
}

// level is the loudest of 16-bit samples in decibels, from -60 dBFS at 0 to
// full scale at 255.
func level(pcm []byte) byte {
	const floor = 60
	peak := 0
	for i := 0; i < len(pcm); i += 2 {
		s := int(int16(binary.LittleEndian.Uint16(pcm[i:])))
		peak = max(peak, s, -s)
	}
	if peak == 0 {
		return 0
	}
	db := 20 * math.Log10(float64(peak)/math.MaxInt16)
	return byte(math.Round(255 * min(1, max(0, 1+db/floor))))
}

// picture writes a picture from the first tenth of a file, where the first
// moments of a camera's exposure are over.
func (v *Previews) picture(ctx context.Context, source string, p recording.Part, out io.Writer) error {
	const latest = recording.Seconds(10e9)
	at := min(p.Duration/10, latest)
	copied := int64(0)
	for _, seek := range []recording.Seconds{at, 0} {
		err := v.run(ctx, []string{
			"-ss", decimal(seek), "-i", "file:" + source, "-map", "0:v:0", "-frames:v", "1",
			"-vf", "scale=480:270:force_original_aspect_ratio=decrease:force_divisible_by=2", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "4", "pipe:1",
		}, func(jpeg io.Reader) (err error) {
			copied, err = io.Copy(out, jpeg)
			return err
		})
		if err != nil || copied > 0 {
			return err
		}
	}
	return recording.Errorf(recording.CodeNoMedia, "part %s has no picture that can be decoded", p.ID)
}

// run lets ffmpeg write to read.
func (v *Previews) run(ctx context.Context, args []string, read func(io.Reader) error) error {
	cmd := command(ctx, niceness, "", v.ffmpeg, append([]string{"-hide_banner", "-nostdin", "-loglevel", "level+error", "-threads", "1"}, args...))
	var stderr tail
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return recording.Errorf(recording.CodeComposeFailed, "start ffmpeg: %w", err)
	}
	readErr := read(stdout)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case readErr == nil && err == nil:
		return nil
	case readErr != nil:
		return fmt.Errorf("make preview: %w", readErr)
	}
	return recording.Errorf(recording.CodeComposeFailed, "ffmpeg: %s", or(stderr.cause(), err.Error()))
}
