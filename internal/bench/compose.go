//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

// composeFigures is what composing costs. All of it is measured in one run, of
// the same inputs: cameras that see a room that stands still with its details, a
// large figure that moves in it all the time, and the noise of a sensor, so that
// no encoder can skip much. CPU is that of all processes, however many threads
// they have.
//
// The floor is decoding the inputs, each once, and encoding the result, picture
// and sound, with the encoders of the film itself: whoever encodes more cheaply
// has a lower floor. The seeds are the recipes of the programs that roomreel
// replaces, with their encoders' own bit rates and as many threads as they take;
// they draw no name plates, and their grid has no gaps.
type composeFigures struct {
	Participants int    `json:"participants"`
	Film         string `json:"film"`
	// Speed is film seconds per wall second; it depends on what else runs.
	Speed    float64 `json:"speed_x_realtime"`
	CPU      float64 `json:"cpu_s_per_minute"`
	Floor    float64 `json:"cpu_ratio_to_floor"`
	SSIM     float64 `json:"ssim"`
	SeedVP9  float64 `json:"cpu_vs_seed_vp9,omitempty"`
	SeedX264 float64 `json:"cpu_vs_seed_x264,omitempty"`
	// Memory is the most that ffmpeg's processes took together, in MB.
	Memory int64 `json:"memory_mb"`
	// Live is how long after the meeting's end its film is ready, Long the same
	// of one that has run long, whose pictures are small and few.
	Live  float64 `json:"live_ready_s,omitempty"`
	Long  float64 `json:"long_ready_s,omitempty"`
	Load  float64 `json:"load_average"`
	Cores int     `json:"cores"`
}

func composeCommand() *cli.Command {
	return &cli.Command{
		Name:  "compose",
		Usage: "films against decoding and encoding alone, and against the seed's recipes",
		Flags: []cli.Flag{
			&cli.IntSliceFlag{Name: "participants", Value: []int{4, 9, 25}, Usage: "sizes of the meetings; the last line of JSON is of the first"},
			&cli.DurationFlag{Name: "length", Value: time.Minute, Usage: "of the meeting"},
			&cli.DurationFlag{Name: "live", Value: 2 * time.Minute, Usage: "how long the meeting that is composed live runs; 0 leaves it out"},
			&cli.DurationFlag{Name: "long", Value: time.Hour, Usage: "how long another has run, in small pictures, when it ends (catching up with an hour takes minutes); 0 leaves it out"},
			&cli.BoolFlag{Name: "no-films", Usage: "make the live ones only"},
			&cli.BoolFlag{Name: "no-seeds", Usage: "leave the seed's recipes out"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			b := composeBench{data: data, length: cmd.Duration("length"), size: [2]int{1280, 720}, seeds: !cmd.Bool("no-seeds")}
			sizes := cmd.IntSlice("participants")
			if err := b.record(ctx, maxOf(sizes)); err != nil {
				return err
			}
			first := composeFigures{Participants: sizes[0], Cores: runtime.GOMAXPROCS(0), Load: loadAverage()}
			if cmd.Bool("no-films") {
				sizes = sizes[:0]
			}
			for i, n := range sizes {
				for _, format := range []string{"mp4", "webm"} {
					f, err := b.measure(ctx, n, format, i == 0)
					if err != nil {
						return err
					}
					if i == 0 && format == "mp4" {
						first = f
						continue
					}
					if err := conclude(cmd.Root().Writer, f); err != nil {
						return err
					}
				}
			}
			if lasts := cmd.Duration("live"); lasts > 0 {
				m := liveMeeting{people: first.Participants, lasts: lasts}
				if first.Live, err = b.live(ctx, m); err != nil {
					return err
				}
			}
			if age := cmd.Duration("long"); age > 0 {
				small := composeBench{data: filepath.Join(data, "small"), length: b.length, size: [2]int{160, 120}}
				if err := small.record(ctx, first.Participants); err != nil {
					return err
				}
				m := liveMeeting{people: first.Participants, age: age, spec: recording.CompositionSpec{Width: 160, Height: 120, FrameRate: 10}}
				if first.Long, err = small.live(ctx, m); err != nil {
					return err
				}
			}
			return conclude(cmd.Root().Writer, first)
		},
	}
}

func maxOf(list []int) int {
	most := 1
	for _, n := range list {
		most = max(most, n)
	}
	return most
}

// composeBench holds the inputs: one part for each of several pictures, which
// larger meetings share.
type composeBench struct {
	data   string
	length time.Duration
	// size of the cameras' pictures.
	size  [2]int
	seeds bool
	parts []string
}

const distinct = 4

// webRTC is how browsers encode LiveKit's cameras: libvpx as WebRTC sets it for
// them, with its denoiser, in three temporal layers of which the highest, every
// second frame, is referred to by none (L1T3 of the WebRTC-SVC specification).
// The speed is fixed; a positive -cpu-used follows the clock, so a busy machine
// would make worse pictures.
var webRTC = []string{
	"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "-6", "-static-thresh", "1", "-noise-sensitivity", "4",
	"-ts-parameters", "ts_number_layers=3:ts_target_bitrate=400,600,1000:ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3",
}

// record makes parts as a browser's camera would: VP8 at 30 frames a second and
// 1 Mbit/s, a keyframe every 10 s, and a voice in Opus.
func (b *composeBench) record(ctx context.Context, most int) error {
	if err := os.MkdirAll(b.data, 0o755); err != nil {
		return fmt.Errorf("record cameras: %w", err)
	}
	for i := range min(most, distinct) {
		file := filepath.Join(b.data, fmt.Sprintf("camera%d.webm", i))
		b.parts = append(b.parts, file)
		if _, err := os.Stat(file); err == nil {
			continue // of an earlier run over the same folder
		}
		tell("records %s", filepath.Base(file))
		seconds := fmt.Sprintf("%.3f", b.length.Seconds())
		picture := cameraGraph(i) + fmt.Sprintf(",scale=%d:%d", b.size[0], b.size[1])
		args := []string{
			"-f", "lavfi", "-t", seconds, "-i", picture,
			"-f", "lavfi", "-t", seconds, "-i", fmt.Sprintf("aevalsrc=0.2*sin(2*PI*%d*t)*gt(sin(t*%d)\\,0):s=48000", 200+90*i, i+1),
		}
		args = append(args, webRTC...)
		_, err := runFFmpeg(ctx, append(args, "-b:v", "1M", "-g", "300", "-c:a", "libopus", "-b:a", "32k", "-avoid_negative_ts", "disabled", file)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// meeting writes the recording of n people who stay from begin to end.
func (b *composeBench) meeting(n, repeat int) (dir string, m *recording.Manifest, err error) {
	id := recording.NewID(recording.PrefixRecording)
	dir = filepath.Join(b.data, "recordings", id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("make recording: %w", err)
	}
	total := recording.Seconds(b.length) * recording.Seconds(repeat)
	m = &recording.Manifest{ID: id, Room: "bench", State: recording.Stopped, StartedAt: time.Now().UTC(), Duration: total}
	for i := range n {
		who := fmt.Sprintf("person-%02d", i+1)
		m.Participants = append(m.Participants, recording.Participant{
			Identity: who, Name: fmt.Sprintf("Participant %d", i+1), Present: []recording.Presence{{SID: "PA_" + who, To: total}},
		})
		for k := range repeat {
			start := recording.Seconds(b.length) * recording.Seconds(k)
			part := recording.Part{ID: recording.NewID(recording.PrefixPart), Participant: who, Stream: "camera", Start: start, Duration: recording.Seconds(b.length)}
			part.File = part.ID + ".webm"
			if err := os.Link(b.parts[i%len(b.parts)], filepath.Join(dir, part.File)); err != nil {
				return "", nil, fmt.Errorf("make recording: %w", err)
			}
			for number, kind := range []recording.Kind{recording.Video, recording.Audio} {
				track := recording.Track{
					Number: number + 1, Kind: kind, Source: map[recording.Kind]string{recording.Video: "camera", recording.Audio: "microphone"}[kind],
					Codec: map[recording.Kind]string{recording.Video: "vp8", recording.Audio: "opus"}[kind],
					Start: start, End: start + part.Duration, Channels: map[recording.Kind]int{recording.Audio: 1}[kind], Sync: []recording.SyncPoint{{File: 0, Timeline: start}},
				}
				if kind == recording.Video {
					track.Sizes = []recording.Size{{At: start, Width: b.size[0], Height: b.size[1]}}
				}
				part.Tracks = append(part.Tracks, track)
			}
			m.Parts = append(m.Parts, part)
		}
	}
	return dir, m, recording.WriteManifest(dir, m)
}

// measure composes one film and everything it is held against.
func (b *composeBench) measure(ctx context.Context, n int, film string, seeds bool) (composeFigures, error) {
	f := composeFigures{Participants: n, Film: film, Cores: runtime.GOMAXPROCS(0), Load: loadAverage()}
	dir, _, err := b.meeting(n, 1)
	if err != nil {
		return f, err
	}
	minutes := b.length.Minutes()
	tell("composes %s of %d", film, n)
	watched := watchMemory(ctx)
	before, began := childrenCPU(), time.Now()
	made, err := compose.Composer{Niceness: 1}.Compose(ctx, dir, recording.CompositionSpec{Format: film}, nil)
	if err != nil {
		return f, err
	}
	cpu, wall := childrenCPU()-before, time.Since(began)
	f.Memory = watched() >> 20
	f.Speed, f.CPU = rounded(made.Duration.Float()/wall.Seconds(), 100), rounded(cpu.Seconds()/minutes, 100)

	path := filepath.Join(recording.CompositionsDir(dir), made.File)
	tell("makes the same without loss, decodes the inputs and encodes the result")
	lossless := filepath.Join(b.data, fmt.Sprintf("lossless-%d.mkv", n))
	graph := gridOf(n)
	if _, err := os.Stat(lossless); err != nil {
		if _, err := runFFmpeg(ctx, b.inputs(n, "-filter_complex", graph, "-map", "[out]", "-t", fmt.Sprint(b.length.Seconds()),
			"-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", lossless)...); err != nil {
			return f, err
		}
	}
	decode, err := runFFmpeg(ctx, b.decodeAlone(n)...)
	if err != nil {
		return f, err
	}
	encode, err := encodeAlone(ctx, lossless, filepath.Join(b.data, "alone."+film), film)
	if err != nil {
		return f, err
	}
	sound, err := b.soundAlone(ctx, path)
	if err != nil {
		return f, err
	}
	f.Floor = rounded(cpu.Seconds()/(decode+encode+sound).Seconds(), 1000)
	if f.SSIM, err = similarity(ctx, dir, path, film); err != nil {
		return f, err
	}
	if !seeds || !b.seeds {
		return f, nil
	}
	tell("composes by the seed's recipes")
	vp9, err := runFFmpeg(ctx, b.inputs(n, b.seed(n, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "4", "-c:a", "libopus", filepath.Join(b.data, "seed.webm"))...)...)
	if err != nil {
		return f, err
	}
	x264, err := runFFmpeg(ctx, b.inputs(n, b.seed(n, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", filepath.Join(b.data, "seed.mp4"))...)...)
	if err != nil {
		return f, err
	}
	f.SeedVP9, f.SeedX264 = rounded(cpu.Seconds()/vp9.Seconds(), 1000), rounded(cpu.Seconds()/x264.Seconds(), 1000)
	return f, nil
}
