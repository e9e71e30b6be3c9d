package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recording"
)

// process is everything one roomreel process runs: the API, a recording node
// and the composer.
type process struct {
	node     *coord.Node
	store    *coord.Store
	archive  recording.Archive
	log      *slog.Logger
	hooks    *deliver.Webhooks
	queue    *compose.Queue
	server   *http.Server
	listener net.Listener
	redis    *redis.Client
}

// start wires a process; run runs it. page, if not nil, is served at /join/.
func start(c configs.Config, log *slog.Logger, page http.Handler) (*process, error) {
	if err := checkPrograms(c.Composer); err != nil {
		return nil, err
	}
	archive, err := openArchive(c.Data)
	if err != nil {
		return nil, err
	}
	listener, err := listen(c.API.Listen)
	if err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(c.Redis.URL)
	if err != nil {
		return nil, fmt.Errorf("redis.url: %w", err)
	}
	options.ContextTimeoutEnabled = true
	p := &process{listener: listener, redis: redis.NewClient(options)}
	keys := plugin.Keys{Key: c.LiveKit.APIKey, Secret: c.LiveKit.APISecret}
	rooms := plugin.NewRooms(c.LiveKit.URL, keys)
	store := coord.NewStore(p.redis)
	p.store, p.archive, p.log = store, archive, log

	const mib = 1 << 20
	bots := recorder.Options{
		URL: c.LiveKit.URL, Token: keys.RecorderToken, Archive: archive, Node: c.Node, Log: log, Dump: c.Recorder.RTPDump,
		Watermarks: recorder.Watermarks{
			Warn: c.Recorder.Disk.Warn * mib, SoundOnly: c.Recorder.Disk.SoundOnly * mib, Stop: c.Recorder.Disk.Stop * mib,
		},
	}
	p.node = coord.NewNode(store, coord.NodeOptions{
		Name: c.Node, Open: openRoom(bots, rooms), Finish: finish(archive), LeaseTTL: c.Recorder.Lease,
		MaxRooms: c.Recorder.MaxRooms, Log: log,
	})
	p.hooks, err = newWebhooks(c.Webhooks, p.redis, log)
	if err != nil {
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	p.queue, err = compose.NewQueue(archive, compose.Options{
		FFmpeg: c.Composer.FFmpeg, FFprobe: c.Composer.FFprobe, Assets: c.Composer.Assets, Parallel: c.Composer.Jobs, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	handler, err := api.New(api.Options{
		Recordings: recordings{store}, Compositions: p.queue, Rooms: rooms, Media: archive,
		AdminKeys: c.API.AdminKeys, Verifier: verifier{keys}, Version: version, Static: page, Log: log,
		Ready: func(ctx context.Context) map[string]error {
			return map[string]error{"livekit": rooms.Ping(ctx), "redis": p.redis.Ping(ctx).Err()}
		},
	})
	if err != nil {
		p.queue.Close()
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	const headerTimeout = 10 * time.Second
	p.server = &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	return p, nil
}

// run works until ctx ends, then finalises what is being recorded, lets
// requests end, and returns.
func (p *process) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.node.Run(ctx) })
	group.Go(func() error { p.restore(ctx); return nil })
	group.Go(func() error { return p.hooks.Run(ctx) })
	group.Go(func() error { tellOfRecordings(ctx, p.store.Watch(ctx), p.hooks, p.log); return nil })
	group.Go(func() error {
		if err := p.server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve API: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		const patience = 10 * time.Second
		quit, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if err := p.server.Shutdown(quit); err != nil {
			return p.server.Close() // event streams outlast any patience
		}
		return nil
	})
	err := group.Wait()
	p.queue.Close()
	return errors.Join(err, p.redis.Close())
}

// restore tells Redis of the recordings in the archive that it does not know,
// after making whole those that a crash left unfinished. What Redis knows is
// left to the nodes.
func (p *process) restore(ctx context.Context) {
	ids, err := p.archive.IDs()
	if err != nil {
		p.log.Error("archive cannot be listed", "error", err)
		return
	}
	for _, id := range ids {
		if _, err := p.store.Get(ctx, id); ctx.Err() != nil || recording.CodeOf(err) != recording.CodeNotFound {
			continue
		}
		if err := p.restoreOne(ctx, id); err != nil {
			p.log.Warn("recording in the archive cannot be restored", "recording", id, "error", err)
		}
	}
}

func (p *process) restoreOne(ctx context.Context, id string) error {
	dir, err := p.archive.Dir(id)
	if err != nil {
		return err
	}
	unfinished, err := recorder.Unfinished(dir)
	if err != nil {
		return err
	}
	var m *recording.Manifest
	if unfinished {
		p.log.Info("making a recording whole that a crash left", "recording", id)
		m, err = recorder.Repair(ctx, dir, recording.Recording{}, recording.EndedByCrash)
	} else {
		m, err = p.archive.Manifest(id)
	}
	if err != nil {
		return err
	}
	r := resultOf(m)
	_, err = p.store.Restore(ctx, recording.Recording{
		ID: id, Request: recording.Request{Room: m.Room, Selection: m.Selection, Subject: m.Subject},
		State: m.State, Ended: m.Ended, Error: m.Error,
		CreatedAt: m.CreatedAt, StartedAt: m.StartedAt, StoppedAt: m.StoppedAt,
		Duration: r.Duration, Parts: r.Parts, Bytes: r.Bytes,
	})
	return err
}

// finish completes what a node that died left of a recording.
func finish(a recording.Archive) func(context.Context, recording.Recording, recording.EndReason) (coord.Result, error) {
	return func(ctx context.Context, r recording.Recording, why recording.EndReason) (coord.Result, error) {
		dir, err := a.Dir(r.ID)
		if err != nil {
			return coord.Result{}, err
		}
		m, err := recorder.Repair(ctx, dir, r, why)
		return resultOf(m), err
	}
}

// checkPrograms reports the programs that are missing, with the cure.
func checkPrograms(c configs.Composer) error {
	for _, program := range []string{c.FFmpeg, c.FFprobe} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed: `apt-get install ffmpeg`, or set composer.ffmpeg and composer.ffprobe to where they are", program)
		}
	}
	return nil
}

// openArchive opens the data folder, or says what to do about it.
func openArchive(data string) (recording.Archive, error) {
	archive, err := recording.OpenArchive(data)
	if err != nil {
		return archive, fmt.Errorf("the data folder %s cannot be written: give this user the right to, or set data (ROOMREEL_DATA) to another: %w", data, err)
	}
	return archive, nil
}

// listen opens the API's port, or says what to do about it.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program: end that one, or set api.listen (ROOMREEL_LISTEN) to a free address", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s (api.listen, ROOMREEL_LISTEN): %w", address, err)
	}
	return l, nil
}

// nodeName is the configured name of this process, or the host's.
func nodeName(c configs.Config) string {
	if c.Node != "" {
		return c.Node
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Sprintf("node-%d", os.Getpid())
	}
	return host
}
