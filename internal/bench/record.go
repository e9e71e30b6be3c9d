//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/recording"
)

func recordCommand() *cli.Command {
	return &cli.Command{
		Name:  "record",
		Usage: "what recording costs beside a subscriber that throws packets away",
		Description: "LiveKit, the participants, the recorder and the subscriber are four processes; both receivers are in\n" +
			"the same room at the same time and are measured over the same window.\n\n" +
			"  cpu_ratio_to_drain           CPU time (user + system) of the recorder over that of the subscriber\n" +
			"  rss_kb_per_track_over_drain  difference of VmRSS at the end of the window, in KiB, over tracks\n" +
			"  packets_lost_by_us           packets that the manifest calls lost, overflow of the recorder's queues\n" +
			"                               included, and datagrams that the kernel dropped from its sockets\n" +
			"  allocs_per_packet            difference of objects allocated in the window, over the subscriber's packets",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "participants", Value: 32, Usage: "each publishes VP8, one keyframe a second, and Opus"},
			&cli.IntFlag{Name: "width", Value: 1280, Usage: "of the pictures, in pixels"},
			&cli.IntFlag{Name: "height", Value: 720, Usage: "of the pictures; a pixel takes 5/3 bit/s: 720p is 1.5 Mbit/s"},
			&cli.DurationFlag{Name: "warm-up", Value: 15 * time.Second, Usage: "before the window"},
			&cli.DurationFlag{Name: "duration", Value: 30 * time.Second, Usage: "of the window"},
			&cli.BoolFlag{Name: "control", Usage: "measure a second subscriber in the recorder's place: what noise there is"},
			&cli.StringFlag{Name: "profile", Usage: "write profiles of the window to this `FILE`.recorder.* and FILE.drain.*; costs CPU"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			b := recordBench{
				data: data, profile: cmd.String("profile"), control: cmd.Bool("control"),
				crowd:  crowd{cmd.Int("participants"), cmd.Int("width"), cmd.Int("height")},
				warmUp: cmd.Duration("warm-up"), window: cmd.Duration("duration"),
			}
			result, err := b.run(ctx)
			if err != nil {
				return err
			}
			return conclude(cmd.Root().Writer, result)
		},
	}
}

// recordBench measures a recorder beside a subscriber.
type recordBench struct {
	data, profile  string
	control        bool
	crowd          crowd
	warmUp, window time.Duration
}

// recordResult is what [recordCommand] describes.
type recordResult struct {
	Participants    int     `json:"participants"`
	Tracks          int     `json:"tracks"`
	CPURatio        float64 `json:"cpu_ratio_to_drain"`
	RSSPerTrack     float64 `json:"rss_kb_per_track_over_drain"`
	Lost            int64   `json:"packets_lost_by_us"`
	AllocsPerPacket float64 `json:"allocs_per_packet"`
}

func (b recordBench) run(ctx context.Context) (result recordResult, err error) {
	livekit, err := startLiveKit(ctx, "127.0.0.1")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, livekit.end()) }()
	tell("%d participants join", b.crowd.participants)
	publisher, err := spawn(ctx, nil, "publish", b.crowd.args(livekit.server)...)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, publisher.end()) }()
	drain, err := b.spawnDrain(ctx, livekit, "drain")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, drain.end()) }()
	subject, finish, err := b.subject(ctx, livekit)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, subject.end()) }()

	tell("warming up for %v, then measuring for %v", b.warmUp, b.window)
	if err := wait(ctx, b.warmUp); err != nil {
		return result, err
	}
	processes := []*child{subject, drain, publisher, livekit.child}
	before, err := askAll(processes, windowOpens)
	if err != nil {
		return result, err
	}
	if err := wait(ctx, b.window); err != nil {
		return result, err
	}
	after, err := askAll(processes, windowCloses)
	if err != nil {
		return result, err
	}
	result = b.compare(before, after)
	result.Lost, err = finish()
	result.Lost += after[0].Dropped
	return result, err
}

func (b recordBench) spawnDrain(ctx context.Context, livekit *stage, name string) (*child, error) {
	return spawn(ctx, nil, "drain", append([]string{"--url", livekit.server.URL}, b.profileArgs(name)...)...)
}

func (b recordBench) profileArgs(name string) []string {
	if b.profile == "" {
		return nil
	}
	return []string{"--profile", b.profile + "." + name}
}

// subject starts what is compared with the subscriber. finish ends its work and
// returns how many packets it lost.
func (b recordBench) subject(ctx context.Context, livekit *stage) (subject *child, finish func() (int64, error), err error) {
	if b.control {
		subject, err = b.spawnDrain(ctx, livekit, "control")
		return subject, func() (int64, error) { return 0, nil }, err
	}
	r, err := spawnRecorder(ctx, nil, b.data, b.profileArgs("recorder")...)
	if err != nil {
		return nil, nil, err
	}
	if err := r.join(livekit.server.URL); err != nil {
		return nil, nil, errors.Join(err, r.end())
	}
	if _, err := r.start(); err != nil {
		return nil, nil, errors.Join(err, r.end())
	}
	return r.child, func() (int64, error) {
		m, err := r.stop()
		if err != nil {
			return 0, err
		}
		return b.lost(m)
	}, nil
}

// lost adds up what a manifest says is lost, and checks that it tells of
// everybody.
func (b recordBench) lost(m *recording.Manifest) (lost int64, err error) {
	var tracks int
	var packets int64
	byKind := map[recording.Kind]int64{}
	for _, p := range m.Parts {
		for _, t := range p.Tracks {
			tracks++
			packets += t.Packets
			lost += t.Lost
			byKind[t.Kind] += t.Lost
		}
	}
	tell("recorded %v: %d parts, %d tracks, %d packets; lost %d of video and %d of audio", m.Duration.Duration().Round(time.Second),
		len(m.Parts), tracks, packets, byKind[recording.Video], byKind[recording.Audio])
	if want := b.crowd.participants; len(m.Parts) != want || tracks != 2*want {
		return lost, fmt.Errorf("%d parts with %d tracks were recorded, want %d with 2 each", len(m.Parts), tracks, want)
	}
	return lost, nil
}

func (b recordBench) compare(before, after []usage) recordResult {
	const subject, drain = 0, 1
	for i, name := range []string{"recorder", "drain", "publishers", "LiveKit"} {
		u, v := before[i], after[i]
		tell("%-10s %.3f cores, %4d MiB resident, %d objects allocated, %d datagrams dropped by the kernel", name,
			(v.CPU-u.CPU).Seconds()/v.At.Sub(u.At).Seconds(), v.Resident>>20, v.Mallocs-u.Mallocs, v.Dropped)
	}
	cpu := func(i int) float64 { return (after[i].CPU - before[i].CPU).Seconds() }
	mallocs := func(i int) float64 { return float64(after[i].Mallocs - before[i].Mallocs) }
	tracks := 2 * b.crowd.participants
	packets := after[drain].Packets - before[drain].Packets
	tell("%d packets in the window, %.1f us of CPU each for the subscriber", packets, cpu(drain)*1e6/float64(packets))
	return recordResult{
		Participants: b.crowd.participants, Tracks: tracks,
		CPURatio:        rounded(cpu(subject)/cpu(drain), 1e3),
		RSSPerTrack:     rounded(float64(after[subject].Resident-after[drain].Resident)/1024/float64(tracks), 10),
		AllocsPerPacket: rounded((mallocs(subject)-mallocs(drain))/float64(packets), 1e4),
	}
}

// askAll asks several children at the same moment.
func askAll(children []*child, request string) ([]usage, error) {
	answers := make([]usage, len(children))
	var group errgroup.Group
	for i, c := range children {
		group.Go(func() error { return c.ask(request, &answers[i]) })
	}
	return answers, group.Wait()
}
