package coord

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// ErrGone is what a Bot answers whose room was closed, or cannot be reached any more.
var ErrGone = errors.New("the bot's room is gone")

// Bot records one room. A Node makes its calls concurrently for different
// recordings and one after the other for the same one. Every call returns soon
// after its context ends.
type Bot interface {
	// Start begins a recording; media comes later and is reported. A recording
	// that an earlier epoch began goes on with further parts: its FirstMediaAt
	// and StartedAt may be set. ErrGone leaves it to the next bot.
	Start(ctx context.Context, r recording.Recording) error
	// Update makes a running recording as r says: which tracks it takes, and
	// whether it is paused.
	Update(ctx context.Context, r recording.Recording) error
	// Stop ends a recording; its files and manifest are complete when it
	// returns. One that ended by itself yields its result again.
	Stop(ctx context.Context, id string, why recording.EndReason) (Result, error)
	// Close completes all recordings that are left and leaves the room. It is
	// called exactly once, when no other call is under way.
	Close(ctx context.Context, why recording.EndReason) error
}

// OpenRoom joins a room. The epoch is the fencing number of the node's lease.
// The bot tells by report, which never blocks, what happens between calls. The
// context bounds the joining, not the life of the bot. Errors with the codes
// RoomNotFound, NotPermitted, Encrypted and InvalidRequest are for good; all
// others are tried again.
type OpenRoom func(ctx context.Context, room string, epoch int64, report func(Report)) (Bot, error)

// Report is what a bot tells of a recording between calls. Fields that are zero
// say nothing.
type Report struct {
	ID           string
	FirstMediaAt time.Time // media is on disk; told again under each epoch
	// Ended says that the recording ended by itself, with complete files:
	// Result tells of them.
	Ended  recording.EndReason
	Result Result
	// Err says that it failed and is over.
	Err *recording.Error
	// Live is how the tracks fare.
	Live []recording.LiveTrack
}

// Result is what became of a recording: all its parts, those of earlier epochs
// included as far as the bot can reach them.
type Result struct {
	StartedAt, StoppedAt time.Time
	Duration             recording.Seconds
	Parts                int
	Bytes                int64
	People               []recording.Person
}

// reports gathers what bots tell until the room's owner has time for it. There
// is one entry for each recording, in which later reports are merged, so it is
// bounded and a bot never waits.
type reports struct {
	mu   sync.Mutex
	byID map[string]Report
	wake chan struct{}
}

func newReports() *reports {
	return &reports{byID: map[string]Report{}, wake: make(chan struct{}, 1)}
}

func (q *reports) add(r Report) {
	q.mu.Lock()
	m := q.byID[r.ID]
	m.ID = r.ID
	if m.FirstMediaAt.IsZero() {
		m.FirstMediaAt = r.FirstMediaAt
	}
	if r.Live != nil {
		m.Live = r.Live
	}
	if m.Ended == "" && m.Err == nil { // the first end counts
		m.Ended, m.Result, m.Err = r.Ended, r.Result, r.Err
	}
	q.byID[r.ID] = m
	q.mu.Unlock()
	poke(q.wake)
}

func (q *reports) take() map[string]Report {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.byID
	q.byID = map[string]Report{}
	return taken
}

// poke wakes the reader of a channel with room for one signal.
func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
