//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

func deliverCommand() *cli.Command {
	return &cli.Command{
		Name:  "chaos-deliver",
		Usage: "webhooks and uploads to receivers that misbehave, by a deliverer that is killed again and again",
		Description: "  events        that were published, each to every endpoint\n" +
			"  lost_events   deliveries that did not arrive\n" +
			"  out_of_order  deliveries that first arrived before one that precedes them, per recording and endpoint\n" +
			"  lost_bytes    of the files, by HTTP PUT and in S3-compatible storage\n" +
			"  kills         of the deliverer",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "events", Value: 1000, Usage: "to publish"},
			&cli.IntFlag{Name: "files", Value: 30, Usage: "to upload, each by PUT and to storage"},
			&cli.IntFlag{Name: "kills", Value: 20, Usage: "of the deliverer"},
			&cli.DurationFlag{Name: "sick", Value: 30 * time.Second, Usage: "how long receivers misbehave"},
			&cli.DurationFlag{Name: "patience", Value: 5 * time.Minute, Usage: "for what is to arrive afterwards"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			c := deliverChaos{
				data: data, events: cmd.Int("events"), files: cmd.Int("files"), kills: cmd.Int("kills"),
				sick: cmd.Duration("sick"), patience: cmd.Duration("patience"),
			}
			result, err := c.run(ctx)
			if err != nil {
				return err
			}
			return conclude(cmd.Root().Writer, result)
		},
	}
}

// delivererCommand is the deliverer that is killed: a process of roomreel's own
// deliver package, as roomreel runs it, with short pauses.
func delivererCommand() *cli.Command {
	return &cli.Command{
		Name: "deliver", Hidden: true,
		Action: func(ctx context.Context, _ *cli.Command) error {
			var p deliverPlan
			if err := json.Unmarshal([]byte(os.Getenv("BENCH_DELIVER")), &p); err != nil {
				return fmt.Errorf("read plan: %w", err)
			}
			rdb := redis.NewClient(&redis.Options{Addr: p.Redis, ContextTimeoutEnabled: true})
			defer rdb.Close()
			hooks, storage, err := p.open(rdb)
			if err != nil {
				return err
			}
			group, ctx := errgroup.WithContext(ctx)
			group.Go(func() error { return hooks.Run(ctx) })
			group.Go(func() error { return storage.Uploads.Run(ctx) })
			group.Go(func() error { p.settle(ctx, storage); return nil })
			group.Go(func() error { return serve(ctx, func(string) (any, error) { return nil, nil }) })
			return group.Wait()
		},
	}
}

// deliverPlan is what the deliverer and its parent share.
type deliverPlan struct {
	Redis, Data, S3 string
	Endpoints       []string
}

func (p deliverPlan) open(rdb redis.UniversalClient) (*deliver.Webhooks, *deliver.Storage, error) {
	const attempts = 3000
	pauses := make([]time.Duration, attempts)
	for i := range pauses {
		pauses[i] = 50 * time.Millisecond
	}
	quick := deliver.QueueOptions{Backoff: pauses, LeaseTTL: time.Second, Log: slog.New(slog.DiscardHandler)}
	signer, err := deliver.StandardSigner("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	if err != nil {
		return nil, nil, err
	}
	o := deliver.WebhookOptions{Timeout: 500 * time.Millisecond, QueueOptions: quick}
	for i, url := range p.Endpoints {
		o.Endpoints = append(o.Endpoints, deliver.Endpoint{ID: fmt.Sprint("e", i), URL: url, Signer: signer})
	}
	hooks, err := deliver.NewWebhooks(rdb, o)
	if err != nil {
		return nil, nil, err
	}
	archive, err := recording.OpenArchive(p.Data)
	if err != nil {
		return nil, nil, err
	}
	bucket, err := deliver.OpenBucket(deliver.BucketOptions{
		Endpoint: p.S3, Bucket: benchBucket, Region: "us-east-1", AccessKey: "bench", SecretKey: "bench-secret", PathStyle: true,
	})
	if err != nil {
		return nil, nil, err
	}
	uploads := deliver.NewUploads(rdb, deliver.UploadOptions{
		Dir: archive.Root(), Storage: "bench", Targets: map[string]deliver.Target{"s3": bucket}, Stall: 2 * time.Second, QueueOptions: quick,
		Policy: deliver.URLPolicy{AllowHTTP: true, AnyPort: true, AllowHosts: []string{"127.0.0.1"}},
	})
	return hooks, &deliver.Storage{Archive: archive, Bucket: bucket, Uploads: uploads, Release: true}, nil
}

// settle brings the recordings to storage, as roomreel does.
func (p deliverPlan) settle(ctx context.Context, s *deliver.Storage) {
	for wait(ctx, 200*time.Millisecond) == nil {
		ids, err := s.Archive.IDs()
		if err != nil {
			tell("archive: %v", err)
		}
		for _, id := range ids {
			_ = s.Settle(ctx, id) // the next round tries again
		}
	}
}

type deliverChaos struct {
	data                 string
	events, files, kills int
	sick, patience       time.Duration
}

// deliverResult is what [deliverCommand] describes.
type deliverResult struct {
	Events     int   `json:"events"`
	Lost       int   `json:"lost_events"`
	OutOfOrder int   `json:"out_of_order"`
	LostBytes  int64 `json:"lost_bytes"`
	Kills      int   `json:"kills"`
}

func (c deliverChaos) run(ctx context.Context) (result deliverResult, err error) {
	server, err := redisserver.New(c.data, "--appendonly", "yes")
	if err != nil {
		return result, err
	}
	defer server.Kill()
	if err := server.Start(ctx); err != nil {
		return result, err
	}
	world, err := startReceivers(c.sick)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, world.close()) }()
	plan := deliverPlan{Redis: server.Addr, Data: c.data, S3: world.s3.URL, Endpoints: world.urls()}
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true})
	defer rdb.Close()
	hooks, storage, err := plan.open(rdb)
	if err != nil {
		return result, err
	}
	files, err := c.record(ctx, storage, world)
	if err != nil {
		return result, err
	}
	killing := make(chan error, 1)
	go func() { killing <- c.killDeliverers(ctx, plan) }()
	published := map[string][]string{} // ids by recording
	for i := range c.events {
		id := fmt.Sprint("rec_", i%20)
		e, err := deliver.NewEvent(deliver.RecordingStarted, id, i)
		if err == nil {
			err = hooks.Publish(ctx, e)
		}
		if err != nil {
			return result, err
		}
		published[id] = append(published[id], e.ID)
	}
	tell("%d events are published to %d endpoints", c.events, len(plan.Endpoints))
	if err := <-killing; err != nil {
		return result, err
	}
	last, err := startDeliverer(ctx, plan)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, last.kill()) }()
	result.Events, result.Kills = c.events, c.kills
	for deadline := time.Now().Add(c.patience); ; {
		result.Lost, result.OutOfOrder = world.assess(published)
		if result.LostBytes, err = c.missing(ctx, storage, files, world); err != nil {
			return result, err
		}
		if result.Lost == 0 && result.LostBytes == 0 || time.Now().After(deadline) {
			return result, nil
		}
		tell("%d events and %d bytes have yet to arrive", result.Lost, result.LostBytes)
		if err := wait(ctx, time.Second); err != nil {
			return result, err
		}
	}
}

func startDeliverer(ctx context.Context, plan deliverPlan) (*child, error) {
	doc, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	return spawn(ctx, func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "BENCH_DELIVER="+string(doc)) }, "deliver")
}

// killDeliverers runs one deliverer after the other, each until it is killed.
func (c deliverChaos) killDeliverers(ctx context.Context, plan deliverPlan) error {
	for range c.kills {
		d, err := startDeliverer(ctx, plan)
		if err != nil {
			return err
		}
		const longest = 2 * time.Second
		if err := wait(ctx, time.Duration(rand.Int64N(int64(longest)))); err != nil {
			return err
		}
		if err := d.kill(); err != nil {
			return err
		}
	}
	return nil
}

// benchFile is a part of a recording, to be uploaded by PUT and to storage.
type benchFile struct {
	id, file string
	content  []byte
}

// record puts recordings of one part each into the data folder, and queues each
// for PUT.
func (c deliverChaos) record(ctx context.Context, s *deliver.Storage, world *receivers) ([]benchFile, error) {
	var files []benchFile
	for i := range c.files {
		f := benchFile{id: recording.NewID(recording.PrefixRecording), content: make([]byte, 1+rand.IntN(2<<20))}
		part := recording.NewID(recording.PrefixPart)
		f.file = part + ".webm"
		_, _ = rand.NewChaCha8(sha256.Sum256([]byte(part))).Read(f.content)
		dir, err := s.Archive.Create(f.id)
		if err != nil {
			return nil, err
		}
		for name, b := range map[string][]byte{f.file: f.content, recording.JournalFile: []byte("\n")} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				return nil, err
			}
		}
		err = recording.WriteManifest(dir, &recording.Manifest{
			ID: f.id, State: recording.Stopped, Parts: []recording.Part{{ID: part, File: f.file, Bytes: int64(len(f.content))}},
		})
		if err != nil {
			return nil, err
		}
		_, err = s.Uploads.Add(ctx, deliver.Upload{RecordingID: f.id, Path: f.id + "/" + f.file, URL: fmt.Sprintf("%s/%d?sig=x", world.put.URL, i)})
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// missing counts the bytes that are not, or not right, where they should be: at
// the PUT server, and in storage or still in the data folder as long as storage
// does not have them all.
func (c deliverChaos) missing(ctx context.Context, s *deliver.Storage, files []benchFile, world *receivers) (n int64, err error) {
	for i, f := range files {
		if !bytes.Equal(world.object(fmt.Sprint("/", i)), f.content) {
			n += int64(len(f.content))
		}
		var stored bytes.Buffer
		o, err := s.Bucket.Open(ctx, s.Bucket.Location(f.id+"/"+f.file))
		if err == nil {
			_, err = stored.ReadFrom(o)
			err = errors.Join(err, o.Close())
		}
		if err != nil || !bytes.Equal(stored.Bytes(), f.content) {
			n += int64(len(f.content))
			if _, err := os.Stat(filepath.Join(s.Archive.Root(), f.id, f.file)); err != nil {
				return n, fmt.Errorf("recording %s was released before storage had it: %w", f.id, err)
			}
		}
	}
	return n, nil
}
