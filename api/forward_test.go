package api_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

// elsewhere is a place whose files all are on a node that answers by handle.
func elsewhere(t *testing.T, handle http.HandlerFunc) *place {
	t.Helper()
	node := httptest.NewServer(handle)
	t.Cleanup(node.Close)
	return newPlace(t, func(o *api.Options) {
		o.Elsewhere = func(context.Context, string, string) (string, error) { return node.URL, nil }
	})
}

func (p *place) giveUpAfter(stall time.Duration) { p.Config.Handler.(*api.Server).GiveUpAfter(stall) }

// ended waits until the request that a node serves is given up.
func ended(t *testing.T, given <-chan struct{}) {
	t.Helper()
	select {
	case <-given:
	case <-time.After(time.Minute):
		t.Error("the node is still asked")
	}
}

// What a node answers comes whole, with its headers, and once.
func TestForwarded(t *testing.T) {
	film := strings.Repeat("film", 1<<20)
	p := elsewhere(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", r.Header.Get("Roomreel-Forwarded")+r.Header.Get("Authorization")+r.URL.Path)
		_, _ = io.Copy(w, io.MultiReader(r.Body, strings.NewReader(film)))
	})
	path := "/v1/recordings/" + recording.NewID(recording.PrefixRecording) + "/compositions"
	got := p.do(t, adminKey, http.MethodPost, path, "{}", "Content-Type", "application/json")
	if want := "1Bearer " + adminKey + path; got.status != http.StatusOK || got.header.Get("Etag") != want || len(got.header["X-Content-Type-Options"]) != 1 {
		t.Errorf("%d %v, want the ETag %s", got.status, got.header, want)
	}
	if got.body != "{}"+film {
		t.Errorf("%d bytes came of %d", len(got.body), 2+len(film))
	}
}

// A node that hangs is given up: before it answers, and amid a file, which does not
// pass for whole.
func TestNodeHangs(t *testing.T) {
	given := make(chan struct{}, 2)
	p := elsewhere(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/media") {
			_, _ = io.WriteString(w, "half of it")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		given <- struct{}{}
	})
	p.giveUpAfter(100 * time.Millisecond)
	rec := "/v1/recordings/" + recording.NewID(recording.PrefixRecording)
	part := rec + "/parts/" + recording.NewID(recording.PrefixPart)
	got := p.do(t, adminKey, http.MethodGet, part+"/thumbnail", "")
	wantProblem(t, got, api.Problem{
		Type: "/problems/node-away", Title: "The node that has the files is away", Status: 503,
		Detail: "the node that has the files cannot be reached", Code: "NODE_AWAY",
	})
	ended(t, given)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+part+"/media", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%d %q passes for whole", resp.StatusCode, b)
	}
	ended(t, given)
	if log := p.log.String(); !strings.Contains(log, "the node hangs") {
		t.Errorf("the log does not tell: %s", log)
	}
}

// A caller who stops reading is given up, and with them the request to the node.
func TestForwardedReaderStalls(t *testing.T) {
	given := make(chan struct{})
	p := elsewhere(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(given)
		for film := make([]byte, 1<<20); ; {
			if _, err := w.Write(film); err != nil {
				return
			}
		}
	})
	p.giveUpAfter(100 * time.Millisecond)
	conn, err := net.Dial("tcp", p.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	path := "/v1/recordings/" + recording.NewID(recording.PrefixRecording) + "/parts/" + recording.NewID(recording.PrefixPart) + "/media"
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+adminKey+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	ended(t, given)
}
