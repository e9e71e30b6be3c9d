package coord

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/roomreel/roomreel/internal/redisserver"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{}) // it tells of each dial that fails, and here many should
	if addr := os.Getenv("COORD_TEST_REDIS"); addr != "" {
		nodeProcess(addr, os.Getenv("COORD_TEST_NODE"))
		return
	}
	goleak.VerifyTestMain(m)
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// listeners returns how many connections listen to a channel.
func listeners(t *testing.T, rdb *redis.Client, channel string) int64 {
	t.Helper()
	return rdb.PubSubNumSub(t.Context(), prefix+channel).Val()[prefix+channel]
}

const patience = 15 * time.Second

// client opens a client of addr that is closed when the test ends.
func client(t *testing.T, addr string) *redis.Client {
	rdb := redis.NewClient(&redis.Options{
		Addr: addr, ContextTimeoutEnabled: true, DialTimeout: time.Second, PoolSize: 64,
	})
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// eachRedis runs a test on a real Redis and on miniredis.
func eachRedis(t *testing.T, test func(t *testing.T, rdb *redis.Client)) {
	t.Run("redis", func(t *testing.T) { test(t, client(t, redisserver.Run(t).Addr)) })
	t.Run("miniredis", func(t *testing.T) {
		m := miniredis.RunT(t)
		rdb := client(t, m.Addr())
		ended, ticking := make(chan struct{}), sync.WaitGroup{}
		ticking.Go(func() { // its TTLs stand still unless they are told to pass
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for last := time.Now(); ; {
				select {
				case <-ended:
					return
				case now := <-tick.C:
					m.FastForward(now.Sub(last))
					last = now
				}
			}
		})
		t.Cleanup(func() { close(ended); ticking.Wait() })
		test(t, rdb)
	})
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

// proxy is a TCP relay to Redis that can be cut: bytes then wait on both sides,
// as they do in a network that drops packets.
type proxy struct {
	listener net.Listener
	mu       sync.Mutex
	open     *sync.Cond
	cut      bool
	conns    map[net.Conn]bool
	tasks    sync.WaitGroup
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, conns: map[net.Conn]bool{}}
	p.open = sync.NewCond(&p.mu)
	p.tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
			if err != nil {
				c.Close()
				continue
			}
			p.mu.Lock()
			p.conns[c], p.conns[up] = true, true
			p.mu.Unlock()
			p.tasks.Go(func() { p.relay(c, up) })
			p.tasks.Go(func() { p.relay(up, c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.set(false)
		p.mu.Lock()
		for c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		p.tasks.Wait()
	})
	return p
}

func (p *proxy) relay(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		for p.cut {
			p.open.Wait()
		}
		p.mu.Unlock()
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) set(cut bool) {
	p.mu.Lock()
	p.cut = cut
	p.mu.Unlock()
	p.open.Broadcast()
}

func (p *proxy) addr() string {
	return p.listener.Addr().String()
}
