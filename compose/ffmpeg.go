package compose

import (
	"fmt"
	"image/color"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// This file and ffmpeg_picture.go alone know ffmpeg's command line. No text that came from outside
// enters it, only numbers and names of our own; parts are opened by absolute
// path, as files and as Matroska, whatever they hold.

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
// everything since the keyframe before; decoding are options of its decoder. ReinitFilter 0 lets the scaler follow
// changes of size; a rebuilt graph would lose every filter's state.
func inputArgs(path string, seek recording.Seconds, decoding ...string) []string {
	demuxer := or(demuxers[strings.ToLower(filepath.Ext(path))], "matroska")
	args := append([]string{"-threads", "1", "-reinit_filter", "0", "-seek_timestamp", "1", "-noaccurate_seek"}, decoding...)
	args = append(args, "-f", demuxer)
	if seek > 0 {
		args = append(args, "-ss", decimal(seek))
	}
	return append(args, "-i", "file:"+path)
}

// pieceCommand encodes frames first..first+count of the film. The graph goes
// to a file of its own, for it can outgrow a command line.
func (p *Plan) pieceCommand(path func(Source) string, first, count int, art sceneArt, out string) (args []string, graph string) {
	spec := p.Spec
	g := pieceGraph{plan: p, path: path, zero: frameTime(first, spec.FrameRate), end: frameTime(first+count, spec.FrameRate), frames: count}
	graph = g.build(art)
	args = append(append(args, common...), g.args...)
	args = append(args, hardwareArgs(spec)...)
	args = append(args, "-filter_complex_threads", "1", "-filter_complex_script", out+".graph", "-map", "[film]", "-frames:v", strconv.Itoa(count))
	return append(append(args, videoArgs(spec)...), out), graph
}

// soundCommand mixes the voices of a stretch and encodes them.
func (p *Plan) soundCommand(path func(Source) string, s stretch, codec *soundCodec, out string) (args []string, graph string) {
	var g strings.Builder
	layout, format, fold := "stereo", "aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=", ""
	if p.Channels == 1 {
		// Where every packet is in mono, both channels are the same.
		layout, fold = "mono", "pan=mono|c0=c0,"
	}
	format += layout
	args = append(args, common...)
	total, zero, inputs, mix := s.end-s.begin, at(s.begin), 0, ""
	for l, lane := range s.lanes {
		var done int64
		var chain strings.Builder
		links := 0
		silence := func(until int64) {
			if until > done {
				fmt.Fprintf(&g, "anullsrc=r=48000:cl=%s,atrim=end_sample=%d,%s[lane%d_%d];\n", layout, until-done, format, l, links)
				fmt.Fprintf(&chain, "[lane%d_%d]", l, links)
				links++
				done = until
			}
		}
		for _, c := range lane {
			from, to := max(done, samples(c.From)-s.begin), min(total, samples(c.To)-s.begin)
			if to <= from {
				continue
			}
			silence(from)
			source := p.Sources[c.Source]
			seek := seekable(c.FileFrom - lead)
			args = append(args, inputArgs(path(source), seek)...)
			// Small deviations are stretched away, up to 2 %; a lost packet's
			// length or more is filled with silence, so nothing moves.
			fmt.Fprintf(&g, "[%d:a:%d]asetpts='(%s)/TB',atrim=start=0,%s", inputs, source.Index, retime(source.Clock.window(seek, c.FileTo), seek, zero+at(from)), fold)
			fmt.Fprintf(&g, "aresample=48000:async=1000:min_comp=0.002:min_hard_comp=0.015:first_pts=0:flags=+res,%s,", format)
			fmt.Fprintf(&g, "apad=whole_len=%d,atrim=end_sample=%d,asetpts=N/SR/TB[lane%d_%d];\n", to-from, to-from, l, links)
			fmt.Fprintf(&chain, "[lane%d_%d]", l, links)
			links, inputs, done = links+1, inputs+1, to
		}
		silence(total)
		fmt.Fprintf(&g, "%sconcat=n=%d:v=0:a=1[voice%d];\n", chain.String(), links, l)
		mix += fmt.Sprintf("[voice%d]", l)
	}
	if len(s.lanes) == 0 {
		fmt.Fprintf(&g, "anullsrc=r=48000:cl=%s,%s", layout, format)
	} else {
		// Without normalize=0 everybody gets quieter when somebody joins;
		// without level=disabled the limiter raises what it has limited.
		fmt.Fprintf(&g, "%samix=inputs=%d:normalize=0:dropout_transition=0,alimiter=limit=0.97:level=disabled:latency=1", mix, len(s.lanes))
	}
	fmt.Fprintf(&g, ",apad=whole_len=%d,atrim=end_sample=%d[film]\n", total, total)
	args = append(args, "-filter_complex_threads", "1", "-filter_complex_script", out+".graph", "-map", "[film]")
	return append(append(args, codec.args(p.Channels)...), out), g.String()
}

// joinCommand puts pieces and sound together without encoding. list is a
// script for ffmpeg's concat demuxer, from concatScript, or empty where there is
// no picture; chapters is an ffmetadata file or empty.
func (p *Plan) joinCommand(list string, sounds []soundTrack, soundFiles []string, chapters, out string) []string {
	f := formats[p.Spec.Format]
	args := append([]string{}, common...)
	var maps []string
	inputs := 0
	input := func(mapped string, a ...string) {
		args = append(args, a...)
		if mapped != "" {
			maps = append(maps, "-map", strconv.Itoa(inputs)+mapped)
		}
		inputs++
	}
	if list != "" {
		input(":v:0", "-f", "concat", "-i", list)
	}
	for i, file := range soundFiles {
		// ADTS does not tell that the encoder is one packet late; Ogg does, and
		// WebM's muxer expects to be told by nothing but the codec's header.
		switch late := float64(f.sound.delay) / sampleRate; {
		case f.sound == &aac:
			args = append(args, "-itsoffset", fmt.Sprintf("%.9f", -late))
		case !strings.HasSuffix(out, ".ogg"):
			args = append(args, "-itsoffset", fmt.Sprintf("%.9f", late))
		}
		input(":a:0", "-i", file)
		if title := sounds[i].title; title != "" {
			maps = append(maps, fmt.Sprintf("-metadata:s:a:%d", i), "title="+title, fmt.Sprintf("-metadata:s:a:%d", i), "handler_name="+title)
		}
	}
	chaptered := "-1"
	if chapters != "" {
		chaptered = strconv.Itoa(inputs)
		input("", "-f", "ffmetadata", "-i", chapters)
	}
	args = append(append(args, maps...), "-c", "copy", "-map_metadata:g", "-1", "-map_metadata:s", "-1", "-map_chapters", chaptered)
	mux := f.mux
	if len(soundFiles) > 1 && f.sound == &opus {
		mux = []string{"-f", "matroska"}
	}
	return append(append(args, mux...), out)
}

// pixels is what the encoder takes.
func pixels(spec recording.CompositionSpec) string {
	if spec.Encoder == "vaapi" || spec.Encoder == "qsv" {
		return "nv12"
	}
	return "yuv420p"
}

// concatScript lists the pieces with their exact lengths: a container's own
// length is rounded to its time base. An inpoint keeps a file's own times, of
// which the first need not be zero where frames were copied.
func concatScript(files []string, lengths []recording.Seconds) string {
	var b strings.Builder
	b.WriteString("ffconcat version 1.0\n")
	for i, f := range files {
		fmt.Fprintf(&b, "file %s\ninpoint 0\nduration %s\n", f, decimal(lengths[i]))
	}
	return b.String()
}

// keyframeArgs ask ffprobe for the packets of a file's nth picture between two
// moments: lines of time and flags.
func keyframeArgs(file string, n int, from, to recording.Seconds) []string {
	return []string{
		"-v", "error", "-f", "matroska", "-select_streams", "v:" + strconv.Itoa(n), "-read_intervals", decimal(from) + "%" + decimal(to),
		"-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", "file:" + file,
	}
}

// copyCommand copies the frames of a piece, each to its place in the film.
func (p *Plan) copyCommand(file string, s Source, c piece, out string) []string {
	from, rate := *c.copyFrom, p.Spec.FrameRate
	zero, end := frameTime(c.first, rate), frameTime(c.first+c.frames, rate)
	until := s.Clock.file(end) - frameTime(1, 2*rate) // a frame that is nearer to what follows is left to it
	when := strings.ReplaceAll(retime(s.Clock.window(from, until), from, zero), "T", "(PTS*TB)")
	args := append(append([]string{}, common...), "-seek_timestamp", "1", "-noaccurate_seek", "-f", "matroska", "-ss", decimal(from), "-t", decimal(until-from), "-i", "file:"+file)
	return append(args, "-map", "0:v:"+strconv.Itoa(s.Index), "-c", "copy", "-map_metadata", "-1",
		"-bsf:v", "setts=ts='max(0,round(("+when+")/TB))'", "-f", "webm", out)
}

// remuxCommand copies a part into a file with an index.
func remuxCommand(part, out string) []string {
	args := append([]string{}, common...)
	return append(args, "-f", "matroska", "-i", part, "-map", "0", "-c", "copy", "-map_metadata", "-1", out)
}

// followScript lists the parts of a stream, each at its place: with an inpoint
// the demuxer keeps a file's own times, and durations tell where the next begins. A
// node that wrote on after another had taken over ends where that one's pictures begin.
func followScript(files []string, parts []recording.Part) string {
	var b strings.Builder
	b.WriteString("ffconcat version 1.0\n")
	for i, f := range files {
		fmt.Fprintf(&b, "file %s\ninpoint 0\n", f)
		if i+1 < len(files) {
			fmt.Fprintf(&b, "duration %s\n", decimal(parts[i+1].Start-parts[i].Start))
		}
		own, has := pictureOf(parts[i : i+1])
		next, more := pictureOf(parts[i+1:])
		if !has || !more {
			continue
		}
		fmt.Fprintf(&b, "outpoint %s\n", decimal(newClock(parts[i], own, 0).file(next.Start)))
	}
	return b.String()
}

// pictureOf returns the first track of pictures.
func pictureOf(parts []recording.Part) (recording.Track, bool) {
	for _, p := range parts {
		for _, t := range p.Tracks {
			if t.Kind == recording.Video {
				return t, true
			}
		}
	}
	return recording.Track{}, false
}

// followCommand copies the pictures of a list of parts, offset in the file, and
// its sound.
func followCommand(list string, offset recording.Seconds, sound, out string) []string {
	args := append([]string{}, common...)
	return append(args, "-itsoffset", decimal(offset), "-f", "concat", "-i", list,
		"-itsoffset", fmt.Sprintf("%.9f", float64(opus.delay)/sampleRate), "-i", sound,
		"-map", "0:v:0", "-map", "1:a:0", "-c", "copy", "-map_metadata", "-1", out)
}

const playlistName = "index.m3u8"

// playlistCommand cuts an MP4 film into fragments for players
// (RFC 8216, with fMP4 segments) without encoding it again.
func playlistCommand(film string) []string {
	args := append([]string{}, common...)
	return append(args, "-i", "file:"+film, "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "5",
		"-hls_playlist_type", "vod", "-hls_flags", "independent_segments", "-hls_segment_filename", "segment%05d.m4s",
		"-hls_fmp4_init_filename", "init.mp4", playlistName)
}

// posterCommand writes one picture of a film as JPEG.
func posterCommand(film string, at recording.Seconds, out string) []string {
	args := append([]string{}, common...)
	return append(append(args, stillInput(film, at)...), "-frames:v", "1", "-vf", still, "-q:v", "3", "-f", "image2", "-update", "1", out)
}

// stillInput and still take the picture that a film shows at a moment, also after
// its last.
func stillInput(film string, at recording.Seconds) []string {
	return []string{"-noaccurate_seek", "-ss", decimal(at), "-i", "file:" + film}
}

const still = "tpad=stop=-1:stop_mode=clone,fps=25:start_time=0"

// probeArgs asks ffprobe for a film's length and size as JSON.
func probeArgs(file string) []string {
	return []string{"-v", "error", "-of", "json", "-show_entries", "format=duration,size:stream=codec_type,width,height", "-format_whitelist", "matroska,webm,mov,mp4,m4a,ogg", "file:" + file}
}

// openArgs has ffprobe fail unless a part's file can be opened.
func openArgs(part string) []string {
	return []string{"-v", "error", "-f", "matroska", "-show_entries", "stream=index", "file:" + part}
}

// stillArgs reads one picture of a film, scaled, as PNG on standard output.
func stillArgs(film string, at recording.Seconds, width, height int) []string {
	args := append([]string{"-hide_banner", "-nostdin", "-loglevel", "level+warning", "-threads", "1"}, stillInput(film, at)...)
	return append(args, "-frames:v", "1", "-vf", fmt.Sprintf("%s,scale=%d:%d:flags=area", still, width, height), "-f", "image2pipe", "-c:v", "png", "pipe:1")
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
	var ends []int // of the stretches between points
	for i := 1; i < len(c); i++ {
		if c[i-1].File != c[i].File || i == len(c)-1 {
			ends = append(ends, i)
		}
	}
	// By halves: ffmpeg refuses a hundred parentheses within each other.
	var choose func(ends []int) string
	choose = func(ends []int) string {
		half := len(ends) / 2
		if half == 0 {
			return line(c[ends[0]-1], c[ends[0]])
		}
		return fmt.Sprintf("if(lt(T,%.9f),%s,%s)", (c[ends[half-1]].File - seek).Float(), choose(ends[:half]), choose(ends[half:]))
	}
	return choose(ends)
}

// seekable is the last place before t that ffmpeg can seek to exactly: it
// rounds to the file's time base, which is Matroska's millisecond.
func seekable(t recording.Seconds) recording.Seconds {
	return max(0, recording.Seconds(t.Duration().Truncate(time.Millisecond)))
}

func samples(t recording.Seconds) int64 {
	return (int64(t)/1e3*sampleRate + 5e5) / 1e6
}

func decimal(t recording.Seconds) string { return strconv.FormatFloat(t.Float(), 'f', 6, 64) }

func hex(c color.NRGBA) string { return fmt.Sprintf("0x%02x%02x%02x", c.R, c.G, c.B) }
