package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// A node that hangs is given up: before it answers, and amid a file, of which nothing
// is left.
func TestPeerHangs(t *testing.T) {
	archive, err := recording.OpenArchive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const text = "half"
	for name, sent := range map[string]string{"without an answer": "", "amid a file": text, "not at all": text + text} {
		t.Run(name, func(t *testing.T) {
			hung := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if sent != "" {
					_, _ = w.Write([]byte(sent))
					_ = http.NewResponseController(w).Flush()
				}
				if len(sent) < 2*len(text) {
					<-hung
				}
			}))
			defer server.Close()
			defer close(hung)
			id := recording.NewID(recording.PrefixRecording)
			dir, err := archive.Create(id)
			if err != nil {
				t.Fatal(err)
			}
			part := recording.Part{ID: recording.NewID(recording.PrefixPart), Node: "node-b", File: "a.webm", Bytes: 2 * int64(len(text))}
			p := peers{archive: archive, token: func() (string, error) { return "token", nil }}
			whole := len(sent) == 2*len(text)
			patience := 100 * time.Millisecond
			if whole {
				patience = time.Minute
			}
			err = p.fetchFrom(t.Context(), server.URL, id, part, patience)
			if (err == nil) != whole || err != nil && recording.CodeOf(err) != recording.CodeNodeAway {
				t.Error(err)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*a.webm*")); err != nil || (len(left) == 1) != whole {
				t.Errorf("left: %v, %v", left, err)
			}
			if b, err := os.ReadFile(filepath.Join(dir, "a.webm")); whole && string(b) != sent {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
}
