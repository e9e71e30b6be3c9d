package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
	"github.com/roomreel/roomreel/session"
)

const adminKey = "an-admin-key-of-this-test"

// tokens are the bearers that the verifier knows, besides the admin key.
var tokens = map[string]api.Caller{
	"list":       {Subject: "lister", RoomList: true},
	"record":     {Subject: "recorder", RoomRecord: true},
	"record-own": {Subject: "recorder of standup", RoomRecord: true, Room: "standup"},
	"record-oth": {Subject: "recorder of other", RoomRecord: true, Room: "other"},
	"admin-own":  {Subject: "admin of standup", RoomAdmin: true, Room: "standup"},
	"admin-oth":  {Subject: "admin of other", RoomAdmin: true, Room: "other"},
	"admin-none": {Subject: "admin of nothing", RoomAdmin: true},
	"list-oth":   {Subject: "lister of other", RoomList: true, Room: "other"},
	"join":       {Subject: "participant", Room: "standup"},
}

type verifier struct{}

func (verifier) Verify(token string) (api.Caller, error) {
	if token == "expired" {
		return api.Caller{}, recording.Errorf(api.CodeUnauthenticated, "the token expired an hour ago")
	}
	if claims, is := strings.CutPrefix(token, mintedPrefix); is {
		var caller api.Caller
		return caller, json.Unmarshal([]byte(claims), &caller)
	}
	caller, ok := tokens[token]
	if !ok {
		return api.Caller{}, errors.New("signature is invalid: " + token)
	}
	return caller, nil
}

// store adapts coord.Store as the program does.
type store struct{ *coord.Store }

func (s store) List(ctx context.Context, q api.ListQuery) (api.ListPage, error) {
	p, err := s.Store.List(ctx, coord.Query(q))
	return api.ListPage{Items: p.Items, Next: p.Next}, err
}

type rooms map[string]bool

func (r rooms) Check(_ context.Context, room string) error {
	switch {
	case room == "far":
		return recording.Errorf(recording.CodeRoomUnreachable, "livekit does not answer")
	case !r[room]:
		return recording.Errorf(recording.CodeRoomNotFound, "there is no room %q", room)
	}
	return nil
}

func (r rooms) List(_ context.Context, only string) ([]api.Room, error) {
	var list []api.Room
	for name := range r {
		if only == "" || only == name {
			list = append(list, api.Room{Name: name, SID: "RM_" + name, Participants: []api.RoomParticipant{}})
		}
	}
	slices.SortFunc(list, func(a, b api.Room) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

type nodes []api.Node

func (n nodes) Nodes(context.Context) ([]api.Node, error) { return n, nil }

// place is a server with everything that it stands on.
type place struct {
	*httptest.Server
	store store
	films *compose.Queue
	media recording.Archive
	hooks *deliver.Webhooks
	redis *miniredis.Miniredis
	log   *syncBuffer

	people   *people
	sessions *session.Service
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// stuck is a program in ffmpeg's stead that never ends, so that a test decides
// when a composition does.
func stuck(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stuck")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec sleep 600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func newPlace(t *testing.T, change ...func(*api.Options)) *place {
	t.Helper()
	mr := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: mr.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { rdb.Close() })
	media, err := recording.OpenArchive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	films, err := compose.NewQueue(media, compose.Options{FFmpeg: stuck(t), FFprobe: stuck(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(films.Close)
	signer, err := deliver.StandardSigner("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := deliver.NewWebhooks(rdb, deliver.WebhookOptions{
		Endpoints: []deliver.Endpoint{{ID: "app", URL: "https://configured.example.com/", Signer: signer}},
	})
	if err != nil {
		t.Fatal(err)
	}
	previews := compose.NewPreviews(media, "ffmpeg")
	t.Cleanup(previews.Close)
	p := &place{store: store{coord.NewStore(rdb)}, media: media, films: films, hooks: hooks, redis: mr, log: &syncBuffer{}}
	o := api.Options{
		Nodes:      nodes{{Name: "node-1", CanAccept: true}},
		Recordings: p.store, Compositions: p.films, Rooms: rooms{"standup": true, "other": true}, Media: media, Webhooks: webhooks{hooks}, Uploads: noFiles{}, Answers: rdb,
		Previews:  previews,
		AdminKeys: []string{"another-key-of-this-test", adminKey}, Verifier: verifier{}, Version: "v0.0.0-test",
		Log: slog.New(slog.NewJSONHandler(p.log, nil)), StopTimeout: 100 * time.Millisecond,
	}
	p.people = &people{rooms: map[string][]string{}}
	p.sessions = withSessions(&o, rdb, p.store.Store, p.people)
	for _, f := range change {
		f(&o)
	}
	s, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	p.Server = httptest.NewServer(s)
	t.Cleanup(p.Close)
	return p
}

// recorded puts a stopped recording with one part on disk and into Redis.
func (p *place) recorded(t *testing.T, room string) (rec recording.Recording, part recording.Part, bytes []byte) {
	t.Helper()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	bytes = []byte(strings.Repeat("0123456789", 1000))
	part = recording.Part{
		ID: recording.NewID(recording.PrefixPart), Participant: "../Änne \"x\"\r\n", Stream: "camera", Epoch: 1,
		Duration: recording.Seconds(2 * time.Second), Bytes: int64(len(bytes)), Ended: recording.EndedByStop,
		Tracks: []recording.Track{{
			Number: 1, SIDs: []string{"TR_1"}, Source: "camera", Kind: recording.Video, Codec: "vp8",
			End: recording.Seconds(2 * time.Second), Sync: []recording.SyncPoint{{}}, Sizes: []recording.Size{{Width: 640, Height: 360}},
		}},
	}
	part.File = part.ID + ".webm"
	rec = recording.Recording{
		ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: room}, State: recording.Stopped, CreatedAt: at, StartedAt: at,
		StoppedAt: at.Add(2 * time.Second), Ended: recording.EndedByStop, Duration: recording.Seconds(2 * time.Second), Parts: 1, Bytes: int64(len(bytes)),
	}
	dir, err := p.media.Create(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, part.File), bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	m := &recording.Manifest{
		ID: rec.ID, Room: room, State: rec.State, CreatedAt: at, StartedAt: at, StoppedAt: rec.StoppedAt, Ended: rec.Ended,
		Duration: rec.Duration, Participants: []recording.Participant{}, Parts: []recording.Part{part},
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	if _, err := p.store.Restore(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	return rec, part, bytes
}

// film puts a finished composition of the recording on disk.
func (p *place) film(t *testing.T, rec recording.Recording, bytes []byte) recording.Composition {
	t.Helper()
	dir, err := p.media.Dir(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	c := recording.Composition{
		ID: recording.NewID(recording.PrefixComposition), RecordingID: rec.ID, State: recording.CompositionReady, Progress: 100,
		CreatedAt: time.Now().UTC(), Width: 1280, Height: 720, Bytes: int64(len(bytes)),
	}
	c.File = c.ID + ".mp4"
	if err := os.MkdirAll(recording.CompositionsDir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(recording.CompositionsDir(dir), c.File), bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	p.remember(t, c)
	return c
}

// remember writes the composition down where the queue looks for it.
func (p *place) remember(t *testing.T, c recording.Composition) {
	t.Helper()
	dir, err := p.media.Dir(c.RecordingID)
	if err != nil {
		t.Fatal(err)
	}
	if err := recording.WriteJSON(filepath.Join(recording.CompositionsDir(dir), c.ID+".json"), c); err != nil {
		t.Fatal(err)
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request as the bearer; "" sends none. Headers come in pairs.
func (p *place) do(t *testing.T, bearer, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// wantProblem compares the whole answer with the problem it should be.
func wantProblem(t *testing.T, got answer, want api.Problem) {
	t.Helper()
	var p api.Problem
	dec := json.NewDecoder(strings.NewReader(got.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		t.Fatalf("status %d, body %q: %v", got.status, got.body, err)
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	if got.status != want.Status || got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("status %d, content type %q", got.status, got.header.Get("Content-Type"))
	}
}

func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("status %d, body %q: %v", a.status, a.body, err)
	}
	return v
}
