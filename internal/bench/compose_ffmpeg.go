//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

// runFFmpeg runs ffmpeg and returns the CPU time that it took.
func runFFmpeg(ctx context.Context, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-v", "error", "-nostdin", "-y"}, args...)...)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("ffmpeg: %w: %s", err, strings.TrimSpace(log.String()))
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// inputs opens the parts of n people.
func (b *composeBench) inputs(n int, rest ...string) []string {
	var args []string
	for i := range n {
		args = append(args, "-i", b.parts[i%len(b.parts)])
	}
	return append(args, rest...)
}

// decodeAlone decodes all that a film of n is made of.
func (b *composeBench) decodeAlone(n int) []string {
	var args []string
	for i := range n {
		args = append(args, "-threads", "1", "-i", b.parts[i%len(b.parts)])
	}
	for i := range n {
		args = append(args, "-map", strconv.Itoa(i))
	}
	return append(args, "-fps_mode", "passthrough", "-f", "null", "-")
}

// encodeAlone encodes a lossless film as a film of this format is, and returns
// the CPU time of that alone: another process decodes.
func encodeAlone(ctx context.Context, lossless, out, format string) (time.Duration, error) {
	decode := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-i", lossless, "-f", "yuv4mpegpipe", "-")
	args := append([]string{"-v", "error", "-y", "-f", "yuv4mpegpipe", "-i", "-"}, compose.EncoderArgs(recording.CompositionSpec{Format: format})...)
	encode := exec.CommandContext(ctx, "ffmpeg", append(args, out)...)
	var log bytes.Buffer
	encode.Stderr = &log
	pipe, err := decode.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("encode alone: %w", err)
	}
	encode.Stdin = pipe
	if err := decode.Start(); err != nil {
		return 0, fmt.Errorf("encode alone: %w", err)
	}
	err = encode.Run()
	if err := errors.Join(err, decode.Wait()); err != nil {
		return 0, fmt.Errorf("encode alone: %w: %s", err, strings.TrimSpace(log.String()))
	}
	return encode.ProcessState.UserTime() + encode.ProcessState.SystemTime(), nil
}

// soundAlone encodes the sound of a film, which is in mono, again, and returns the CPU time of that
// without decoding it.
func (b *composeBench) soundAlone(ctx context.Context, film string) (time.Duration, error) {
	samples := filepath.Join(b.data, "sound.wav")
	if _, err := runFFmpeg(ctx, "-i", film, "-vn", samples); err != nil {
		return 0, err
	}
	args := []string{"-c:a", "libopus", "-b:a", "64k", filepath.Join(b.data, "sound.ogg")}
	if filepath.Ext(film) == ".mp4" {
		args = []string{"-c:a", "aac", "-b:a", "128k", "-aac_coder", "fast", filepath.Join(b.data, "sound.m4a")}
	}
	return runFFmpeg(ctx, append([]string{"-i", samples}, args...)...)
}

// cameraGraph draws what the ith camera sees: a room, blurred a little as by a
// lens, before it somebody who never sits still, and noise.
func cameraGraph(i int) string {
	still := func(size, format string, x, y, scale float64, hue int) string {
		return fmt.Sprintf("mandelbrot=maxiter=400:s=%s:r=30:start_x=%g:start_y=%g:start_scale=%g,trim=end_frame=1,format=%s,boxblur=2,hue=h=%d:s=0.5",
			size, x, y, scale, format, hue)
	}
	const endless, face = "loop=-1:1,setpts=N/30/TB", "geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='255*lt(pow((X-240)/235,2)+pow((Y-320)/315,2),1)'"
	room := still("1280x720", "yuv420p", -0.743, 0.131, 0.01*float64(i+2), 70*i) + "," + endless
	person := still("480x640", "yuva420p", -1.25, 0.02, 0.1+0.01*float64(i), 90*i+20) + "," + face + "," + endless
	return fmt.Sprintf("%s[room];%s[person];[room][person]overlay=x='400+60*sin(2*PI*t/3.%d)':y='90+25*sin(2*PI*t/1.7)',noise=alls=6:allf=t,format=yuv420p",
		room, person, i)
}

// gridOf lays n pictures out like the seed's grid of equal tiles.
func gridOf(n int) string {
	columns := int(math.Ceil(math.Sqrt(float64(n))))
	rows := (n + columns - 1) / columns
	width, height := 1280/columns&^1, 720/rows&^1
	var g strings.Builder
	var names string
	var places []string
	for i := range n {
		fmt.Fprintf(&g, "[%d:v]scale=%d:%d:force_original_aspect_ratio=decrease,pad=%d:%d:(ow-iw)/2:(oh-ih)/2:black,setsar=1[v%d];", i, width, height, width, height, i)
		names += fmt.Sprintf("[v%d]", i)
		places = append(places, fmt.Sprintf("%d_%d", i%columns*width, i/columns*height))
	}
	fmt.Fprintf(&g, "%sxstack=inputs=%d:layout=%s:fill=black,fps=30,format=yuv420p[out]", names, n, strings.Join(places, "|"))
	return g.String()
}

// seed is the recipe of the meeting app's recorder: everything in one process,
// its encoders, and a plain mix.
func (b *composeBench) seed(n int, encoders ...string) []string {
	graph := gridOf(n) + ";"
	for i := range n {
		graph += fmt.Sprintf("[%d:a]", i)
	}
	graph += fmt.Sprintf("amix=inputs=%d:duration=longest:dropout_transition=2[sound]", n)
	return append([]string{"-filter_complex", graph, "-map", "[out]", "-map", "[sound]"}, encoders...)
}

var similarityLine = regexp.MustCompile(`All:([0-9.]+)`)

// similarity is the SSIM of a film against the same plan encoded without loss.
func similarity(ctx context.Context, dir, film, format string) (float64, error) {
	reference, err := compose.Composer{Niceness: 1, Lossless: true}.Compose(ctx, dir, recording.CompositionSpec{Format: "mp4"}, nil)
	if err != nil {
		return 0, err
	}
	path := filepath.Join(recording.CompositionsDir(dir), reference.File)
	defer os.Remove(path)
	out, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-i", film, "-i", path, "-lavfi", "[0:v]settb=1/30,setpts=N[a];[1:v]settb=1/30,setpts=N[b];[a][b]ssim", "-f", "null", "-").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("compare films: %w: %s", err, bytes.TrimSpace(out[max(0, len(out)-500):]))
	}
	m := similarityLine.FindSubmatch(out)
	if m == nil {
		return 0, errors.New("compare films: ffmpeg tells no SSIM")
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	return rounded(v, 10000), err
}

// childrenCPU is the CPU time of all processes that this one has waited for.
func childrenCPU() time.Duration {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func loadAverage() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}

// watchMemory looks twice a second at what this process's children take; the
// function it returns ends that and tells the most.
func watchMemory(ctx context.Context) func() int64 {
	ctx, cancel := context.WithCancel(ctx)
	var most int64
	var done sync.WaitGroup
	done.Go(func() {
		for wait(ctx, 500*time.Millisecond) == nil {
			most = max(most, childrenMemory())
		}
	})
	return func() int64 { cancel(); done.Wait(); return most }
}

func childrenMemory() (total int64) {
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, task := range tasks {
		b, _ := os.ReadFile(task)
		for _, pid := range strings.Fields(string(b)) {
			status, _ := os.ReadFile("/proc/" + pid + "/status")
			if m := residentLine.FindSubmatch(status); m != nil {
				kib, _ := strconv.ParseInt(string(m[1]), 10, 64)
				total += kib << 10
			}
		}
	}
	return total
}
