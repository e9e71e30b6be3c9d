//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

func chaosCommand() *cli.Command {
	return &cli.Command{
		Name:  "chaos-kill",
		Usage: "what a recording loses when its process is killed",
		Description: "Kills the recorder's process with SIGKILL at random moments, repairs what it left, and compares that with\n" +
			"what had reached the process: a second connection in it tells of each packet over a pipe.\n\n" +
			"  max_lost_s     the longest end of a track that had arrived and is not in the repaired part: from when its\n" +
			"                 last block ought to have arrived until when its last packet did; of a track of\n" +
			"                 which nothing was kept, all of it, if the recording had run for 2 s: a keyframe comes each second\n" +
			"  decode_errors  repaired parts that ffmpeg complains about, and files that repair left unfinished",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "kills", Value: 30, Usage: "how often"},
			&cli.IntFlag{Name: "participants", Value: 4, Usage: "each publishes 640x360 VP8 and Opus"},
			&cli.DurationFlag{Name: "longest", Value: 10 * time.Second, Usage: "a recording is killed at a random moment before this"},
			&cli.Uint64Flag{Name: "seed", Usage: "of the random moments; 0 makes one up, and it is printed"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			seed := cmd.Uint64("seed")
			if seed == 0 {
				seed = rand.Uint64()
			}
			tell("seed %d", seed)
			c := chaos{
				data: data, kills: cmd.Int("kills"), participants: cmd.Int("participants"), longest: cmd.Duration("longest"),
				random: rand.New(rand.NewPCG(seed, seed)),
			}
			result, err := c.run(ctx)
			if err != nil {
				return err
			}
			return conclude(cmd.Root().Writer, result)
		},
	}
}

// chaos kills recorders.
type chaos struct {
	data                string
	kills, participants int
	longest             time.Duration
	random              *rand.Rand
}

// chaosResult is what [chaosCommand] describes.
type chaosResult struct {
	Kills        int               `json:"kills"`
	MaxLost      recording.Seconds `json:"max_lost_s"`
	DecodeErrors int               `json:"decode_errors"`
}

func (c chaos) run(ctx context.Context) (result chaosResult, err error) {
	livekit, err := startLiveKit(ctx, "127.0.0.1")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, livekit.end()) }()
	people := crowd{c.participants, 640, 360}
	publisher, err := spawn(ctx, nil, "publish", people.args(livekit.server)...)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, publisher.end()) }()
	for n := range c.kills {
		after := time.Duration(c.random.Int64N(int64(c.longest)))
		k, err := c.kill(ctx, livekit.server.URL, after)
		if err != nil {
			return result, fmt.Errorf("kill %d, after %v: %w", n+1, after, err)
		}
		lost, broken, err := k.assess(ctx)
		if err != nil {
			return result, fmt.Errorf("kill %d, after %v: %w", n+1, after, err)
		}
		tell("kill %2d after %6.3f s: %.3f s lost at most, %d files broken", n+1, after.Seconds(), lost.Seconds(), broken)
		result.Kills++
		result.MaxLost = max(result.MaxLost, recording.Seconds(lost.Round(time.Millisecond)))
		result.DecodeErrors += broken
	}
	return result, nil
}

// killed is a recording whose process is dead.
type killed struct {
	dir string
	ran time.Duration
	// received is when the last packet of each track arrived, by its SID.
	received map[string]time.Time
}

// kill records for a while and kills the recorder.
func (c chaos) kill(ctx context.Context, url string, after time.Duration) (k killed, err error) {
	reading, writing, err := os.Pipe()
	if err != nil {
		return k, fmt.Errorf("make a pipe: %w", err)
	}
	defer reading.Close()
	r, err := spawnRecorder(ctx, func(cmd *exec.Cmd) { cmd.ExtraFiles = []*os.File{writing} }, c.data, "--witness")
	_ = writing.Close() // the child has its own
	if err != nil {
		return k, err
	}
	heard, flowing := make(chan map[string]time.Time, 1), make(chan struct{})
	go func() { heard <- hear(reading, 2*c.participants, func() { close(flowing) }) }()
	if err := r.join(url); err != nil {
		return k, errors.Join(err, r.end())
	}
	select {
	case <-flowing:
	case <-ctx.Done():
		return k, ctx.Err()
	}
	began := time.Now()
	if k.dir, err = r.start(); err != nil {
		return k, errors.Join(err, r.end())
	}
	if err := wait(ctx, after); err != nil {
		return k, err
	}
	if err := r.kill(); err != nil {
		return k, err
	}
	k.ran, k.received = time.Since(began), <-heard
	return k, nil
}

// hear reads what [host.testify] writes, until its process is dead, and calls
// flowing once it has heard of so many tracks.
func hear(pipe io.Reader, tracks int, flowing func()) map[string]time.Time {
	last := map[string]time.Time{}
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		var sid string
		var at int64
		if _, err := fmt.Sscan(lines.Text(), &sid, &at); err != nil {
			break // death cut this line short
		}
		before := len(last)
		if t := time.Unix(0, at); t.After(last[sid]) {
			last[sid] = t
		}
		if len(last) == tracks && before < tracks {
			flowing()
		}
	}
	return last
}

// assess repairs the recording and returns the longest end of a track that is
// missing, and how many files are broken.
func (k killed) assess(ctx context.Context) (lost time.Duration, broken int, err error) {
	m, err := recorder.Repair(ctx, k.dir, recording.Recording{}, recording.EndedByCrash)
	if err != nil {
		return 0, 0, err
	}
	ends := map[string]time.Time{} // of what was kept
	for _, p := range m.Parts {
		for _, t := range p.Tracks {
			for _, sid := range t.SIDs {
				ends[sid] = m.StartedAt.Add(t.End.Duration())
			}
		}
	}
	for sid, last := range k.received {
		const begun = 2 * time.Second
		if end, kept := ends[sid]; kept {
			lost = max(lost, last.Sub(end))
		} else if k.ran >= begun {
			tell("nothing was kept of track %s", sid)
			lost = max(lost, k.ran)
		}
	}
	files, err := filepath.Glob(filepath.Join(k.dir, recording.PrefixPart+"_*"))
	if err != nil {
		return 0, 0, fmt.Errorf("list parts: %w", err)
	}
	for _, file := range files {
		whole := filepath.Ext(file) != webm.OpenSuffix
		if !whole {
			tell("%s is unfinished after repair", filepath.Base(file))
		} else if whole, err = decodes(ctx, file); err != nil {
			return 0, 0, err
		}
		if !whole {
			broken++
		}
	}
	return lost, broken, nil
}
