//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

func startCommand() *cli.Command {
	return &cli.Command{
		Name:  "start",
		Usage: "how soon a recording begins and ends, through the API of `roomreel dev`",
		Description: "Two participants publish VP8 and Opus. Their media comes from files and answers no request for a keyframe,\n" +
			"so the first media of a recording is sound.\n\n" +
			"  start_cold_ms_p50  from the call to the first block in a file, with no bot in the room\n" +
			"  start_warm_ms_p50  the same while another recording has its bot in the room\n" +
			"  stop_ms_p50        from the call to its answer, with every file complete; cold and warm ones together",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "roomreel", Value: "bin/roomreel", Usage: "the `PROGRAM` to measure"},
			&cli.IntFlag{Name: "times", Value: 15, Usage: "how many cold and how many warm starts"},
			&cli.DurationFlag{Name: "length", Value: 2 * time.Second, Usage: "of each recording, from its first media"},
			&cli.DurationFlag{Name: "rest", Value: 5 * time.Second, Usage: "between cold starts, after the bot has left"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			b := startBench{
				program: cmd.String("roomreel"), data: data, times: cmd.Int("times"),
				length: cmd.Duration("length"), rest: cmd.Duration("rest"),
			}
			result, err := b.run(ctx)
			if err != nil {
				return err
			}
			return conclude(cmd.Root().Writer, result)
		},
	}
}

// startResult is what [startCommand] describes.
type startResult struct {
	Warm float64 `json:"start_warm_ms_p50"`
	Cold float64 `json:"start_cold_ms_p50"`
	Stop float64 `json:"stop_ms_p50"`
}

// startBench takes the times of recordings.
type startBench struct {
	program, data string
	times         int
	length, rest  time.Duration
}

func (b startBench) run(ctx context.Context) (result startResult, err error) {
	d, err := startDev(ctx, b.program, b.data)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	var people []*meeting.Participant
	defer func() {
		for _, p := range people {
			err = errors.Join(err, p.Close())
		}
	}()
	const participants = 2
	for i := range participants {
		p, err := meeting.Join(ctx, d.server, meeting.Options{
			Room: room, Identity: identity(i), Index: i,
			Publish: []livekit.TrackSource{meeting.Camera, meeting.Microphone},
		})
		if err != nil {
			return result, err
		}
		people = append(people, p)
	}
	view := people[0].View()

	tell("%d cold starts", b.times)
	var cold, warm, stops []time.Duration
	for range b.times {
		started, stopped, err := b.record(ctx, d)
		if err != nil {
			return result, err
		}
		cold, stops = append(cold, started), append(stops, stopped)
		if _, err := view.Await(ctx, func(v meeting.Snapshot) bool { return !v.Recording }); err != nil {
			return result, err
		}
		if err := wait(ctx, b.rest); err != nil {
			return result, err
		}
	}
	tell("%d warm starts", b.times)
	other, err := d.api.Start(ctx, api.StartRecording{Room: room})
	if err != nil {
		return result, err
	}
	if _, err := view.Await(ctx, func(v meeting.Snapshot) bool { return v.Recording }); err != nil {
		return result, err
	}
	for range b.times {
		if err := wait(ctx, b.length); err != nil {
			return result, err
		}
		started, stopped, err := b.record(ctx, d)
		if err != nil {
			return result, err
		}
		warm, stops = append(warm, started), append(stops, stopped)
	}
	if _, err := d.api.Stop(ctx, other.ID); err != nil {
		return result, err
	}
	return startResult{Warm: median("start, warm", warm), Cold: median("start, cold", cold), Stop: median("stop", stops)}, nil
}

// record makes one recording. started is how long it took until its first media
// was on disk, stopped how long until all of it was complete.
func (b startBench) record(ctx context.Context, d *instance) (started, stopped time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	folder := filepath.Join(b.data, "recordings")
	before, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return 0, 0, fmt.Errorf("list recordings: %w", err)
	}
	// Both are named, so that this is not the recording of everybody that a warm
	// start has beside it.
	selection := api.Selection{Identities: []string{identity(0), identity(1)}}
	type sighting struct {
		at  time.Time
		err error
	}
	seen := make(chan sighting, 1)
	began := time.Now()
	go func() {
		at, err := firstMedia(ctx, folder, before)
		seen <- sighting{at, err}
	}()
	rec, err := d.api.Start(ctx, api.StartRecording{Room: room, Selection: selection})
	if err != nil {
		return 0, 0, err
	}
	first := <-seen
	if first.err != nil {
		return 0, 0, first.err
	}
	if err := wait(ctx, b.length); err != nil {
		return 0, 0, err
	}
	ending := time.Now()
	if rec, err = d.api.Stop(ctx, rec.ID); err != nil {
		return 0, 0, err
	}
	stopped = time.Since(ending)
	return first.at.Sub(began), stopped, complete(filepath.Join(folder, rec.ID), rec, len(selection.Identities))
}

// firstMedia waits until a file in a folder that is not among known holds more
// than its head.
func firstMedia(ctx context.Context, folder string, known []string) (time.Time, error) {
	const head = 6 << 10 // see package webm
	const often = time.Millisecond
	for {
		now := time.Now()
		folders, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil {
			return now, fmt.Errorf("list recordings: %w", err)
		}
		for _, f := range folders {
			if slices.Contains(known, f) {
				continue
			}
			files, err := filepath.Glob(filepath.Join(f, "*"+webm.OpenSuffix))
			if err != nil {
				return now, fmt.Errorf("list parts: %w", err)
			}
			for _, file := range files {
				if info, err := os.Stat(file); err == nil && info.Size() > head {
					return now, nil
				}
			}
		}
		if err := wait(ctx, often); err != nil {
			return now, fmt.Errorf("wait for the first media: %w", err)
		}
	}
}

// complete checks that a stopped recording is whole on disk.
func complete(dir string, rec api.Recording, parts int) error {
	m, err := recording.ReadManifest(dir)
	if err != nil {
		return err
	}
	if len(m.Parts) != parts || rec.State != string(recording.Stopped) {
		return fmt.Errorf("recording %s is %s with %d parts, want stopped with %d", rec.ID, rec.State, len(m.Parts), parts)
	}
	open, err := filepath.Glob(filepath.Join(dir, "*"+webm.OpenSuffix))
	if err != nil {
		return fmt.Errorf("list parts: %w", err)
	}
	if len(open) > 0 {
		return fmt.Errorf("recording %s is stopped with unfinished files: %q", rec.ID, open)
	}
	return nil
}

// median tells of the times a thing took, and returns their median in
// milliseconds.
func median(what string, times []time.Duration) float64 {
	p50 := middle(times)
	tell("%-12s %v to %v, half within %v (%d times)", what, slices.Min(times).Round(time.Millisecond),
		slices.Max(times).Round(time.Millisecond), p50.Round(time.Millisecond), len(times))
	return milliseconds(p50)
}
