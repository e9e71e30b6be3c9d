package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

var testKeys = plugin.Keys{Key: "testkey", Secret: "test-secret-0123456789abcdefghijklmnop"}

// startLiveKit runs a LiveKit on free ports until the test ends, and returns how to
// reach it.
func startLiveKit(t *testing.T, o plugin.DevServerOptions) configs.LiveKit {
	t.Helper()
	o.Port, o.UDPPort = freePort(t, "tcp"), freePort(t, "udp")
	server, err := plugin.StartDevServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return configs.LiveKit{URL: fmt.Sprintf("ws://127.0.0.1:%d", o.Port), APIKey: o.Keys.Key, APISecret: o.Keys.Secret}
}

// serve runs a process against servers of its own until the test ends or the
// returned function is called.
func serve(t *testing.T, c configs.Config) (stop func()) {
	t.Helper()
	p, err := start(c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// The same program against a real redis-server and a LiveKit of its own: the
// whole life of a recording, the refusals on its way, and what is known of it
// after Redis has lost everything.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, err := configs.Load("")
	if err != nil {
		t.Fatal(err)
	}
	keys := testKeys
	c.LiveKit = startLiveKit(t, plugin.DevServerOptions{Keys: keys})
	c.Redis.URL, c.Data, c.Node = redisserver.Run(t).URL(), t.TempDir(), "node-a"
	c.API.Listen = freeAddress(t, "tcp")
	receiver := startReceiver(t)
	c.Webhooks = []configs.Webhook{{ID: "app", URL: receiver.URL, Secrets: []string{"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}}}
	stop := serve(t, c)

	token, err := keys.ServerToken("app", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	roomreel := client.Client{URL: "http://" + c.API.Listen, Key: token}
	wantProblem := func(err error, code recording.Code, existing string) {
		t.Helper()
		var p *api.Problem
		if !errors.As(err, &p) || p.Code != string(code) || p.Existing != existing {
			t.Errorf("got %v, want a problem with code %s about %q", err, code, existing)
		}
	}
	_, err = roomreel.Start(ctx, api.StartRecording{Room: "nowhere"})
	wantProblem(err, recording.CodeRoomNotFound, "")

	server := meeting.Server{URL: c.LiveKit.URL, Key: keys.Key, Secret: keys.Secret}
	anna, err := meeting.Join(ctx, server, meeting.Options{Room: "serve", Identity: "anna", Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	defer anna.Close()
	rec, err := roomreel.Start(ctx, api.StartRecording{Room: "serve"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = roomreel.Start(ctx, api.StartRecording{Room: "serve"})
	wantProblem(err, recording.CodeAlreadyRecording, rec.ID)
	sound, err := roomreel.Start(ctx, api.StartRecording{Room: "serve", Selection: api.Selection{Kinds: []string{"audio"}}})
	if err != nil {
		t.Errorf("another selection of the same room: %v", err)
	}
	for _, id := range []string{rec.ID, sound.ID} {
		_, err = client.Await(ctx, func() (api.Recording, error) { return roomreel.Recording(ctx, id) },
			func(r api.Recording) bool { return r.State == string(recording.Active) })
		if err != nil {
			t.Fatal(err)
		}
	}
	waitFor(ctx, t, 3*time.Second)
	stopped, err := roomreel.Stop(ctx, rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stopped.State != string(recording.Stopped) || stopped.Parts != 1 || stopped.Ended != string(recording.EndedByStop) {
		t.Errorf("stopped: %+v", stopped)
	}
	_, err = roomreel.Stop(ctx, rec.ID)
	wantProblem(err, recording.CodeAlreadyStopped, rec.ID)
	checkParts(ctx, t, roomreel, c.Data, rec.ID, "opus", "vp8")

	for _, kind := range []string{"recording.started", "recording.stopped"} {
		if got := receiver.next(ctx, t, rec.ID); got != kind {
			t.Errorf("the webhook told of %s, want %s", got, kind)
		}
	}

	// Ending the program ends what still runs, with whole files.
	stop()
	checkManifest(t, filepath.Join(c.Data, "recordings", sound.ID), recording.EndedByShutdown, "opus")

	options, err := redis.ParseURL(c.Redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer rdb.Close()
	if err := rdb.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	c.API.Listen = freeAddress(t, "tcp")
	serve(t, c)
	roomreel.URL = "http://" + c.API.Listen
	again, err := client.Await(ctx, func() (api.Recording, error) {
		r, err := roomreel.Recording(ctx, rec.ID)
		var p *api.Problem
		if errors.As(err, &p) && p.Code == string(recording.CodeNotFound) {
			return r, nil // not read from the archive yet
		}
		return r, err
	}, func(r api.Recording) bool { return r.ID != "" })
	if err != nil {
		t.Fatal(err)
	}
	stopped.Node, stopped.FirstMediaAt = "", time.Time{} // not in the manifest
	if d := cmp.Diff(stopped, again); d != "" {
		t.Errorf("restored from the archive: %s", d)
	}
}

// receiver gets webhooks.
type receiver struct {
	*httptest.Server
	events chan [2]string // recording and type
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{events: make(chan [2]string, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var event struct {
			Type      string `json:"type"`
			Recording string `json:"recording_id"`
		}
		if err := json.NewDecoder(req.Body).Decode(&event); err != nil || req.Header.Get("webhook-signature") == "" {
			t.Errorf("webhook %+v: %v", req.Header, err)
		}
		r.events <- [2]string{event.Recording, event.Type}
	}))
	t.Cleanup(r.Close)
	return r
}

// next waits for the next event of a recording.
func (r *receiver) next(ctx context.Context, t *testing.T, id string) string {
	t.Helper()
	for {
		select {
		case e := <-r.events:
			if e[0] == id {
				return e[1]
			}
		case <-ctx.Done():
			t.Fatal("no webhook came")
		}
	}
}

// waitFor lets media flow for d.
func waitFor(ctx context.Context, t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
}

func checkParts(ctx context.Context, t *testing.T, c client.Client, data, id string, codecs ...string) {
	t.Helper()
	checkManifest(t, filepath.Join(data, "recordings", id), recording.EndedByStop, codecs...)
	m, err := c.Manifest(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Parts {
		playsCleanly(ctx, t, filepath.Join(data, "recordings", id, p.File))
	}
}

// checkManifest asserts why a recording ended and what its one part holds.
func checkManifest(t *testing.T, dir string, ended recording.EndReason, codecs ...string) {
	t.Helper()
	m, err := recording.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range m.Parts {
		for _, track := range p.Tracks {
			got = append(got, track.Codec)
			if track.Frames == 0 || track.Lost != 0 {
				t.Errorf("track %s: %d frames, %d packets lost", track.Codec, track.Frames, track.Lost)
			}
		}
	}
	if m.Ended != ended || m.State != recording.Stopped || len(m.Parts) != 1 {
		t.Errorf("manifest: %s, ended by %s, %d parts", m.State, m.Ended, len(m.Parts))
	}
	if d := cmp.Diff(codecs, got); d != "" {
		t.Errorf("codecs: %s", d)
	}
}
