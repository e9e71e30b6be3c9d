// Package recorder holds the bot: it joins a LiveKit room as a hidden
// participant and writes every participant's stream to a file of its own, as
// the packets arrive.
//
// A Bot's goroutine owns the room: who is in it, what is subscribed, which
// recordings run. Each stream (the tracks of one participant that belong
// together) has a goroutine that owns the tracks' frames, their clocks and
// the parts that are written; readers put the frames together and queue them for
// it. Each recording has a goroutine that owns its journal.
package recorder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/google/uuid"

	"github.com/roomreel/roomreel/recording"
)

// Options are what a bot needs to know.
type Options struct {
	// URL is the WebSocket URL of LiveKit.
	URL string
	// Token mints the token with which identity joins room.
	Token func(room, identity string) (string, error)
	// Archive is where recordings are kept.
	Archive recording.Archive
	// Node names this process in journals and manifests.
	Node string
	// Watermarks guard the archive's disk; zero means unguarded.
	Watermarks Watermarks
	// Roll is when a part gets too long and another follows it.
	Roll Roll
	// Dump keeps every packet beside the parts, for bug reports.
	Dump bool
	Log  *slog.Logger
}

// Report is what a bot tells of a recording between calls: that its first
// media is on disk, how its tracks fare, or, when Ended is set, that it is over.
type Report struct {
	ID           string
	FirstMediaAt time.Time
	Ended        recording.EndReason
	// Manifest is what was recorded, if anything could be made whole.
	Manifest *recording.Manifest
	Err      *recording.Error
	// Live is how the tracks fare, told every few seconds while it runs, and at once
	// when one of them stalls or flows again.
	Live []recording.LiveTrack
}

// ErrClosed is the error of a call on a bot that has left its room, or that is about
// to, because the room was closed or cannot be reached any more.
var ErrClosed = errors.New("bot has left the room")

// Bot records one room. All its recordings share one connection and one pass
// over the packets.
type Bot struct {
	opts     Options
	name     string // the room's
	identity string
	epoch    int64
	log      *slog.Logger
	report   func(Report)

	// origin is zero of the bot's monotonic clock.
	origin time.Time
	ctx    context.Context // ends everything the bot started
	cancel context.CancelFunc
	inbox  chan func()
	done   chan struct{}

	joining sync.WaitGroup // a way back into the room
	running sync.WaitGroup // the streams' goroutines
	// Owned by run.
	room     *lksdk.Room // nil while it is not in it
	leaving  bool
	ending   sync.WaitGroup // recordings whose files are being completed
	captures map[string]*capture
	outcomes map[string]*outcome // of recordings that have ended lately
	streams  map[streamKey]*stream
	tracks   map[string]*track // by SID
	people   map[string]person
	// publications and what was requested of them are by SID.
	publications map[string]publication
	requested    map[string]request
	diskLow      bool
	watched      int
	dropped      int64 // datagrams, by the kernel, when last asked
}

// Open joins room and returns the bot once it is in. epoch is the fencing
// number of the node's lease; report is called from the bot's goroutine and
// must not call the bot.
func Open(ctx context.Context, room string, epoch int64, o Options, report func(Report)) (*Bot, error) {
	b := newBot(ctx, room, epoch, o, report)
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

func newBot(ctx context.Context, room string, epoch int64, o Options, report func(Report)) *Bot {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &Bot{
		opts: o, name: room, epoch: epoch, report: report,
		identity: fmt.Sprintf("roomreel-recorder-%d-%.8s", epoch, uuid.NewString()),
		log:      o.Log.With("room", room, "epoch", epoch),
		origin:   time.Now(), ctx: life, cancel: cancel,
		inbox: make(chan func(), 256), done: make(chan struct{}),
		captures: map[string]*capture{}, outcomes: map[string]*outcome{}, streams: map[streamKey]*stream{},
		tracks: map[string]*track{}, people: map[string]person{},
		publications: map[string]publication{}, requested: map[string]request{},
	}
}

func (b *Bot) open(ctx context.Context) error {
	b.dropped, _ = DroppedDatagrams() // watchDrops tells if it is not known
	// While it joins, too: LiveKit tells of everything that is published before it is in.
	go b.run()
	room, err := b.connect(ctx)
	if err != nil {
		b.cancel()
		<-b.done
		return err
	}
	b.do(func() { b.enter(room) })
	return nil
}

// Identity is the bot's in the room.
func (b *Bot) Identity() string { return b.identity }

// now is the time on the bot's monotonic clock.
func (b *Bot) now() time.Duration { return time.Since(b.origin) }

// do hands f to the bot's goroutine. It waits while the inbox is full, and
// drops f once the bot has left.
func (b *Bot) do(f func()) bool {
	select {
	case b.inbox <- f:
		return true
	case <-b.done:
		return false
	}
}

// reconcileEvery is the net below LiveKit's events: a lost one is made good.
const reconcileEvery = 2 * time.Second

func (b *Bot) run() {
	defer close(b.done)
	net, watch := time.NewTicker(reconcileEvery), time.NewTicker(watchEvery)
	defer net.Stop()
	defer watch.Stop()
	for {
		select {
		case f := <-b.inbox:
			f()
		case <-net.C:
			b.reconcile()
		case <-watch.C:
			b.watch()
		case <-b.ctx.Done():
			return
		}
	}
}

// Start begins a recording in the room. Media is subscribed, and keyframes are
// asked for, at once; a report tells when the first of it is on disk.
func (b *Bot) Start(ctx context.Context, rec recording.Recording) error {
	return b.ask(ctx, func() error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err() // the caller was told that it did not begin
		case b.leaving:
			return ErrClosed
		case b.captures[rec.ID] != nil:
			return nil
		}
		now := b.now()
		epoch := recording.EpochEntry{
			Number: b.epoch, Node: b.opts.Node, Wall: b.origin.Add(now).UTC().Round(0), Room: b.name,
			Recording: rec.ID, Selection: rec.Selection, Subject: rec.Subject, CreatedAt: rec.CreatedAt,
		}
		c, err := openCapture(b.opts.Archive, rec, epoch, now, b.log)
		if err != nil {
			return recording.AsError(err, recording.CodeWriteFailed)
		}
		c.onMedia = func(at time.Duration) {
			b.do(func() { b.report(Report{ID: rec.ID, FirstMediaAt: b.origin.Add(at).UTC().Round(0)}) })
		}
		b.captures[rec.ID] = c
		if rec.Layout != "" {
			c.note(now, recording.Entry{Layout: &recording.LayoutEntry{Layout: rec.Layout}})
		}
		if rec.PauseWanted {
			c.note(now, recording.Entry{Pause: &recording.PauseEntry{Paused: true}})
		}
		for _, p := range b.people {
			c.note(now, p.entry(true))
		}
		b.noteMutes(c, now)
		for _, s := range b.streams {
			s.attach(c)
		}
		b.reconcile()
		return nil
	})
}

// noteMutes tells a new recording which tracks are muted already.
func (b *Bot) noteMutes(c *capture, now time.Duration) {
	if b.room == nil {
		return
	}
	for _, rp := range b.room.GetRemoteParticipants() {
		for _, pub := range rp.TrackPublications() {
			if pub.IsMuted() {
				c.note(now, recording.Entry{Mute: &recording.MuteEntry{SID: pub.SID(), Muted: true}})
			}
		}
	}
}

// Stop ends a recording. When it returns, every file and the manifest are
// complete, seekable and synced. One that has just ended by itself yields its
// manifest, too.
func (b *Bot) Stop(ctx context.Context, id string, why recording.EndReason) (*recording.Manifest, error) {
	var o *outcome
	err := b.ask(ctx, func() error {
		if c := b.captures[id]; c != nil {
			b.end(c, why, nil, func(*outcome) {})
		}
		if o = b.outcomes[id]; o == nil {
			return recording.Errorf(recording.CodeNotFound, "recording %s does not run in room %q", id, b.name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-o.done:
		return o.manifest, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("stop recording %s: %w", id, ctx.Err())
	}
}

// outcome is what became of a recording that has ended, once done is closed.
type outcome struct {
	done     chan struct{}
	manifest *recording.Manifest
	err      error
}

// outcomeKept is how long the outcome of a recording is remembered: for those who
// stop it before they have heard that it has ended by itself.
const outcomeKept = time.Minute

// end takes c out of the room and, beside the bot's goroutine, completes its
// files and hands the outcome to then.
func (b *Bot) end(c *capture, why recording.EndReason, cause *recording.Error, then func(*outcome)) {
	o := &outcome{done: make(chan struct{})}
	delete(b.captures, c.rec.ID)
	b.outcomes[c.rec.ID] = o
	ended := make([]<-chan struct{}, 0, len(b.streams))
	for _, s := range b.streams {
		ended = append(ended, s.detach(c, len(b.captures) == 0, why))
	}
	at := b.now()
	b.reconcile()
	b.ending.Go(func() {
		for _, done := range ended {
			<-done
		}
		o.manifest, o.err = c.close(b.ctx, at, why, cause)
		close(o.done)
		then(o)
		time.AfterFunc(outcomeKept, func() { b.do(func() { delete(b.outcomes, c.rec.ID) }) })
	})
}

// endAll ends every recording from within, and reports each.
func (b *Bot) endAll(why recording.EndReason, cause *recording.Error) {
	for _, c := range b.captures {
		b.endOne(c, why, cause)
	}
}

func (b *Bot) endOne(c *capture, why recording.EndReason, cause *recording.Error) {
	b.end(c, why, cause, func(o *outcome) {
		r := Report{ID: c.rec.ID, Ended: why, Manifest: o.manifest, Err: cause}
		if o.err != nil && r.Err == nil {
			r.Err = recording.AsError(o.err, recording.CodeWriteFailed)
		}
		b.do(func() { b.report(r) })
	})
}

// Close ends what still runs, leaves the room, and returns when everything the
// bot started has ended. When ctx ends first, that goes on by itself.
func (b *Bot) Close(ctx context.Context, why recording.EndReason) error {
	left := make(chan error, 1)
	go func() { left <- b.leave(context.WithoutCancel(ctx), why) }()
	select {
	case err := <-left:
		return err
	case <-ctx.Done():
		return fmt.Errorf("leave room %q: %w", b.name, ctx.Err())
	}
}

func (b *Bot) leave(ctx context.Context, why recording.EndReason) error {
	var ids []string
	err := b.ask(ctx, func() error {
		b.leaving = true
		for id := range b.captures {
			ids = append(ids, id)
		}
		return nil
	})
	if errors.Is(err, ErrClosed) {
		return nil
	}
	for _, id := range ids {
		if _, serr := b.Stop(ctx, id, why); serr != nil {
			err = errors.Join(err, serr)
		}
	}
	b.ending.Wait() // for those that others have ended
	b.do(func() {
		if b.room != nil {
			b.room.Disconnect()
		}
		for _, s := range b.streams {
			s.close()
		}
		b.cancel()
	})
	<-b.done
	b.running.Wait()
	b.joining.Wait()
	return err
}

// ask runs f in the bot's goroutine and returns what it returns.
func (b *Bot) ask(ctx context.Context, f func() error) error {
	res := make(chan error, 1)
	select {
	case b.inbox <- func() { res <- f() }:
	case <-b.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-res:
		return err
	case <-b.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
