package deliver

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/internal/redisserver"
)

// delivererProcess delivers in a process of its own: what TestMain runs when the
// environment names a Redis.
func delivererProcess(addr, endpoint string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	rdb := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	defer rdb.Close()
	s, err := StandardSigner(secretA)
	if err == nil {
		var w *Webhooks
		w, err = NewWebhooks(rdb, WebhookOptions{
			Endpoints: []Endpoint{{ID: "e0", URL: endpoint, Signer: s}}, QueueOptions: quick(),
		})
		if err == nil {
			err = w.Run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func startDeliverer(t *testing.T, addr, endpoint string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DELIVER_TEST_REDIS="+addr, "DELIVER_TEST_ENDPOINT="+endpoint)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// firstArrivals returns what was taken, by recording and without repetitions.
func (r *receiver) firstArrivals() map[string][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := map[string][]string{}
	for _, m := range r.taken {
		got[m.RecordingID] = append(got[m.RecordingID], m.ID)
	}
	for id, list := range got {
		got[id] = compact(list)
	}
	return got
}

// Deliverers are killed again and again while a receiver fails at times: each
// event arrives, first arrivals are in order, and ids stay.
func TestDelivererIsKilled(t *testing.T) {
	addr := redisserver.Run(t).Addr
	r := startReceiver(t, func(n int, _ message, w http.ResponseWriter) {
		if n%5 == 0 {
			w.WriteHeader(503)
			return
		}
		w.WriteHeader(200)
	})
	w := newWebhooks(t, client(t, addr), []string{r.URL})
	want := map[string][]string{}
	for i := range 600 {
		id := fmt.Sprint("rec_", i%6)
		e := event(t, id, i)
		publish(t, w, e)
		want[id] = append(want[id], e.ID)
	}
	const kills = 5
	for i := range kills {
		cmd := startDeliverer(t, addr, r.URL)
		until(t, "it delivers", func() bool { return len(r.ids(false)) >= 90*(i+1) })
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if len(r.firstArrivals()["rec_0"]) == 100 {
		t.Error("all was delivered before the last kill")
	}
	last := startDeliverer(t, addr, r.URL)
	until(t, "nothing is pending", func() bool { s, err := w.Endpoints(t.Context()); return err == nil && s[0].Pending == 0 })
	if got := r.firstArrivals(); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if n := len(r.ids(true)); n > 600+kills*6 {
		t.Errorf("%d of 600 events came twice, for %d kills with 6 attempts under way", n-600, kills)
	}
	_ = last.Process.Signal(syscall.SIGTERM)
	if err := last.Wait(); err != nil {
		t.Errorf("a deliverer that should end: %v", err)
	}
}

// Redis is killed again and again, with its log on disk: what Publish accepted
// arrives, in order.
func TestRedisIsRestarted(t *testing.T) {
	s := redisserver.Run(t, "--appendonly", "yes", "--appendfsync", "always")
	rdb := client(t, s.Addr)
	var slow atomic.Bool
	r := startReceiver(t, func(_ int, _ message, w http.ResponseWriter) {
		if slow.Load() {
			time.Sleep(time.Millisecond) // so that attempts are under way when Redis dies
		}
		w.WriteHeader(200)
	})
	slow.Store(true)
	w := newWebhooks(t, rdb, []string{r.URL})
	runUntilEnd(t, w.Run)
	want := map[string][]string{}
	for round := range 4 {
		for i := range 100 {
			id := fmt.Sprint("rec_", i%4)
			e := event(t, id, i)
			publish(t, w, e)
			want[id] = append(want[id], e.ID)
		}
		until(t, "some are delivered", func() bool { return len(r.ids(true)) > 100*round+10 })
		s.Kill()
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	slow.Store(false)
	until(t, "nothing is pending", func() bool { l, err := w.Endpoints(t.Context()); return err == nil && l[0].Pending == 0 })
	if got := r.firstArrivals(); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

// A process that is frozen loses its lease to another; what it then says of the
// delivery does not count.
func TestFrozenDelivererLosesItsLease(t *testing.T) {
	addr := redisserver.Run(t).Addr
	release := make(chan struct{})
	r := startReceiver(t, func(n int, _ message, w http.ResponseWriter) {
		if n == 1 {
			<-release
			w.WriteHeader(500)
			return
		}
		w.WriteHeader(200)
	})
	w := newWebhooks(t, client(t, addr), []string{r.URL})
	e := event(t, "rec_1", nil)
	publish(t, w, e)
	zombie := startDeliverer(t, addr, r.URL)
	until(t, "it is under way", func() bool { return len(r.ids(false)) == 1 })
	if err := zombie.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	runUntilEnd(t, w.Run)
	settled(t, w, e.ID+".e0")
	close(release)
	if err := zombie.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	_ = zombie.Process.Signal(syscall.SIGTERM)
	if err := zombie.Wait(); err != nil {
		t.Error(err)
	}
	d := settled(t, w, e.ID+".e0")
	if d.State != Done || !slices.Equal(statuses(d.Attempts), []int{200}) {
		t.Errorf("%s, %v", d.State, statuses(d.Attempts))
	}
}
