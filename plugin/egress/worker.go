package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Recordings is where recordings are asked for.
type Recordings interface {
	// Start asks for a recording. CodeAlreadyRecording names the one that serves
	// the same egress already.
	Start(ctx context.Context, want recording.Request) (recording.Recording, error)
	Get(ctx context.Context, id string) (recording.Recording, error)
	// End asks for the end and does not wait for it.
	End(ctx context.Context, id string, why recording.EndReason) (recording.Recording, error)
	SetLayout(ctx context.Context, id, layout string) (recording.Recording, error)
	// Watch tells of recordings as they change, as a hint.
	Watch(ctx context.Context) <-chan recording.Recording
	// Load tells how busy the nodes are, and whether one can take the room.
	Load(ctx context.Context, room string) Load
}

// Load is how busy the nodes are that record.
type Load struct {
	// Full says that no node can take the room, so that a request is refused.
	Full bool
	// Ahead is how many nodes have less to do than this one.
	Ahead int
}

// Files makes files of recordings that have ended.
type Files interface {
	// Manifest returns what a recording is; CodeNotFound says that its files are not
	// within this node's reach.
	Manifest(id string) (*recording.Manifest, error)
	// Check refuses a film that cannot be made.
	Check(spec recording.CompositionSpec) error
	// Film makes a film and returns where it lies. It goes on with the composition
	// named begun, if that is not empty; began is told the name of a new one.
	Film(ctx context.Context, id string, spec recording.CompositionSpec, begun string, began func(string)) (path string, err error)
	// Wished makes the nth film that a recording was started with, as far as it was
	// not composed while the recording ran, and returns where it lies.
	Wished(ctx context.Context, id string, n int, spec recording.CompositionSpec) (path string, err error)
	// Extract copies tracks of a recording into the file out, whose extension
	// names the container.
	Extract(ctx context.Context, id string, what Extract, out string) error
	// Sound copies the sound of a film into the file out.
	Sound(ctx context.Context, film, out string) error
	// Length is how long a media file is.
	Length(ctx context.Context, path string) (time.Duration, error)
	// Remove deletes a recording and its films.
	Remove(ctx context.Context, id string) error
}

// Extract says which tracks of a recording go into a file.
type Extract struct {
	// SIDs are the LiveKit tracks to take; empty takes those of all kinds wanted.
	SIDs  []string
	Kinds []recording.Kind
	// Canvas, unless zero, is the picture that they are encoded to.
	Canvas recording.CompositionSpec
}

// Track is a published track.
type Track struct {
	SID      string         `json:"sid"`
	Identity string         `json:"identity"`
	Source   string         `json:"source"` // LiveKit's, in lower case
	Stream   string         `json:"stream,omitempty"`
	Kind     recording.Kind `json:"kind"`
}

// Options say how a Worker works. All but Storage, MaxDuration, Log and the times
// are required.
type Options struct {
	// Node names this process.
	Node string
	// Bus is LiveKit's Redis, Redis the one that roomreel's nodes share.
	Bus, Redis redis.UniversalClient
	Recordings Recordings
	Files      Files
	// URL is LiveKit's, APIKey and APISecret a pair of its keys. Token mints what an
	// egress joins its room with.
	URL, APIKey, APISecret string
	Token                  func(room, identity string) (string, error)
	// Output is the folder of files that no bucket is named for, unless there is
	// Storage, and of those that their bucket does not take.
	Output string
	// Bucket writes a file into a bucket and returns its URL.
	Bucket func(ctx context.Context, b *livekit.S3Upload, key, path string) (location string, err error)
	// Storage, if not nil, takes the files that no bucket is named for.
	Storage func(ctx context.Context, key, path string) (location string, err error)
	// WebM makes WebM the container where a request leaves it open: what was
	// recorded is handed over as it is.
	WebM bool
	// Discard deletes the recording of an egress once its files are where they were
	// asked for.
	Discard bool
	// Defer leaves requests that this worker refuses to others, if there are any
	// that take them.
	Defer bool
	// MaxDuration ends an egress; zero never does.
	MaxDuration time.Duration
	// Lease is how long a job stays with a worker that is silent; 3 s when zero.
	Lease time.Duration
	// Drain is how long a worker that shuts down may take to hand over files that
	// it is making; 20 s when zero.
	Drain time.Duration
	Log   *slog.Logger
}

// Worker serves LiveKit's egress requests; see the package's comment.
type Worker struct {
	opts  Options
	jobs  *jobs
	bus   psrpc.MessageBus
	io    rpc.IOInfoClient
	rooms *rooms
	log   *slog.Logger

	work context.Context // ends keepers at once
	stop context.CancelFunc

	mu       sync.Mutex
	keepers  map[string]*keeper // by egress
	draining bool
	running  sync.WaitGroup
}

// NewWorker returns a worker that serves once Run is called.
func NewWorker(o Options) (*Worker, error) {
	if o.Lease == 0 {
		o.Lease = 3 * time.Second
	}
	if o.Drain == 0 {
		o.Drain = 20 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	w := &Worker{
		opts: o, bus: psrpc.NewRedisMessageBus(o.Bus), log: o.Log.With("component", "egress"),
		jobs:    &jobs{rdb: o.Redis, holder: o.Node + " " + uuid.NewString(), ttl: o.Lease},
		rooms:   &rooms{client: lksdk.NewRoomServiceClient(o.URL, o.APIKey, o.APISecret), seen: map[string]*sighting{}},
		keepers: map[string]*keeper{},
	}
	w.work, w.stop = context.WithCancel(context.Background())
	var err error
	if w.io, err = rpc.NewIOInfoClient(w.bus); err != nil {
		return nil, fmt.Errorf("reach LiveKit over Redis: %w", err)
	}
	return w, nil
}

// Run serves until ctx ends. Then it takes nothing new, makes what files it can
// within the drain's time, leaves the rest to other workers, or to the next start,
// and returns.
func (w *Worker) Run(ctx context.Context) error {
	defer w.stop()
	defer w.io.Close()
	server, err := rpc.NewEgressInternalServer(w, w.bus)
	if err != nil {
		return fmt.Errorf("serve egress: %w", err)
	}
	defer server.Shutdown()
	if err := errors.Join(server.RegisterStartEgressTopic(""), server.RegisterListActiveEgressTopic("")); err != nil {
		return fmt.Errorf("serve egress: %w", err)
	}
	feed := w.opts.Recordings.Watch(w.work)
	look := time.NewTicker(w.opts.Lease / 3)
	defer look.Stop()
	w.look()
	for {
		select {
		case <-ctx.Done():
			server.DeregisterStartEgressTopic("")
			w.drain()
			return nil
		case <-look.C:
			w.renew()
			w.look()
		case r, open := <-feed:
			if !open {
				feed = nil
				continue
			}
			if k := w.keeper(r.Egress); k != nil {
				poke(k.wake)
			}
		}
	}
}

// drain lets keepers end what they can, while their leases are renewed.
func (w *Worker) drain() {
	w.mu.Lock()
	w.draining = true
	for _, k := range w.keepers {
		poke(k.wake)
	}
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() { w.running.Wait(); close(ended) }()
	late := time.NewTimer(w.opts.Drain)
	defer late.Stop()
	tick := time.NewTicker(w.opts.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			w.renew()
		case <-late.C:
			w.stop()
			<-ended
			return
		}
	}
}

func (w *Worker) isDraining() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.draining
}

func (w *Worker) keeper(id string) *keeper {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keepers[id]
}

func (w *Worker) held() []*keeper {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*keeper, 0, len(w.keepers))
	for _, k := range w.keepers {
		list = append(list, k)
	}
	return list
}

// renew holds the leases, and lets go of jobs that another worker has taken.
func (w *Worker) renew() {
	for _, k := range w.held() {
		switch err := w.jobs.renew(w.work, k.job.ID); {
		case errors.Is(err, errLost):
			k.log.Warn("another worker has taken the egress over")
			k.cancel()
		case err != nil:
			k.log.Warn("the lease was not renewed", "error", err)
		}
	}
}

// orphaned is how long a job waits for a worker that has its files.
const orphaned = 10 * time.Minute

// look takes jobs that nobody holds and that this worker can go on with.
func (w *Worker) look() {
	free, err := w.jobs.free(w.work)
	if err != nil {
		w.log.Warn("jobs cannot be seen", "error", err)
		return
	}
	for _, j := range free {
		if !w.able(j) {
			continue
		}
		j, err := w.jobs.claim(w.work, j.ID)
		if err != nil || j == nil {
			continue
		}
		w.log.Info("going on with an egress that another worker left", "egress", j.ID)
		if err := w.keep(j); err != nil {
			w.log.Error("egress cannot be gone on with", "egress", j.ID, "error", err)
		}
	}
}

// able reports whether this worker can go on with a job: with any whose recording
// runs, and with one whose recording has ended if its files are here, or have been
// out of everybody's reach for long.
func (w *Worker) able(j *job) bool {
	if j.Recording == "" {
		return true
	}
	r, err := w.opts.Recordings.Get(w.work, j.Recording)
	if err != nil {
		return recording.CodeOf(err) == recording.CodeNotFound
	}
	if !r.State.Final() || r.Parts == 0 {
		return true
	}
	_, err = w.opts.Files.Manifest(j.Recording)
	return err == nil || time.Since(r.StoppedAt) > orphaned
}

// keep starts to look after a job that this worker holds.
func (w *Worker) keep(j *job) error {
	k, err := newKeeper(w, j)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keepers[j.ID] != nil {
		return nil
	}
	w.keepers[j.ID] = k
	w.running.Go(func() {
		k.run()
		w.mu.Lock()
		delete(w.keepers, j.ID)
		w.mu.Unlock()
	})
	return nil
}
