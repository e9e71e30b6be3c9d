package deliver

import (
	"bytes"
	"crypto/sha256"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// s3 is an S3-compatible server with a bucket "reels". Before may answer instead.
func startS3(t *testing.T, before func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("reels"); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before == nil || before(w, r) {
			fake.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func openBucket(t *testing.T, endpoint string) *Bucket {
	t.Helper()
	b, err := OpenBucket(BucketOptions{
		Endpoint: endpoint, Bucket: "reels", Prefix: "prod/a", Region: "us-east-1", AccessKey: "AKIATEST", SecretKey: "hunter2hunter2", PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// attic is a data folder whose recordings go to a bucket.
type attic struct {
	t       *testing.T
	storage *Storage
	ended   chan string
}

func newAttic(t *testing.T, addr string, bucket *Bucket, log *slog.Logger) *attic {
	t.Helper()
	archive, err := recording.OpenArchive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := &attic{t: t, ended: make(chan string, 1000)}
	uploads := NewUploads(client(t, addr), UploadOptions{
		Dir: archive.Root(), QueueOptions: quick(), Targets: map[string]Target{"s3": bucket},
		Policy: URLPolicy{AllowHTTP: true, AnyPort: true, AllowHosts: []string{"127.0.0.1"}},
		Ended:  func(id string) { a.ended <- id },
	})
	uploads.opts.Log = log
	a.storage = &Storage{Archive: archive, Bucket: bucket, Uploads: uploads, Release: true}
	return a
}

// recorded puts a recording of some parts into the folder, and returns their
// bytes by file.
func (a *attic) recorded(sizes ...int) (id string, content map[string][]byte) {
	a.t.Helper()
	id = recording.NewID(recording.PrefixRecording)
	dir, err := a.storage.Archive.Create(id)
	if err != nil {
		a.t.Fatal(err)
	}
	m := &recording.Manifest{ID: id, Room: "standup", State: recording.Stopped, Participants: []recording.Participant{}}
	content = map[string][]byte{recording.JournalFile: []byte("a line\n")}
	for _, size := range sizes {
		part := recording.NewID(recording.PrefixPart)
		content[part+".webm"] = random(part, size)
		m.Parts = append(m.Parts, recording.Part{ID: part, File: part + ".webm", Bytes: int64(size), Tracks: []recording.Track{{Kind: recording.Video}}})
	}
	for name, b := range content {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		a.t.Fatal(err)
	}
	return id, content
}

func random(seed string, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(seed))).Read(b)
	return b
}

func (a *attic) settle(id string) {
	a.t.Helper()
	if err := a.storage.Settle(a.t.Context(), id); err != nil {
		a.t.Fatal(err)
	}
}

// settled settles a recording whenever something of it has ended, until none of
// the files is here any more.
func (a *attic) settled(id string, files ...string) {
	a.t.Helper()
	dir, err := a.storage.Archive.Dir(id)
	if err != nil {
		a.t.Fatal(err)
	}
	until(a.t, id+" is released", func() bool {
		a.settle(id)
		for _, f := range files {
			if _, err := os.Stat(filepath.Join(dir, f)); err == nil {
				return false
			}
		}
		return true
	})
}

func (a *attic) stored(location string) []byte {
	a.t.Helper()
	o, err := a.storage.Bucket.Open(a.t.Context(), location)
	if err != nil {
		a.t.Fatal(err)
	}
	defer o.Close()
	b, err := io.ReadAll(o)
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

// Every byte of a recording gets into a bucket whose server cuts, refuses and
// lies; nothing is released before it is there; and it can be had again.
func TestStorage(t *testing.T) {
	var puts, cuts atomic.Int64
	endpoint := startS3(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut && r.Method != http.MethodPost {
			return true
		}
		switch n := puts.Add(1); {
		case n%13 == 0: // cut somewhere in the body
			cuts.Add(1)
			_, _ = io.CopyN(io.Discard, r.Body, rand.Int64N(max(r.ContentLength, 1)))
			panic(http.ErrAbortHandler)
		case n%13 == 4:
			w.WriteHeader(http.StatusServiceUnavailable)
			return false
		case n%13 == 6: // says that it has it
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"00000000000000000000000000000000"`)
			return false
		}
		return true
	})
	var out logs
	log := slog.New(slog.NewJSONHandler(&out, nil))
	a := newAttic(t, redisserver.Run(t).Addr, openBucket(t, endpoint), log)
	runUntilEnd(t, a.storage.Uploads.Run)
	id, content := a.recorded(100_000, 0, 20<<20) // the last one in several pieces
	var parts []string
	for name := range content {
		if strings.HasSuffix(name, ".webm") {
			parts = append(parts, name)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(out.String())
		}
	})
	a.settled(id, parts...)
	m, err := a.storage.Archive.Manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range m.Parts {
		if want := "s3://reels/prod/a/" + id + "/" + part.File; part.Location != want {
			t.Errorf("location %s, want %s", part.Location, want)
		}
		if !bytes.Equal(a.stored(part.Location), content[part.File]) {
			t.Errorf("%s came changed", part.File)
		}
	}
	there, err := a.storage.Manifest(t.Context(), id)
	if err != nil || there.Parts[2].Location != m.Parts[2].Location {
		t.Errorf("the manifest there: %+v, %v", there, err)
	}
	if got := a.stored(a.storage.Bucket.Location(id + "/" + recording.JournalFile)); string(got) != "a line\n" {
		t.Errorf("journal %q", got)
	}
	if cuts.Load() == 0 {
		t.Error("nothing was cut")
	}
	if text := out.String(); strings.Contains(text, "hunter2") || strings.Contains(text, "Signature") || !strings.Contains(text, "STORAGE_FAILED") && !strings.Contains(text, "storage") {
		t.Errorf("the log tells a secret, or nothing: %s", text)
	}

	// A film is made of what is fetched, stored too, and all is released again.
	dir, _ := a.storage.Archive.Dir(id)
	until(t, "a client's own video is in the bucket", func() bool {
		up := Upload{URL: a.storage.Bucket.Location(id + "/assets/ann.mp4"), Size: int64(len("a film"))}
		_, err := a.storage.Bucket.Put(t.Context(), up, strings.NewReader("a film"))
		return err == nil
	})
	if err := a.storage.Fetch(t.Context(), id, "assets/ann.mp4", parts[0]); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "assets", "ann.mp4")); err != nil || string(b) != "a film" {
		t.Errorf("fetched %q, %v", b, err)
	}
	if err := a.storage.Fetch(t.Context(), id, "assets/none.png"); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("what is not in storage: %v", err)
	}
	for _, name := range parts {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(b, content[name]) {
			t.Errorf("fetched %s: %d bytes, %v", name, len(b), err)
		}
	}
	film := recording.Composition{ID: recording.NewID(recording.PrefixComposition), RecordingID: id, State: recording.CompositionRunning}
	film.File = film.ID + ".mp4"
	folder := recording.CompositionsDir(dir)
	save := func(path string, b []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	doc := filepath.Join(folder, film.ID+".json")
	save(filepath.Join(folder, film.File), random("film", 50_000))
	save(filepath.Join(folder, film.ID, "poster.jpg"), random("poster", 1000))
	if err := recording.WriteJSON(doc, film); err != nil {
		t.Fatal(err)
	}
	a.settle(id)
	if _, err := os.Stat(filepath.Join(dir, parts[0])); err != nil {
		t.Fatalf("a part was released while a film is made of it: %v", err)
	}
	film.State = recording.CompositionReady
	if err := recording.WriteJSON(doc, film); err != nil {
		t.Fatal(err)
	}
	a.settled(id, append(parts, "compositions/"+film.File)...)
	if got := a.stored(a.storage.Bucket.Location(id + "/compositions/" + film.File)); !bytes.Equal(got, random("film", 50_000)) {
		t.Errorf("the film came changed, %d bytes", len(got))
	}
	if got := a.stored(a.storage.Bucket.Location(id + "/compositions/" + film.ID + "/poster.jpg")); len(got) != 1000 {
		t.Errorf("the poster came changed, %d bytes", len(got))
	}

	link, err := a.storage.Bucket.Presign(t.Context(), m.Parts[0].Location, time.Minute, "a.webm", "video/webm")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || !bytes.Equal(b, content[m.Parts[0].File]) {
		t.Errorf("presigned: %d, %d bytes, %v", resp.StatusCode, len(b), err)
	}
	if err := a.storage.Bucket.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := a.storage.Bucket.Open(t.Context(), m.Parts[0].Location); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("after it was deleted: %v", err)
	}
}

// What somebody still waits for is not released: an upload that failed keeps its
// file until it is redone.
func TestStorageKeepsWhatIsWanted(t *testing.T) {
	a := newAttic(t, redisserver.Run(t).Addr, openBucket(t, startS3(t, nil)), quiet)
	runUntilEnd(t, a.storage.Uploads.Run)
	var refuse atomic.Bool
	refuse.Store(true)
	b, server := startBucket(t, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		if refuse.Load() {
			w.WriteHeader(http.StatusForbidden)
		}
		return !refuse.Load()
	})
	id, content := a.recorded(5000)
	m, err := a.storage.Archive.Manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	file := m.Parts[0].File
	up, err := a.storage.Uploads.Add(t.Context(), Upload{RecordingID: id, Path: id + "/" + file, URL: server.URL + "/expired?X-Amz-Signature=s"})
	if err != nil {
		t.Fatal(err)
	}
	if up = over(t, a.storage.Uploads, up.ID); up.State != Failed {
		t.Fatalf("refused: %s", up.State)
	}
	until(t, "all is in the bucket", func() bool {
		a.settle(id)
		page, err := a.storage.Uploads.List(t.Context(), Query{Recording: id, States: []State{Done}})
		return err == nil && len(page.Items) == 3
	})
	a.settle(id)
	dir, _ := a.storage.Archive.Dir(id)
	if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
		t.Fatalf("the file of a failed upload: %v", err)
	}
	refuse.Store(false)
	if err := a.storage.Uploads.Retry(t.Context(), up.ID, server.URL+"/fresh?X-Amz-Signature=t"); err != nil {
		t.Fatal(err)
	}
	a.settled(id, file)
	if got := b.get("/fresh?X-Amz-Signature=t"); !bytes.Equal(got, content[file]) {
		t.Errorf("%d bytes arrived", len(got))
	}
}

func TestBucketRefuses(t *testing.T) {
	good := BucketOptions{Endpoint: "https://s3.example.com", Bucket: "reels", AccessKey: "a", SecretKey: "s"}
	for name, change := range map[string]func(*BucketOptions){
		"no endpoint": func(o *BucketOptions) { o.Endpoint = "" }, "scheme": func(o *BucketOptions) { o.Endpoint = "ftp://h" },
		"path": func(o *BucketOptions) { o.Endpoint += "/reels" }, "no bucket": func(o *BucketOptions) { o.Bucket = "" },
		"no key": func(o *BucketOptions) { o.AccessKey = "" }, "no secret": func(o *BucketOptions) { o.SecretKey = "" },
	} {
		o := good
		change(&o)
		if _, err := OpenBucket(o); recording.CodeOf(err) != recording.CodeInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := openBucket(t, startS3(t, nil))
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for _, location := range []string{"s3://other/prod/a/x", "https://reels/x", "s3://reels/", "%"} {
		if _, err := b.Open(t.Context(), location); recording.CodeOf(err) != recording.CodeNotFound {
			t.Errorf("%s: %v", location, err)
		}
	}
	gone := openBucket(t, "http://127.0.0.1:1")
	if err := gone.Check(t.Context()); recording.CodeOf(err) != CodeStorageFailed || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("without storage: %v", err)
	}
}
