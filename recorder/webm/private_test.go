package webm

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// ffmpegPrivate returns what FFmpeg writes as CodecPrivate for a stream.
func ffmpegPrivate(t *testing.T, path string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.mkv")
	run(t, "ffmpeg", "-v", "error", "-i", path, "-c", "copy", out)
	tracks, _ := readFile(t, out)
	return tracks[0].CodecPrivate
}

// FFmpeg is the reference for every kind of picture that its encoders make here.
func TestCodecPrivate(t *testing.T) {
	for _, c := range []struct {
		name string
		ext  string
		read func(testing.TB, []byte) stream
		args []string
	}{
		{"H.264 baseline", "h264", readH264, []string{"-c:v", "libx264", "-profile:v", "baseline", "-x264-params", "aud=1:bframes=0"}},
		{"H.264 main", "h264", readH264, []string{"-c:v", "libx264", "-profile:v", "main", "-x264-params", "aud=1:bframes=0"}},
		{"H.264 high", "h264", readH264, []string{"-c:v", "libx264", "-profile:v", "high", "-x264-params", "aud=1:bframes=0"}},
		{"H.264 high 10", "h264", readH264, []string{"-pix_fmt", "yuv420p10le", "-c:v", "libx264", "-x264-params", "aud=1:bframes=0"}},
		{"H.264 4:2:2", "h264", readH264, []string{"-pix_fmt", "yuv422p", "-c:v", "libx264", "-x264-params", "aud=1:bframes=0"}},
		{"H.264 4:4:4", "h264", readH264, []string{"-pix_fmt", "yuv444p", "-c:v", "libx264", "-x264-params", "aud=1:bframes=0"}},
		{"H.265 main", "hevc", readH265, []string{"-c:v", "libx265", "-x265-params", "aud=1:info=0:bframes=0:log-level=none"}},
		{"H.265 main 10", "hevc", readH265, []string{"-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-x265-params", "aud=1:info=0:bframes=0:log-level=none"}},
		{"H.265 4:4:4", "hevc", readH265, []string{"-pix_fmt", "yuv444p", "-c:v", "libx265", "-x265-params", "aud=1:info=0:bframes=0:log-level=none"}},
		{"H.265 sub-layers", "hevc", readH265, []string{"-c:v", "libx265", "-x265-params", "aud=1:info=0:bframes=0:temporal-layers=1:log-level=none"}},
		{"AV1", "ivf", readIVF(AV1), []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"}},
		{"AV1 10 bit", "ivf", readIVF(AV1), []string{"-pix_fmt", "yuv420p10le", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"}},
		{"AV1 4:4:4", "ivf", readIVF(AV1), []string{"-pix_fmt", "yuv444p", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"}},
		{"AV1 grey", "ivf", readIVF(AV1), []string{"-pix_fmt", "gray", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"}},
		{"AV1 of SVT", "ivf", readIVF(AV1), []string{"-c:v", "libsvtav1", "-preset", "12"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in."+c.ext)
			args := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x128:rate=5:duration=1", "-g", "5"}
			run(t, "ffmpeg", slices.Concat(args, c.args, []string{path})...)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, want := c.read(t, b).track.CodecPrivate, ffmpegPrivate(t, path)
			if !bytes.Equal(got, want) {
				t.Errorf("\n%x, FFmpeg writes\n%x", got, want)
			}
		})
	}
}

// FFmpeg writes no CodecPrivate for VP9 into WebM, but the same numbers into MP4.
func TestVP9CodecPrivate(t *testing.T) {
	for name, args := range map[string][]string{
		"profile 0":  {"-pix_fmt", "yuv420p"},
		"4:2:2":      {"-pix_fmt", "yuv422p"},
		"4:4:4":      {"-pix_fmt", "yuv444p"},
		"RGB":        {"-pix_fmt", "gbrp"},
		"10 bit":     {"-pix_fmt", "yuv420p10le"},
		"12 bit 444": {"-pix_fmt", "yuv444p12le"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ivf, mp4 := filepath.Join(dir, "in.ivf"), filepath.Join(dir, "out.mp4")
			run(t, "ffmpeg", slices.Concat([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x128:rate=5:duration=1"}, args,
				[]string{"-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", ivf})...)
			run(t, "ffmpeg", "-v", "error", "-i", ivf, "-c", "copy", mp4)
			b, err := os.ReadFile(ivf)
			if err != nil {
				t.Fatal(err)
			}
			got := readIVF(VP9)(t, b).track.CodecPrivate
			if b, err = os.ReadFile(mp4); err != nil {
				t.Fatal(err)
			}
			// VP Codec Configuration Box: version and flags, profile, level, then
			// 4 bits of depth, 3 of chroma and one of range.
			box := b[bytes.Index(b, []byte("vpcC"))+8:]
			want := []byte{1, 1, box[0], 3, 1, box[2] >> 4, 4, 1, box[2] >> 1 & 7}
			if !bytes.Equal(got, want) {
				t.Errorf("%x, FFmpeg says %x", got, want)
			}
		})
	}
}

func TestCodecPrivateRefuses(t *testing.T) {
	avc := accessUnits(mustRead(t, h264Media.path(t)), func(nal []byte) bool { return avcType(nal) == 9 })[0]
	hevc := accessUnits(mustRead(t, h265Media.path(t)), func(nal []byte) bool { return hevcType(nal) == 35 })[0]
	sps, pps := nals(avc, avcType, 7), nals(avc, avcType, 8)
	vps, hsps, hpps := nals(hevc, hevcType, hevcVPS), nals(hevc, hevcType, hevcSPS), nals(hevc, hevcType, hevcPPS)
	high := [][]byte{{0x67, 100, 0, 30}}
	short := [][]byte{hsps[0][:16]}
	for name, build := range map[string]func() ([]byte, error){
		"H.264 without SPS":     func() ([]byte, error) { return AVCCodecPrivate(nil, pps) },
		"H.264 without PPS":     func() ([]byte, error) { return AVCCodecPrivate(sps, nil) },
		"H.264 the wrong way":   func() ([]byte, error) { return AVCCodecPrivate(pps, sps) },
		"H.264 with an empty":   func() ([]byte, error) { return AVCCodecPrivate(sps, [][]byte{{}}) },
		"H.264 with a cut SPS":  func() ([]byte, error) { return AVCCodecPrivate(high, pps) },
		"H.264 with a huge PPS": func() ([]byte, error) { return AVCCodecPrivate(sps, [][]byte{make([]byte, 1<<16)}) },
		"H.265 without VPS":     func() ([]byte, error) { return HEVCCodecPrivate(nil, hsps, hpps) },
		"H.265 the wrong way":   func() ([]byte, error) { return HEVCCodecPrivate(hsps, vps, hpps) },
		"H.265 with a cut SPS":  func() ([]byte, error) { return HEVCCodecPrivate(vps, short, hpps) },
		"AV1 without anything":  func() ([]byte, error) { return AV1CodecPrivate(nil) },
		"AV1 frame":             func() ([]byte, error) { return AV1CodecPrivate([]byte{0x32, 1, 0}) },
		"AV1 cut":               func() ([]byte, error) { return AV1CodecPrivate([]byte{0x0A, 3, 0, 0, 0}) },
		"AV1 that lies":         func() ([]byte, error) { return AV1CodecPrivate([]byte{0x0A, 99, 0, 0, 0}) },
		"AV1 with bare header":  func() ([]byte, error) { return AV1CodecPrivate([]byte{0x0E, 0}) },
		"VP9 without anything":  func() ([]byte, error) { return VP9CodecPrivate(nil) },
		"VP9 inter frame":       func() ([]byte, error) { return VP9CodecPrivate([]byte{0x86, 0, 0, 0, 0, 0}) },
		"VP9 cut":               func() ([]byte, error) { return VP9CodecPrivate([]byte{0x82, 0x49, 0x83, 0x42}) },
	} {
		if b, err := build(); b != nil || !errors.Is(err, ErrInvalidCodecData) {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
}

// A sequence header as RTP has it, without a size field, makes the same record.
func TestAV1WithoutSizeField(t *testing.T) {
	s := av1Media.load(t)
	size := int(s.blocks[0].Payload[1])
	bare := append([]byte{0x08}, s.blocks[0].Payload[2:2+size]...)
	got, err := AV1CodecPrivate(bare)
	if err != nil || !bytes.Equal(got, s.track.CodecPrivate) {
		t.Errorf("%x, %v; want %x", got, err, s.track.CodecPrivate)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
