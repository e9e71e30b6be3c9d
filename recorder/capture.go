package recorder

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// A capture is one recording while this node makes it: its directory and its
// journal. Streams send it journal entries; the bot opens and closes it.
type capture struct {
	rec recording.Recording
	dir string
	// epoch is its number, and start when it began on the bot's clock: zero of
	// the times in its journal.
	epoch int64
	start time.Duration
	log   *slog.Logger

	terms atomic.Pointer[terms]
	// lastMedia is when media was last written, on the bot's clock.
	lastMedia atomic.Int64

	entries chan recording.Entry
	closed  chan struct{}
	err     error

	// refused are the SIDs of tracks that were told off; the bot owns it.
	refused map[string]bool

	// finalizing are the parts that are being completed.
	finalizing sync.WaitGroup

	firstMedia sync.Once
	onMedia    func(at time.Duration)
}

// journalQueue bounds the entries on their way to the journal. Senders wait
// when it is full: an entry is never dropped.
const journalQueue = 1024

// openCapture creates the directory and the journal of rec, and opens an epoch.
func openCapture(a recording.Archive, rec recording.Recording, epoch recording.EpochEntry, start time.Duration, log *slog.Logger) (*capture, error) {
	dir, err := a.Create(rec.ID)
	if err != nil {
		return nil, err
	}
	j, err := recording.OpenJournal(dir)
	if err != nil {
		return nil, err
	}
	c := &capture{
		rec: rec, dir: dir, epoch: epoch.Number, start: start, log: log.With("recording", rec.ID),
		entries: make(chan recording.Entry, journalQueue), closed: make(chan struct{}),
		refused: map[string]bool{},
	}
	c.terms.Store(&terms{selection: rec.Selection, paused: rec.PauseWanted, layout: rec.Layout})
	c.heard(start)
	if err := j.Append(recording.Entry{Turn: epoch.Number, Epoch: &epoch}); err != nil {
		_ = j.Close()
		return nil, err
	}
	if err := j.Sync(); err != nil {
		_ = j.Close()
		return nil, err
	}
	go c.write(j)
	return c, nil
}

// write owns the journal until entries is closed.
func (c *capture) write(j *recording.Journal) {
	defer close(c.closed)
	const flushEvery, syncEvery = 250 * time.Millisecond, 8 // every eighth flush
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	flushes, refused := 0, false
	for {
		var err error
		select {
		case e, open := <-c.entries:
			if !open {
				c.err = j.Close()
				return
			}
			if err = j.Append(e); err == nil && (e.Part != nil || e.Track != nil) {
				err = j.Flush() // or a crash would leave a file that nobody knows
			}
		case <-tick.C:
			if flushes++; flushes%syncEvery == 0 {
				err = j.Sync()
			} else {
				err = j.Flush()
			}
			refused = refused && err != nil
		}
		if err != nil && !refused {
			refused = true
			c.log.Error("journal cannot be written: trying again", "error", err)
		}
	}
}

// note adds an entry to the journal. at is on the bot's clock.
func (c *capture) note(at time.Duration, e recording.Entry) {
	e.At, e.Turn = c.timeline(at), c.epoch
	c.entries <- e
}

// timeline converts a time on the bot's clock to one in the capture's epoch.
func (c *capture) timeline(at time.Duration) recording.Seconds {
	return recording.Seconds((at - c.start).Round(time.Microsecond))
}

// media tells that the first media of the recording has reached the disk.
func (c *capture) media(at time.Duration) {
	c.firstMedia.Do(func() { c.onMedia(at) })
}

// close waits for the parts that are being finalised, ends the journal, makes
// whole what earlier epochs left, and solves the manifest. No stream may send to
// the capture any more.
func (c *capture) close(ctx context.Context, at time.Duration, reason recording.EndReason, cause *recording.Error) (*recording.Manifest, error) {
	c.finalizing.Wait()
	c.note(at, recording.Entry{End: &recording.EndEntry{Reason: reason, Error: cause}})
	close(c.entries)
	select {
	case <-c.closed:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.err != nil {
		return nil, recording.Errorf(recording.CodeWriteFailed, "write journal: %w", c.err)
	}
	return Repair(ctx, c.dir, c.rec, reason)
}
