package coord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// NodeOptions say how a Node works. Name and Open are required.
type NodeOptions struct {
	// Name tells the nodes of one Redis apart.
	Name string
	// Open joins a room.
	Open OpenRoom
	// Finish completes what earlier epochs left of a recording that should end
	// and that this node's bot does not have; it needs no room. Nil leaves the
	// files as they are.
	Finish func(ctx context.Context, r recording.Recording, why recording.EndReason) (Result, error)
	// LeaseTTL is how long a room stays with a node that is silent; leases are
	// renewed at a third of it. 3 s when zero.
	LeaseTTL time.Duration
	// Poll is how often the node looks for rooms by itself, should a
	// notification get lost. 1 s when zero.
	Poll time.Duration
	// MaxRooms is how many rooms the node records at most; 0 is no limit.
	MaxRooms int
	// OpenTries is how often a room is tried before its recordings fail; 5 when
	// zero. The pause between two tries begins with OpenPause, 250 ms when
	// zero, and doubles.
	OpenTries int
	OpenPause time.Duration
	// CallTimeout bounds each call of Open and a Bot but those that complete files, 30 s
	// when zero. FilesTimeout bounds these, which are Finish and a Bot's Stop and Close:
	// after a crash they read every byte that was recorded. 15 min when zero.
	CallTimeout, FilesTimeout time.Duration
	// DrainTimeout bounds a graceful shutdown; 25 s when zero, which is below
	// the 30 s that Kubernetes grants.
	DrainTimeout time.Duration
	// Folder names the folder that the node records to, see [Place]; URL is where other
	// nodes reach its API. Both may be empty.
	Folder, URL string
	// Version is that of the program, for those who look at the node.
	Version string
	// Health tells how the machine does, at each heartbeat; nil says nothing.
	Health func() Health
	// Log is slog.Default() when nil.
	Log *slog.Logger
}

// Node makes rooms as they are wished: it claims rooms that nobody records, the
// least loaded node first, opens a bot in each, starts and stops recordings in
// it, and leaves when none is left.
//
// A node that is cut off from Redis goes on recording, and gives a room up only
// when it learns that another node was granted it: the bot completes its files
// with EndedByFailure and nothing more is written to Redis.
//
// When Run's context ends, the node drains. If another living node can accept
// rooms, or Redis cannot say, the bots complete their files with
// EndedByShutdown and the leases are released: the wishes stand, and another
// node goes on with the same recordings. If no other node can, the recordings
// that run are ended for good, Stopped with EndedByShutdown; those that have
// not started stay queued.
type Node struct {
	store *Store
	opts  NodeOptions
	log   *slog.Logger
	since time.Time

	hard context.Context // ends the work at once, without drain
	kill context.CancelFunc

	// Owned by the goroutine of Run.
	rooms   map[string]*room
	claims  map[string]bool // rooms with a claim under way
	claimed chan claim
	closed  chan *room
	tasks   sync.WaitGroup
	// patient is until when nothing is claimed: after Redis was away, those who
	// hold rooms are given time to renew their leases.
	patient time.Time

	news   chan NodeInfo            // to the goroutine of announce: the last one counts
	health atomic.Pointer[Health]   // as of the last heartbeat
	told   atomic.Pointer[NodeInfo] // with the last heartbeat
}

type claim struct {
	room  string
	lease Lease
	ok    bool
	err   error
}

// NewNode returns a node that works once Run is called, which may be once.
func NewNode(store *Store, opts NodeOptions) *Node {
	setDefault(&opts.LeaseTTL, 3*time.Second)
	setDefault(&opts.Poll, time.Second)
	setDefault(&opts.OpenTries, 5)
	setDefault(&opts.OpenPause, 250*time.Millisecond)
	setDefault(&opts.CallTimeout, 30*time.Second)
	setDefault(&opts.FilesTimeout, 15*time.Minute)
	setDefault(&opts.DrainTimeout, 25*time.Second)
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	n := &Node{
		store: store, opts: opts, log: opts.Log.With("node", opts.Name), since: store.now(),
		rooms: map[string]*room{}, claims: map[string]bool{},
		claimed: make(chan claim), closed: make(chan *room),
		news: make(chan NodeInfo, 1),
	}
	n.hard, n.kill = context.WithCancel(context.Background())
	return n
}

func setDefault[T int | time.Duration](v *T, standard T) {
	if *v == 0 {
		*v = standard
	}
}

// Run works until ctx ends and then drains; it returns when nothing of the node
// is left running. Its error tells of a drain that was cut short by
// DrainTimeout. Redis may be away at any time, also at the start.
func (n *Node) Run(ctx context.Context) error {
	if n.opts.Name == "" || n.opts.Open == nil {
		return errors.New("run node: NodeOptions must have Name and Open")
	}
	defer n.kill()
	events := n.store.rdb.Subscribe(n.hard, prefix+"changes", prefix+"free", prefix+"edits")
	defer unsubscribe(events)
	poll := time.NewTicker(n.opts.Poll)
	defer poll.Stop()
	quiet, stopAnnouncing := context.WithCancel(n.hard)
	var announcer sync.WaitGroup
	announcer.Go(func() { n.announce(quiet) })
	defer announcer.Wait()
	defer stopAnnouncing()
	n.tell()
	n.look()
	for {
		select {
		case <-n.hard.Done():
			n.join()
			return nil
		case <-ctx.Done():
			stopAnnouncing()
			announcer.Wait()
			return n.drain()
		case m := <-events.Channel():
			if m == nil {
				n.kill()
				n.join()
				return fmt.Errorf("run node: %w", redis.ErrClosed)
			}
			n.hear(m.Channel, m.Payload)
		case <-poll.C:
			n.look()
		case c := <-n.claimed:
			n.begin(c)
		case r := <-n.closed:
			delete(n.rooms, r.lease.Room)
			n.tell()
			n.look() // a full node can take another one
		}
	}
}

// hear acts on a notification.
func (n *Node) hear(channel, payload string) {
	switch channel {
	case prefix + "free":
		n.claim(payload)
		return
	case prefix + "edits":
		if ours := n.rooms[payload]; ours != nil {
			poke(ours.wake)
		}
		return
	}
	r, err := decode(payload)
	if err != nil {
		n.log.Warn("a notification cannot be read", "error", err)
		return
	}
	if ours := n.rooms[r.Room]; ours != nil {
		if r.State == recording.Queued || r.StopWanted && !r.State.Final() {
			poke(ours.wake)
		}
	} else if r.State == recording.Queued {
		n.claim(r.Room)
	}
}

// look finds rooms that should be recorded and that nobody holds.
func (n *Node) look() {
	free, err := n.store.freeRooms(n.hard, n.opts.LeaseTTL)
	if err != nil {
		n.log.Warn("free rooms cannot be seen", "error", err)
		n.patient = time.Now().Add(n.opts.LeaseTTL)
		return
	}
	for _, room := range free {
		n.claim(room)
	}
}

// claim tries for a room, the later the more the node has to do.
func (n *Node) claim(room string) {
	info := n.info(false)
	if n.rooms[room] != nil || n.claims[room] || !info.CanAccept() || time.Now().Before(n.patient) {
		return
	}
	n.claims[room] = true
	n.tasks.Go(func() {
		c := claim{room: room}
		if sleep(n.hard, info.claimDelay()) {
			c.lease, c.ok, c.err = n.store.Claim(n.hard, room, n.opts.Name, n.opts.LeaseTTL)
		}
		n.claimed <- c
	})
}

// begin starts the work on a room that was granted.
func (n *Node) begin(c claim) {
	delete(n.claims, c.room)
	if c.err != nil {
		n.log.Warn("a room could not be claimed", "room", c.room, "error", c.err)
	}
	if !c.ok {
		return
	}
	r := newRoom(n, c.lease)
	n.rooms[c.room] = r
	n.tasks.Go(func() {
		r.run(n.hard)
		n.closed <- r
	})
	n.tell()
}

func (n *Node) giveBack(l Lease) {
	if err := n.store.Release(n.hard, l); err != nil {
		n.log.Warn("the lease was not released", "room", l.Room, "error", err)
	}
}

func (n *Node) info(draining bool) NodeInfo {
	i := NodeInfo{
		Name: n.opts.Name, Version: n.opts.Version, Rooms: len(n.rooms) + len(n.claims), MaxRooms: n.opts.MaxRooms,
		Draining: draining, Since: n.since, Folder: n.opts.Folder, URL: n.opts.URL,
	}
	if h := n.health.Load(); h != nil {
		i.Health = *h
	}
	return i
}

// Info is what the node told of itself last. It may be called at any time.
func (n *Node) Info() NodeInfo {
	if i := n.told.Load(); i != nil {
		return *i
	}
	return NodeInfo{Name: n.opts.Name, Version: n.opts.Version, MaxRooms: n.opts.MaxRooms, Since: n.since}
}

// tell has the others told of the node's rooms.
func (n *Node) tell() {
	info := n.info(false)
	info.Rooms = len(n.rooms)
	offer(n.news, info)
}

// announce tells the others of the node, when there is news and as heartbeat.
func (n *Node) announce(ctx context.Context) {
	beat := time.NewTicker(n.opts.LeaseTTL / 3)
	defer beat.Stop()
	info := <-n.news
	for {
		if n.opts.Health != nil {
			info.Health = n.opts.Health()
			n.health.Store(&info.Health)
		}
		now := info
		n.told.Store(&now)
		if err := n.store.heartbeat(ctx, info, n.opts.LeaseTTL); err != nil && ctx.Err() == nil {
			n.log.Warn("the node could not be announced", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case info = <-n.news:
		case <-beat.C:
		}
	}
}

// sleep pauses for d and reports whether ctx lived through it.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
