package meeting

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

// LoopLength is how long the published media lasts before it repeats. It is a whole number of
// seconds and of frames at every offered rate, so flashes and beeps stay on whole seconds for ever.
const LoopLength = 10 * time.Second

// ErrMedia means that ffmpeg made something other than the picture or sound that was asked for.
var ErrMedia = errors.New("unexpected media")

// clip is one loop of encoded media: frame k of the stream is frames[k mod len(frames)].
type clip struct {
	mime   string
	clock  uint32 // RTP clock rate, Hz
	rate   int    // frames per second
	frames [][]byte
	levels []uint8 // RFC 6464 audio level of each frame, -dBov; nil for video
}

// key tells whether decoding can begin at frame k. Video has a key frame on every whole second.
func (c *clip) key(k int64) bool { return c.levels != nil || k%int64(c.rate) == 0 }

func (c *clip) frame(k int64) []byte { return c.frames[k%int64(len(c.frames))] }

func (c *clip) level(k int64) *uint8 {
	if c.levels == nil {
		return nil
	}
	return &c.levels[k%int64(len(c.levels))]
}

// cacheDir is where encoded media is kept between runs when the caller names no place.
func cacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "roomreel-meeting")
}

// encode runs ffmpeg with args, input on its standard input, and returns what it wrote in the given
// format. The result is kept in dir under a name made of everything that goes in.
func encode(ctx context.Context, dir, format string, input []byte, args ...string) ([]byte, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00", strings.Join(args, "\x00"), format)
	sum.Write(input)
	path := filepath.Join(dir, fmt.Sprintf("%x.%s", sum.Sum(nil)[:12], format))
	if made, err := os.ReadFile(path); err == nil {
		return made, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make media cache: %w", err)
	}
	var made, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", append(append([]string{"-v", "error"}, args...), "-f", format, "pipe:1")...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &made, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("encode media: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	// Written aside and renamed: several processes may share the cache.
	aside, err := os.CreateTemp(dir, "*.part")
	if err != nil {
		return nil, fmt.Errorf("cache media: %w", err)
	}
	_, err = aside.Write(made.Bytes())
	if err = errors.Join(err, aside.Close()); err == nil {
		err = os.Rename(aside.Name(), path)
	}
	if err != nil {
		return nil, fmt.Errorf("cache media: %w", errors.Join(err, os.Remove(aside.Name())))
	}
	return made.Bytes(), nil
}

// encoders gives, for each MIME type, the container read back and ffmpeg's arguments. All of them
// keep to what a live sender does: no look-ahead, no hidden or reordered frames, one slice per frame.
var encoders = map[string]struct {
	format string
	args   string
}{
	webrtc.MimeTypeVP8:  {"ivf", "-c:v libvpx -deadline realtime -cpu-used 8 -lag-in-frames 0 -auto-alt-ref 0"},
	webrtc.MimeTypeVP9:  {"ivf", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -lag-in-frames 0 -auto-alt-ref 0"},
	webrtc.MimeTypeAV1:  {"ivf", "-c:v libsvtav1 -preset 12 -svtav1-params pred-struct=1:rc=2"},
	webrtc.MimeTypeH264: {"h264", "-c:v libx264 -preset veryfast -tune zerolatency -profile:v baseline -x264-params sliced-threads=0:slices=1:scenecut=0:aud=1"},
}

// videoClip makes, or takes from dir, the loop of a picture.
func videoClip(ctx context.Context, dir string, p picture, mime string) (*clip, error) {
	enc, ok := encoders[mime]
	if !ok {
		return nil, fmt.Errorf("%w: no encoder for %q", ErrMedia, mime)
	}
	label, err := p.label()
	if err != nil {
		return nil, err
	}
	args := []string{
		"-f", "png_pipe", "-i", "pipe:0", "-filter_complex", p.graph(), "-map", "[picture]",
		"-frames:v", fmt.Sprint(p.frames()), "-pix_fmt", "yuv420p",
		"-b:v", fmt.Sprint(p.bitrate()),
		"-g", fmt.Sprint(p.fps), "-keyint_min", fmt.Sprint(p.fps),
	}
	made, err := encode(ctx, dir, enc.format, label, append(args, strings.Fields(enc.args)...)...)
	if err != nil {
		return nil, err
	}
	split := splitIVF
	if mime == webrtc.MimeTypeH264 {
		split = splitH264
	}
	frames, err := split(made)
	if err != nil {
		return nil, err
	}
	c := &clip{mime: mime, clock: 90000, rate: p.fps, frames: frames}
	if len(frames) != p.frames() {
		return nil, fmt.Errorf("%w: %d frames of %s, want %d", ErrMedia, len(frames), mime, p.frames())
	}
	// RFC 6386 section 9.1: the lowest bit of a VP8 frame is 0 in key frames.
	for k := 0; mime == webrtc.MimeTypeVP8 && k < len(frames); k += p.fps {
		if frames[k][0]&1 != 0 {
			return nil, fmt.Errorf("%w: VP8 frame %d is no key frame", ErrMedia, k)
		}
	}
	return c, nil
}

// audioClip makes, or takes from dir, the Opus loop of a tone in 20 ms packets.
func audioClip(ctx context.Context, dir string, tone float64) (*clip, error) {
	const perLoop = int(LoopLength / (20 * time.Millisecond))
	pcm := tonePCM(tone)
	// The encoder delays the sound by its look-ahead and starts from silence. The sound is cut
	// ahead by as much, encoded twice round, and the second round is kept, which ends as it began.
	head := opusLookahead * 2
	twice := bytes.Join([][]byte{pcm[head:], pcm, pcm[:head]}, nil)
	made, err := encode(ctx, dir, "opus", twice,
		"-f", "s16le", "-ar", "48000", "-ac", "1", "-i", "pipe:0",
		"-c:a", "libopus", "-b:a", "48k", "-frame_duration", "20", "-page_duration", "20000")
	if err != nil {
		return nil, err
	}
	packets, err := splitOgg(made)
	if err != nil {
		return nil, err
	}
	if len(packets) < 2*perLoop {
		return nil, fmt.Errorf("%w: %d Opus packets, want %d", ErrMedia, len(packets), 2*perLoop)
	}
	return &clip{
		mime: webrtc.MimeTypeOpus, clock: sampleRate, rate: 50,
		frames: packets[perLoop : 2*perLoop], levels: audioLevels(pcm),
	}, nil
}

func splitIVF(file []byte) ([][]byte, error) {
	r, _, err := ivfreader.NewWith(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read IVF: %w", err)
	}
	var frames [][]byte
	for {
		frame, _, err := r.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read IVF: %w", err)
		}
		frames = append(frames, frame)
	}
}

// splitH264 cuts an Annex B stream before each access unit delimiter (ITU-T H.264, 7.4.1.2.3).
func splitH264(file []byte) ([][]byte, error) {
	delimiter := []byte{0, 0, 0, 1, 9}
	parts := bytes.Split(file, delimiter)
	if len(parts[0]) != 0 {
		return nil, fmt.Errorf("%w: H.264 without access unit delimiters", ErrMedia)
	}
	frames := make([][]byte, 0, len(parts)-1)
	for _, part := range parts[1:] {
		frames = append(frames, append(bytes.Clone(delimiter), part...))
	}
	return frames, nil
}

// splitOgg returns the packets of an Ogg Opus file that has one packet on each page.
func splitOgg(file []byte) ([][]byte, error) {
	r, head, err := oggreader.NewWith(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read Ogg: %w", err)
	}
	if head.PreSkip != opusLookahead {
		return nil, fmt.Errorf("%w: Opus look-ahead of %d samples, want %d", ErrMedia, head.PreSkip, opusLookahead)
	}
	var packets [][]byte
	for {
		page, _, err := r.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return packets, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read Ogg: %w", err)
		}
		if !bytes.HasPrefix(page, []byte("OpusTags")) {
			packets = append(packets, page)
		}
	}
}

func appendPCM(pcm []byte, sample float64) []byte {
	return binary.LittleEndian.AppendUint16(pcm, uint16(int16(sample*32767)))
}
