package session

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/roomreel/roomreel/internal/redisserver"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{}) // it tells of each dial that fails, and at the start some do
	goleak.VerifyTestMain(m)
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// startRedis runs redis-server until the test ends.
func startRedis(t *testing.T) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redisserver.Run(t).Addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { rdb.Close() })
	return rdb
}
