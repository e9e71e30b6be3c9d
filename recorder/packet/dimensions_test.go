package packet

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pion/rtp/codecs"
)

// Sizes of real encoders, with cropping where a codec knows only whole blocks.
func TestRow18DimensionsOfRealStreams(t *testing.T) {
	for _, c := range videoCodecs {
		for _, size := range [][2]int{{642, 362}, {320, 180}, {202, 1082}, {64, 66}} {
			t.Run(fmt.Sprintf("%v/%dx%d", c, size[0], size[1]), func(t *testing.T) {
				m := encodeVideo(t, c, size[0], size[1], 2, 30)
				events, _ := receive(t, NewReceiver(c), m.packets)
				got := frames(events)
				if len(got) != 2 {
					t.Fatalf("%d frames", len(got))
				}
				equal(t, "keyframe", []int{size[0], size[1]}, []int{got[0].Width, got[0].Height})
				var inter []int
				if c == VP9 { // which tells
					inter = []int{size[0], size[1]}
				} else {
					inter = []int{0, 0}
				}
				equal(t, "inter frame", inter, []int{got[1].Width, got[1].Height})
			})
		}
	}
}

// What encoders of other profiles write before the size.
func TestRow18DimensionsOfProfiles(t *testing.T) {
	requireFFmpeg(t)
	for _, c := range []struct {
		name  string
		codec Codec
		args  []string
	}{
		{"H264 4:4:4", H264, []string{"-c:v", "libx264", "-pix_fmt", "yuv444p", "-x264-params", "aud=1", "-f", "h264"}},
		{"H264 4:2:2 10 bit", H264, []string{"-c:v", "libx264", "-pix_fmt", "yuv422p10le", "-x264-params", "aud=1", "-f", "h264"}},
		{"H264 scaling matrix", H264, []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-x264-params", "aud=1:cqm=jvt", "-f", "h264"}},
		{"H264 interlaced", H264, []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-x264-params", "aud=1:interlaced=1", "-s", "642x364", "-f", "h264"}},
		{"H265 4:4:4", H265, []string{"-c:v", "libx265", "-pix_fmt", "yuv444p", "-x265-params", "aud=1:log-level=error", "-f", "hevc"}},
		{"H265 10 bit", H265, []string{"-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "aud=1:log-level=error", "-f", "hevc"}},
		{"H265 temporal layers", H265, []string{"-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "aud=1:temporal-layers=1:log-level=error", "-f", "hevc"}},
		{"VP9 profile 1", VP9, []string{"-c:v", "libvpx-vp9", "-pix_fmt", "yuv444p", "-f", "ivf"}},
		{"VP9 profile 1, RGB", VP9, []string{"-c:v", "libvpx-vp9", "-pix_fmt", "gbrp", "-f", "ivf"}},
		{"VP9 profile 2", VP9, []string{"-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p10le", "-f", "ivf"}},
		{"AV1 of SVT", AV1, []string{"-c:v", "libsvtav1", "-pix_fmt", "yuv420p", "-f", "ivf"}},
		{"AV1 10 bit", AV1, []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-pix_fmt", "yuv420p10le", "-f", "ivf"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"-f", "lavfi", "-i", "testsrc2=size=642x362:rate=30", "-frames:v", "1"}, c.args...)
			m := &medium{codec: c.codec, units: split(t, c.codec, ffmpeg(t, append(args, "pipe:1")...))}
			p := payloaders[c.codec]()
			if c.codec == VP9 {
				p = &codecs.VP9Payloader{FlexibleMode: true}
			}
			m.packetise(t, p)
			events, _ := receive(t, NewReceiver(c.codec), m.packets)
			got, height := frames(events), 362
			if slices.Contains(c.args, "642x364") { // interlaced pictures have even fields
				height = 364
			}
			if len(got) != 1 || !got[0].Keyframe || got[0].Width != 642 || got[0].Height != height {
				t.Errorf("got %v: %+v", story(events), got)
			}
		})
	}
}
