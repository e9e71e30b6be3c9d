package compose

import (
	"fmt"
	"image/color"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// This file and ffmpeg_picture.go alone know ffmpeg's command line. No text that came from outside
// enters it, only numbers and names of our own; parts are opened by absolute
// path, as files and as Matroska, whatever they hold.

// format is how a film is encoded.
type format struct {
	video, audio, mux []string
	// piece and sound are the containers of what is joined in the end.
	piece, sound string
}

var formats = map[string]format{
	"mp4": {
		video: []string{
			"-c:v", "libx264", "-preset", "superfast", "-x264-params", "mbtree=1:rc-lookahead=20:bframes=2:threads=1", "-crf", "23",
			"-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-color_range", "tv",
			"-video_track_timescale", "90000", "-f", "mp4",
		},
		audio: []string{"-c:a", "aac", "-b:a", "128k", "-f", "mp4"},
		mux:   []string{"-movflags", "+faststart", "-f", "mp4"},
		piece: "mp4", sound: "m4a",
	},
	"webm": {
		// A negative cpu-used is a fixed speed; a positive one follows the clock.
		video: []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "-8", "-lag-in-frames", "0", "-auto-alt-ref", "0", "-f", "webm"},
		audio: []string{"-c:a", "libopus", "-b:a", "96k", "-f", "webm"},
		mux:   []string{"-f", "webm"},
		piece: "webm", sound: "webm",
	},
}

const (
	sampleRate = 48000
	// lead is how much earlier than needed sound is read, so that the decoder
	// has converged: Opus wants 80 ms (RFC 7845 §4.6).
	lead = recording.Seconds(1e9)
	// early is how much a first picture may precede its run, against rounding
	// to Matroska's milliseconds.
	early = recording.Seconds(5e6)
)

// demuxers are what files may be opened as, by their extension. Recorded parts
// are Matroska, whatever they hold; the rest are videos from outside.
var demuxers = map[string]string{".webm": "matroska", ".mkv": "matroska", ".mp4": "mov", ".mov": "mov"}

// common opens every command: quiet, no terminal, log lines with their level.
var common = []string{"-hide_banner", "-nostdin", "-y", "-loglevel", "level+warning", "-nostats", "-progress", "pipe:1"}

// inputArgs opens a source at file time seek, with its own timestamps kept and
// everything since the keyframe before. ReinitFilter 0 lets the scaler follow
// changes of size; a rebuilt graph would lose every filter's state.
func inputArgs(path string, seek recording.Seconds) []string {
	demuxer := or(demuxers[strings.ToLower(filepath.Ext(path))], "matroska")
	args := []string{"-threads", "1", "-reinit_filter", "0", "-seek_timestamp", "1", "-noaccurate_seek", "-f", demuxer}
	if seek > 0 {
		args = append(args, "-ss", decimal(seek))
	}
	return append(args, "-i", "file:"+path)
}

// pieceCommand encodes frames first..first+count of the film. The graph goes
// to a file of its own, for it can outgrow a command line.
func (p *Plan) pieceCommand(path func(Source) string, first, count int, art sceneArt, out string) (args []string, graph string) {
	spec := p.Spec
	g := pieceGraph{plan: p, path: path, zero: frameTime(first, spec.FrameRate), end: frameTime(first+count, spec.FrameRate)}
	graph = g.build(art)
	args = append(append(args, common...), g.args...)
	args = append(args, "-filter_complex_threads", "1", "-filter_complex_script", out+".graph", "-map", "[film]",
		"-frames:v", strconv.Itoa(count), "-threads", "1", "-g", strconv.Itoa(5*spec.FrameRate))
	args = append(args, p.bitrate()...)
	return append(append(args, formats[spec.Format].video...), out), graph
}

// bitrate bounds the picture's bytes: 2 Mbit/s for 1280x720 at 30 frames a
// second, in proportion for others. VP8 aims at it, x264 may go to twice that.
func (p *Plan) bitrate() []string {
	kbit := max(250, 2000*p.Spec.Width*p.Spec.Height/(1280*720)*p.Spec.FrameRate/30)
	if p.Spec.Format == "webm" {
		return []string{"-b:v", fmt.Sprintf("%dk", kbit)}
	}
	return []string{"-maxrate", fmt.Sprintf("%dk", 2*kbit), "-bufsize", fmt.Sprintf("%dk", 4*kbit)}
}

// soundCommand mixes all voices and encodes them, once for the whole film.
func (p *Plan) soundCommand(path func(Source) string, out string) (args []string, graph string) {
	var g strings.Builder
	const stereo = "aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo"
	args = append(args, common...)
	total, inputs, mix := samples(p.Duration), 0, ""
	for l, lane := range p.Voices {
		var done int64
		var chain strings.Builder
		links := 0
		silence := func(until int64) {
			if until > done {
				fmt.Fprintf(&g, "anullsrc=r=48000:cl=stereo,atrim=end_sample=%d,%s[lane%d_%d];\n", until-done, stereo, l, links)
				fmt.Fprintf(&chain, "[lane%d_%d]", l, links)
				links++
				done = until
			}
		}
		for _, c := range lane {
			from, to := samples(c.From), samples(c.To)
			if to <= from {
				continue
			}
			silence(from)
			s := p.Sources[c.Source]
			seek := max(0, c.FileFrom-lead)
			args = append(args, inputArgs(path(s), seek)...)
			// Small deviations are stretched away, up to 2 %; a lost packet's
			// length or more is filled with silence, so nothing moves.
			fmt.Fprintf(&g, "[%d:a:%d]asetpts='(%s)/TB',atrim=start=0,", inputs, s.Index, retime(s.Clock.window(seek, c.FileTo), seek, c.From))
			fmt.Fprintf(&g, "aresample=48000:async=1000:min_comp=0.002:min_hard_comp=0.015:first_pts=0:flags=+res,%s,", stereo)
			fmt.Fprintf(&g, "apad=whole_len=%d,atrim=end_sample=%d,asetpts=N/SR/TB[lane%d_%d];\n", to-from, to-from, l, links)
			fmt.Fprintf(&chain, "[lane%d_%d]", l, links)
			links, inputs, done = links+1, inputs+1, to
		}
		silence(total)
		fmt.Fprintf(&g, "%sconcat=n=%d:v=0:a=1[voice%d];\n", chain.String(), links, l)
		mix += fmt.Sprintf("[voice%d]", l)
	}
	if len(p.Voices) == 0 {
		fmt.Fprintf(&g, "anullsrc=r=48000:cl=stereo,%s", stereo)
	} else {
		// Without normalize=0 everybody gets quieter when somebody joins;
		// without level=disabled the limiter raises what it has limited.
		fmt.Fprintf(&g, "%samix=inputs=%d:normalize=0:dropout_transition=0,alimiter=limit=0.97:level=disabled:latency=1", mix, len(p.Voices))
	}
	fmt.Fprintf(&g, ",apad=whole_len=%d,atrim=end_sample=%d[film]\n", total, total)
	args = append(args, "-filter_complex_threads", "1", "-filter_complex_script", out+".graph", "-map", "[film]")
	return append(append(args, formats[p.Spec.Format].audio...), out), g.String()
}

// joinCommand puts pieces and sound together without encoding. list is a
// script for ffmpeg's concat demuxer, from concatScript.
func (p *Plan) joinCommand(list, sound, out string) []string {
	args := append([]string{}, common...)
	args = append(args, "-f", "concat", "-i", list, "-i", sound, "-map", "0:v:0", "-map", "1:a:0", "-c", "copy", "-map_metadata", "-1")
	return append(append(args, formats[p.Spec.Format].mux...), out)
}

// concatScript lists the pieces with their exact lengths: a container's own
// length is rounded to its time base.
func concatScript(files []string, lengths []recording.Seconds) string {
	var b strings.Builder
	b.WriteString("ffconcat version 1.0\n")
	for i, f := range files {
		fmt.Fprintf(&b, "file %s\nduration %s\n", f, decimal(lengths[i]))
	}
	return b.String()
}

// probeArgs asks ffprobe for a film's length and size as JSON.
func probeArgs(file string) []string {
	return []string{"-v", "error", "-of", "json", "-show_entries", "format=duration,size:stream=codec_type,width,height", "file:" + file}
}

// stillArgs reads one picture of a film, scaled, as PNG on standard output.
func stillArgs(film string, at recording.Seconds, width, height int) []string {
	return []string{
		"-hide_banner", "-nostdin", "-loglevel", "level+warning", "-threads", "1", "-ss", decimal(at), "-i", "file:" + film,
		"-frames:v", "1", "-vf", fmt.Sprintf("scale=%d:%d:flags=area", width, height), "-f", "image2pipe", "-c:v", "png", "pipe:1",
	}
}

// retime is an ffmpeg expression for where a frame belongs, in seconds from
// zero. T is the frame's file time less seek.
func retime(c clock, seek, zero recording.Seconds) string {
	line := func(a, b recording.SyncPoint) string {
		rate := 1.0
		if a.File != b.File {
			rate = float64(b.Timeline-a.Timeline) / float64(b.File-a.File)
		}
		return fmt.Sprintf("%.9f+%.12f*T", (a.Timeline-zero).Float()+rate*(seek-a.File).Float(), rate)
	}
	if len(c) == 1 {
		return line(c[0], c[0])
	}
	expr := line(c[len(c)-2], c[len(c)-1])
	for i := len(c) - 2; i > 0; i-- {
		if c[i-1].File != c[i].File {
			expr = fmt.Sprintf("if(lt(T,%.9f),%s,%s)", (c[i].File - seek).Float(), line(c[i-1], c[i]), expr)
		}
	}
	return expr
}

func samples(t recording.Seconds) int64 {
	return (int64(t)/1e3*sampleRate + 5e5) / 1e6
}

func decimal(t recording.Seconds) string { return strconv.FormatFloat(t.Float(), 'f', 6, 64) }

func hex(c color.NRGBA) string { return fmt.Sprintf("0x%02x%02x%02x", c.R, c.G, c.B) }
