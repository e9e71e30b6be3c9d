package coord

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// nodeProcess is a node in a process of its own: what TestMain runs when the
// environment names a Redis. Its bots tell on standard output what they do.
func nodeProcess(addr, name string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	rdb := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	defer rdb.Close()
	node := NewNode(NewStore(rdb), NodeOptions{
		Name: name, LeaseTTL: time.Second, Poll: 200 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Open: func(_ context.Context, room string, epoch int64, report func(Report)) (Bot, error) {
			fmt.Printf("open %s %d\n", room, epoch)
			return teller{room, report}, nil
		},
	})
	if err := node.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type teller struct {
	room   string
	report func(Report)
}

func (b teller) Start(_ context.Context, r recording.Recording) error {
	b.report(Report{ID: r.ID, FirstMediaAt: time.Now()})
	return nil
}

func (b teller) Update(context.Context, recording.Recording) error { return nil }

func (b teller) Stop(context.Context, string, recording.EndReason) (Result, error) {
	return Result{Parts: 1}, nil
}

func (b teller) Close(_ context.Context, why recording.EndReason) error {
	fmt.Printf("close %s %s\n", b.room, why)
	return nil
}

// process is a nodeProcess seen from the test.
type process struct {
	cmd   *exec.Cmd
	mu    sync.Mutex
	lines []string
}

func startProcess(t *testing.T, addr, name string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), "COORD_TEST_REDIS="+addr, "COORD_TEST_NODE="+name)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, lines.Text())
			p.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		reader.Wait()
		_ = p.cmd.Wait()
	})
	return p
}

func (p *process) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// Three nodes in three processes: one is frozen and becomes a zombie, one is
// killed, one is shut down; each time the recordings go on elsewhere.
func TestThreeProcesses(t *testing.T) {
	addr := redisserver.Run(t).Addr
	s := NewStore(client(t, addr))
	nodes := map[string]*process{}
	for _, name := range []string{"n1", "n2", "n3"} {
		nodes[name] = startProcess(t, addr, name)
	}
	until(t, "three nodes are known", func() bool { l, err := s.Nodes(t.Context()); return err == nil && len(l) == 3 })
	current := map[string]recording.Recording{}
	for i := range 6 {
		r := mustStart(t, s, fmt.Sprint("room", i), recording.Selection{})
		current[r.ID] = reaches(t, s, r.ID, recording.Active)
	}
	someNode := func() string {
		for _, r := range current {
			return r.Node
		}
		return ""
	}
	moveOn := func(from, how string) {
		t.Helper()
		began := time.Now()
		for id, was := range current {
			if was.Node != from {
				continue
			}
			is := takenOver(t, s, was)
			if is.Epoch != was.Epoch+1 || is.Node == from {
				t.Errorf("%s: %s went from epoch %d of %s to %d of %s", how, is.Room, was.Epoch, was.Node, is.Epoch, is.Node)
			}
			current[id] = is
		}
		t.Logf("%s: gone on after %v", how, time.Since(began))
	}

	zombie := someNode()
	var lost []string
	for _, r := range current {
		if r.Node == zombie {
			lost = append(lost, "close "+r.Room+" failure")
		}
	}
	nodes[zombie].signal(t, syscall.SIGSTOP)
	moveOn(zombie, "frozen")
	nodes[zombie].signal(t, syscall.SIGCONT)
	until(t, "the zombie gives its rooms up", func() bool {
		told := nodes[zombie].told()
		return !slices.ContainsFunc(lost, func(line string) bool { return !slices.Contains(told, line) })
	})

	killed := someNode()
	nodes[killed].signal(t, syscall.SIGKILL)
	moveOn(killed, "killed")

	drained := someNode()
	nodes[drained].signal(t, syscall.SIGTERM)
	moveOn(drained, "shut down")

	for id := range current {
		if got, err := s.Stop(t.Context(), id); err != nil || got.State != recording.Stopped {
			t.Errorf("stop: %+v, %v", got, err)
		}
	}
	opened := map[string]bool{}
	for _, p := range nodes {
		for _, line := range p.told() {
			if strings.HasPrefix(line, "open ") {
				if opened[line] {
					t.Errorf("twice: %s", line)
				}
				opened[line] = true
			}
		}
	}
}
