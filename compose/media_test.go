package compose

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// person is a participant of a made-up meeting: a colour, a tone, and clocks
// that run as the manifest says. Times are seconds on the timeline.
type person struct {
	identity, name string
	colour         string
	from, to       float64
	// audioAt and videoAt are where file time fileZero of either track lies.
	fileZero, videoAt, audioAt float64
	rate                       float64
	// A flash and a beep of 100 ms come each second, phase after the full one;
	// steady is a tone without pause instead.
	phase  float64
	tone   float64
	steady bool
	size   string
	muted  []interval // the camera's
	// secondSize is the picture's size in the second half.
	secondSize, stream string
	noVideo, noAudio   bool
	stereo             bool
}

func sec(f float64) recording.Seconds { return recording.Seconds(math.Round(f * 1e9)) }

// tool runs a program and returns what it printed.
func tool(t testing.TB, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, &log)
	}
	return out.Bytes()
}

// meeting writes the directory of a recording.
func meeting(t testing.TB, dir string, people ...person) *recording.Manifest {
	t.Helper()
	m := &recording.Manifest{
		ID: filepath.Base(dir), Room: "test", State: recording.Stopped,
		StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	if recording.CheckID(recording.PrefixRecording, m.ID) != nil {
		m.ID = recording.NewID(recording.PrefixRecording)
	}
	for _, p := range people {
		m.Participants = append(m.Participants, recording.Participant{
			Identity: p.identity, Name: p.name,
			Present: []recording.Presence{{SID: "PA_" + p.identity, From: sec(p.from), To: sec(p.to)}},
		})
		m.Parts = append(m.Parts, part(t, dir, p))
		m.Duration = max(m.Duration, sec(p.to))
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func part(t testing.TB, dir string, p person) recording.Part {
	t.Helper()
	id := recording.NewID(recording.PrefixPart)
	out := recording.Part{
		ID: id, File: id + ".webm", Participant: p.identity, Stream: or(p.stream, "camera"),
		Start: sec(p.videoAt - p.fileZero), Duration: sec(p.to - p.from), Ended: recording.EndedByStop,
	}
	rate := or(p.rate, 1)
	var args []string
	track := func(kind recording.Kind, at float64, codec string, zero float64) {
		long := (p.to - p.from) / rate
		out.Tracks = append(out.Tracks, recording.Track{
			Number: len(out.Tracks) + 1, Kind: kind, Codec: codec, Start: sec(at), End: sec(at + p.to - p.from),
			Sync: []recording.SyncPoint{{File: sec(zero), Timeline: sec(at)}, {File: sec(zero + long), Timeline: sec(at + long*rate)}},
		})
	}
	gate := func(at float64) string {
		if p.steady {
			return "1"
		}
		return fmt.Sprintf("lt(mod(%f+t*%f-%f+10,1),0.1)", at, rate, p.phase)
	}
	long := (p.to - p.from) / rate
	inputs, maps := 0, []string{}
	if !p.noVideo {
		track(recording.Video, p.videoAt, "vp8", p.fileZero)
		out.Tracks[len(out.Tracks)-1].Muted = p.muted
		flash := gate(p.videoAt)
		if p.steady {
			flash = "0"
		}
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("color=c=%s:s=%s:r=100:d=%f,drawbox=c=white:t=fill:enable='%s'", p.colour, or(p.size, "160x90"), long, flash))
		maps = append(maps, "-map", fmt.Sprintf("%d:v", inputs), "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "100", "-b:v", "300k", "-qmax", "30")
		inputs++
	}
	if !p.noAudio {
		// ffmpeg's muxer puts sound too early by Opus' delay when it may not
		// move what comes before zero.
		const opusDelay = 0.0065
		track(recording.Audio, p.audioAt, "opus", p.fileZero-opusDelay)
		channels := 1
		if p.stereo {
			channels = 2
		}
		out.Tracks[len(out.Tracks)-1].Channels = channels
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("aevalsrc=exprs='0.25*sin(2*PI*%f*t)*%s':s=48000:d=%f", or(p.tone, 1000), gate(p.audioAt), long))
		maps = append(maps, "-map", fmt.Sprintf("%d:a", inputs), "-ac", fmt.Sprint(channels), "-c:a", "libopus", "-b:a", "64k")
	}
	file := filepath.Join(dir, out.File)
	args = append(append([]string{"-v", "error", "-y"}, args...), maps...)
	tool(t, "ffmpeg", append(args, "-output_ts_offset", fmt.Sprint(p.fileZero), "-avoid_negative_ts", "disabled", "-f", "webm", file)...)
	if p.secondSize != "" {
		grow(t, file, p, long)
	}
	return out
}

// grow puts a stretch of another picture size behind the first half, as a
// browser does that turns up its camera.
func grow(t testing.TB, file string, p person, long float64) {
	t.Helper()
	list := ""
	for i, size := range []string{or(p.size, "160x90"), p.secondSize} {
		half := fmt.Sprintf("%s.%d.webm", file, i)
		tool(t, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", fmt.Sprintf("color=c=%s:s=%s:r=100:d=%f", p.colour, size, long/2),
			"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k", half)
		list += fmt.Sprintf("file '%s'\nduration %f\n", half, long/2)
		defer os.Remove(half)
	}
	if err := os.WriteFile(file+".txt", []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file + ".txt")
	tool(t, "ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", file+".txt", "-c", "copy", "-f", "webm", file)
}

// decoded is a film as a viewer gets it.
type decoded struct {
	width, height, rate int
	frames              [][]byte // RGB
	sound               []float64
}

func decode(t testing.TB, film string, width, height, rate int) decoded {
	t.Helper()
	d := decoded{width: width, height: height, rate: rate}
	raw := tool(t, "ffmpeg", "-v", "error", "-i", film, "-map", "0:v", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
	for size := 3 * width * height; len(raw) >= size; raw = raw[size:] {
		d.frames = append(d.frames, raw[:size])
	}
	raw = tool(t, "ffmpeg", "-v", "error", "-i", film, "-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "f32le", "-")
	for ; len(raw) >= 4; raw = raw[4:] {
		d.sound = append(d.sound, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
	}
	return d
}

// colour names the colour at a place in a frame.
func (d decoded) colour(at float64, x, y int) string {
	n := min(len(d.frames)-1, int(math.Round(at*float64(d.rate))))
	return d.colourOf(n, x, y)
}

func (d decoded) colourOf(frame, x, y int) string {
	p := d.frames[frame][3*(y*d.width+x):]
	palette := map[string][3]int{
		"red": {255, 0, 0}, "green": {0, 128, 0}, "blue": {0, 0, 255}, "yellow": {255, 255, 0}, "white": {255, 255, 255},
		"card": {int(tileColour.R), int(tileColour.G), int(tileColour.B)}, "canvas": {int(canvasColour.R), int(canvasColour.G), int(canvasColour.B)},
	}
	const near = 70
	best, name := near, fmt.Sprintf("#%02x%02x%02x", p[0], p[1], p[2])
	for n, c := range palette {
		if d := abs(int(p[0])-c[0]) + abs(int(p[1])-c[1]) + abs(int(p[2])-c[2]); d < best {
			best, name = d, n
		}
	}
	return name
}

func abs(v int) int { return max(v, -v) }

// flash is when a place turned white, at the first frame after from.
func (d decoded) flash(from float64, x, y int) float64 {
	for n := int(math.Ceil(from * float64(d.rate))); n < len(d.frames); n++ {
		if d.colourOf(n, x, y) == "white" {
			return float64(n) / float64(d.rate)
		}
	}
	return math.Inf(1)
}

// beep is when it became loud after from.
func (d decoded) beep(from float64) float64 {
	for n := int(from * sampleRate); n < len(d.sound); n++ {
		if math.Abs(d.sound[n]) > 0.05 {
			return float64(n) / sampleRate
		}
	}
	return math.Inf(1)
}

// level is the strength of a tone in from..to, in decibels (Goertzel).
func (d decoded) level(tone, from, to float64) float64 {
	var re, im float64
	a, b := int(from*sampleRate), int(to*sampleRate)
	for n := a; n < b; n++ {
		s, c := math.Sincos(2 * math.Pi * tone * float64(n) / sampleRate)
		re, im = re+d.sound[n]*c, im+d.sound[n]*s
	}
	return 20 * math.Log10(2*math.Hypot(re, im)/float64(b-a)+1e-9)
}

// decodeSound decodes one track of sound.
func decodeSound(t testing.TB, file string, track int) []float64 {
	t.Helper()
	raw := tool(t, "ffmpeg", "-v", "error", "-i", file, "-map", fmt.Sprintf("0:a:%d", track), "-ac", "1", "-ar", "48000", "-f", "f32le", "-")
	sound := make([]float64, 0, len(raw)/4)
	for ; len(raw) >= 4; raw = raw[4:] {
		sound = append(sound, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
	}
	return sound
}
