package webm

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recorder/codec"
)

// tool skips a test that needs a program this machine lacks, but not in CI.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is needed: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// run returns what a program prints, and fails the test if it fails.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(tool(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// stream is an encoded stream as packets would have brought it.
type stream struct {
	track  Track
	blocks []Block
}

// encoding makes a stream once for all tests.
type encoding struct {
	name string   // of the file, whose suffix says how to read it
	args []string // to ffmpeg
	read func(t testing.TB, b []byte) stream
	once sync.Once
}

const (
	testWidth, testHeight = 160, 120
	testFPS               = 25
)

var (
	mediaDir  string // made and removed by TestMain
	videoArgs = []string{"-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=4"}

	vp8Media = encoding{
		name: "vp8.ivf", read: readIVF(VP8),
		args: append(slices.Clone(videoArgs), "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "100k", "-g", "30"),
	}
	tinyMedia = encoding{
		name: "tiny.ivf", read: readIVF(VP8),
		args: []string{"-f", "lavfi", "-i", "testsrc2=size=48x32:rate=25:duration=1", "-c:v", "libvpx", "-b:v", "20k"},
	}
	vp9Media = encoding{
		name: "vp9.ivf", read: readIVF(VP9),
		args: append(slices.Clone(videoArgs), "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "100k", "-g", "30", "-lag-in-frames", "0"),
	}
	av1Media = encoding{
		name: "av1.ivf", read: readIVF(AV1),
		args: append(slices.Clone(videoArgs), "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-b:v", "100k", "-g", "30"),
	}
	h264Media = encoding{
		name: "h264.h264", read: readH264,
		args: append(slices.Clone(videoArgs), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30", "-x264-params", "aud=1"),
	}
	h265Media = encoding{
		name: "h265.hevc", read: readH265,
		args: append(slices.Clone(videoArgs), "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "aud=1:info=0:bframes=0:keyint=30:log-level=none"),
	}
	opusMedia = encoding{
		name: "opus.ogg", read: readOgg,
		args: []string{"-f", "lavfi", "-i", "sine=frequency=440:duration=4:sample_rate=48000", "-ac", "2", "-c:a", "libopus", "-b:a", "32k"},
	}
)

// path encodes the stream if no test has so far, and returns its file.
func (e *encoding) path(t testing.TB) string {
	t.Helper()
	path := filepath.Join(mediaDir, e.name)
	e.once.Do(func() {
		run(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-y"}, e.args, []string{path})...)
	})
	return path
}

func (e *encoding) load(t testing.TB) stream {
	t.Helper()
	b, err := os.ReadFile(e.path(t))
	if err != nil {
		t.Fatal(err)
	}
	return e.read(t, b)
}

func frameTime(i int) time.Duration { return time.Duration(i) * time.Second / testFPS }

func video(codec Codec, private []byte) Track {
	return Track{Number: 1, Kind: Video, Codec: codec, Width: testWidth, Height: testHeight, CodecPrivate: private}
}

// readIVF reads VP8, VP9 and AV1, as https://wiki.multimedia.cx/index.php/IVF has it.
func readIVF(codec Codec) func(t testing.TB, b []byte) stream {
	return func(t testing.TB, b []byte) stream {
		t.Helper()
		s := stream{track: video(codec, nil)}
		for b = b[32:]; len(b) > 0; {
			size := binary.LittleEndian.Uint32(b)
			frame := b[12 : 12+size]
			b = b[12+size:]
			if codec == AV1 {
				frame = bytes.TrimPrefix(frame, []byte{0x12, 0}) // temporal delimiter
			}
			s.blocks = append(s.blocks, Block{
				Track: 1, Time: frameTime(len(s.blocks)), Payload: frame, Keyframe: keyframe(codec, frame),
			})
		}
		var err error
		switch codec {
		case VP9:
			s.track.CodecPrivate, err = VP9CodecPrivate(s.blocks[0].Payload)
		case AV1:
			s.track.CodecPrivate, err = AV1CodecPrivate(s.blocks[0].Payload)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func keyframe(codec Codec, frame []byte) bool {
	switch codec {
	case VP8:
		return frame[0]&1 == 0
	case VP9: // profile 0
		return frame[0]&0xC == 0
	default: // AV1: the encoder puts a sequence header before every keyframe
		return frame[0]>>3 == 1
	}
}

// accessUnits splits an Annex B stream whose every access unit begins with a
// delimiter, which it leaves out.
func accessUnits(b []byte, delimiter func(nal []byte) bool) [][][]byte {
	var units [][][]byte
	for _, nal := range bytes.Split(b, []byte{0, 0, 1})[1:] {
		nal = bytes.TrimRight(nal, "\x00")
		if delimiter(nal) {
			units = append(units, nil)
			continue
		}
		units[len(units)-1] = append(units[len(units)-1], nal)
	}
	return units
}

// nals returns the NAL units of a type.
func nals(unit [][]byte, kind func([]byte) byte, want byte) [][]byte {
	return slices.DeleteFunc(slices.Clone(unit), func(nal []byte) bool { return kind(nal) != want })
}

func avcType(nal []byte) byte  { return nal[0] & 0x1F }
func hevcType(nal []byte) byte { return nal[0] >> 1 & 0x3F }

func readH264(t testing.TB, b []byte) stream {
	t.Helper()
	units := accessUnits(b, func(nal []byte) bool { return avcType(nal) == 9 })
	private, err := AVCCodecPrivate(nals(units[0], avcType, 7), nals(units[0], avcType, 8))
	if err != nil {
		t.Fatal(err)
	}
	return annexB(video(H264, private), units, func(nal []byte) bool { return avcType(nal) == 5 })
}

func readH265(t testing.TB, b []byte) stream {
	t.Helper()
	units := accessUnits(b, func(nal []byte) bool { return hevcType(nal) == 35 })
	private, err := HEVCCodecPrivate(
		nals(units[0], hevcType, hevcVPS), nals(units[0], hevcType, hevcSPS), nals(units[0], hevcType, hevcPPS))
	if err != nil {
		t.Fatal(err)
	}
	return annexB(video(H265, private), units, func(nal []byte) bool { return hevcType(nal)>>3 == 2 })
}

func annexB(track Track, units [][][]byte, key func(nal []byte) bool) stream {
	s := stream{track: track}
	for i, unit := range units {
		b := Block{Track: 1, Time: frameTime(i), Keyframe: slices.ContainsFunc(unit, key)}
		for _, nal := range unit {
			b.Payload = binary.BigEndian.AppendUint32(b.Payload, uint32(len(nal)))
			b.Payload = append(b.Payload, nal...)
		}
		s.blocks = append(s.blocks, b)
	}
	return s
}

// readOgg reads the packets after OpusHead and OpusTags (RFC 3533 section 6).
func readOgg(t testing.TB, b []byte) stream {
	t.Helper()
	var packets [][]byte
	var packet []byte
	for len(b) > 0 {
		segments := b[27 : 27+b[26]]
		b = b[27+len(segments):]
		for _, n := range segments {
			packet = append(packet, b[:n]...)
			b = b[n:]
			if n < 255 {
				packets = append(packets, packet)
				packet = nil
			}
		}
	}
	track, err := OpusTrack(2, int(packets[0][9]))
	if err != nil {
		t.Fatal(err)
	}
	s := stream{track: track}
	var now time.Duration
	for _, p := range packets[2:] {
		s.blocks = append(s.blocks, Block{Track: 2, Time: now, Keyframe: true, Payload: p})
		d, ok := codec.OpusDuration(p)
		if !ok {
			t.Fatalf("packet %x has no duration", p)
		}
		now += d
	}
	return s
}

func atoi(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// interleave returns the blocks of all streams in the order of their times.
func interleave(streams ...stream) []Block {
	var blocks []Block
	for _, s := range streams {
		blocks = append(blocks, s.blocks...)
	}
	slices.SortStableFunc(blocks, func(a, b Block) int { return int(a.Time - b.Time) })
	return blocks
}
