//go:build linux

package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

const benchBucket = "bench"

// receivers misbehave until they recover: endpoints of webhooks, a server that
// takes PUTs, and S3-compatible storage.
type receivers struct {
	recover   time.Time
	endpoints []*endpoint
	put, s3   *httptest.Server

	mu      sync.Mutex
	objects map[string][]byte
}

// endpoint takes webhooks, and keeps the ids of those that it said it took.
type endpoint struct {
	*httptest.Server
	mu   sync.Mutex
	n    int
	seen map[string]bool
	ids  []string
}

// manners are how endpoints misbehave; false says that one does not take the
// request, which it has answered then.
var manners = []func(n int, w http.ResponseWriter, r *http.Request) bool{
	func(int, http.ResponseWriter, *http.Request) bool { return true },
	func(_ int, w http.ResponseWriter, _ *http.Request) bool { // refuses
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	},
	func(_ int, _ http.ResponseWriter, r *http.Request) bool { // hangs
		<-r.Context().Done()
		return false
	},
	func(n int, w http.ResponseWriter, _ *http.Request) bool { // 500, then 200
		if n%2 == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return n%2 == 0
	},
	func(_ int, w http.ResponseWriter, _ *http.Request) bool { // redirects
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return false
	},
	func(int, http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, // dies
	func(n int, _ http.ResponseWriter, _ *http.Request) bool { // dies at times
		if n%3 == 1 {
			panic(http.ErrAbortHandler)
		}
		return true
	},
}

func startReceivers(sick time.Duration) (*receivers, error) {
	r := &receivers{recover: time.Now().Add(sick), objects: map[string][]byte{}}
	for _, misbehave := range manners {
		e := &endpoint{seen: map[string]bool{}}
		e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body)
			e.mu.Lock()
			e.n++
			n := e.n
			e.mu.Unlock()
			if time.Now().After(r.recover) || misbehave(n, w, req) {
				e.take(req.Header.Get("webhook-id"))
			}
		}))
		r.endpoints = append(r.endpoints, e)
	}
	r.put = httptest.NewServer(http.HandlerFunc(r.takeFile))
	backend := s3mem.New()
	if err := backend.CreateBucket(benchBucket); err != nil {
		return nil, errors.Join(err, r.close())
	}
	storage := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	r.s3 = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPut {
			r.cut(req)
		}
		storage.ServeHTTP(w, req)
	}))
	return r, nil
}

func (r *receivers) close() error {
	for _, e := range r.endpoints {
		e.CloseClientConnections()
		e.Close()
	}
	r.put.Close()
	if r.s3 != nil {
		r.s3.Close()
	}
	return nil
}

func (r *receivers) urls() (urls []string) {
	for _, e := range r.endpoints {
		urls = append(urls, e.URL)
	}
	return urls
}

// cut breaks two of three connections at a random byte, until all recover.
func (r *receivers) cut(req *http.Request) {
	const often = 3
	if time.Now().Before(r.recover) && rand.IntN(often) > 0 {
		_, _ = io.CopyN(io.Discard, req.Body, rand.Int64N(max(req.ContentLength, 1)))
		panic(http.ErrAbortHandler)
	}
}

func (r *receivers) takeFile(w http.ResponseWriter, req *http.Request) {
	r.cut(req)
	b, err := io.ReadAll(req.Body)
	if err != nil || int64(len(b)) != req.ContentLength || req.Method != http.MethodPut {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.objects[req.URL.Path] = b
}

func (r *receivers) object(path string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.objects[path]
}

func (e *endpoint) take(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.seen[id] {
		e.seen[id] = true
		e.ids = append(e.ids, id)
	}
}

// assess counts, over all endpoints, the events that have not arrived, and those
// that arrived after one that follows them.
func (r *receivers) assess(published map[string][]string) (lost, outOfOrder int) {
	place, of := map[string]int{}, map[string]string{}
	total := 0
	for recording, ids := range published {
		total += len(ids)
		for i, id := range ids {
			place[id], of[id] = i, recording
		}
	}
	for _, e := range r.endpoints {
		e.mu.Lock()
		latest := map[string]int{}
		for _, id := range e.ids {
			if place[id] < latest[of[id]] {
				outOfOrder++
			}
			latest[of[id]] = max(latest[of[id]], place[id])
		}
		lost += total - len(e.ids)
		e.mu.Unlock()
	}
	return lost, outOfOrder
}
