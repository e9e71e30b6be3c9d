package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/coord"
)

// looks tells when recordings are listed.
type looks chan time.Time

func (l looks) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l looks) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "zrevrangebylex" {
			select {
			case l <- time.Now():
			case <-ctx.Done():
			}
		}
		return next(ctx, cmd)
	}
}

func (l looks) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// However many come at once, hosts are looked after a few times a second, and once more
// after the last who came.
func TestHostsInACrowd(t *testing.T) {
	rdb := runRedis(t)
	looked := make(looks)
	rdb.AddHook(looked)
	h := newHosts(coord.NewStore(rdb), "node", nil, slog.New(slog.DiscardHandler))
	h.every = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); h.run(ctx) }()
	last := <-looked
	for range 3 {
		for range 1000 {
			h.hint()
		}
		at := <-looked
		if since := at.Sub(last); since < h.rest {
			t.Errorf("it was looked again after %v", since)
		}
		last = at
	}
	cancel()
	<-ended
}
