package deliver

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{}) // it tells of each dial that fails, and here many should
	if addr := os.Getenv("DELIVER_TEST_REDIS"); addr != "" {
		delivererProcess(addr, os.Getenv("DELIVER_TEST_ENDPOINT"))
		return
	}
	goleak.VerifyTestMain(m)
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

const patience = 60 * time.Second

// client opens a client of addr that is closed when the test ends.
func client(t *testing.T, addr string) *redis.Client {
	rdb := redis.NewClient(&redis.Options{
		Addr: addr, ContextTimeoutEnabled: true, DialTimeout: time.Second, PoolSize: 64,
	})
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// until waits for a condition that others bring about.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// runUntilEnd runs f until the returned function is called or the test ends.
func runUntilEnd(t *testing.T, f func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var task sync.WaitGroup
	task.Go(func() {
		if err := f(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); task.Wait() }
	t.Cleanup(stop)
	return stop
}

// logs is what was logged, for tests that look for secrets in it.
type logs struct {
	mu   sync.Mutex
	text []byte
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

var quiet = slog.New(slog.DiscardHandler)

// quick are queue options with short times.
func quick() QueueOptions {
	pauses := make([]time.Duration, 200)
	for i := range pauses {
		pauses[i] = 5 * time.Millisecond
	}
	return QueueOptions{Backoff: pauses, LeaseTTL: time.Second, Log: quiet}
}
