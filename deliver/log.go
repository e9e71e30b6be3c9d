package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// CodeEventsGone is why a Feed cannot go on where it is asked to: what followed
// is not kept any more.
const CodeEventsGone recording.Code = "EVENTS_GONE"

// Entry is an event in the log, and its place there.
type Entry struct {
	// Cursor names the place: a Feed that begins after it goes on with the next.
	Cursor string
	Event  Event
}

// FeedQuery says which events a Feed tells, and from where on. The zero value
// asks for all that are published from now on.
type FeedQuery struct {
	// After is the Cursor of the last entry that was seen.
	After string
	// Since replays what was published from then on, if After is empty.
	Since time.Time
	// Types are types, or families as "recording.*"; none is all.
	Types []string
	// Recording and Room narrow to events of one of either.
	Recording, Room string
}

func (q FeedQuery) wants(e Event) bool {
	return wants(q.Types, e.Type) && (q.Recording == "" || q.Recording == e.RecordingID) && (q.Room == "" || q.Room == e.Room)
}

// eventLog keeps the newest events in a Redis stream, for those who watch.
type eventLog struct {
	rdb    redis.UniversalClient
	prefix string
	most   int
}

const (
	// seenFor is how long the log knows an event again: far longer than
	// publishers go on trying.
	seenFor = 24 * time.Hour
	// logBatch is how many entries are read at once.
	logBatch = 100
)

// append adds an event, once.
func (l eventLog) append(ctx context.Context, id string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := appendScript.Run(ctx, l.rdb, []string{l.prefix}, id, body, l.most, seenFor.Milliseconds()).Err()
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// entryID has no number that Redis, which counts in 64 bits, could not read.
var entryID = regexp.MustCompile(`^[0-9]{1,19}-[0-9]{1,19}$`)

// start returns the cursor at which a feed begins.
func (l eventLog) start(ctx context.Context, q FeedQuery) (string, error) {
	switch {
	case q.After != "" && !entryID.MatchString(q.After):
		return "", recording.Errorf(recording.CodeInvalidRequest, "%.60q is no cursor of an event", q.After)
	case q.After == "" && !q.Since.IsZero():
		return fmt.Sprintf("%d-0", max(q.Since.UnixMilli(), 1)-1), nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if q.After == "" {
		last, err := l.rdb.XRevRangeN(ctx, l.prefix+"log", "+", "-", 1).Result()
		switch {
		case err != nil:
			return "", unavailable(err)
		case len(last) == 0:
			return "0-0", nil
		}
		return last[0].ID, nil
	}
	// The entry itself must be there still, or one may be missing behind it.
	kept, err := l.rdb.XRangeN(ctx, l.prefix+"log", q.After, q.After, 1).Result()
	switch {
	case err != nil:
		return "", unavailable(err)
	case len(kept) == 0:
		return "", recording.Errorf(CodeEventsGone, "what followed event %s is not kept any more: list what you need, then watch without a cursor", q.After)
	}
	return q.After, nil
}

// after returns up to logBatch entries that follow a cursor.
func (l eventLog) after(ctx context.Context, cursor string) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := l.rdb.XRangeN(ctx, l.prefix+"log", "("+cursor, "+", logBatch).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	entries := make([]Entry, 0, len(found))
	for _, m := range found {
		doc, _ := m.Values["event"].(string)
		entry := Entry{Cursor: m.ID}
		if err := json.Unmarshal([]byte(doc), &entry.Event); err != nil {
			return nil, fmt.Errorf("read event %s: %w", m.ID, err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// Feed sends the events that the query asks for, in the order of Publish, until
// ctx ends; then it closes the channel. While Redis is away it waits, and goes
// on where it was. It lives as long as ctx, whether or not Run does. Errors:
// CodeEventsGone, CodeInvalidRequest for a cursor that is none.
func (w *Webhooks) Feed(ctx context.Context, q FeedQuery) (<-chan Entry, error) {
	cursor, err := w.log.start(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("watch events: %w", err)
	}
	wake, leave := w.watchers.join()
	out := make(chan Entry)
	go func() {
		defer close(out)
		defer leave()
		const poll = time.Second // should a notification get lost
		tick := time.NewTicker(poll)
		defer tick.Stop()
		for {
			entries, err := w.log.after(ctx, cursor)
			if err != nil && ctx.Err() == nil {
				w.opts.Log.Warn("events cannot be read", "error", err)
			}
			for _, e := range entries {
				if cursor = e.Cursor; !q.wants(e.Event) {
					continue
				}
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			}
			if len(entries) == logBatch {
				continue
			}
			select {
			case <-wake:
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// tellWatchers wakes this process's feeds when something was published.
func (w *Webhooks) tellWatchers(ctx context.Context) {
	news := w.log.rdb.Subscribe(ctx, w.log.prefix+"news")
	defer news.Close()
	for {
		select {
		case m := <-news.Channel():
			if m == nil {
				return // the client was closed: feeds still look every second
			}
			w.watchers.wake()
		case <-ctx.Done():
			return
		}
	}
}

// wants reports whether a list of types and families, such as "recording.*",
// has a type in it; an empty one has all.
func wants(patterns []string, t EventType) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		family, open := strings.CutSuffix(pattern, "*")
		return pattern == string(t) || open && strings.HasPrefix(string(t), family)
	})
}
