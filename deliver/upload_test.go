package deliver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// A file arrives whole, with its exact length and no header that need not be.
func TestUpload(t *testing.T) {
	s := newStorage(t)
	b, in := startBucket(t, nil)
	u := s.uploads(redisserver.Run(t).Addr)
	runUntilEnd(t, u.Run)
	for _, size := range []int{0, 1, 3 << 20} {
		name := fmt.Sprint("part", size, ".webm")
		content := s.file(name, size)
		up, err := u.Add(t.Context(), Upload{
			RecordingID: "rec_1", Path: name, URL: in.URL + "/" + name + "?X-Amz-Signature=s", ContentType: "video/webm",
		})
		if err != nil {
			t.Fatal(err)
		}
		got := over(t, u, up.ID)
		want := Upload{
			ID: up.ID, RecordingID: "rec_1", Path: name, Size: int64(size), URL: in.URL + "/" + name, ContentType: "video/webm",
			State: Done, Sent: int64(size), Attempts: []Attempt{{Status: 200}},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Upload{}, "CreatedAt", "EndedAt"), cmpopts.IgnoreFields(Attempt{}, "At", "Latency")); diff != "" {
			t.Error(diff)
		}
		if !bytes.Equal(b.get("/"+name+"?X-Amz-Signature=s"), content) {
			t.Errorf("%s came changed", name)
		}
		keys := slices.Sorted(maps.Keys(b.headers[len(b.headers)-1]))
		wantKeys := []string{"Content-Length", "Content-Type", "Expect"}
		if size == 0 {
			wantKeys = wantKeys[:2]
		}
		if !slices.Equal(keys, wantKeys) {
			t.Errorf("headers %q", keys)
		}
	}
}

// What a receiver answers, what follows from it, and that a refusal costs no bytes.
func TestUploadAnswers(t *testing.T) {
	const early = "200 before it has all"
	s := newStorage(t)
	content := s.file("f", 8<<20)
	addr := redisserver.Run(t).Addr
	trap := startInner(t, "127.0.0.1:0", func(http.ResponseWriter, *http.Request) {})
	hang := make(chan struct{})
	first := func(code int) func(int, http.ResponseWriter, *http.Request) bool {
		return func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n == 1 {
				w.WriteHeader(code)
			}
			return n > 1
		}
	}
	for _, c := range []struct {
		name   string
		before func(int, http.ResponseWriter, *http.Request) bool
		want   []int
		state  State
		code   recording.Code
	}{
		{"500 then 200", first(500), []int{500, 200}, Done, ""},
		{"503 then 200", first(503), []int{503, 200}, Done, ""},
		{"429 then 200", first(429), []int{429, 200}, Done, ""},
		{"400", first(400), []int{400}, Failed, CodeUploadRefused},
		{"403", first(403), []int{403}, Failed, CodeUploadRefused},
		{"404", first(404), []int{404}, Failed, CodeUploadRefused},
		{"411", first(411), []int{411}, Failed, CodeUploadRefused},
		{"200 before it has anything", first(200), []int{200, 200}, Done, ""},
		{early, func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n > 1 {
				return true
			}
			_, _ = io.ReadFull(r.Body, make([]byte, 1<<20))
			w.WriteHeader(200)
			return false
		}, []int{200, 200}, Done, ""},
		{"redirect", func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Location", trap.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return false
		}, []int{307, 307, 307}, Failed, CodeUploadFailed},
		{"hangs, then 200", func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				<-hang // the request's context knows nothing while the body waits
			}
			return n > 1
		}, []int{0, 200}, Done, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, in := startBucket(t, c.before)
			u := s.uploads(addr, func(o *UploadOptions) { o.Backoff, o.Stall = o.Backoff[:2], 3*time.Second })
			runUntilEnd(t, u.Run)
			got := over(t, u, add(t, u, "f", in.URL+"/o").ID)
			if slices.Contains(c.want, 0) {
				close(hang)
			}
			codes := statuses(got.Attempts)
			if c.name == early && codes[0] == 0 {
				codes[0] = 200 // the server's hang-up may overtake its answer
			}
			if got.State != c.state || !slices.Equal(codes, c.want) || recording.CodeOf(asError(got.Error)) != c.code {
				t.Fatalf("%s after %v (%v), want %s after %v", got.State, codes, got.Error, c.state, c.want)
			}
			if c.state == Done && !bytes.Equal(b.get("/o"), content) {
				t.Error("the content came changed")
			}
			if c.code == CodeUploadRefused && got.Sent != 0 {
				t.Errorf("%d bytes were sent although it was refused", got.Sent)
			}
		})
	}
	if trap.hits.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// The connection is cut at random bytes of the request or the answer: the file
// arrives whole in the end, and is called done only then.
func TestUploadCutConnections(t *testing.T) {
	const size, cuts = 1 << 20, 12
	s := newStorage(t)
	content := s.file("f", size)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns atomic.Int64
	var whole atomic.Pointer[[]byte]
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n := conns.Add(1)
			_ = conn.(*net.TCPConn).SetLinger(0)
			r := bufio.NewReader(conn)
			req, err := http.ReadRequest(r)
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
				take, say := int64(size), answer
				switch {
				case n <= cuts/2:
					take, say = dice.Int64N(size), ""
				case n <= cuts:
					say = answer[:dice.IntN(len(answer))]
				}
				got, _ := io.ReadAll(io.LimitReader(req.Body, take))
				if n > cuts {
					whole.Store(&got)
					_ = conn.(*net.TCPConn).SetLinger(-1)
				}
				_, _ = io.WriteString(conn, say)
			}
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	u := s.uploads(redisserver.Run(t).Addr)
	runUntilEnd(t, u.Run)
	got := over(t, u, add(t, u, "f", "http://"+l.Addr().String()+"/o").ID)
	if got.State != Done || len(got.Attempts) != cuts+1 || whole.Load() == nil || !bytes.Equal(*whole.Load(), content) {
		t.Errorf("%s after %d attempts: %v", got.State, len(got.Attempts), got.Error)
	}
}

// A file that changed or vanished is not sent, and nothing outside of the folder is.
func TestUploadFiles(t *testing.T) {
	s := newStorage(t)
	_, in := startBucket(t, nil)
	u := s.uploads(redisserver.Run(t).Addr)
	s.file("shorter", 100)
	s.file("gone", 100)
	shorter, gone := add(t, u, "shorter", in.URL), add(t, u, "gone", in.URL)
	s.file("shorter", 99)
	if err := os.Remove(filepath.Join(s.dir, "gone")); err != nil {
		t.Fatal(err)
	}
	runUntilEnd(t, u.Run)
	for _, id := range []string{shorter.ID, gone.ID} {
		if got := over(t, u, id); got.State != Failed || got.Error.Code != CodeFileChanged {
			t.Errorf("%s: %s, %v", got.Path, got.State, got.Error)
		}
	}
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(s.dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", ".", "absent", "link", outside, "../" + filepath.Base(s.dir) + "/shorter"} {
		if _, err := u.Add(t.Context(), Upload{Path: path, URL: in.URL}); recording.CodeOf(err) != CodeFileChanged {
			t.Errorf("%q: %v", path, err)
		}
	}
	for target, want := range map[string]recording.Code{
		"http://10.0.0.1/": CodeURLAddress, "https://u@h/": CodeURLInvalid, "s3://bucket/key": CodeURLScheme,
	} {
		if _, err := u.Add(t.Context(), Upload{Path: "shorter", URL: target}); recording.CodeOf(err) != want {
			t.Errorf("%s: %v", target, err)
		}
	}
	if _, err := u.Add(t.Context(), Upload{ID: "x", Path: "shorter", URL: in.URL}); recording.CodeOf(err) != recording.CodeInvalidID {
		t.Errorf("id x: %v", err)
	}
	if in.hits.Load() != 0 {
		t.Errorf("%d connections", in.hits.Load())
	}
}

// shelf is a target that is no HTTP server.
type shelf struct {
	mu  sync.Mutex
	got map[string]string
}

func (s *shelf) Put(_ context.Context, u Upload, body io.Reader) (Answer, error) {
	if strings.HasSuffix(u.URL, "/forbidden") {
		return Answer{}, fmt.Errorf("put object: %w", ErrPermanent)
	}
	b, err := io.ReadAll(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got[u.URL] = string(b)
	return Answer{}, err
}

// A target takes the URLs of its scheme.
func TestUploadTargets(t *testing.T) {
	s := newStorage(t)
	content := s.file("f", 1000)
	target := &shelf{got: map[string]string{}}
	u := s.uploads(redisserver.Run(t).Addr, func(o *UploadOptions) { o.Targets = map[string]Target{"s3": target} })
	runUntilEnd(t, u.Run)
	good, bad := add(t, u, "f", "s3://bucket/key"), add(t, u, "f", "s3://bucket/forbidden")
	if got := over(t, u, good.ID); got.State != Done || target.got["s3://bucket/key"] != string(content) {
		t.Errorf("%s, %v", got.State, got.Error)
	}
	if got := over(t, u, bad.ID); got.State != Failed || got.Error.Code != CodeUploadFailed || len(got.Attempts) != 1 {
		t.Errorf("%s, %v", got.State, got.Error)
	}
}
