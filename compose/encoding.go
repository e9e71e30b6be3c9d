package compose

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// format is a kind of film: its containers, and which codecs may go into it.
type format struct {
	// extension of the film; piece of what is joined in the end.
	extension, piece string
	// mux are ffmpeg's arguments where it is what joins.
	mux []string
	// codecs of the picture, the default first; none where there is no picture.
	codecs []string
	sound  *soundCodec
}

var formats = map[string]format{
	"mp4":  {extension: "mp4", piece: "mp4", codecs: []string{"h264"}, sound: &aac},
	"hls":  {extension: "mp4", piece: "mp4", codecs: []string{"h264"}, sound: &aac},
	"webm": {extension: "webm", piece: "webm", mux: []string{"-f", "webm"}, codecs: []string{"vp8", "vp9", "av1"}, sound: &opus},
	"m4a":  {extension: "m4a", mux: []string{"-movflags", "+faststart", "-f", "mp4"}, sound: &aac},
	"opus": {extension: "ogg", mux: []string{"-f", "ogg"}, sound: &opus},
	// Each participant's parts as one file, copied where that can be.
	"people": {extension: "webm", piece: "webm", mux: []string{"-f", "webm"}, codecs: []string{"vp8"}, sound: &opus},
}

// picture reports whether the film has one.
func (f format) picture() bool { return len(f.codecs) > 0 }

// The qualities of a film, by what they are for: a quick look, everyday use,
// and what is to be kept.
const (
	QualityDraft    = "draft"
	QualityStandard = "standard"
	QualityArchive  = "archive"
)

var qualities = []string{QualityDraft, QualityStandard, QualityArchive}

// EncoderSoftware encodes on the processor. The others are hardware.
const EncoderSoftware = "software"

// hardware names ffmpeg's encoder for a codec on a kind of hardware.
var hardware = map[string]map[string]string{
	"vaapi": {"h264": "h264_vaapi", "vp8": "vp8_vaapi", "vp9": "vp9_vaapi", "av1": "av1_vaapi"},
	"nvenc": {"h264": "h264_nvenc", "av1": "av1_nvenc"},
	"qsv":   {"h264": "h264_qsv", "vp9": "vp9_qsv", "av1": "av1_qsv"},
}

// Encoders lists what a film's encoder may be.
func Encoders() []string {
	return append([]string{EncoderSoftware}, slices.Sorted(maps.Keys(hardware))...)
}

// normalizeEncoding fills in and checks how the film is encoded.
func normalizeEncoding(s *recording.CompositionSpec) error {
	f := formats[s.Format]
	s.Quality, s.Encoder = or(s.Quality, QualityStandard), or(s.Encoder, EncoderSoftware)
	s.Priority, s.Audio = or(s.Priority, PriorityNormal), or(s.Audio, AudioMixed)
	if !slices.Contains(qualities, s.Quality) {
		return recording.Errorf(recording.CodeInvalidRequest, "quality: %.40q is not one of %s", s.Quality, strings.Join(qualities, ", "))
	}
	if !slices.Contains(priorities, s.Priority) {
		return recording.Errorf(recording.CodeInvalidRequest, "priority: %.40q is not one of %s", s.Priority, strings.Join(priorities, ", "))
	}
	if s.Audio != AudioMixed && s.Audio != AudioMultitrack {
		return recording.Errorf(recording.CodeInvalidRequest, "audio: %.40q is not one of %s, %s", s.Audio, AudioMixed, AudioMultitrack)
	}
	if s.Audio == AudioMultitrack && f.picture() {
		return recording.Errorf(recording.CodeInvalidRequest, "audio: multitrack is for the formats m4a and opus")
	}
	for _, extra := range s.Extras {
		if !slices.Contains(extras, extra) {
			return recording.Errorf(recording.CodeInvalidRequest, "extras: %.40q is not one of %s", extra, strings.Join(extras, ", "))
		}
		if !f.picture() && (extra == ExtraPoster || extra == ExtraSheet) {
			return recording.Errorf(recording.CodeInvalidRequest, "extras: %s needs a film with pictures", extra)
		}
		if s.Format == "people" {
			return recording.Errorf(recording.CodeInvalidRequest, "extras: there are none for the format people")
		}
	}
	if !f.picture() {
		s.VideoCodec, s.Encoder = "", EncoderSoftware
		return nil
	}
	s.VideoCodec = or(s.VideoCodec, f.codecs[0])
	if !slices.Contains(f.codecs, s.VideoCodec) {
		return recording.Errorf(recording.CodeInvalidRequest, "video_codec: %.40q is not one of %s, which %s can hold", s.VideoCodec, strings.Join(f.codecs, ", "), s.Format)
	}
	if s.Encoder != EncoderSoftware && hardware[s.Encoder][s.VideoCodec] == "" {
		return recording.Errorf(recording.CodeInvalidRequest, "encoder: %.40q cannot encode %s; there are %s", s.Encoder, s.VideoCodec, strings.Join(Encoders(), ", "))
	}
	return nil
}

// colours are what all films are tagged with: ffmpeg's scaler leaves BT.601
// as it came from the cameras.
var colours = []string{"-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-color_range", "tv"}

// videoArgs choose the encoder of a piece. The software ones were chosen by
// measuring CPU against SSIM; see docs/composing.md.
func videoArgs(s recording.CompositionSpec) []string {
	kbit := bitrate(s)
	rate := func(share int) string { return strconv.Itoa(kbit*share/100) + "k" }
	pick := func(draft, standard, archive string) string {
		return map[string]string{QualityDraft: draft, QualityStandard: standard, QualityArchive: archive}[s.Quality]
	}
	share := map[string]int{QualityDraft: 60, QualityStandard: 100, QualityArchive: 250}[s.Quality]
	args := []string{"-threads", "1", "-g", strconv.Itoa(5 * s.FrameRate)}
	if s.Encoder != EncoderSoftware {
		args = append(args, "-c:v", hardware[s.Encoder][s.VideoCodec], "-b:v", rate(share), "-maxrate", rate(2*share), "-bufsize", rate(4*share))
	} else {
		switch s.VideoCodec {
		case "h264":
			args = append(args, "-c:v", "libx264", "-preset", pick("ultrafast", "superfast", "faster"), "-crf", pick("27", "23", "18"),
				"-maxrate", rate(2*share), "-bufsize", rate(4*share))
			// Macroblock trees are worth far more than they cost; B-frames,
			// longer lookahead, weighted prediction, larger transforms and motion
			// finer than a pixel are not: bits make up for them.
			args = append(args, "-x264-params", pick("threads=1", "mbtree=1:rc-lookahead=5:bframes=0:subme=0:weightp=0:8x8dct=0:threads=1", "threads=1"))
		case "vp8":
			// A negative cpu-used is a fixed speed; a positive one follows the clock.
			args = append(args, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", pick("-12", "-8", "-4"),
				"-lag-in-frames", "0", "-auto-alt-ref", "0", "-b:v", rate(share))
		case "vp9":
			args = append(args, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", pick("8", "8", "6"),
				"-lag-in-frames", "0", "-aq-mode", "0", "-b:v", rate(share))
		case "av1":
			args = append(args, "-c:v", "libsvtav1", "-preset", pick("13", "12", "10"), "-svtav1-params", "lp=1:pred-struct=1:rc=1", "-b:v", rate(share))
		}
	}
	args = append(args, colours...)
	piece := formats[s.Format].piece
	if piece == "mp4" {
		args = append(args, "-video_track_timescale", "90000")
	}
	return append(args, "-f", piece)
}

// EncoderArgs are ffmpeg's arguments for the picture of a film, to measure the
// encoder alone.
func EncoderArgs(spec recording.CompositionSpec) []string {
	spec, err := Normalize(spec)
	if err != nil {
		return nil
	}
	return videoArgs(spec)
}

// lossless replaces the encoder of an MP4 film, and decodes in full.
func lossless(args []string) []string {
	out := append([]string{}, args...)
	for i, a := range out {
		switch a {
		case "-skip_loop_filter":
			out[i+1] = "default"
		case "-crf":
			out[i], out[i+1] = "-qp", "0"
		case "-preset":
			out[i+1] = "ultrafast"
		}
	}
	return out
}

// bitrate is the picture's at standard quality, in kbit/s: 2 Mbit/s for
// 1280x720 at 30 frames a second, in proportion for others. VP8 aims at it,
// x264 may go to twice that.
func bitrate(s recording.CompositionSpec) int {
	return max(250, 2000*s.Width*s.Height/(1280*720)*s.FrameRate/30)
}

// soundCodec is how sound is encoded in stretches that fit together.
type soundCodec struct {
	name string
	// frame is a packet's length in samples, delay how much later than the
	// input the first packet's sound begins.
	frame, delay int64
	// mono and stereo are ffmpeg's arguments.
	mono, stereo []string
	// extension of a stretch; split cuts it into packets.
	extension string
	join      func(out *soundFile, stretch []byte, drop, keep int64) error
}

func (s *soundCodec) args(channels int) []string {
	if channels == 1 {
		return s.mono
	}
	return s.stereo
}

// opusFrame is 20 ms.
const opusFrame = 960

var (
	aac = soundCodec{
		name: "aac", frame: 1024, delay: 1024, extension: "aac", join: joinADTS,
		// Measured against what goes in, the fast coder is at least as good for
		// voices at this rate in mono, for a third of the work; for music in
		// stereo it is worse.
		mono:   []string{"-c:a", "aac", "-b:a", "128k", "-aac_coder", "fast", "-f", "adts"},
		stereo: []string{"-c:a", "aac", "-b:a", "128k", "-f", "adts"},
	}
	// One packet a page, so that pages are all there is to look at.
	opus = soundCodec{
		name: "opus", frame: opusFrame, delay: 312, extension: "ogg", join: joinOgg,
		mono: opusArgs("64k"), stereo: opusArgs("96k"),
	}
)

func opusArgs(rate string) []string {
	return []string{"-c:a", "libopus", "-b:a", rate, "-application", "audio", "-frame_duration", "20", "-page_duration", "20000", "-f", "ogg"}
}

// encoderCheck encodes a few frames to see whether an encoder works here.
func encoderCheck(s recording.CompositionSpec) []string {
	name := hardware[s.Encoder][s.VideoCodec]
	args := []string{"-hide_banner", "-nostdin", "-loglevel", "level+error"}
	args = append(args, hardwareArgs(s)...)
	return append(args, "-f", "lavfi", "-i", "color=s=320x180:d=0.2", "-vf", "format=nv12"+hardwareFilter(s), "-c:v", name, "-f", "null", "-")
}

// hardwareArgs open the device that an encoder needs.
func hardwareArgs(s recording.CompositionSpec) []string {
	if s.Encoder == "vaapi" {
		return []string{"-vaapi_device", "/dev/dri/renderD128"}
	}
	return nil
}

// hardwareFilter takes frames to the device.
func hardwareFilter(s recording.CompositionSpec) string {
	if s.Encoder == "vaapi" {
		return ",hwupload"
	}
	return ""
}

func (s *soundCodec) String() string {
	return fmt.Sprintf("%s in packets of %d samples", s.name, s.frame)
}
