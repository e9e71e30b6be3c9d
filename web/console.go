package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed all:console/dist
var consoleFiles embed.FS

// ConsoleOptions say what the console may reach besides this server.
type ConsoleOptions struct {
	// LiveKit is LiveKit's WebSocket URL as a browser reaches it.
	LiveKit string
}

// Console serves the console's pages, which hold nothing secret: whatever they
// show comes from the API. Every path that is no file is a page of the console.
// Where it was not built, a plain page says how to.
func Console(o ConsoleOptions) http.Handler {
	app, err := fs.Sub(consoleFiles, "console/dist/app")
	if err != nil {
		panic(err) // the folder is named in the embed directive above
	}
	mux := http.NewServeMux()
	mux.Handle("/", &console{files: app})
	mux.HandleFunc("GET /config.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"livekit": o.LiveKit})
	})
	return secure(mux, o.LiveKit)
}

type console struct {
	files  fs.FS
	zipped sync.Map // name → gzip of the file
}

const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>roomreel</title>
<h1>The console is not in this build</h1>
<p>Install Node.js 20 with npm, run <code>make build</code>, and start roomreel again. The API works without it:
<a href="/openapi.json">its description</a>.</p></html>
`

func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	cache := "no-cache"
	if strings.HasPrefix(name, "assets/") {
		cache = "public, max-age=31536000, immutable" // their names hold a hash of what is in them
	} else if info, err := fs.Stat(c.files, name); name == "" || err != nil || info.IsDir() {
		name = "index.html"
	}
	body, err := fs.ReadFile(c.files, name)
	switch {
	case err != nil && name == "index.html":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(notBuilt))
		return
	case err != nil:
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", cache)
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = c.gzip(name, body)
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// gzip packs each file once.
func (c *console) gzip(name string, body []byte) []byte {
	if packed, ok := c.zipped.Load(name); ok {
		return packed.([]byte)
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level exists
	_, _ = w.Write(body)
	_ = w.Close()
	c.zipped.Store(name, b.Bytes())
	return b.Bytes()
}
