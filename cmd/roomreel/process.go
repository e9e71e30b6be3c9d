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
	"github.com/roomreel/roomreel/session"
	"github.com/roomreel/roomreel/web"
)

// process is everything one roomreel process runs: the API, a recording node
// and the composer.
type process struct {
	node     *coord.Node
	store    *coord.Store
	archive  recording.Archive
	log      *slog.Logger
	hooks    *deliver.Webhooks
	uploader *uploader
	settler  settler
	peers    peers
	sessions *session.Service
	queue    *compose.Queue
	egress   *egressWorker
	previews *compose.Previews
	hosts    *hosts
	members  members
	retain   retention
	server   *http.Server
	listener net.Listener
	redis    *redis.Client
	// stopTracing sends the spans that are left.
	stopTracing func(context.Context) error
}

// guesses is how often an address may send credentials that are not valid.
var guesses = api.RateLimit{PerSecond: 5, Burst: 50}

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
	livekit := plugin.NewRooms(c.LiveKit.URL, keys)
	counted := newMetrics(c.Node)
	store := coord.NewStore(p.redis)
	p.store, p.archive, p.log = store, archive, log

	const mib = 1 << 20
	bots := recorder.Options{
		URL: c.LiveKit.URL, Token: keys.RecorderToken, Archive: archive, Node: c.Node, Log: log, Dump: c.Recorder.RTPDump,
		Roll: recorder.Roll{Duration: c.Recorder.Roll.After, Bytes: c.Recorder.Roll.Size * mib},
		Watermarks: recorder.Watermarks{
			Warn: c.Recorder.Disk.Warn * mib, SoundOnly: c.Recorder.Disk.SoundOnly * mib, Stop: c.Recorder.Disk.Stop * mib,
		},
	}
	folder, err := deliver.FolderID(archive.Root())
	if err != nil {
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	p.node = coord.NewNode(store, coord.NodeOptions{
		Name: c.Node, Folder: folder, URL: nodeURL(c.API, listener), Open: openRoom(bots, livekit, counted), Finish: finish(archive), LeaseTTL: c.Recorder.Lease,
		MaxRooms: c.Recorder.MaxRooms, Version: version, Health: health(archive.Root(), c.Recorder.Disk.Stop*mib, log), Log: log,
	})
	p.hooks, err = newWebhooks(c, p.redis, counted, log)
	if err != nil {
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	p.uploader, err = newUploader(c, archive, folder, store, p.hooks, p.redis, counted, log)
	if err != nil {
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	counted.watchNode(p.node)
	counted.watchWebhooks(p.hooks, log)
	p.peers = peers{
		archive: archive, store: store, folder: folder, storage: p.uploader.storage,
		token: func() (string, error) { return keys.ServerToken("roomreel "+c.Node, "", time.Minute) },
	}
	p.hosts = newHosts(store, c.Node, livekit.Members, log)
	p.members = members{store: store, send: livekit.Send, log: log, arrivals: make(chan plugin.Hint, 64)}
	const day = 24 * time.Hour
	p.retain = retention{
		archive: archive, store: store, keep: time.Duration(c.Retention.Days) * day, awaited: awaited(p.hooks, p.uploader.uploads),
		stored: p.uploader.removeStored, log: log, now: time.Now,
	}
	p.sessions = newSessions(c, keys, livekit, store, p.hooks, p.redis, log)
	p.queue, err = compose.NewQueue(archive, compose.Options{
		FFmpeg: c.Composer.FFmpeg, FFprobe: c.Composer.FFprobe, Assets: c.Composer.Assets, Parallel: c.Composer.Jobs, Log: log,
		Claims: claims{coord.NewJobs(store, folder, c.Node)}, Snapshot: snapshot(store, archive), Notify: counted.composed(traceCompositions(tellOfCompositions(store, p.hooks, log))),
		Fetch: p.peers.fetch, PiecesAge: c.Composer.Pieces.Age, PiecesBytes: c.Composer.Pieces.Size * mib,
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	p.settler = settler{
		uploader: p.uploader, gather: gatherer{archive, store, folder, log}, settled: map[string]time.Time{},
		films: wishedFilms{p.queue, store, folder, c.Node, log}, parts: partsDeleter{p.uploader, p.queue},
	}
	var storage api.Storage
	if s := p.uploader.storage; s != nil {
		storage = stored{s, c.Storage.Downloads == "redirect"}
	}
	p.egress, err = newEgress(c, p, keys, counted, log)
	if err != nil {
		p.queue.Close()
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	p.previews = compose.NewPreviews(archive, c.Composer.FFmpeg)
	handler, err := api.New(api.Options{
		Recordings: recordings{store}, Compositions: p.queue, Rooms: rooms{livekit}, Nodes: nodes{store}, Media: archive, Webhooks: webhooks{p.hooks},
		Previews: p.previews, Console: web.Console(web.ConsoleOptions{LiveKit: browserURL(c.LiveKit)}),
		Metrics: counted.handler(log), OpenMetrics: c.API.OpenMetrics, LiveKit: receiveHints(keys, store, p.hint, log),
		Uploads: uploads{p.uploader, p.peers}, Storage: storage, Elsewhere: p.peers.elsewhere, Answers: p.redis,
		Rate: api.RateLimit{PerSecond: c.API.Rate.PerSecond, Burst: c.API.Rate.Burst}, Guesses: guesses, Streams: c.API.Rate.Streams,
		Sessions:  sessionOptions(c, keys, p.sessions, log),
		AdminKeys: c.API.AdminKeys, Verifier: verifier{keys}, Version: version, Static: page, Log: log,
		Ready: func(ctx context.Context) map[string]error {
			// A node that leaves hands its rooms only to those it knows of.
			return map[string]error{"livekit": livekit.Ping(ctx), "redis": p.redis.Ping(ctx).Err(), "node": store.Announced(ctx, c.Node)}
		},
	})
	if err != nil {
		p.queue.Close()
		return nil, errors.Join(err, listener.Close(), p.redis.Close())
	}
	const headerTimeout, idleTimeout = 10 * time.Second, 2 * time.Minute
	p.stopTracing = func(context.Context) error { return nil }
	var served http.Handler = handler
	if c.Tracing {
		if p.stopTracing, err = startTracing(context.Background(), c.Node); err != nil {
			p.queue.Close()
			return nil, errors.Join(err, listener.Close(), p.redis.Close())
		}
		served = traced(handler)
	}
	p.server = &http.Server{Handler: served, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	return p, nil
}

// run works until ctx ends, then finalises what is being recorded, lets
// requests end, and returns.
func (p *process) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.node.Run(ctx) })
	group.Go(func() error {
		if _, _, err := (restorer{p.archive, p.store, p.log}).all(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("not everything in the archive was restored", "error", err)
		}
		return nil
	})
	if p.egress != nil {
		group.Go(func() error { return p.egress.Run(ctx) })
	}
	group.Go(func() error { p.retain.run(ctx); return nil })
	group.Go(func() error { p.hosts.run(ctx); return nil })
	group.Go(func() error { p.members.run(ctx); return nil })
	group.Go(func() error { return p.hooks.Run(ctx) })
	group.Go(func() error {
		p.store.Tell(ctx, inTurn(p.settler.films.tell, tellOfRecordings(p.hooks, p.log), p.members.tell, traceRecordings))
		return nil
	})
	group.Go(func() error { return p.uploader.uploads.Run(ctx) })
	group.Go(func() error { return p.settler.run(ctx) })
	told := make(chan struct{}) // once all who have a session know that it ends
	group.Go(func() error { defer close(told); return p.sessions.Run(ctx) })
	group.Go(func() error {
		if err := p.server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve API: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		<-told
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
	p.previews.Close()
	const patience = 5 * time.Second
	quit, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return errors.Join(err, p.egress.close(), p.redis.Close(), p.stopTracing(quit))
}

// hint acts on what LiveKit's webhooks tell. They may be wrong: it only has things
// looked at that are looked at anyway.
func (p *process) hint(ctx context.Context, h plugin.Hint) {
	switch h.Event {
	case plugin.ParticipantJoined:
		p.members.greet(h)
		p.hosts.hint()
	case plugin.ParticipantLeft, plugin.RoomFinished:
		p.hosts.hint()
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
	if errors.Is(err, syscall.ENOSPC) {
		return archive, fmt.Errorf("the disk of the data folder %s is full: make room, or set data (ROOMREEL_DATA) to another: %w", data, err)
	}
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
