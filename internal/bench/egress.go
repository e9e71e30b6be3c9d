//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/api/client"
)

func egressCommand() *cli.Command {
	return &cli.Command{
		Name:  "egress",
		Usage: "what an egress costs `roomreel serve`, by kind, asked for by LiveKit's own client",
		Description: "LiveKit, the participants and the worker are processes of their own. One kind after the other takes all\n" +
			"participants; the CPU time of the worker and of every ffmpeg that it ran, user and system, counts from the\n" +
			"first request until the last file is handed over, less what the worker takes when idle.\n\n" +
			"  cpu_s_per_participant_minute  that time, over the minutes that each participant was recorded\n" +
			"  start_ms_p50                  from the request to its answer\n" +
			"  complete_s                    from the last stop to the last file",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "roomreel", Value: "bin/roomreel", Usage: "the `PROGRAM` to measure"},
			&cli.IntFlag{Name: "participants", Value: 4, Usage: "each publishes VP8 of 1280x720 and Opus"},
			&cli.DurationFlag{Name: "duration", Value: time.Minute, Usage: "of each egress"},
			&cli.StringSliceFlag{Name: "kind", Usage: "measure only egresses of this `KIND`; may be repeated"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			b := egressBench{program: cmd.String("roomreel"), data: data, participants: cmd.Int("participants"), length: cmd.Duration("duration"), kinds: cmd.StringSlice("kind")}
			result, err := b.run(ctx)
			if err != nil {
				return err
			}
			return conclude(cmd.Root().Writer, result)
		},
	}
}

type egressBench struct {
	program, data string
	participants  int
	length        time.Duration
	kinds         []string // empty: all

	client *lksdk.EgressClient
	rooms  *lksdk.RoomServiceClient
	pid    int
	idle   time.Duration // CPU a second
}

// egressCost is what one kind of egress costs; see [egressCommand].
type egressCost struct {
	CPU      float64 `json:"cpu_s_per_participant_minute"`
	Start    float64 `json:"start_ms_p50"`
	Complete float64 `json:"complete_s"`
}

type egressResult struct {
	Participants int                   `json:"participants"`
	Seconds      float64               `json:"seconds"`
	Kinds        map[string]egressCost `json:"kinds"`
}

func (b *egressBench) run(ctx context.Context) (result egressResult, err error) {
	redis, err := miniredis.Run()
	if err != nil {
		return result, fmt.Errorf("start Redis: %w", err)
	}
	defer redis.Close()
	go age(ctx, redis)
	server, err := startLiveKit(ctx, "127.0.0.1", "--redis", redis.Addr())
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, server.end()) }()
	b.client = lksdk.NewEgressClient(server.server.URL, keys.Key, keys.Secret)
	b.rooms = lksdk.NewRoomServiceClient(server.server.URL, keys.Key, keys.Secret)
	crowd := crowd{b.participants, 1280, 720}
	publishers, err := spawn(ctx, nil, "publish", crowd.args(server.server)...)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, publishers.end()) }()
	stop, err := b.serve(ctx, server.server.URL, redis.Addr())
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, stop()) }()

	const calm = 10 * time.Second
	before, err := cpuOf(b.pid)
	if err != nil {
		return result, err
	}
	if err := wait(ctx, calm); err != nil {
		return result, err
	}
	after, err := cpuOf(b.pid)
	if err != nil {
		return result, err
	}
	b.idle = (after - before) / (calm / time.Second)

	result = egressResult{Participants: b.participants, Seconds: b.length.Seconds(), Kinds: map[string]egressCost{}}
	for _, kind := range egressKinds {
		if len(b.kinds) > 0 && !slices.Contains(b.kinds, kind.name) {
			continue
		}
		tell("%s…", kind.name)
		cost, err := b.measure(ctx, kind.start)
		if err != nil {
			return result, fmt.Errorf("%s: %w", kind.name, err)
		}
		result.Kinds[kind.name] = cost
	}
	return result, nil
}

// age drives the clock of an embedded Redis: nothing in it would expire otherwise.
func age(ctx context.Context, redis *miniredis.Miniredis) {
	const step = 100 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			redis.FastForward(step)
		case <-ctx.Done():
			return
		}
	}
}

// serve starts the worker.
func (b *egressBench) serve(ctx context.Context, url, redis string) (stop func() error, err error) {
	port, _, err := freePorts("127.0.0.1")
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.Command(b.program, "serve") //nolint:noctx // an interrupt has to let it finalise its files
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	cmd.Env = append(os.Environ(),
		"ROOMREEL_DATA="+b.data, "ROOMREEL_LOG_LEVEL=warn", "ROOMREEL_LISTEN="+address, "REDIS_URL=redis://"+redis,
		"LIVEKIT_URL="+url, "LIVEKIT_API_KEY="+keys.Key, "LIVEKIT_API_SECRET="+keys.Secret,
	)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w: build it with `make build`", b.program, err)
	}
	b.pid = cmd.Process.Pid
	stop = func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return fmt.Errorf("stop worker: %w", err)
		}
		return cmd.Wait()
	}
	api := client.Client{URL: "http://" + address}
	_, err = client.Await(ctx, func() (bool, error) { return api.Ready(ctx) == nil, nil }, func(ready bool) bool { return ready })
	return stop, err
}

func toFile(path string) []*livekit.EncodedFileOutput {
	return []*livekit.EncodedFileOutput{{Filepath: path}}
}

// egressKinds are what is measured. Each starts the egresses of one participant,
// or of the room for who is nobody.
var egressKinds = []struct {
	name  string
	start func(ctx context.Context, c *lksdk.EgressClient, who *livekit.ParticipantInfo) ([]*livekit.EgressInfo, error)
}{
	{"track", func(ctx context.Context, c *lksdk.EgressClient, who *livekit.ParticipantInfo) (list []*livekit.EgressInfo, err error) {
		for _, t := range who.GetTracks() {
			info, err := c.StartTrackEgress(ctx, &livekit.TrackEgressRequest{
				RoomName: room, TrackId: t.Sid, Output: &livekit.TrackEgressRequest_File{File: &livekit.DirectFileOutput{Filepath: "track/"}},
			})
			if err != nil {
				return nil, err
			}
			list = append(list, info)
		}
		return list, nil
	}},
	{"participant_webm", func(ctx context.Context, c *lksdk.EgressClient, who *livekit.ParticipantInfo) ([]*livekit.EgressInfo, error) {
		return ofEach(who, func() (*livekit.EgressInfo, error) {
			return c.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{RoomName: room, Identity: who.Identity, FileOutputs: toFile("{publisher_identity}.webm")})
		})
	}},
	{"participant_mp4", func(ctx context.Context, c *lksdk.EgressClient, who *livekit.ParticipantInfo) ([]*livekit.EgressInfo, error) {
		return ofEach(who, func() (*livekit.EgressInfo, error) {
			return c.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{RoomName: room, Identity: who.Identity, FileOutputs: toFile("{publisher_identity}.mp4")})
		})
	}},
	{"room_composite_mp4", func(ctx context.Context, c *lksdk.EgressClient, who *livekit.ParticipantInfo) ([]*livekit.EgressInfo, error) {
		if who != nil {
			return nil, nil
		}
		info, err := c.StartRoomCompositeEgress(ctx, &livekit.RoomCompositeEgressRequest{RoomName: room, Layout: "grid", FileOutputs: toFile("room.mp4")})
		return []*livekit.EgressInfo{info}, err
	}},
}

func ofEach(who *livekit.ParticipantInfo, start func() (*livekit.EgressInfo, error)) ([]*livekit.EgressInfo, error) {
	if who == nil {
		return nil, nil
	}
	info, err := start()
	return []*livekit.EgressInfo{info}, err
}

// measure runs the egresses of one kind.
func (b *egressBench) measure(ctx context.Context, start func(context.Context, *lksdk.EgressClient, *livekit.ParticipantInfo) ([]*livekit.EgressInfo, error)) (cost egressCost, err error) {
	people, err := b.rooms.ListParticipants(ctx, &livekit.ListParticipantsRequest{Room: room})
	if err != nil {
		return cost, fmt.Errorf("list participants: %w", err)
	}
	before, err := cpuOf(b.pid)
	if err != nil {
		return cost, err
	}
	began := time.Now()
	var answers []time.Duration
	var ids []string
	for _, who := range append([]*livekit.ParticipantInfo{nil}, people.Participants...) {
		asked := time.Now()
		list, err := start(ctx, b.client, who)
		if err != nil {
			return cost, err
		}
		for _, info := range list {
			answers, ids = append(answers, time.Since(asked)/time.Duration(len(list))), append(ids, info.EgressId)
		}
	}
	if err := b.await(ctx, ids, livekit.EgressStatus_EGRESS_ACTIVE); err != nil {
		return cost, err
	}
	if err := wait(ctx, b.length); err != nil {
		return cost, err
	}
	for _, id := range ids {
		if _, err := b.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: id}); err != nil {
			return cost, fmt.Errorf("stop: %w", err)
		}
	}
	stopped := time.Now()
	if err := b.await(ctx, ids, livekit.EgressStatus_EGRESS_COMPLETE); err != nil {
		return cost, err
	}
	cost.Complete = time.Since(stopped).Seconds()
	after, err := cpuOf(b.pid)
	if err != nil {
		return cost, err
	}
	used := after - before - time.Duration(time.Since(began).Seconds()*float64(b.idle))
	minutes := stopped.Sub(began).Minutes() * float64(b.participants)
	cost.CPU = used.Seconds() / minutes
	cost.Start = median("egress start", answers)
	return cost, nil
}

func (b *egressBench) await(ctx context.Context, ids []string, status livekit.EgressStatus) error {
	for _, id := range ids {
		info, err := client.Await(ctx, func() (*livekit.EgressInfo, error) {
			res, err := b.client.ListEgress(ctx, &livekit.ListEgressRequest{EgressId: id})
			if err != nil {
				return nil, err
			}
			return res.Items[0], nil
		}, func(i *livekit.EgressInfo) bool { return i.Status >= status })
		if err != nil {
			return err
		}
		if info.Status != status {
			return fmt.Errorf("egress %s is %s: %s", id, info.Status, info.Error)
		}
	}
	return nil
}

// cpuOf is the CPU time of a process and of its children that have ended, by
// /proc/<pid>/stat (proc_pid_stat(5)).
func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("measure CPU: %w", err)
	}
	// The name in parentheses may hold anything; utime is the 12th field after it.
	const utime, ticks = 11, 100 // USER_HZ
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var sum int64
	for _, f := range fields[utime : utime+4] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("measure CPU: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}
