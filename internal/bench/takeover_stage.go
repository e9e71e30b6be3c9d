//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// nodeProcess is a `roomreel serve`.
type nodeProcess struct {
	name string
	cmd  *exec.Cmd
}

func (b *takeover) start(n *nodeProcess) error {
	port, _, err := freePorts("127.0.0.1")
	if err != nil {
		return err
	}
	n.cmd = exec.Command(b.program, "serve") //nolint:noctx // it is killed, which is the point
	n.cmd.Stderr = os.Stderr
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	n.cmd.Env = append(os.Environ(),
		"LIVEKIT_URL="+b.livekit.URL, "LIVEKIT_API_KEY="+keys.Key, "LIVEKIT_API_SECRET="+keys.Secret,
		"REDIS_URL=redis://"+b.redis.address, "ROOMREEL_DATA="+b.data, "ROOMREEL_NODE="+n.name, "ROOMREEL_LOG_LEVEL=error",
		fmt.Sprintf("ROOMREEL_LISTEN=127.0.0.1:%d", port),
	)
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w: build it with `make build`", b.program, err)
	}
	return nil
}

func (n *nodeProcess) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait() // says that it was killed
}

// redisProcess is a redis-server that keeps nothing.
type redisProcess struct {
	address, port, dir string
	cmd                *exec.Cmd
}

func newRedis(dir string) (*redisProcess, error) {
	port, _, err := freePorts("127.0.0.1")
	if err != nil {
		return nil, err
	}
	return &redisProcess{address: fmt.Sprintf("127.0.0.1:%d", port), port: fmt.Sprint(port), dir: dir}, nil
}

func (r *redisProcess) start(ctx context.Context, rdb *redis.Client) error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", r.port, "--save", "", "--dir", r.dir, "--loglevel", "warning") //nolint:noctx // killed by hand
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("start redis-server: %w: is it installed?", err)
	}
	for rdb.Ping(ctx).Err() != nil {
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("wait for redis-server: %w", err)
		}
	}
	return nil
}

func (r *redisProcess) kill() {
	if r.cmd != nil && r.cmd.Process != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}
