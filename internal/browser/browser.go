package browser

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

var (
	// ErrMissing means that a program or package that is needed is not installed; the text says how to.
	ErrMissing = errors.New("missing")
	// ErrPage means that a page refused what it was told to do; the text is the page's own.
	ErrPage = errors.New("page failed")
)

//go:embed page
var page embed.FS

// flags keep Chromium from phoning home and from slowing down pages that nobody looks at, and give it
// a fake camera, microphone and screen, and a user who allows everything.
var flags = []string{
	"--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
	"--disable-domain-reliability", "--no-default-browser-check", "--no-pings", "--metrics-recording-only",
	"--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication,CertificateTransparencyComponentUpdater",
	"--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
	"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
}

// Browser is a running headless Chromium. Its methods may be called from any goroutine.
type Browser struct {
	driver *driver
	server *httptest.Server
	opened atomic.Int64

	mu    sync.Mutex
	files map[string]string // by path on the server
}

// WithoutUDP is a flag for [Launch]: as behind a firewall, media finds no way by UDP.
const WithoutUDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"

// Launch starts Chromium, found as chromium or chromium-browser in PATH, through node, with more flags if
// given. It ends when ctx does, if Close is not called before. The error wraps [ErrMissing] if something is
// not installed.
func Launch(ctx context.Context, more ...string) (*Browser, error) {
	dir, err := sourceDir()
	if err != nil {
		return nil, fmt.Errorf("launch Chromium: %w", err)
	}
	modules := filepath.Join(dir, "node_modules")
	for _, name := range []string{"playwright-core", "livekit-client"} {
		if _, err := os.Stat(filepath.Join(modules, name, "package.json")); err != nil {
			return nil, fmt.Errorf("launch Chromium: %w: node package %s; run `npm ci --prefix internal/browser`", ErrMissing, name)
		}
	}
	node, err := find("node")
	if err != nil {
		return nil, fmt.Errorf("launch Chromium: %w", err)
	}
	chromium, err := find("chromium", "chromium-browser")
	if err != nil {
		return nil, fmt.Errorf("launch Chromium: %w", err)
	}
	d, err := startDriver(ctx, dir, slices.Concat([]string{node, "driver.mjs", chromium}, flags, more))
	if err != nil {
		return nil, fmt.Errorf("launch Chromium: %w", err)
	}
	b := &Browser{driver: d, files: map[string]string{}}
	pages, err := fs.Sub(page, "page")
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(pages))
	mux.Handle("GET /livekit/", http.StripPrefix("/livekit/", http.FileServer(http.Dir(filepath.Join(modules, "livekit-client", "dist")))))
	mux.Handle("GET /sdk/", http.StripPrefix("/sdk/", http.FileServer(http.Dir(filepath.Join(dir, sdkDist)))))
	mux.HandleFunc("GET /files/{name}", b.serveFile)
	b.server = httptest.NewServer(mux)
	return b, nil
}

// Version is Chromium's.
func (b *Browser) Version() string { return b.driver.version }

// Close closes all pages, as if each tab were closed by hand, and ends all processes. Closing twice is
// harmless.
func (b *Browser) Close() error {
	err := b.driver.close()
	b.server.CloseClientConnections()
	b.server.Close()
	if err != nil {
		return fmt.Errorf("close Chromium: %w", err)
	}
	return nil
}

// open opens a page in a profile of its own and returns its name, unique in this browser.
func (b *Browser) open(ctx context.Context, name string) (string, error) {
	name += "-" + strconv.FormatInt(b.opened.Add(1), 10)
	return name, b.driver.do(ctx, command{Page: name, Open: b.server.URL + "/"}, nil)
}

func (b *Browser) serveFile(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	path, ok := b.files[r.PathValue("name")]
	b.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeFile(w, r, path)
}

// sourceDir finds this package's folder from any folder of the module: go test runs in the tested
// package's.
func sourceDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "internal", "browser"), nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("the working directory is not in roomreel's module")
		}
		dir = up
	}
}

func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: program %s; run `make setup-test`", ErrMissing, strings.Join(names, " or "))
}
