package main

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
	"github.com/roomreel/roomreel/session"
)

// heard are the types of events that a process has published.
type heard struct {
	mu    sync.Mutex
	types map[deliver.EventType]bool
}

func (h *heard) listen(feed <-chan deliver.Entry) {
	for e := range feed {
		h.mu.Lock()
		h.types[e.Event.Type] = true
		h.mu.Unlock()
	}
}

func (h *heard) await(ctx context.Context, t *testing.T, types ...deliver.EventType) {
	t.Helper()
	for _, kind := range types {
		_, err := client.Await(ctx, func() (bool, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.types[kind], nil
		}, func(told bool) bool { return told })
		if err != nil {
			t.Fatalf("nobody was told of %s: %v", kind, err)
		}
	}
}

// Every type of event that there is arises from what it tells of; but for a track that
// stalls, which a publisher does not do at will: package coord's tests have it do so.
func TestEveryEvent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	keys := testKeys
	c, err := configs.Load("")
	if err != nil {
		t.Fatal(err)
	}
	out := startOutbox(t)
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	t.Cleanup(gone.Close)
	const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	c.LiveKit = startLiveKit(t, plugin.DevServerOptions{Keys: keys})
	c.Redis.URL, c.Data, c.Node, c.API.Listen = redisserver.Run(t).URL(), t.TempDir(), "node-a", freeAddress(t, "tcp")
	c.API.AdminKeys = []string{"admin-key-0123456789"}
	c.Outgoing = configs.Outgoing{AllowHTTP: true, AnyPort: true, AllowHosts: []string{"127.0.0.1"}}
	c.Webhooks = []configs.Webhook{{ID: "app", URL: out.URL, Secrets: []string{secret}}, {ID: "gone", URL: gone.URL, Secrets: []string{secret}}}
	p, err := start(c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.run(running) }()
	told := &heard{types: map[deliver.EventType]bool{}}
	feed, err := p.hooks.Feed(running, deliver.FeedQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var listening sync.WaitGroup
	listening.Go(func() { told.listen(feed) })
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		listening.Wait()
	})
	roomreel := client.Client{URL: "http://" + c.API.Listen, Key: c.API.AdminKeys[0]}
	server := meeting.Server{URL: c.LiveKit.URL, Key: keys.Key, Secret: keys.Secret}
	join := func(room, identity string) {
		t.Helper()
		who, err := meeting.Join(ctx, server, meeting.Options{Room: room, Identity: identity, Publish: both})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = who.Close() })
	}

	join("events", "anna")
	rec, err := roomreel.Start(ctx, api.StartRecording{
		Room: "events", Selection: api.Selection{Identities: []string{"anna"}}, UploadURL: out.URL + "/put?sig=stale-hunter2",
		Compositions: []api.FilmSpec{{Format: "opus"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	told.await(ctx, t, deliver.RecordingStarted)
	if _, err := roomreel.Pause(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	told.await(ctx, t, deliver.RecordingPaused)
	if _, err := roomreel.Resume(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	told.await(ctx, t, deliver.RecordingResumed)
	waitFor(ctx, t, time.Second)
	if _, err := roomreel.Stop(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	told.await(ctx, t, deliver.RecordingStopped, deliver.RecordingUploadFailed, deliver.CompositionProgress, deliver.CompositionReady)
	var up api.Upload
	call(ctx, t, roomreel, http.MethodPost, "/v1/recordings/"+rec.ID+"/uploads", api.StartUpload{URL: out.URL + "/put"}, &up)
	told.await(ctx, t, deliver.RecordingUploaded)
	film, err := roomreel.Compose(ctx, rec.ID, api.FilmSpec{})
	if err != nil {
		t.Fatal(err)
	}
	if film, err = roomreel.Cancel(ctx, rec.ID, film.ID); err != nil || film.State != string(recording.CompositionCanceled) {
		t.Fatalf("canceled: %+v, %v", film, err)
	}
	for _, waits := range [][]string{{"node-b"}, nil} {
		if err := p.store.Amend(ctx, rec.ID, func(r *recording.Recording) { r.WaitingFor = waits }); err != nil {
			t.Fatal(err)
		}
	}
	// As a node tells of what a crash has left nothing of.
	if _, err := p.store.RestoreRepaired(ctx, recording.Recording{
		ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: "events"}, State: recording.Failed,
		Ended: recording.EndedByCrash, StoppedAt: time.Now().UTC(), Error: recording.Errorf(recording.CodeNoMedia, "nothing was recorded"),
	}); err != nil {
		t.Fatal(err)
	}
	agent, err := p.sessions.Open(ctx, session.OpenWish{ClientID: "agent-7"})
	if err != nil {
		t.Fatal(err)
	}
	join(agent.Room, "agent-7")
	told.await(ctx, t, deliver.SessionStarted)
	watching, err := p.sessions.Supervise(ctx, session.Wish{SupervisorID: "sam", ClientID: "agent-7"})
	if err != nil {
		t.Fatal(err)
	}
	join(watching.Room, watching.Identity())
	if _, err := p.sessions.Admit(ctx, watching.ID); err != nil {
		t.Fatal(err)
	}
	told.await(ctx, t, deliver.SupervisionStarted)
	if _, err := p.sessions.End(ctx, agent.ID, recording.TermByClient); err != nil {
		t.Fatal(err)
	}
	told.await(ctx, t, deliver.SupervisionEnded, deliver.SessionEnded, deliver.CompositionFailed,
		deliver.RecordingIncomplete, deliver.RecordingCompleted, deliver.RecordingFailed, deliver.EndpointDisabled)

	// Of all kinds of news there is an event of the same name, and no other was told.
	want := map[deliver.EventType]bool{
		deliver.RecordingUploaded: true, deliver.RecordingUploadFailed: true,
		deliver.CompositionProgress: true, deliver.CompositionReady: true, deliver.CompositionFailed: true,
		deliver.SessionStarted: true, deliver.SessionEnded: true, deliver.SupervisionStarted: true, deliver.SupervisionEnded: true,
		deliver.EndpointDisabled: true,
	}
	for _, kind := range []coord.NewsKind{
		coord.Started, coord.Paused, coord.Resumed, coord.Stopped, coord.Failed, coord.Incomplete, coord.Completed,
	} {
		want[deliver.EventType(kind)] = true
	}
	told.mu.Lock()
	defer told.mu.Unlock()
	delete(told.types, deliver.RecordingMediaStalled) // a busy machine may starve anna
	delete(told.types, deliver.RecordingMediaResumed)
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(told.types))); d != "" {
		t.Errorf("events: %s", d)
	}

	// The document names them all, and what else is told.
	field, _ := reflect.TypeFor[api.Event]().FieldByName("Type")
	documented := map[deliver.EventType]bool{}
	for name := range strings.SplitSeq(field.Tag.Get("enum"), ",") {
		documented[deliver.EventType(name)] = true
	}
	for _, kind := range []deliver.EventType{deliver.RecordingMediaStalled, deliver.RecordingMediaResumed, "recording.progress", deliver.TestEvent} {
		want[kind] = true
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(documented))); d != "" {
		t.Errorf("documented: %s", d)
	}
}
