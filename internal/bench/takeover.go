//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/redis/go-redis/v9"
	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

func takeoverCommand() *cli.Command {
	return &cli.Command{
		Name:  "chaos-takeover",
		Usage: "what becomes of recordings when nodes are killed and Redis restarts",
		Description: "Three nodes, a process each, record six rooms into one folder. Again and again one of them is killed with\n" +
			"SIGKILL and comes back; then Redis is killed and comes back empty.\n\n" +
			"  kills           how often a node was killed\n" +
			"  takeover_s_p95  from the kill until another node had media of the room on disk, 95 of 100\n" +
			"  redis_restarts  how often Redis was killed\n" +
			"  broken          recordings that did not end whole: not stopped, files unfinished or not to be decoded, a\n" +
			"                  take-over without a part of its own, or one that a restart of Redis has disturbed\n" +
			"  recorded_twice  parts of one stream that overlap: two nodes had the room at once",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "roomreel", Value: "bin/roomreel", Usage: "the `PROGRAM` to measure"},
			&cli.IntFlag{Name: "kills", Value: 20, Usage: "how often a node is killed"},
			&cli.IntFlag{Name: "rooms", Value: 6, Usage: "rooms, with one participant in each"},
			&cli.IntFlag{Name: "redis-restarts", Value: 10, Usage: "how often Redis is killed"},
			&cli.Uint64Flag{Name: "seed", Usage: "of the choice of nodes and moments; 0 makes one up, and it is printed"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			seed := cmp.Or(cmd.Uint64("seed"), rand.Uint64())
			tell("seed %d", seed)
			b := takeover{
				program: cmd.String("roomreel"), data: data, kills: cmd.Int("kills"), rooms: cmd.Int("rooms"),
				restarts: cmd.Int("redis-restarts"), random: rand.New(rand.NewPCG(seed, seed)), times: map[string]int{},
			}
			result, err := b.run(ctx)
			if err != nil {
				return err
			}
			return conclude(cmd.Root().Writer, result)
		},
	}
}

// takeoverResult is what [takeoverCommand] describes.
type takeoverResult struct {
	Kills         int     `json:"kills"`
	Takeover      float64 `json:"takeover_s_p95"`
	Restarts      int     `json:"redis_restarts"`
	Broken        int     `json:"broken"`
	RecordedTwice int     `json:"recorded_twice"`
}

// takeover kills nodes.
type takeover struct {
	program, data          string
	kills, rooms, restarts int
	random                 *rand.Rand

	livekit meeting.Server
	redis   *redisserver.Server
	store   *coord.Store
	nodes   []*nodeProcess
	ids     []string
	times   map[string]int // take-overs, by recording
	result  takeoverResult
}

func (b *takeover) run(ctx context.Context) (_ takeoverResult, err error) {
	stage, err := startLiveKit(ctx, "127.0.0.1")
	if err != nil {
		return b.result, err
	}
	defer func() { err = errors.Join(err, stage.end()) }()
	b.livekit = stage.server
	if b.redis, err = redisserver.New(b.data); err != nil {
		return b.result, err
	}
	defer b.redis.Kill()
	redis.SetLogger(silence{}) // it tells of each dial that fails, and here many should
	rdb := redis.NewClient(&redis.Options{Addr: b.redis.Addr, ContextTimeoutEnabled: true})
	defer rdb.Close()
	b.store = coord.NewStore(rdb)
	if err := b.redis.Start(ctx); err != nil {
		return b.result, err
	}
	const nodes = 3
	for i := range nodes {
		n := &nodeProcess{name: fmt.Sprintf("n%d", i+1)}
		b.nodes = append(b.nodes, n)
		if err := b.start(n); err != nil {
			return b.result, err
		}
		defer n.kill()
	}
	if err := b.record(ctx); err != nil {
		return b.result, err
	}
	var took []time.Duration
	for n := range b.kills {
		times, err := b.killOne(ctx)
		if err != nil {
			return b.result, fmt.Errorf("kill %d: %w", n+1, err)
		}
		took = append(took, times...)
		b.result.Kills++
	}
	if len(took) > 0 {
		slices.Sort(took)
		const share = 0.95
		b.result.Takeover = rounded(took[min(len(took)-1, int(share*float64(len(took))))].Seconds(), 1000)
	}
	for n := range b.restarts {
		if err := b.restartRedis(ctx); err != nil {
			return b.result, fmt.Errorf("restart %d of Redis: %w", n+1, err)
		}
		b.result.Restarts++
	}
	return b.result, b.assess(ctx)
}

// record lets people join and starts a recording in each room.
func (b *takeover) record(ctx context.Context) error {
	person := func(i int) meeting.Options {
		return meeting.Options{
			Room: fmt.Sprintf("room-%d", i+1), Identity: identity(i), Publish: []livekit.TrackSource{meeting.Camera, meeting.Microphone},
			Width: 320, Height: 180,
		}
	}
	if err := meeting.Prepare(ctx, person(0)); err != nil {
		return err
	}
	for i := range b.rooms {
		p, err := meeting.Join(ctx, b.livekit, person(i))
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { _ = p.Close() })
		r, err := b.store.Start(ctx, recording.Request{Room: person(i).Room})
		if err != nil {
			return err
		}
		b.ids = append(b.ids, r.ID)
	}
	for _, id := range b.ids {
		r, err := b.active(ctx, id, 0)
		if err != nil {
			return err
		}
		tell("%s is recorded by %s", r.Room, r.Node)
	}
	return nil
}

// active waits until a recording has media on disk under a newer epoch.
func (b *takeover) active(ctx context.Context, id string, epoch int64) (recording.Recording, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := b.store.Wait(ctx, id, func(r recording.Recording) bool { return r.State == recording.Active && r.Epoch > epoch })
	if err != nil {
		return r, fmt.Errorf("%s is %s by %s: %w", r.Room, r.State, r.Node, err)
	}
	return r, nil
}

// killOne kills a node that has rooms, and returns how long each of them was
// without one.
func (b *takeover) killOne(ctx context.Context) ([]time.Duration, error) {
	const settle = 3 * time.Second
	if err := wait(ctx, settle+time.Duration(b.random.Int64N(int64(settle)))); err != nil {
		return nil, err
	}
	byNode := map[string][]recording.Recording{}
	for _, id := range b.ids {
		r, err := b.store.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		byNode[r.Node] = append(byNode[r.Node], r)
	}
	order := b.random.Perm(len(b.nodes))
	at := slices.IndexFunc(order, func(i int) bool { return len(byNode[b.nodes[i].name]) > 0 })
	if at < 0 {
		return nil, errors.New("no node has a room")
	}
	victim := b.nodes[order[at]]
	victim.kill()
	killed := time.Now()
	var took []time.Duration
	for _, was := range byNode[victim.name] {
		is, err := b.active(ctx, was.ID, was.Epoch)
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(killed))
		b.times[was.ID]++
		tell("kill of %s: %s goes on at %s after %v", victim.name, is.Room, is.Node, took[len(took)-1].Round(time.Millisecond))
	}
	return took, b.start(victim)
}

// restartRedis kills Redis, starts it empty and waits until it knows all again.
func (b *takeover) restartRedis(ctx context.Context) error {
	const settle = 2 * time.Second
	if err := wait(ctx, settle); err != nil {
		return err
	}
	before := map[string]recording.Recording{}
	for _, id := range b.ids {
		r, err := b.store.Get(ctx, id)
		if err != nil {
			return err
		}
		before[id] = r
	}
	b.redis.Kill()
	if err := wait(ctx, time.Duration(b.random.Int64N(int64(settle)))); err != nil {
		return err
	}
	if err := b.redis.Start(ctx); err != nil {
		return err
	}
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, id := range b.ids {
		for {
			r, err := b.store.Get(bounded, id)
			if err == nil && r.State == recording.Active && r.Error == nil {
				if r.Epoch != before[id].Epoch {
					tell("a restart of Redis moved %s from %s to %s", r.Room, before[id].Node, r.Node)
					b.result.Broken++
					b.times[id]++
				}
				break
			}
			if err := wait(bounded, 20*time.Millisecond); err != nil {
				return fmt.Errorf("%s is not known again: %w", before[id].Room, err)
			}
		}
	}
	tell("Redis came back empty and knows all again after %v", time.Since(began).Round(time.Millisecond))
	return nil
}

// assess ends the recordings and looks at what they are.
func (b *takeover) assess(ctx context.Context) error {
	for _, id := range b.ids {
		bounded, cancel := context.WithTimeout(ctx, time.Minute)
		r, err := b.store.Stop(bounded, id)
		cancel()
		if err != nil || r.State != recording.Stopped {
			tell("%s is %s: %v", id, r.State, err)
			b.result.Broken++
			continue
		}
		whole, twice, err := b.inspect(ctx, filepath.Join(b.data, "recordings", id), b.times[id])
		if err != nil {
			return err
		}
		if !whole {
			b.result.Broken++
		}
		b.result.RecordedTwice += twice
	}
	return nil
}

// inspect reports whether a recording is whole, with a part for each take-over,
// and how many of its parts overlap.
func (b *takeover) inspect(ctx context.Context, dir string, takeovers int) (whole bool, twice int, err error) {
	m, err := recording.ReadManifest(dir)
	if err != nil {
		return false, 0, err
	}
	whole = true
	fault := func(format string, args ...any) {
		tell(m.Room+": "+format, args...)
		whole = false
	}
	open, err := filepath.Glob(filepath.Join(dir, "*"+webm.OpenSuffix))
	if err != nil {
		return false, 0, fmt.Errorf("list parts: %w", err)
	}
	if len(open) > 0 {
		fault("%d files are unfinished", len(open))
	}
	epochs := map[int64]bool{}
	parts := slices.SortedFunc(slices.Values(m.Parts), func(a, b recording.Part) int { return cmp.Compare(a.Start, b.Start) })
	for i, p := range parts {
		epochs[p.Epoch] = true
		if good, err := decodes(ctx, filepath.Join(dir, p.File)); err != nil {
			return false, 0, err
		} else if !good {
			whole = false
		}
		// Both bots of a take-over may have had the last moments of the old one's
		// life: what the killed one wrote is cut off somewhere in a second.
		const tolerance = recording.Seconds(time.Second)
		if i > 0 && parts[i-1].Start+parts[i-1].Duration > p.Start+tolerance {
			tell("%s: %s goes on until %v, %s begins at %v", m.Room, parts[i-1].File, parts[i-1].Start+parts[i-1].Duration, p.File, p.Start)
			twice++
		}
	}
	if len(epochs) != takeovers+1 {
		fault("%d epochs have parts, and it was taken over %d times", len(epochs), takeovers)
	}
	return whole, twice, nil
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
