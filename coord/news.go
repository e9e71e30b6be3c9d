package coord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// NewsKind names what has happened to a recording.
type NewsKind string

// The kinds of news.
const (
	Started      NewsKind = "recording.started" // first media is on disk
	Paused       NewsKind = "recording.paused"
	Resumed      NewsKind = "recording.resumed"
	MediaStalled NewsKind = "recording.media_stalled" // a track that is not muted no longer comes
	MediaResumed NewsKind = "recording.media_resumed"
	Stopped      NewsKind = "recording.stopped" // its files are complete
	Failed       NewsKind = "recording.failed"
	Incomplete   NewsKind = "recording.incomplete" // it waits for nodes that are away with parts
	Completed    NewsKind = "recording.completed"  // they are back, all parts are known
)

// News is something that has happened to a recording.
type News struct {
	// ID is that of the entry in Redis. It orders the news of one Redis.
	ID        string
	Kind      NewsKind
	At        time.Time
	Recording recording.Recording // as it was then
	// Track is the track that MediaStalled and MediaResumed are about, else nil.
	Track *recording.LiveTrack
}

// Tell hands news to tell, the oldest first, until ctx ends. The script that
// changes a record notes the news of it in the same step, so that none is missed
// whatever dies, and they stay until tell has returned nil. An error of
// CodeStoreUnavailable has the same news told again; after any other one they
// are given up, for they would never pass. Every node tells, so most news are
// told more than once: tell must know them again by their ID.
func (s *Store) Tell(ctx context.Context, tell func(context.Context, News) error) {
	const pause = time.Second
	for ctx.Err() == nil {
		if err := s.tellAll(ctx, tell); err != nil {
			sleep(ctx, pause)
		}
	}
}

// tellAll waits for news and tells what there is.
func (s *Store) tellAll(ctx context.Context, tell func(context.Context, News) error) error {
	const batch, wait = 100, time.Second
	key := prefix + "news"
	streams, err := s.rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{key, "0"}, Count: batch, Block: wait}).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read news: %w", unavailable(err))
	}
	for _, entry := range streams[0].Messages {
		n, err := decodeNews(entry)
		if err == nil {
			err = tell(ctx, n)
		}
		if recording.CodeOf(err) == recording.CodeStoreUnavailable || ctx.Err() != nil {
			return err
		}
		if err := s.rdb.XDel(ctx, key, entry.ID).Err(); err != nil {
			return fmt.Errorf("forget news: %w", unavailable(err))
		}
	}
	return nil
}

func decodeNews(entry redis.XMessage) (News, error) {
	text := func(field string) string { v, _ := entry.Values[field].(string); return v }
	n := News{ID: entry.ID, Kind: NewsKind(text("kind"))}
	ms, _, _ := strings.Cut(entry.ID, "-")
	at, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return n, recording.Errorf(recording.CodeInternal, "read news: %w", err)
	}
	n.At = time.UnixMilli(at).UTC()
	if n.Recording, err = decode(text("record")); err != nil {
		return n, fmt.Errorf("read news: %w", err)
	}
	if track := text("track"); track != "" {
		n.Track = new(recording.LiveTrack)
		if err := json.Unmarshal([]byte(track), n.Track); err != nil {
			return n, recording.Errorf(recording.CodeInternal, "read news: %w", err)
		}
	}
	return n, nil
}

// flow is news of a track that has yet to be written.
type flow struct {
	kind  NewsKind
	track recording.LiveTrack
}

// flows compares how tracks fared with how they fare: which of them stalled, and
// which came back. What has never flowed has not stalled.
func flows(before, after []recording.LiveTrack, stalled map[string]bool) (news []flow) {
	flowed := map[string]bool{}
	for _, t := range before {
		flowed[t.SID] = t.Flowing
	}
	for _, t := range after {
		switch {
		case stalled[t.SID] && (t.Flowing || t.Muted):
			delete(stalled, t.SID)
			news = append(news, flow{MediaResumed, t})
		case !stalled[t.SID] && flowed[t.SID] && !t.Flowing && !t.Muted:
			stalled[t.SID] = true
			news = append(news, flow{MediaStalled, t})
		}
	}
	return news
}
