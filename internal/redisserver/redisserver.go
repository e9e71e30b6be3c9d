// Package redisserver runs a redis-server process on a free loopback port, for
// tests and benchmarks that want the real one, and want to kill it.
package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long a redis-server may take to answer, on a busy machine.
const patience = 30 * time.Second

// Server is a redis-server that belongs to its caller. It keeps nothing over a
// restart, unless its arguments say so (`--appendonly yes`).
type Server struct {
	Addr string // host and port, the same after a restart

	dir  string
	args []string
	cmd  *exec.Cmd
}

// New chooses a port for a redis-server that works in dir, which is made if
// missing. It does not start it.
func New(dir string, args ...string) (*Server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make redis-server's folder: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a port for redis-server: %w", err)
	}
	return &Server{Addr: l.Addr().String(), dir: dir, args: args}, l.Close()
}

// Run starts a redis-server that is killed when the test ends.
func Run(t testing.TB, args ...string) *Server {
	t.Helper()
	s, err := New(t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// Start runs the process and returns when it answers.
func (s *Server) Start(ctx context.Context) error {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	args := append([]string{
		"--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--save", "", "--loglevel", "warning",
	}, s.args...)
	s.cmd = exec.Command("redis-server", args...)           //nolint:noctx // ended by Kill
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // out of the reach of a terminal's Ctrl-C
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return fmt.Errorf("start redis-server: %w: `make test` installs it", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1})
	defer rdb.Close()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := rdb.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Kill()
			return fmt.Errorf("redis-server does not answer: %w", errors.Join(err, ctx.Err()))
		}
	}
}

// Kill ends the process as a crash would. It may be started again.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // says that it was killed
		s.cmd = nil
	}
}

// URL is the address as a configuration names it.
func (s *Server) URL() string {
	return "redis://" + s.Addr + "/0"
}
