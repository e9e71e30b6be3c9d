package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Query narrows a list of jobs. The zero value asks for all.
type Query struct {
	Endpoint  string  // webhook deliveries to this endpoint only; uploads have none
	Recording string  // jobs of this recording only
	States    []State // jobs in one of these states only
	Limit     int     // jobs on a page: 1 to 200, 50 when zero
	Cursor    string  // Next of the page before
}

// Page is one page of jobs, newest first. Of their attempts, it tells the last.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // Cursor of the page that follows; empty on the last one
}

// record is a job as it is kept.
type record struct {
	id, site, group, recording string
	doc                        []byte
	state                      State
	sent                       int64
	made, due, ended           time.Time
	err                        *recording.Error
	attempts                   []Attempt
}

// list returns a page of records. Cursors are places, so pages do not shift when
// jobs are added.
func list[T any](ctx context.Context, q *queue, query Query, read func(record) (T, error)) (Page[T], error) {
	const standard, most = 50, 200
	setDefault(&query.Limit, standard)
	if query.Limit < 0 || query.Limit > most {
		return Page[T]{}, recording.Errorf(recording.CodeInvalidRequest, "limit: must be 1 to %d", most)
	}
	index := "all"
	switch {
	case query.Recording != "":
		index = "rec:" + query.Recording
	case query.Endpoint != "":
		index = "of:" + query.Endpoint
	}
	before, err := parsePlace(query.Cursor)
	if err != nil {
		return Page[T]{}, err
	}
	page := Page[T]{Items: []T{}}
	var last place
	for seen := 0; ; {
		by := redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(before.made, 10), Offset: int64(seen), Count: most}
		places, err := q.places(ctx, q.rdb.ZRevRangeByScoreWithScores, index, by)
		if err != nil || len(places) == 0 {
			return page, err
		}
		seen += len(places)
		places = slices.DeleteFunc(places, func(p place) bool { return p.made == before.made && p.id >= before.id })
		found, err := q.read(ctx, idsOf(places), -1)
		if err != nil {
			return page, err
		}
		for _, r := range found {
			if len(query.States) > 0 && !slices.Contains(query.States, r.state) ||
				query.Endpoint != "" && query.Endpoint != r.group {
				continue
			}
			if len(page.Items) == query.Limit {
				page.Next = last.String()
				return page, nil
			}
			item, err := read(r)
			if err != nil {
				return page, err
			}
			page.Items = append(page.Items, item)
			last = places[slices.IndexFunc(places, func(p place) bool { return p.id == r.id })]
		}
	}
}

// place is where a job stands in the indexes: identifiers that follow from what
// they are about tell nothing of time.
type place struct {
	made int64 // in microseconds since 1970
	id   string
}

func (p place) String() string { return fmt.Sprintf("%d-%s", p.made, p.id) }

// parsePlace reads a cursor; an empty one is behind all jobs that there may be.
func parsePlace(cursor string) (p place, err error) {
	if cursor == "" {
		return place{made: math.MaxInt64}, nil
	}
	made, id, _ := strings.Cut(cursor, "-")
	if p.made, err = strconv.ParseInt(made, 10, 64); err != nil || id == "" {
		return p, recording.Errorf(recording.CodeInvalidRequest, "cursor: it is not one of this list")
	}
	p.id = id
	return p, nil
}

func idsOf(places []place) []string {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.id
	}
	return ids
}

// places reads an index by one of Redis' commands, which decides the order.
func (q *queue) places(ctx context.Context, command func(context.Context, string, *redis.ZRangeBy) *redis.ZSliceCmd, index string, by redis.ZRangeBy) ([]place, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := command(ctx, q.prefix+index, &by).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	places := make([]place, len(found))
	for i, z := range found {
		id, _ := z.Member.(string)
		places[i] = place{int64(z.Score), id}
	}
	return places, nil
}

// one returns a record with all its attempts, or CodeNotFound.
func (q *queue) one(ctx context.Context, id string) (record, error) {
	found, err := q.read(ctx, []string{id}, 0)
	if err != nil {
		return record{}, err
	}
	if len(found) == 0 {
		return record{}, notFound(id)
	}
	return found[0], nil
}

// read returns those of the records that exist, with their attempts from the
// given index on.
func (q *queue) read(ctx context.Context, ids []string, from int64) ([]record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	hashes, logs := make([]*redis.MapStringStringCmd, len(ids)), make([]*redis.StringSliceCmd, len(ids))
	_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			hashes[i] = p.HGetAll(ctx, q.prefix+"job:"+id)
			logs[i] = p.LRange(ctx, q.prefix+"log:"+id, from, -1)
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(err)
	}
	found := make([]record, 0, len(ids))
	for i, id := range ids {
		h := hashes[i].Val()
		if len(h) == 0 {
			continue
		}
		r := record{
			id: id, site: h["site"], group: h["group"], recording: h["rec"], doc: []byte(h["doc"]), state: State(h["state"]),
			made: moment(h["made"]), due: moment(h["due"]), ended: moment(h["ended"]), attempts: []Attempt{},
		}
		r.sent, _ = strconv.ParseInt(h["sent"], 10, 64)
		if h["token"] != "" {
			r.state = Running
		}
		if h["code"] != "" {
			r.err = &recording.Error{Code: recording.Code(h["code"]), Message: h["error"]}
		}
		for _, line := range logs[i].Val() {
			var a Attempt
			if err := json.Unmarshal([]byte(line), &a); err != nil {
				return nil, fmt.Errorf("read attempt of %s: %w", id, err)
			}
			r.attempts = append(r.attempts, a)
		}
		found = append(found, r)
	}
	return found, nil
}

// moment reads a time in milliseconds since 1970; "" is the zero time.
func moment(ms string) time.Time {
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
