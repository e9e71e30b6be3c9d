package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// An upload that was refused stays, and goes to the URL it is given then; so does
// one that waits, and one that is under way.
func TestUploadRetry(t *testing.T) {
	s := newStorage(t)
	content := s.file("f", 1<<20)
	gate := make(chan struct{})
	_, expired := startBucket(t, func(_ int, w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(403); return false })
	_, broken := startBucket(t, func(_ int, w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return false })
	_, hanging := startBucket(t, func(int, http.ResponseWriter, *http.Request) bool { <-gate; return false })
	defer close(gate)
	b, good := startBucket(t, nil)
	addr := redisserver.Run(t).Addr
	u := s.uploads(addr, func(o *UploadOptions) { o.Backoff = []time.Duration{time.Hour} })
	runUntilEnd(t, u.Run)
	other := newStorage(t).uploads(addr, func(o *UploadOptions) { o.Storage = "elsewhere" }) // an API node without the file
	for _, c := range []struct {
		name  string
		url   string
		ready func(Upload) bool
	}{
		{"refused", expired.URL, func(up Upload) bool { return up.State == Failed }},
		{"waiting", broken.URL, func(up Upload) bool { return up.State == Pending && len(up.Attempts) == 1 }},
		{"under way", hanging.URL, func(up Upload) bool { return up.State == Running && hanging.hits.Load() > 0 }},
	} {
		up := add(t, u, "f", c.url+"/"+c.name)
		until(t, c.name, func() bool {
			up, err := u.Get(t.Context(), up.ID)
			return err == nil && c.ready(up)
		})
		if err := other.Retry(t.Context(), up.ID, "ftp://h/"); recording.CodeOf(err) != CodeURLScheme {
			t.Errorf("a hostile new URL: %v", err)
		}
		path := "/" + strings.ReplaceAll(c.name, " ", "")
		if err := other.Retry(t.Context(), up.ID, good.URL+path+"?new"); err != nil {
			t.Fatal(err)
		}
		got := over(t, u, up.ID)
		if got.State != Done || got.URL != good.URL+path || got.Error != nil || !bytes.Equal(b.get(path+"?new"), content) {
			t.Errorf("%s: %s to %s, %v", c.name, got.State, got.URL, got.Error)
		}
	}
	if err := u.Retry(t.Context(), recording.NewID(PrefixUpload), ""); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("retry of nothing: %v", err)
	}
	page, err := other.List(t.Context(), Query{Recording: "rec_1", States: []State{Done}, Limit: 2})
	if err != nil || len(page.Items) != 2 || page.Next == "" {
		t.Errorf("list: %+v, %v", page, err)
	}
}

// A node that ends in the middle of an upload leaves it to the next one of its
// storage, which begins anew; nodes without the file leave it alone.
func TestUploadIsTakenOver(t *testing.T) {
	s := newStorage(t)
	content := s.file("f", 16<<20)
	started, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	b, in := startBucket(t, func(n int, _ http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			_, _ = io.ReadFull(r.Body, make([]byte, 1<<20))
			close(started)
			<-release
			return false
		}
		return true
	})
	addr := redisserver.Run(t).Addr
	runUntilEnd(t, newStorage(t).uploads(addr, func(o *UploadOptions) { o.Storage = "elsewhere" }).Run)
	one, two := s.uploads(addr), s.uploads(addr)
	stop := runUntilEnd(t, one.Run)
	up := add(t, one, "f", in.URL+"/o")
	<-started
	until(t, "progress is seen", func() bool {
		up, err := two.Get(t.Context(), up.ID)
		return err == nil && up.State == Running && up.Sent > 1<<20 && up.Sent < up.Size
	})
	stop()
	runUntilEnd(t, two.Run)
	got := over(t, two, up.ID)
	if got.State != Done || !slices.Equal(statuses(got.Attempts), []int{200}) || !bytes.Equal(b.get("/o"), content) {
		t.Errorf("%s, %v, %v", got.State, statuses(got.Attempts), got.Error)
	}
}

// The end of an upload is reported before it is seen, until that has worked, and
// then the file may go.
func TestUploadReport(t *testing.T) {
	s := newStorage(t)
	s.file("good", 10)
	s.file("bad", 10)
	_, in := startBucket(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/bad" {
			w.WriteHeader(403)
		}
		return r.URL.Path != "/bad"
	})
	var mu sync.Mutex
	var reports []string
	var u *Uploads
	var out logs
	u = s.uploads(redisserver.Run(t).Addr, func(o *UploadOptions) {
		o.Log = slog.New(slog.NewJSONHandler(&out, nil))
		o.Report = func(ctx context.Context, up Upload) error {
			seen, err := u.Get(ctx, up.ID)
			if err != nil || seen.State != Running {
				t.Errorf("reported when it is %s: %v", seen.State, err)
			}
			mu.Lock()
			defer mu.Unlock()
			reports = append(reports, fmt.Sprint(up.Path, " ", up.State, " ", up.Sent, " ", statuses(up.Attempts), " ", recording.CodeOf(asError(up.Error))))
			if len(reports) == 1 {
				return errors.New("not now")
			}
			return nil
		}
	})
	runUntilEnd(t, u.Run)
	over(t, u, add(t, u, "good", in.URL+"/good").ID)
	over(t, u, add(t, u, "bad", in.URL+"/bad?X-Amz-Signature=hunter2").ID)
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"good done 10 [200] ", "good done 10 [200] ", "bad failed 0 [403] UPLOAD_REFUSED"}; !slices.Equal(reports, want) {
		t.Errorf("reports %q, want %q", reports, want)
	}
	if in.hits.Load() > 2 {
		t.Errorf("%d connections: a report that failed must not repeat the upload", in.hits.Load())
	}
	if text := out.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, "403") {
		t.Errorf("the log tells the secret, or nothing: %s", text)
	}
}
