package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

// outbox takes the file and the webhooks of an eyeson-style recording.
type outbox struct {
	*httptest.Server
	mu     sync.Mutex
	puts   int
	file   []byte
	bodies []map[string]any
}

func startOutbox(t *testing.T) *outbox {
	t.Helper()
	o := &outbox{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		switch {
		case r.Method == http.MethodPut && r.URL.Query().Get("sig") == "stale-hunter2":
			o.puts++
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodPut:
			o.puts++
			o.file = b
		default:
			var body map[string]any
			if err := json.Unmarshal(b, &body); err != nil {
				t.Errorf("webhook %q: %v", b, err)
			}
			o.bodies = append(o.bodies, body)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *outbox) body(ctx context.Context, t *testing.T, status string) map[string]any {
	t.Helper()
	body, err := client.Await(ctx, func() (map[string]any, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, b := range o.bodies {
			if b["status"] == status || b["type"] == status {
				return b, nil
			}
		}
		return nil, nil
	}, func(b map[string]any) bool { return b != nil })
	if err != nil {
		t.Fatalf("no %s: %v", status, err)
	}
	return body
}

// lines is a log to look for secrets in.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// The file of one stream goes to the URL of its request, whose signature has
// expired meanwhile, to a fresh one, and to storage, which serves it once it is
// gone from the disk; eyeson's webhooks tell of each. No secret of all that is in
// the log of the run.
func TestDelivery(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	backend := s3mem.New()
	if err := backend.CreateBucket("reels"); err != nil {
		t.Fatal(err)
	}
	s3 := httptest.NewServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(s3.Close)
	out := startOutbox(t)

	c, err := configs.Load("")
	if err != nil {
		t.Fatal(err)
	}
	keys := plugin.Keys{Key: "testkey", Secret: "livekit-hunter2-0123456789abcdefghijklmnop"}
	c.LiveKit = startLiveKit(t, plugin.DevServerOptions{Keys: keys})
	c.Redis.URL, c.Data, c.Node, c.API.Listen = redisserver.Run(t).URL(), t.TempDir(), "node-a", freeAddress(t, "tcp")
	c.API.AdminKeys = []string{"admin-hunter2-0123456789"}
	c.Outgoing = configs.Outgoing{AllowHTTP: true, AnyPort: true, AllowHosts: []string{"127.0.0.1"}}
	c.Storage = configs.Storage{
		Endpoint: s3.URL, Bucket: "reels", Region: "us-east-1", AccessKey: "AKIAHUNTER2", SecretKey: "storage-hunter2", PathStyle: true,
		ReleaseLocal: true, Downloads: "proxy",
	}
	var text lines
	p, err := start(c, slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})), nil)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.run(running) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, secret := range []string{"hunter2", "HUNTER2", "Bearer", "Signature"} {
			if strings.Contains(text.b.String(), secret) {
				t.Errorf("the log tells %s:\n%s", secret, text.b.String())
			}
		}
		if !strings.Contains(text.b.String(), "an upload failed") {
			t.Error("the log does not tell of the refused upload")
		}
	})

	roomreel := client.Client{URL: "http://" + c.API.Listen, Key: c.API.AdminKeys[0]}
	anna, err := meeting.Join(ctx, meeting.Server{URL: c.LiveKit.URL, Key: keys.Key, Secret: keys.Secret},
		meeting.Options{Room: "desk", Identity: "anna", Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	defer anna.Close()
	// As the eyeson face asks for it.
	rec, err := p.store.Start(ctx, recording.Request{
		Room: "desk", Selection: recording.Selection{Identities: []string{"anna"}}, Subject: recording.Subject{Client: "agent-7"},
		Delivery: recording.Delivery{
			UploadURL: out.URL + "/put?sig=stale-hunter2", WebhookURL: out.URL + "/hook?token=hunter2", Eyeson: true,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Await(ctx, func() (api.Recording, error) { return roomreel.Recording(ctx, rec.ID) },
		func(r api.Recording) bool { return r.State == string(recording.Active) }); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, 3*time.Second)
	if _, err := roomreel.Stop(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	failed := out.body(ctx, t, "upload_failed")
	if failed["rec_id"] != rec.ID || failed["client_id"] != "agent-7" || failed["upload_status_code"] != 403.0 || failed["msg"] == "" {
		t.Errorf("upload_failed: %v", failed)
	}
	m, err := recording.ReadManifest(filepath.Join(c.Data, "recordings", rec.ID))
	if err != nil || len(m.Parts) != 1 {
		t.Fatal(m, err)
	}
	file := filepath.Join(c.Data, "recordings", rec.ID, m.Parts[0].File)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("the file of a failed upload: %v", err)
	}

	var up api.Upload
	call(ctx, t, roomreel, http.MethodPost, "/v1/recordings/"+rec.ID+"/uploads", api.StartUpload{URL: out.URL + "/put?sig=fresh-hunter2"}, &up)
	ready := out.body(ctx, t, "upload_ready")
	checkReady(t, ready, rec, m.Parts[0], len(whole))
	out.mu.Lock()
	if !bytes.Equal(out.file, whole) || out.puts != 2 {
		t.Errorf("%d of %d bytes arrived, by %d requests", len(out.file), len(whole), out.puts)
	}
	out.mu.Unlock()

	if _, err := client.Await(ctx, func() (error, error) { _, err := os.Stat(file); return err, nil }, os.IsNotExist); err != nil {
		t.Fatalf("the file is not released: %v", err)
	}
	var got bytes.Buffer
	if err := roomreel.Download(ctx, "/v1/recordings/"+rec.ID+"/parts/"+m.Parts[0].ID+"/media", &got); err != nil || !bytes.Equal(got.Bytes(), whole) {
		t.Errorf("downloaded %d of %d bytes from storage, %v", got.Len(), len(whole), err)
	}
	var list api.UploadList
	call(ctx, t, roomreel, http.MethodGet, "/v1/recordings/"+rec.ID+"/uploads", nil, &list)
	own := 0
	for _, u := range list.Data {
		if u.State != "done" || strings.Contains(fmt.Sprint(u), "hunter2") {
			t.Errorf("upload %+v", u)
		}
		if u.ID == up.ID && u.URL == out.URL+"/put" {
			own++
		}
	}
	if own != 1 {
		t.Errorf("uploads: %+v", list.Data)
	}
	stored := list.Data[slices.IndexFunc(list.Data, func(u api.Upload) bool { return strings.HasPrefix(u.URL, "s3:") })]
	elsewhere := api.RetryUpload{URL: out.URL + "/put?sig=fresh-hunter2"}
	if got := answerOf(ctx, t, roomreel, http.MethodPost, "/v1/recordings/"+rec.ID+"/uploads/"+stored.ID+"/retry", elsewhere); got.Code != string(recording.CodeInvalidRequest) {
		t.Errorf("an upload to storage may go elsewhere, and count as stored: %+v", got)
	}
	if film, err := roomreel.Compose(ctx, rec.ID, api.FilmSpec{}); err != nil {
		t.Error(err)
	} else if film, err = client.Await(ctx, func() (api.Composition, error) { return roomreel.Composition(ctx, rec.ID, film.ID) },
		func(f api.Composition) bool { return recording.CompositionState(f.State).Final() }); err != nil || film.State != string(recording.CompositionReady) {
		t.Errorf("a film of what is in storage: %+v, %v", film, err)
	} else {
		deleteStoredFilm(ctx, t, roomreel, backend, film)
	}
	// A wrong URL is refused at the start, not at the end.
	_, err = roomreel.Start(ctx, api.StartRecording{
		Room: "desk", Selection: api.Selection{Identities: []string{"anna"}}, UploadURL: "https://169.254.169.254/?sig=hunter2",
	})
	if err == nil || !strings.Contains(fmt.Sprint(err), "169.254.169.254") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an inner URL: %v", err)
	}
	_, _ = http.Get(roomreel.URL + "/v1/recordings?token=hunter2&X-Amz-Signature=hunter2")
}

// deleteStoredFilm deletes a film by the meeting app's face: nothing of it is left in
// storage.
func deleteStoredFilm(ctx context.Context, t *testing.T, c client.Client, backend gofakes3.Backend, film api.Composition) {
	t.Helper()
	keys := func() (keys []string, err error) {
		prefix := gofakes3.NewPrefix(new(film.RecordingID+"/compositions/"+film.ID), nil)
		list, err := backend.ListBucket("reels", &prefix, gofakes3.ListBucketPage{})
		for _, o := range list.Contents {
			keys = append(keys, o.Key)
		}
		return keys, err
	}
	if stored, err := client.Await(ctx, keys, func(keys []string) bool { return len(keys) == 2 }); err != nil {
		t.Fatalf("storage has %v of a film: %v", stored, err)
	}
	if p := answerOf(ctx, t, c, http.MethodDelete, "/api/recordings/desk/"+film.RecordingID+"-composed-"+film.ID+".mp4", nil); p.Code != "" {
		t.Errorf("delete film: %+v", p)
	}
	if left, err := keys(); err != nil || len(left) > 0 {
		t.Errorf("storage has %v of a film that is deleted, %v", left, err)
	}
}

// checkReady holds eyeson's upload_ready against the recording.
func checkReady(t *testing.T, body map[string]any, rec recording.Recording, part recording.Part, size int) {
	t.Helper()
	if body["rec_id"] != rec.ID || body["client_id"] != "agent-7" || body["msg"] == "" || len(body) != 10 ||
		body["recording_file_size_bytes"] != float64(size) || body["recording_file_duration_ms"] != float64(part.Duration.Duration().Milliseconds()) {
		t.Errorf("upload_ready: %v", body)
	}
	var at []time.Time
	for _, field := range []string{"started_at", "first_peerframe_captured_at", "first_frame_written_at", "stopped_at"} {
		moment, err := time.Parse(time.RFC3339Nano, fmt.Sprint(body["recording_"+field]))
		if err != nil {
			t.Errorf("%s: %v", field, err)
		}
		at = append(at, moment)
	}
	// The publisher has the same clock here, and captures before it is written.
	if at[2].Before(at[0]) || at[3].Before(at[2]) || at[2].Sub(at[1]) < -100*time.Millisecond || at[2].Sub(at[1]) > 5*time.Second {
		t.Errorf("times: %v", body)
	}
}

// answerOf is the problem that a call is answered with; empty if there is none.
func answerOf(ctx context.Context, t *testing.T, c client.Client, method, path string, body any) (p api.Problem) {
	t.Helper()
	if status, text := send(ctx, t, c, method, path, body); status/100 != 2 {
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func call(ctx context.Context, t *testing.T, c client.Client, method, path string, body, answer any) {
	t.Helper()
	status, text := send(ctx, t, c, method, path, body)
	if err := json.Unmarshal(text, answer); err != nil || status/100 != 2 {
		t.Fatalf("%s %s: %d %s %v", method, path, status, text, err)
	}
}

func send(ctx context.Context, t *testing.T, c client.Client, method, path string, body any) (status int, answer []byte) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, text
}
