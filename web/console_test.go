package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func TestConsole(t *testing.T) {
	built := &console{files: fstest.MapFS{
		"index.html":       {Data: []byte("<title>roomreel</title>")},
		"assets/app-1a.js": {Data: []byte("let x = 1")},
	}}
	for _, tt := range []struct {
		name, path, body, contentType, cache string
		status                               int
	}{
		{"front page", "/", "<title>roomreel</title>", "text/html", "no-cache", 200},
		{"a page of the app", "/recordings/rec_1", "<title>roomreel</title>", "text/html", "no-cache", 200},
		{"a folder", "/assets", "<title>roomreel</title>", "text/html", "no-cache", 200},
		{"an asset", "/assets/app-1a.js", "let x = 1", "text/javascript", "public, max-age=31536000, immutable", 200},
		{"an asset of another build", "/assets/app-2b.js", "404 page not found\n", "text/plain", "", 404},
		{"a way out", "/../../etc/passwd", "<title>roomreel</title>", "text/html", "no-cache", 200},
	} {
		for _, encoding := range []string{"", "gzip, br"} {
			t.Run(tt.name+" "+encoding, func(t *testing.T) {
				r := httptest.NewRequest("GET", "/", nil)
				r.URL.Path = tt.path
				r.Header.Set("Accept-Encoding", encoding)
				w := httptest.NewRecorder()
				secure(built, "wss://livekit.example").ServeHTTP(w, r)
				var body io.Reader = w.Body
				if w.Header().Get("Content-Encoding") == "gzip" {
					unpacked, err := gzip.NewReader(body)
					if err != nil {
						t.Fatal(err)
					}
					body = unpacked
				}
				got, err := io.ReadAll(body)
				if err != nil {
					t.Fatal(err)
				}
				h := w.Header()
				if w.Code != tt.status || string(got) != tt.body || !strings.HasPrefix(h.Get("Content-Type"), tt.contentType) || h.Get("Cache-Control") != tt.cache {
					t.Errorf("status %d, body %q, header %v", w.Code, got, h)
				}
				policy := h.Get("Content-Security-Policy")
				for _, want := range []string{"default-src 'self'", "wss://livekit.example https://livekit.example", "frame-ancestors 'none'"} {
					if !strings.Contains(policy, want) {
						t.Errorf("policy %q lacks %q", policy, want)
					}
				}
				if strings.Contains(policy, "unsafe") {
					t.Errorf("policy %q", policy)
				}
			})
		}
	}
}

func TestConsoleNotBuilt(t *testing.T) {
	w := httptest.NewRecorder()
	(&console{files: fstest.MapFS{}}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 404 || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("status %d, body %q", w.Code, w.Body)
	}
}

// What the first page loads is small; LiveKit's client comes only where it is needed.
func TestFirstPageIsSmall(t *testing.T) {
	const most = 150_000
	index, err := fs.ReadFile(consoleFiles, "console/dist/app/index.html")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the console is not built: run `make web`")
	}
	if err != nil {
		t.Fatal(err)
	}
	var total bytes.Buffer
	for _, found := range regexp.MustCompile(`(?:src|href)="/console/([^"]+)"`).FindAllSubmatch(index, -1) {
		name := string(found[1])
		if strings.Contains(name, "livekit") {
			t.Errorf("the first page loads %s", name)
		}
		content, err := fs.ReadFile(consoleFiles, "console/dist/app/"+name)
		if err != nil {
			t.Fatal(err)
		}
		w := gzip.NewWriter(&total)
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total.Len() > most || total.Len() == 0 {
		t.Errorf("the first page takes %d bytes gzipped, want at most %d", total.Len(), most)
	}
	t.Logf("%d bytes gzipped", total.Len())
}
