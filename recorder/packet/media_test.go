package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// A medium is a real bitstream, as an encoder makes it and as packets carry it.
type medium struct {
	codec Codec
	// units are what the payloader takes, one for each frame.
	units [][]byte
	// frames are what should come out: the payloads of Matroska blocks.
	frames  [][]byte
	packets []sent
}

// videoEncoders are FFmpeg's arguments for a stream without reordering.
var videoEncoders = map[Codec][]string{
	VP8:  {"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "600k", "-f", "ivf"},
	VP9:  {"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-auto-alt-ref", "0", "-b:v", "600k", "-f", "ivf"},
	AV1:  {"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-b:v", "600k", "-f", "ivf"},
	H264: {"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "aud=1:slices=3", "-b:v", "600k", "-pix_fmt", "yuv420p", "-f", "h264"},
	H265: {"-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-x265-params", "aud=1:repeat-headers=1:open-gop=0:log-level=error", "-b:v", "600k", "-pix_fmt", "yuv420p", "-f", "hevc"},
}

// payloaders are pion's.
var payloaders = map[Codec]func() rtp.Payloader{
	Opus: func() rtp.Payloader { return &codecs.OpusPayloader{} },
	VP8:  func() rtp.Payloader { return &codecs.VP8Payloader{EnablePictureID: true} },
	VP9:  func() rtp.Payloader { return &codecs.VP9Payloader{} },
	AV1:  func() rtp.Payloader { return &codecs.AV1Payloader{} },
	H264: func() rtp.Payloader { return &codecs.H264Payloader{} },
	H265: func() rtp.Payloader { return &codecs.H265Payloader{} },
}

// requireFFmpeg skips the test where there is no FFmpeg, but not in CI.
func requireFFmpeg(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ffmpeg is needed to make real bitstreams, and CI must have it")
		}
		t.Skip("ffmpeg is not installed: real bitstreams are not tested")
	}
}

// ffmpeg runs it and returns its output. It must have nothing to say.
func ffmpeg(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...)
	cmd.Env = append(os.Environ(), "SVT_LOG=1") // errors only
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil || complaint.Len() > 0 {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return out.Bytes()
}

// encodeVideo makes frames of a moving picture, with a keyframe every gop.
func encodeVideo(t testing.TB, c Codec, width, height, frames, gop int) *medium {
	t.Helper()
	requireFFmpeg(t)
	args := []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=30", width, height), "-frames:v", fmt.Sprint(frames)}
	// The encoder's own arguments end with the format.
	args = append(args, videoEncoders[c]...)
	args = append(args, "-g", fmt.Sprint(gop), "-keyint_min", fmt.Sprint(gop), "pipe:1")
	m := &medium{codec: c, units: split(t, c, ffmpeg(t, args...))}
	if len(m.units) != frames {
		t.Fatalf("%v: encoder made %d frames, want %d", c, len(m.units), frames)
	}
	m.packetise(t, payloaders[c]())
	return m
}

// packetise fills frames and packets.
func (m *medium) packetise(t testing.TB, p rtp.Payloader) {
	t.Helper()
	const mtu = 1188
	seq := uint16(65500) // wraps early
	step := uint32(3000)
	if m.codec.Audio() {
		step = 960
	}
	for i, unit := range m.units {
		m.frames = append(m.frames, wanted(m.codec, unit))
		payloads := p.Payload(mtu, unit)
		if len(payloads) == 0 {
			t.Fatalf("%v frame %d: payloader made nothing", m.codec, i)
		}
		for j, payload := range payloads {
			m.packets = append(m.packets, sent{
				at:  m.codec.ClockRate().Duration(int64(i)*int64(step)) + time.Duration(j)*100*time.Microsecond,
				seq: seq, ts: uint32(i) * step, marker: j == len(payloads)-1, payload: payload,
			})
			seq++
		}
	}
}

// split cuts an encoder's output into frames.
func split(t testing.TB, c Codec, b []byte) [][]byte {
	t.Helper()
	switch c {
	case H264, H265:
		return splitAnnexB(c, b)
	case Opus:
		return splitOgg(t, b)
	}
	return splitIVF(t, b)
}

func splitIVF(t testing.TB, b []byte) (frames [][]byte) {
	t.Helper()
	for b = b[32:]; len(b) > 0; {
		size := int(binary.LittleEndian.Uint32(b))
		frames = append(frames, b[12:12+size])
		b = b[12+size:]
	}
	return frames
}

// splitOgg returns the packets of one logical stream after its two headers (RFC
// 3533 section 6).
func splitOgg(t testing.TB, b []byte) (packets [][]byte) {
	t.Helper()
	var packet []byte
	for len(b) > 0 {
		if string(b[:4]) != "OggS" {
			t.Fatal("not an Ogg page")
		}
		lacing, body := b[27:27+int(b[26])], b[27+int(b[26]):]
		for _, n := range lacing {
			packet = append(packet, body[:n]...)
			body = body[n:]
			if n < 255 {
				packets = append(packets, packet)
				packet = nil
			}
		}
		b = body
	}
	return packets[2:]
}

// splitAnnexB cuts before each access unit delimiter.
func splitAnnexB(c Codec, b []byte) (units [][]byte) {
	for _, nal := range annexB(b) {
		if kind := nalType(c, nal); c == H264 && kind == h264AUD || c == H265 && kind == h265AUD {
			units = append(units, nil)
		}
		last := &units[len(units)-1]
		*last = append(append(*last, 0, 0, 0, 1), nal...)
	}
	return units
}

// annexB returns the NAL units of a byte stream (H.264 annex B).
func annexB(b []byte) (nals [][]byte) {
	for _, nal := range bytes.Split(b, []byte{0, 0, 1}) {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			nals = append(nals, nal)
		}
	}
	return nals
}

func nalType(c Codec, nal []byte) byte {
	if c == H264 {
		return nal[0] & 0x1F
	}
	return h265Type(nal[0])
}

// wanted returns what a Matroska block holds of an encoder's frame.
func wanted(c Codec, unit []byte) (out []byte) {
	switch c {
	case AV1:
		// FFmpeg's OBUs have size fields; a delimiter is 12 00.
		return bytes.TrimPrefix(unit, []byte{0x12, 0x00})
	case H264, H265:
		for _, nal := range annexB(unit) {
			if kind := nalType(c, nal); c == H264 && kind != h264AUD || c == H265 && kind != h265AUD {
				out = append(binary.BigEndian.AppendUint32(out, uint32(len(nal))), nal...)
			}
		}
		return out
	}
	return unit
}

// decode returns the checksum of every picture in the frames, which must decode
// without a complaint.
func decode(t testing.TB, c Codec, width, height int, frames [][]byte) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, contain(c, width, height, frames), 0o600); err != nil {
		t.Fatal(err)
	}
	format := map[Codec]string{H264: "h264", H265: "hevc"}[c]
	if format == "" {
		format = "ivf"
	}
	var sums []string
	for line := range strings.Lines(string(ffmpeg(t, "-xerror", "-f", format, "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "pipe:1"))) {
		if fields := strings.Fields(line); !strings.HasPrefix(line, "#") {
			sums = append(sums, fields[len(fields)-1])
		}
	}
	return sums
}

// contain puts frames into a file that FFmpeg reads.
func contain(c Codec, width, height int, frames [][]byte) []byte {
	if c == H264 || c == H265 {
		var out []byte
		for _, f := range frames {
			for len(f) > 0 {
				var nal []byte
				nal, f = nextNAL(f)
				out = append(append(out, 0, 0, 0, 1), nal...)
			}
		}
		return out
	}
	out := append([]byte("DKIF\x00\x00\x20\x00"), map[Codec]string{VP8: "VP80", VP9: "VP90", AV1: "AV01"}[c]...)
	out = binary.LittleEndian.AppendUint16(out, uint16(width))
	out = binary.LittleEndian.AppendUint16(out, uint16(height))
	out = binary.LittleEndian.AppendUint32(out, 30)
	out = binary.LittleEndian.AppendUint32(out, 1)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(frames)))
	out = binary.LittleEndian.AppendUint32(out, 0)
	for i, f := range frames {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(f)))
		out = binary.LittleEndian.AppendUint64(out, uint64(i))
		out = append(out, f...)
	}
	return out
}

// encodeOpus makes packets of 20 ms.
func encodeOpus(t testing.TB, seconds int) *medium {
	t.Helper()
	requireFFmpeg(t)
	m := &medium{codec: Opus, units: split(t, Opus, ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:sample_rate=48000:duration=%d", seconds),
		"-ac", "2", "-c:a", "libopus", "-b:a", "48k", "-f", "ogg", "pipe:1"))}
	m.packetise(t, payloaders[Opus]())
	return m
}

// Streams that several tests use are made once.
var streams = struct {
	sync.Mutex
	made map[Codec]*medium
}{made: map[Codec]*medium{}}

const streamWidth, streamHeight, streamFrames, streamGOP = 320, 180, 120, 20

func stream(t testing.TB, c Codec) *medium {
	t.Helper()
	streams.Lock()
	defer streams.Unlock()
	if streams.made[c] == nil {
		if c.Audio() {
			streams.made[c] = encodeOpus(t, 4)
		} else {
			streams.made[c] = encodeVideo(t, c, streamWidth, streamHeight, streamFrames, streamGOP)
		}
	}
	return streams.made[c]
}
