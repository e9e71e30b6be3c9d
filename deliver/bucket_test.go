package deliver

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// storage is a folder with files of random bytes.
type storage struct {
	t   *testing.T
	dir string
}

func newStorage(t *testing.T) storage { return storage{t, t.TempDir()} }

func (s storage) file(name string, size int) []byte {
	s.t.Helper()
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(name))).Read(b)
	if err := os.WriteFile(filepath.Join(s.dir, name), b, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s storage) uploads(addr string, change ...func(*UploadOptions)) *Uploads {
	opts := UploadOptions{
		Dir: s.dir, QueueOptions: quick(),
		Policy: URLPolicy{AllowHTTP: true, AllowHosts: []string{"127.0.0.1"}, AllowPorts: everyPort()},
	}
	for _, c := range change {
		c(&opts)
	}
	return NewUploads(client(s.t, addr), opts)
}

func everyPort() []uint16 {
	ports := make([]uint16, 0, 1<<16-1)
	for p := 1; p < 1<<16; p++ {
		ports = append(ports, uint16(p))
	}
	return ports
}

func add(t *testing.T, u *Uploads, path, target string) Upload {
	t.Helper()
	up, err := u.Add(t.Context(), Upload{RecordingID: "rec_1", Path: path, URL: target})
	if err != nil {
		t.Fatal(err)
	}
	return up
}

// over waits until an upload is done or failed.
func over(t *testing.T, u *Uploads, id string) Upload {
	t.Helper()
	var up Upload
	until(t, id+" is over", func() bool {
		var err error
		if up, err = u.Get(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return up.State == Done || up.State == Failed
	})
	return up
}

// bucket is a server that takes PUTs as S3 does.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	headers []http.Header
	puts    int
}

func startBucket(t *testing.T, before func(n int, w http.ResponseWriter, r *http.Request) bool) (*bucket, *inner) {
	b := &bucket{objects: map[string][]byte{}}
	return b, startInner(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.puts++
		n := b.puts
		b.headers = append(b.headers, r.Header.Clone())
		b.mu.Unlock()
		if before != nil && !before(n, w, r) {
			return
		}
		if r.Method != http.MethodPut || r.ContentLength < 0 || len(r.TransferEncoding) > 0 {
			w.WriteHeader(http.StatusLengthRequired)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.mu.Lock()
		b.objects[r.URL.RequestURI()] = body
		b.mu.Unlock()
		w.Header().Set("ETag", `"x"`)
	})
}

func (b *bucket) get(name string) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.objects[name]
}
