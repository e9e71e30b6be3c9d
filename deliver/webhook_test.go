package deliver

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// What a receiver does, what is kept of it, and what it sees in the end.
func TestWebhookAnswers(t *testing.T) {
	rdb := client(t, redisserver.Run(t).Addr)
	trap := startInner(t, "127.0.0.1:0", func(http.ResponseWriter, *http.Request) {})
	first := func(code int) func(int, message, http.ResponseWriter) {
		return func(n int, _ message, w http.ResponseWriter) {
			if n > 1 {
				code = 200
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, strings.Repeat("é", 2000))
		}
	}
	for _, c := range []struct {
		name   string
		answer func(int, message, http.ResponseWriter)
		want   []int // the statuses of the attempts
		state  State
		code   recording.Code // of the first attempt
	}{
		{"200", first(200), []int{200}, Done, ""},
		{"204 without body", status(204), []int{204}, Done, ""},
		{"500 then 200", first(500), []int{500, 200}, Done, CodeWebhookFailed},
		{"404 then 200", first(404), []int{404, 200}, Done, CodeWebhookFailed},
		{"304 then 200", func(n int, _ message, w http.ResponseWriter) {
			w.WriteHeader([]int{304, 200}[n-1])
		}, []int{304, 200}, Done, CodeWebhookFailed},
		{"redirect", func(_ int, _ message, w http.ResponseWriter) {
			w.Header().Set("Location", trap.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, []int{307, 307, 307, 307}, Failed, CodeWebhookFailed},
		{"always 503", status(503), []int{503, 503, 503, 503}, Failed, CodeWebhookFailed},
		{"410", status(410), []int{410}, Failed, CodeWebhookFailed},
		{"cut without answer", func(n int, _ message, w http.ResponseWriter) {
			if n == 1 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(201)
		}, []int{0, 201}, Done, CodeWebhookFailed},
		{"body that never ends", func(_ int, _ message, w http.ResponseWriter) {
			w.WriteHeader(200)
			for {
				if _, err := io.WriteString(w, "more "); err != nil {
					return
				}
			}
		}, []int{200}, Done, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startReceiver(t, c.answer)
			rdb.FlushAll(t.Context())
			w := newWebhooks(t, rdb, []string{r.URL + "/hook?token=secret"}, func(o *WebhookOptions) { o.Backoff = o.Backoff[:3] })
			runUntilEnd(t, w.Run)
			e := event(t, "rec_1", map[string]int{"n": 1})
			before := time.Now()
			publish(t, w, e)
			d := settled(t, w, e.ID+".e0")
			if got := statuses(d.Attempts); d.State != c.state || !slices.Equal(got, c.want) {
				t.Fatalf("ended %s (%v) after %v, want %s after %v", d.State, d.Error, got, c.state, c.want)
			}
			if (d.State == Failed) != (d.Error != nil) {
				t.Errorf("%s with error %v", d.State, d.Error)
			}
			for i, a := range d.Attempts {
				if a.At.Before(before) || a.At.After(time.Now()) || a.Latency <= 0 || a.Latency.Duration() > time.Since(before) {
					t.Errorf("attempt %d: at %v, took %v", i, a.At, a.Latency)
				}
				if len(a.Answer) > 2<<10 || (a.Error == nil) != (a.Status/100 == 2) {
					t.Errorf("attempt %d: %d bytes of answer, error %v", i, len(a.Answer), a.Error)
				}
			}
			if e := d.Attempts[0].Error; c.code != recording.CodeOf(asError(e)) {
				t.Errorf("first attempt: %v, want %q", e, c.code)
			}
			if d.URL != r.URL+"/hook" {
				t.Errorf("the URL is told as %q", d.URL)
			}
			sameIDs(t, "webhook-id of each request", r.ids(false), slices.Repeat([]string{e.ID}, len(c.want)))
			if m := r.got[0]; !cmp.Equal(m.Event, e) {
				t.Errorf("the event came changed: %s", cmp.Diff(e, m.Event))
			}
		})
	}
	if trap.hits.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func asError(e *recording.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// The schedule is kept: an attempt is not made before its pause is over.
func TestWebhookBackoff(t *testing.T) {
	pauses := []time.Duration{20 * time.Millisecond, 60 * time.Millisecond, 120 * time.Millisecond}
	r := startReceiver(t, status(500))
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{r.URL}, func(o *WebhookOptions) { o.Backoff = pauses })
	runUntilEnd(t, w.Run)
	e := event(t, "rec_1", nil)
	publish(t, w, e)
	d := settled(t, w, e.ID+".e0")
	if len(d.Attempts) != len(pauses)+1 {
		t.Fatalf("%d attempts", len(d.Attempts))
	}
	for i, pause := range pauses {
		if gap := d.Attempts[i+1].At.Sub(d.Attempts[i].At); gap < pause {
			t.Errorf("attempt %d came after %v, not %v", i+2, gap, pause)
		}
	}
	standard := newWebhooks(t, nil, nil, func(o *WebhookOptions) { o.QueueOptions = QueueOptions{} }).opts
	sum := time.Duration(0)
	for _, pause := range standard.Backoff {
		sum += pause
	}
	if want := 27*time.Hour + 35*time.Minute + 5*time.Second; sum != want || standard.DisableAfter != 120*time.Hour {
		t.Errorf("by default, retries go on for %v and an endpoint is disabled after %v", sum, standard.DisableAfter)
	}
}

// A receiver that hangs costs one timeout, and gets its event later.
func TestWebhookHang(t *testing.T) {
	release := make(chan struct{})
	r := startReceiver(t, func(n int, _ message, w http.ResponseWriter) {
		if n == 1 {
			<-release
		}
		w.WriteHeader(200)
	})
	defer close(release)
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{r.URL}, func(o *WebhookOptions) { o.Timeout = 50 * time.Millisecond })
	runUntilEnd(t, w.Run)
	e := event(t, "rec_1", nil)
	publish(t, w, e)
	d := settled(t, w, e.ID+".e0")
	if got := statuses(d.Attempts); !slices.Equal(got, []int{0, 200}) || d.Attempts[0].Error == nil ||
		!strings.Contains(d.Attempts[0].Error.Message, "no answer within 50ms") {
		t.Errorf("attempts %+v", d.Attempts)
	}
}

// A receiver that is down gets all it missed, in order, once it is up.
func TestWebhookRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{"http://" + addr})
	runUntilEnd(t, w.Run)
	var want []string
	for i := range 20 {
		e := event(t, "rec_1", i)
		publish(t, w, e)
		want = append(want, e.ID)
	}
	until(t, "some attempts were refused", func() bool {
		d, err := w.Delivery(t.Context(), want[0]+".e0")
		return err == nil && len(d.Attempts) > 2
	})
	r := &receiver{t: t}
	startInner(t, addr, r.ServeHTTP)
	until(t, "all have arrived", func() bool { return len(r.ids(true)) == len(want) })
	sameIDs(t, "order", r.ids(true), want)
}

// The connection is cut after each number of bytes of the answer, and after
// some of the request: every event arrives, in order, under one webhook-id.
func TestWebhookCutConnections(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		conns int
		taken []string
		tasks sync.WaitGroup
	)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	// Every second connection is good; of the others, each cuts elsewhere.
	serve := func(conn net.Conn) {
		defer conn.Close()
		mu.Lock()
		n := conns
		conns++
		cutRequest := dice.IntN(400)
		mu.Unlock()
		switch {
		case n%4 == 0:
			_, _ = io.ReadFull(conn, make([]byte, cutRequest))
			_ = conn.(*net.TCPConn).SetLinger(0)
			return
		default:
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return
			}
			cut := len(answer)
			if n%2 == 0 {
				cut = n / 4 % (len(answer) + 1)
			}
			mu.Lock()
			taken = append(taken, req.Header.Get("webhook-id"))
			mu.Unlock()
			_, _ = io.WriteString(conn, answer[:cut])
		}
	}
	tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); tasks.Wait() })

	w := newWebhooks(t, client(t, redisserver.Run(t).Addr), []string{"http://" + l.Addr().String()})
	stop := runUntilEnd(t, w.Run)
	var want []string
	for i := range 2 * (len(answer) + 1) {
		e := event(t, "rec_1", i)
		publish(t, w, e)
		want = append(want, e.ID)
	}
	for _, id := range want {
		if d := settled(t, w, id+".e0"); d.State != Done {
			t.Errorf("%s: %v", id, d.Error)
		}
	}
	stop()
	if conns <= len(want)*3/2 {
		t.Errorf("%d connections for %d events: too few were cut", conns, len(want))
	}
	sameIDs(t, "first arrivals", compact(taken), want)
}
