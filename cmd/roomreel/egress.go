package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/plugin/egress"
	"github.com/roomreel/roomreel/recording"
)

// egressWorker is the worker for LiveKit's Egress API, and the Redis that it
// shares with LiveKit, if that is another than roomreel's.
type egressWorker struct {
	*egress.Worker
	bus *redis.Client
}

// newEgress wires the worker; nil where the configuration turns it off.
func newEgress(c configs.Config, p *process, keys plugin.Keys, counted *metrics, log *slog.Logger) (*egressWorker, error) {
	if !c.Egress.Enabled {
		return nil, nil
	}
	w := &egressWorker{}
	bus := p.redis
	if c.Egress.Redis != "" {
		options, err := redis.ParseURL(c.Egress.Redis)
		if err != nil {
			return nil, fmt.Errorf("egress.redis: %w", err)
		}
		w.bus = redis.NewClient(options)
		bus = w.bus
	}
	output := c.Egress.Output
	if output == "" {
		output = filepath.Join(c.Data, "egress")
	}
	var err error
	w.Worker, err = egress.NewWorker(egress.Options{
		Node: c.Node, Bus: bus, Redis: p.redis,
		Recordings: egressRecordings{p.store, c.Node},
		Files: egressFiles{
			queue: p.queue, archive: p.archive, store: p.store, stored: p.uploader.removeStored,
			composer: compose.Composer{FFmpeg: c.Composer.FFmpeg, FFprobe: c.Composer.FFprobe, Log: log},
		},
		URL: c.LiveKit.URL, APIKey: keys.Key, APISecret: keys.Secret, Token: keys.RecorderToken,
		Bucket: putInBucket, Storage: ownBucket(c), Output: output, WebM: c.Egress.Format == "webm", Discard: !c.Egress.Keep, Defer: c.Egress.Defer,
		MaxDuration: c.Egress.MaxDuration, Ended: counted.egressEnded, Lease: c.Recorder.Lease, Log: log,
	})
	return w, err
}

// close lets go of the worker's own Redis.
func (w *egressWorker) close() error {
	if w == nil || w.bus == nil {
		return nil
	}
	return w.bus.Close()
}

// egressRecordings lets the worker reach the store.
type egressRecordings struct {
	*coord.Store
	node string
}

// Load tells how busy the nodes are. A room that is being recorded already needs
// no further room of anybody, one that waits for a node will take the next.
func (r egressRecordings) Load(ctx context.Context, room string) egress.Load {
	nodes, err := r.Nodes(ctx)
	if err != nil || len(nodes) == 0 {
		return egress.Load{} // the request waits, as any recording does
	}
	var load egress.Load
	places, limited := 0, true
	mine := slices.IndexFunc(nodes, func(n coord.NodeInfo) bool { return n.Name == r.node })
	for _, n := range nodes {
		if !n.CanAccept() {
			continue
		}
		places += n.MaxRooms - n.Rooms
		limited = limited && n.MaxRooms > 0
		if mine >= 0 && n.Rooms < nodes[mine].Rooms {
			load.Ahead++
		}
	}
	if !limited {
		return load
	}
	page, err := r.List(ctx, coord.Query{Limit: 200, States: []recording.State{
		recording.Queued, recording.Starting, recording.Active, recording.Paused, recording.Stopping,
	}})
	waiting := map[string]bool{}
	for _, rec := range page.Items {
		if rec.Room == room && rec.Node != "" {
			return load
		}
		if rec.Room != room && rec.State == recording.Queued {
			waiting[rec.Room] = true
		}
	}
	load.Full = err == nil && places <= len(waiting)
	return load
}

// egressFiles lets the worker have files made.
type egressFiles struct {
	queue    *compose.Queue
	archive  recording.Archive
	store    *coord.Store
	stored   func(ctx context.Context, id string) error // deletes what storage has of a recording
	composer compose.Composer
}

func (f egressFiles) Manifest(id string) (*recording.Manifest, error) { return f.archive.Manifest(id) }

func (f egressFiles) Check(spec recording.CompositionSpec) error {
	_, err := compose.Normalize(spec)
	return err
}

func (f egressFiles) Extract(ctx context.Context, id string, what egress.Extract, out string) error {
	dir, err := f.archive.Dir(id)
	if err != nil {
		return err
	}
	return f.composer.Extract(ctx, dir, compose.Extract(what), out)
}

func (f egressFiles) Sound(ctx context.Context, film, out string) error {
	return f.composer.Sound(ctx, film, out)
}

func (f egressFiles) Length(ctx context.Context, path string) (time.Duration, error) {
	length, err := f.composer.Length(ctx, path)
	return length.Duration(), err
}

func (f egressFiles) Remove(ctx context.Context, id string) error {
	if err := f.store.Remove(ctx, id); err != nil {
		return err
	}
	if err := f.stored(ctx, id); err != nil {
		return err // retention tries again, as long as the folder is there
	}
	return f.archive.Remove(id)
}

// Film makes a film by way of the queue. One that another worker began is made
// anew if it was not to be had.
func (f egressFiles) Film(ctx context.Context, id string, spec recording.CompositionSpec, begun string, began func(string)) (string, error) {
	if begun != "" {
		if film, err := f.await(ctx, id, begun); err == nil && film.State == recording.CompositionReady {
			return f.path(film)
		}
	}
	film, err := f.queue.Start(ctx, id, spec)
	if err != nil {
		return "", err
	}
	began(film.ID)
	film, err = f.await(ctx, id, film.ID)
	return f.made(film, err)
}

// Wished makes a film that the recording was started with, whoever is quickest to
// begin it: this node, or the one that is told first of the recording's end.
func (f egressFiles) Wished(ctx context.Context, id string, n int, spec recording.CompositionSpec) (string, error) {
	const patience, pause = 10 * time.Second, 200 * time.Millisecond
	began := time.Now()
	var film recording.Composition
	var err error
	for {
		if _, err = f.queue.StartWished(ctx, id, n, spec); err == nil {
			film, err = f.await(ctx, id, compose.WishedID(id, n))
		}
		// Another node may be about to write the film down.
		if recording.CodeOf(err) != recording.CodeNotFound || time.Since(began) > patience {
			break
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return f.made(film, err)
}

// made returns where a film lies that is final, or why there is none.
func (f egressFiles) made(film recording.Composition, err error) (string, error) {
	switch {
	case err != nil:
		return "", err
	case film.State != recording.CompositionReady:
		return "", recording.AsError(film.Error, recording.CodeComposeFailed)
	}
	return f.path(film)
}

// await returns a composition once it is final. However long it waits behind
// others, and whichever process dies over it: the queue carries it out.
func (f egressFiles) await(ctx context.Context, id, film string) (last recording.Composition, err error) {
	const poll = time.Second
	for {
		updates, err := f.queue.Watch(ctx, id, film)
		if err != nil {
			return last, err
		}
		for last = range updates { // the last one counts
		}
		if last.State.Final() {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(poll):
		}
	}
}

func (f egressFiles) path(film recording.Composition) (string, error) {
	dir, err := f.archive.Dir(film.RecordingID)
	if err != nil {
		return "", err
	}
	return filepath.Join(recording.CompositionsDir(dir), film.File), nil
}
