package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"
)

// A bucket that stops to take an egress' file is given up, and tried again.
func TestEgressBucketStalls(t *testing.T) {
	at, backend := bucket(t, "films")
	target, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	var asked atomic.Int32
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-hang
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	defer close(hang)
	film := bytes.Repeat([]byte("film"), 3<<20) // more than the sockets hold
	file := filepath.Join(t.TempDir(), "film.webm")
	if err := os.WriteFile(file, film, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = putWithin(t.Context(), time.Second, &livekit.S3Upload{
		AccessKey: "AKIATEST", Secret: "hunter2hunter2", Region: "us-east-1", Endpoint: server.URL, Bucket: "films", ForcePathStyle: true,
	}, "film.webm", file)
	if err != nil {
		t.Fatal(err)
	}
	object, err := backend.GetObject("films", "film.webm", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Contents.Close()
	if b, err := io.ReadAll(object.Contents); err != nil || !bytes.Equal(b, film) {
		t.Errorf("the bucket has %d bytes of %d: %v", len(b), len(film), err)
	}
}
