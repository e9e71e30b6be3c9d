package coord

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Wait returns the recording once done is true of it. It listens for changes
// and looks for itself every second, should one get lost; it holds a connection
// meanwhile. When ctx ends first, ctx's error comes with the record as it is
// then. When Redis is away at the start, or for more than five seconds, the
// error is CodeStoreUnavailable.
func (s *Store) Wait(ctx context.Context, id string, done func(recording.Recording) bool) (recording.Recording, error) {
	r, err := s.read(ctx, id)
	if err != nil || done(r) {
		return r, err
	}
	changes, err := s.subscribe(ctx, "changes")
	if err != nil {
		return r, fmt.Errorf("wait for %s: %w", id, err)
	}
	defer unsubscribe(changes)
	const patience = 5 * time.Second
	poll := time.NewTicker(time.Second)
	defer poll.Stop()
	for asked := time.Now(); ; {
		now, err := s.read(ctx, id)
		switch {
		case err == nil:
			r, asked = now, time.Now()
		case recording.CodeOf(err) != recording.CodeStoreUnavailable || time.Since(asked) > patience:
			return r, fmt.Errorf("wait for %s: %w", id, err)
		}
		for heard := true; heard; {
			if done(r) {
				return r, nil
			}
			select {
			case <-ctx.Done():
				return r, fmt.Errorf("wait for %s: %w", id, ctx.Err())
			case <-poll.C:
				heard = false
			case m := <-changes.Channel():
				if m == nil {
					return r, fmt.Errorf("wait for %s: %w", id, unavailable(redis.ErrClosed))
				}
				if changed, err := decode(m.Payload); err == nil && changed.ID == id {
					r = changed
				}
			}
		}
	}
}

// Watch returns a feed of records as they change. It is a hint, not a journal:
// 256 records are kept for a slow reader, then the oldest are dropped, and what
// changes while Redis is away is not repeated; who must know reads again. The
// channel is closed when ctx ends.
func (s *Store) Watch(ctx context.Context) <-chan recording.Recording {
	const kept = 256
	feed := make(chan recording.Recording, kept)
	listening := make(chan struct{})
	go func() {
		defer close(feed)
		changes := s.rdb.Subscribe(ctx, prefix+"changes")
		defer unsubscribe(changes)
		_, _ = changes.ReceiveTimeout(ctx, callTimeout) // without Redis the channel below goes on trying
		close(listening)
		for {
			select {
			case <-ctx.Done():
				return
			case m, ok := <-changes.Channel():
				if !ok {
					return
				}
				if r, err := decode(m.Payload); err == nil {
					offer(feed, r)
				}
			}
		}
	}()
	// What is written after Watch returned is seen, unless Redis is away.
	select {
	case <-listening:
	case <-ctx.Done():
	case <-time.After(callTimeout):
	}
	return feed
}

// offer puts v into a channel that only its caller fills, at the cost of the oldest.
func offer[T any](c chan T, v T) {
	for {
		select {
		case c <- v:
			return
		default:
		}
		select {
		case <-c:
		default:
		}
	}
}

// unsubscribe closes ps and takes what is left: else go-redis would try for a
// minute to hand it over.
func unsubscribe(ps *redis.PubSub) {
	_ = ps.Close() // fails only when it is closed already
	for range ps.Channel() {
	}
}

// subscribe returns once Redis has confirmed, so that nothing published
// afterwards is missed.
func (s *Store) subscribe(ctx context.Context, channel string) (*redis.PubSub, error) {
	ps := s.rdb.Subscribe(ctx, prefix+channel)
	if _, err := ps.ReceiveTimeout(ctx, callTimeout); err != nil {
		ps.Close()
		return nil, unavailable(err)
	}
	return ps, nil
}
