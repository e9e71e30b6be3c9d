package api_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

// waiting returns a composition that waits for one that never ends.
func (p *place) waiting(t *testing.T, rec recording.Recording) recording.Composition {
	t.Helper()
	var c recording.Composition
	for range 2 {
		var err error
		if c, err = p.films.Start(t.Context(), rec.ID, recording.CompositionSpec{}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestCompositions(t *testing.T) {
	p := newPlace(t)
	busy, _, _ := p.recorded(t, "standup")
	p.waiting(t, busy)
	rec, _, _ := p.recorded(t, "standup")
	base := "/v1/recordings/" + rec.ID + "/compositions"
	got := p.do(t, "record", "POST", base, `{"layout":"grid","format":"webm","width":640,"height":360,"frame_rate":25,"from_s":0.1000004,"to_s":1.5}`)
	queued := decode[api.Composition](t, got)
	want := api.Composition{
		ID: queued.ID, RecordingID: rec.ID, State: "queued", CreatedAt: queued.CreatedAt,
		Spec: api.FilmSpec{
			Layout: "grid", Format: "webm", Width: 640, Height: 360, FrameRate: 25, From: 0.1, To: 1.5, Pauses: "cut", Background: "#121418",
			Quality: "standard", VideoCodec: "vp8", Encoder: "software", Audio: "mixed", Priority: "normal",
		},
	}
	if diff := cmp.Diff(want, queued); diff != "" || got.status != http.StatusAccepted || got.header.Get("Location") != base+"/"+queued.ID {
		t.Errorf("status %d, Location %q (-want +got):\n%s", got.status, got.header.Get("Location"), diff)
	}
	if diff := cmp.Diff(queued, decode[api.Composition](t, p.do(t, "list", "GET", base+"/"+queued.ID, ""))); diff != "" {
		t.Errorf("get (-queued +got):\n%s", diff)
	}
	film := p.film(t, rec, []byte("film"))
	ready := decode[api.Composition](t, p.do(t, "list", "GET", base+"/"+film.ID, ""))
	if ready.Media != base+"/"+film.ID+"/media" || ready.MediaType != "video/mp4" {
		t.Errorf("ready: %+v", ready)
	}
	if diff := cmp.Diff(api.CompositionList{Data: []api.Composition{queued, ready}}, decode[api.CompositionList](t, p.do(t, "list", "GET", base, ""))); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	canceled := decode[api.Composition](t, p.do(t, "record", "POST", base+"/"+queued.ID+"/cancel", ""))
	want.State, want.FinishedAt = "canceled", canceled.FinishedAt
	want.Error = &api.Failure{Code: "CANCELED", Message: "the composition was canceled"}
	if diff := cmp.Diff(want, canceled); diff != "" || canceled.FinishedAt.IsZero() {
		t.Errorf("cancel (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(canceled, decode[api.Composition](t, p.do(t, "record", "POST", base+"/"+queued.ID+"/cancel", ""))); diff != "" {
		t.Errorf("cancel again (-first +second):\n%s", diff)
	}
	wantProblem(t, p.do(t, "record", "GET", "/v1/recordings/"+busy.ID+"/compositions/"+film.ID, ""),
		notFound("recording "+busy.ID+" has no composition "+film.ID))
	wantProblem(t, p.do(t, "record", "POST", base, `{"layout":"pile"}`), invalidRequest(422, `layout: "pile" is not one of `+layouts(t)))
}

// layouts are the names that the composer knows, as it says them.
func layouts(t *testing.T) string {
	t.Helper()
	_, err := compose.Normalize(recording.CompositionSpec{Layout: "pile"})
	if err == nil {
		t.Fatal("the composer knows the layout pile")
	}
	_, list, _ := strings.Cut(err.Error(), "not one of ")
	return list
}

func TestCompositionOfLiveRecording(t *testing.T) {
	p := newPlace(t)
	r, err := p.store.Start(t.Context(), recording.Request{Room: "standup"})
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/recordings/" + r.ID + "/compositions"
	wantProblem(t, p.do(t, "record", "POST", path, ""), api.Problem{
		Type: "/problems/not-ready", Title: "It is not ready yet", Status: 409, Code: "NOT_READY",
		Detail: "recording " + r.ID + " is queued: its files are complete once it has stopped",
	})
	if got := p.do(t, "list", "GET", path, ""); got.status != 200 || got.body != "{\"data\":[]}\n" {
		t.Errorf("status %d, body %q", got.status, got.body)
	}
}

// Events arrive when they happen, and the stream ends after the final state.
func TestEvents(t *testing.T) {
	p := newPlace(t)
	rec, _, _ := p.recorded(t, "standup")
	c := p.waiting(t, rec)
	path := "/v1/recordings/" + rec.ID + "/compositions/" + c.ID
	req, err := http.NewRequestWithContext(t.Context(), "GET", p.URL+path+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer list")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, header %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func() api.Composition {
		t.Helper()
		var event []string
		for lines.Scan() && lines.Text() != "" {
			event = append(event, lines.Text())
		}
		if len(event) != 2 || event[0] != "event: composition" || !strings.HasPrefix(event[1], "data: ") {
			t.Fatalf("event %q, %v", event, lines.Err())
		}
		return decode[api.Composition](t, answer{200, nil, event[1][len("data: "):]})
	}
	// The first event must be here before its subject changes: nothing may be
	// held back.
	if got := next(); got.ID != c.ID || got.State != "queued" {
		t.Errorf("first event: %+v", got)
	}
	canceled := decode[api.Composition](t, p.do(t, "record", "POST", path+"/cancel", ""))
	if diff := cmp.Diff(canceled, next()); diff != "" {
		t.Errorf("last event (-canceled +event):\n%s", diff)
	}
	if lines.Scan() {
		t.Errorf("after the end: %q", lines.Text())
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end well: %v", err)
	}
}

// A caller who leaves is noticed: Close waits for every request to end.
func TestEventsCallerLeaves(t *testing.T) {
	p := newPlace(t)
	rec, _, _ := p.recorded(t, "standup")
	c := p.waiting(t, rec)
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", p.URL+"/v1/recordings/"+rec.ID+"/compositions/"+c.ID+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer list")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	leave()
	p.Close()
	if log := p.log.String(); !strings.Contains(log, `"route":"/v1/recordings/:recording/compositions/:composition/events","status":200`) {
		t.Errorf("the request did not end: %s", log)
	}
}
