package meeting

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// The picture is measured in this many pixels, whatever its shape.
const lumaWidth, lumaHeight = 320, 180

// ErrDecode means that ffmpeg could not decode a file, or found damage in it.
var ErrDecode = errors.New("cannot decode")

// tracks tells whether a file has a picture and a sound.
func tracks(ctx context.Context, file string) (pictures, sounds bool, err error) {
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", "file:"+file).CombinedOutput()
	if err != nil {
		return false, false, fmt.Errorf("%w: %w: %s", ErrDecode, err, bytes.TrimSpace(out))
	}
	return bytes.Contains(out, []byte("video")), bytes.Contains(out, []byte("audio")), nil
}

// decodePicture yields each frame in 8-bit grey with its presentation time.
func decodePicture(ctx context.Context, file string, yield func(at time.Duration, pixels []byte)) error {
	// The time base is set before frames are shown: in microseconds nothing is rounded away.
	filter := fmt.Sprintf("settb=1/1000000,scale=%d:%d:flags=area,format=gray,showinfo=checksum=0", lumaWidth, lumaHeight)
	return decode(ctx, file, []string{"-map", "0:v:0", "-vf", filter, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "rawvideo"},
		func(f shown, data io.Reader) error {
			pixels := make([]byte, lumaWidth*lumaHeight)
			if _, err := io.ReadFull(data, pixels); err != nil {
				return err
			}
			yield(time.Duration(f.pts)*time.Microsecond, pixels)
			return nil
		})
}

// decodeSound yields 16-bit mono sound at 48 kHz as it was decoded, each piece with the number of its
// first sample since presentation time zero.
func decodeSound(ctx context.Context, file string, yield func(first int64, pcm []byte)) error {
	filter := fmt.Sprintf("aresample=%d,aformat=sample_fmts=s16:channel_layouts=mono,asettb=1/%d,ashowinfo", sampleRate, sampleRate)
	return decode(ctx, file, []string{"-map", "0:a:0", "-af", filter, "-f", "s16le"},
		func(f shown, data io.Reader) error {
			pcm := make([]byte, 2*f.samples)
			if _, err := io.ReadFull(data, pcm); err != nil {
				return err
			}
			yield(f.pts, pcm)
			return nil
		})
}

// shown is what ffmpeg's showinfo and ashowinfo filters say of one frame.
type shown struct {
	pts     int64 // in the time base set before
	samples int   // of sound
}

var (
	shownFrame   = regexp.MustCompile(`^\[Parsed_a?showinfo_\d+ @ \w+\] \[info\] n: *\d+ pts: *(-?\d+) `)
	shownSamples = regexp.MustCompile(` nb_samples:(\d+) `)
	complaint    = regexp.MustCompile(`\[(error|fatal)\] `)
)

// decode runs ffmpeg with a filter that ends in showinfo or ashowinfo. Raw data carries no time, so
// what the filter says of each frame on standard error is matched, in order, with the frames on
// standard output. Presentation times are those of the file (-copyts), not shifted to begin at zero.
func decode(ctx context.Context, file string, output []string, frame func(shown, io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := append([]string{"-hide_banner", "-nostats", "-nostdin", "-loglevel", "level+info", "-copyts", "-i", "file:" + file}, output...)
	cmd := exec.CommandContext(ctx, "ffmpeg", append(args, "pipe:1")...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	said := make(chan shown, 1024) // a frame is announced a few frames before it comes out
	var complaints []byte          // read only once said is closed
	go func() {
		defer close(said)
		lines := bufio.NewReader(stderr)
		for {
			line, err := lines.ReadString('\n')
			if m := shownFrame.FindStringSubmatch(line); m != nil {
				var f shown
				f.pts, _ = strconv.ParseInt(m[1], 10, 64)
				if m := shownSamples.FindStringSubmatch(line); m != nil {
					f.samples, _ = strconv.Atoi(m[1])
				}
				said <- f
			} else if complaint.MatchString(line) && len(complaints) < 1000 {
				complaints = append(complaints, line...)
			}
			if err != nil {
				return
			}
		}
	}()
	data := bufio.NewReaderSize(stdout, 1<<20)
	var failed error
	for f := range said { // always drained, so that the goroutine ends
		if failed == nil {
			if failed = frame(f, data); failed != nil {
				cancel()
			}
		}
	}
	left, _ := io.Copy(io.Discard, data)
	failed = errors.Join(failed, cmd.Wait())
	if len(complaints) > 0 {
		failed = errors.Join(failed, fmt.Errorf("ffmpeg: %s", bytes.TrimSpace(complaints)))
	}
	if failed == nil && left > 0 {
		failed = fmt.Errorf("%d bytes more than announced", left)
	}
	if failed != nil {
		return fmt.Errorf("%w: %w", ErrDecode, failed)
	}
	return nil
}
