package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// prefix starts every key and channel; see coord for the braces.
const prefix = "roomreel:{session}:"

// callTimeout bounds one exchange with Redis.
const callTimeout = 2 * time.Second

// store reads and writes sessions and supervisions.
type store struct{ rdb redis.UniversalClient }

func (s store) run(ctx context.Context, script *redis.Script, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := script.Run(ctx, s.rdb, []string{prefix}, args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable(err)
	}
	return reply, nil
}

func (s store) text(ctx context.Context, script *redis.Script, args ...any) (string, error) {
	reply, err := s.run(ctx, script, args...)
	text, _ := reply.(string)
	return text, err
}

func (s store) news(ctx context.Context, script *redis.Script, args ...any) (bool, error) {
	reply, err := s.run(ctx, script, args...)
	return reply == int64(1), err
}

// sessions returns those that exist, in the order asked for.
func (s store) sessions(ctx context.Context, ids ...string) ([]recording.Session, error) {
	docs, recordings, err := s.docs(ctx, ids)
	if err != nil {
		return nil, err
	}
	var found []recording.Session
	for i, doc := range docs {
		if doc["doc"] == "" {
			continue
		}
		var one recording.Session
		if err := json.Unmarshal([]byte(doc["doc"]), &one); err != nil {
			return nil, recording.Errorf(recording.CodeInternal, "read session %s: %w", ids[i], err)
		}
		one.Streams = decodeStreams(doc["streams"])
		one.State, one.Cause = recording.SessionState(doc["state"]), recording.Termination(doc["cause"])
		one.ConnectedAt, one.EndedAt = readTime(doc["connected"]), readTime(doc["ended"])
		one.Recordings = []recording.StreamRecording{}
		for _, text := range recordings[i] {
			var r recording.StreamRecording
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				return nil, recording.Errorf(recording.CodeInternal, "read session %s: %w", ids[i], err)
			}
			one.Recordings = append(one.Recordings, r)
		}
		slices.SortFunc(one.Recordings, func(a, b recording.StreamRecording) int { return strings.Compare(a.Stream, b.Stream) })
		found = append(found, one)
	}
	return found, nil
}

// supervisions returns those that exist, in the order asked for.
func (s store) supervisions(ctx context.Context, ids ...string) ([]recording.Supervision, error) {
	docs, _, err := s.docs(ctx, ids)
	if err != nil {
		return nil, err
	}
	var found []recording.Supervision
	for i, doc := range docs {
		if doc["doc"] == "" {
			continue
		}
		var one recording.Supervision
		if err := json.Unmarshal([]byte(doc["doc"]), &one); err != nil {
			return nil, recording.Errorf(recording.CodeInternal, "read supervision %s: %w", ids[i], err)
		}
		one.State, one.Cause = recording.SessionState(doc["state"]), recording.Termination(doc["cause"])
		one.ConnectedAt, one.EndedAt = readTime(doc["connected"]), readTime(doc["ended"])
		found = append(found, one)
	}
	return found, nil
}

func (s store) docs(ctx context.Context, ids []string) (docs, recordings []map[string]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if len(ids) == 0 {
		return nil, nil, nil
	}
	replies := make([]*redis.MapStringStringCmd, 2*len(ids))
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			replies[2*i] = p.HGetAll(ctx, prefix+"doc:"+id)
			replies[2*i+1] = p.HGetAll(ctx, prefix+"recordings:"+id)
		}
		return nil
	})
	if err != nil {
		return nil, nil, unavailable(err)
	}
	for i := range ids {
		docs, recordings = append(docs, replies[2*i].Val()), append(recordings, replies[2*i+1].Val())
	}
	return docs, recordings, nil
}

// members returns a set: "live", "closing", or a session's "running:<id>" recordings.
func (s store) members(ctx context.Context, set string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ids, err := s.rdb.SMembers(ctx, prefix+set).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	slices.Sort(ids)
	return ids, nil
}

// page walks an index from its newest entry, or from the one after cursor, and
// forgets entries whose record is forgotten.
func page[T any](ctx context.Context, s store, index, cursor string, limit int, read func(context.Context, ...string) ([]T, error), id func(T) string, keep func(T) bool) (list []T, next string, err error) {
	const batch = 200
	list = []T{}
	for last := cursor; ; {
		newest := "+"
		if last != "" {
			newest = "(" + last
		}
		ids, err := s.rdb.ZRevRangeByLex(ctx, prefix+index, &redis.ZRangeBy{Min: "-", Max: newest, Count: batch}).Result()
		if err != nil {
			return nil, "", unavailable(err)
		}
		found, err := read(ctx, ids...)
		if err != nil || len(ids) == 0 {
			return list, "", err
		}
		known := map[string]bool{}
		for _, one := range found {
			known[id(one)] = true
			if !keep(one) {
				continue
			}
			if len(list) == limit {
				return list, id(list[limit-1]), nil
			}
			list = append(list, one)
		}
		for _, gone := range ids {
			if !known[gone] {
				s.rdb.ZRem(ctx, prefix+index, gone)
			}
		}
		last = ids[len(ids)-1]
	}
}

func unavailable(err error) error {
	return recording.Errorf(recording.CodeStoreUnavailable, "redis cannot be asked: %w", err)
}

func notFound(id string) error {
	return recording.Errorf(recording.CodeNotFound, "there is no %s %.60q", kindOf(id), id)
}

func ended(id string, cause recording.Termination) error {
	return recording.Errorf(recording.CodeSessionEnded, "%s %s has ended: %s", kindOf(id), id, cause)
}

func kindOf(id string) string {
	if strings.HasPrefix(id, recording.PrefixSupervision+"_") {
		return "supervision"
	}
	return "session"
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // strings and times only: cannot fail
	}
	return string(b)
}

func decodeStreams(s string) []string {
	streams := []string{}
	_ = json.Unmarshal([]byte(s), &streams) // written by encode
	return streams
}

func readTime(s string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s) // empty: it has not happened
	return t
}

func writeTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
