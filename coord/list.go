package coord

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Query narrows a list of recordings. The zero value asks for all.
type Query struct {
	Room   string            // recordings of this room only
	States []recording.State // recordings in one of these states only
	// Text is looked for, whatever its case, in the names of room, agent, host, node
	// and people, and in labels. An identifier counts by its first 12 characters or
	// more. Person is the identity of somebody of whom there is a part.
	Text, Person string
	From, To     time.Time // recordings asked for from From on and before To
	Limit        int       // recordings on a page: 1 to 200, 50 when zero
	Cursor       string    // Next of the page before
}

// Page is one page of recordings, newest first. A search that finds few of many
// gives short pages, so that each comes soon.
type Page struct {
	Items []recording.Recording
	Next  string // Cursor of the page that follows; empty on the last one
}

// List returns recordings, newest first. Pages do not shift when recordings
// are added meanwhile: a cursor is the identifier of the last one seen.
func (s *Store) List(ctx context.Context, q Query) (Page, error) {
	const standard, most = 50, 200
	if q.Limit == 0 {
		q.Limit = standard
	}
	if q.Limit < 0 || q.Limit > most {
		return Page{}, recording.Errorf(recording.CodeInvalidRequest, "limit: must be 1 to %d", most)
	}
	if q.Cursor != "" {
		if err := recording.CheckID(recording.PrefixRecording, q.Cursor); err != nil {
			return Page{}, recording.Errorf(recording.CodeInvalidRequest, "cursor: %w", err)
		}
	}
	page, err := s.scan(ctx, q)
	if err != nil {
		return Page{}, fmt.Errorf("list recordings: %w", err)
	}
	return page, s.explain(ctx, page.Items)
}

// scan walks an index until the page is full. Live recordings have an index of
// their own, so that asking for them does not read the whole past.
func (s *Store) scan(ctx context.Context, q Query) (Page, error) {
	index := prefix + "all"
	switch {
	case len(q.States) > 0 && !slices.ContainsFunc(q.States, recording.State.Final):
		index = prefix + "live"
	case q.Room != "":
		index = prefix + "room:" + q.Room
	}
	const batch, most = 200, 10_000
	page := Page{Items: []recording.Recording{}}
	for last, seen := q.Cursor, 0; ; {
		ids, err := s.olderThan(ctx, index, last, batch)
		if err != nil || len(ids) == 0 {
			return page, err
		}
		found, err := s.readAll(ctx, ids)
		if err != nil {
			return page, err
		}
		for _, r := range found {
			if !q.takes(r) {
				continue
			}
			if len(page.Items) == q.Limit {
				page.Next = page.Items[q.Limit-1].ID
				return page, nil
			}
			page.Items = append(page.Items, r)
		}
		last = ids[len(ids)-1]
		if seen += len(ids); seen >= most {
			page.Next = last
			return page, nil
		}
	}
}

// takes reports whether the query asks for r.
func (q Query) takes(r recording.Recording) bool {
	named := func(p recording.Person) bool { return p.Identity == q.Person }
	switch {
	case q.Room != "" && r.Room != q.Room,
		len(q.States) > 0 && !slices.Contains(q.States, r.State),
		!q.From.IsZero() && r.CreatedAt.Before(q.From),
		!q.To.IsZero() && !r.CreatedAt.Before(q.To),
		q.Person != "" && !slices.ContainsFunc(r.People, named):
		return false
	case q.Text == "":
		return true
	}
	text := strings.ToLower(q.Text)
	tells := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	// All identifiers share their prefix, and any four digits stand in one of a
	// few thousand: less than a good part of one finds what nobody looked for.
	const telling = 12
	if len(text) >= telling && (strings.HasPrefix(r.ID, text) || strings.HasPrefix(r.Session, text)) {
		return true
	}
	if slices.ContainsFunc([]string{r.Room, r.Client, r.Host, r.Node}, tells) {
		return true
	}
	for _, p := range r.People {
		if tells(p.Identity) || tells(p.Name) {
			return true
		}
	}
	for key, value := range r.Labels {
		if tells(key) || tells(value) {
			return true
		}
	}
	return false
}

func (s *Store) olderThan(ctx context.Context, index, id string, n int64) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	newest := "+"
	if id != "" {
		newest = "(" + id
	}
	// All scores are 0 and identifiers begin with their time, so the
	// lexicographic order is the order of creation.
	ids, err := s.rdb.ZRevRangeByLex(ctx, index, &redis.ZRangeBy{Min: "-", Max: newest, Count: n}).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	return ids, nil
}

// explain tells of recordings that nobody works on why they wait: queued ones
// when no node can take them, others when their node is gone.
func (s *Store) explain(ctx context.Context, list []recording.Recording) error {
	orphans, err := s.orphans(ctx, list)
	if err != nil || len(orphans) == 0 && !slices.ContainsFunc(list, queued) {
		return err
	}
	nodes, err := s.Nodes(ctx)
	if err != nil {
		return err
	}
	var why string
	switch {
	case len(nodes) == 0:
		why = "no recorder node is running"
	case !slices.ContainsFunc(nodes, func(n NodeInfo) bool { return !n.Full }):
		why = "no recorder node has space left on its disk: make room, or lower recorder.disk.stop"
	case !slices.ContainsFunc(nodes, NodeInfo.CanAccept):
		why = fmt.Sprintf("all %d recorder nodes are full or shutting down", len(nodes))
	}
	for i, r := range list {
		switch {
		case slices.Contains(orphans, i) && why == "":
			list[i].Error = recording.Errorf(recording.CodeCapacity, "its node is gone, another one is about to go on")
		case slices.Contains(orphans, i):
			list[i].Error = recording.Errorf(recording.CodeCapacity, "its node is gone, and %s", why)
		case queued(r) && why != "":
			list[i].Error = recording.Errorf(recording.CodeCapacity, "it waits: %s", why)
		}
	}
	return nil
}

func queued(r recording.Recording) bool { return r.State == recording.Queued }

// orphans returns the indexes of the recordings that a node has taken and that
// no node holds any more.
func (s *Store) orphans(ctx context.Context, list []recording.Recording) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	leases := map[int]*redis.IntCmd{}
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, r := range list {
			if !queued(r) && !r.State.Final() {
				leases[i] = p.Exists(ctx, prefix+"lease:"+r.Room)
			}
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(err)
	}
	var orphans []int
	for i, lease := range leases {
		if lease.Val() == 0 {
			orphans = append(orphans, i)
		}
	}
	return orphans, nil
}
