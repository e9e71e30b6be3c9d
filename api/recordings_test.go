package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

func TestStartAndStop(t *testing.T) {
	p := newPlace(t)
	got := p.do(t, "record", "POST", "/v1/recordings", `{"room":"standup","selection":{"kinds":["audio"]}}`)
	started := decode[api.Recording](t, got)
	if got.status != http.StatusCreated || got.header.Get("Location") != "/v1/recordings/"+started.ID {
		t.Fatalf("status %d, Location %q", got.status, got.header.Get("Location"))
	}
	want := api.Recording{
		ID: started.ID, Room: "standup", Selection: api.Selection{Kinds: []string{"audio"}}, State: "queued", CreatedAt: started.CreatedAt,
	}
	if diff := cmp.Diff(want, started); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	if age := time.Since(started.CreatedAt); age < 0 || age > time.Minute {
		t.Errorf("created %v ago", age)
	}

	t.Run("again", func(t *testing.T) {
		wantProblem(t, p.do(t, "record", "POST", "/v1/recordings", `{"room":"standup","selection":{"kinds":["audio","audio"]}}`), api.Problem{
			Type: "/problems/already-recording", Title: "The room and selection are being recorded already", Status: 409, Code: "ALREADY_RECORDING",
			Detail: "the room is being recorded with this selection already, by " + started.ID, Existing: started.ID,
		})
	})
	t.Run("stop", func(t *testing.T) {
		stopped := decode[api.Recording](t, p.do(t, "record", "POST", "/v1/recordings/"+started.ID+"/stop", ""))
		if diff := cmp.Diff(decode[api.Recording](t, p.do(t, "record", "GET", "/v1/recordings/"+started.ID, "")), stopped); diff != "" || stopped.State != "stopped" || stopped.Ended != "stop" {
			t.Errorf("stopped: %+v (-got +stopped):\n%s", stopped, diff)
		}
	})
	t.Run("stop again", func(t *testing.T) {
		wantProblem(t, p.do(t, "record", "POST", "/v1/recordings/"+started.ID+"/stop", ""), api.Problem{
			Type: "/problems/already-stopped", Title: "It has ended already", Status: 409, Code: "ALREADY_STOPPED",
			Detail: "recording " + started.ID + " has ended already", Existing: started.ID,
		})
	})
	t.Run("no such room", func(t *testing.T) {
		wantProblem(t, p.do(t, "record", "POST", "/v1/recordings", `{"room":"nowhere"}`), api.Problem{
			Type: "/problems/room-not-found", Title: "There is no such room", Status: 404, Code: "ROOM_NOT_FOUND", Detail: `there is no room "nowhere"`,
		})
	})
	t.Run("room out of reach", func(t *testing.T) {
		wantProblem(t, p.do(t, "record", "POST", "/v1/recordings", `{"room":"far"}`), api.Problem{
			Type: "/problems/room-unreachable", Title: "LiveKit cannot be reached", Status: 502, Code: "ROOM_UNREACHABLE", Detail: "livekit does not answer",
		})
	})
	t.Run("no such recording", func(t *testing.T) {
		id := recording.NewID(recording.PrefixRecording)
		wantProblem(t, p.do(t, "record", "GET", "/v1/recordings/"+id, ""), notFound(`there is no recording "`+id+`"`))
	})
	t.Run("no redis", func(t *testing.T) {
		p.redis.SetError("LOADING")
		defer p.redis.SetError("")
		wantProblem(t, p.do(t, "record", "GET", "/v1/recordings/"+started.ID, ""), api.Problem{
			Type: "/problems/store-unavailable", Title: "Redis cannot be reached", Status: 503, Code: "STORE_UNAVAILABLE", Detail: "redis cannot be asked: LOADING",
		})
	})
}

// fallSilent leaves a recording as if a node that holds its room had begun and were gone.
func (p *place) fallSilent(t *testing.T, id string) {
	t.Helper()
	r, err := p.store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	r.State = recording.Active
	doc, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	p.redis.HSet("roomreel:{coord}:rec:"+id, "doc", string(doc), "state", string(r.State))
}

// A stop that no node carries out ends with the stop timeout.
func TestStopTimeout(t *testing.T) {
	p := newPlace(t)
	r, err := p.store.Start(t.Context(), recording.Request{Room: "standup"})
	if err != nil {
		t.Fatal(err)
	}
	p.fallSilent(t, r.ID)
	wantProblem(t, p.do(t, "record", "POST", "/v1/recordings/"+r.ID+"/stop", ""), api.Problem{
		Type: "/problems/timeout", Title: "The answer did not come in time", Status: 504, Code: "TIMEOUT", Detail: "the request ended before its work was done; the work may go on",
	})
}

func TestListPages(t *testing.T) {
	p := newPlace(t)
	var want []string
	for range 5 {
		r, _, _ := p.recorded(t, "standup")
		want = append(want, r.ID)
	}
	if _, err := p.store.Start(t.Context(), recording.Request{Room: "standup"}); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want)
	var got []string
	for cursor, pages := "", 0; ; pages++ {
		page := decode[api.RecordingList](t, p.do(t, "list", "GET", "/v1/recordings?room=standup&state=stopped,failed&limit=2&cursor="+cursor, ""))
		for _, r := range page.Data {
			got = append(got, r.ID)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
		if pages > 5 {
			t.Fatal("the pages do not end")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	for query, found := range map[string]int{"q=STAND&state=stopped": 5, "q=nothing": 0, "to=2020-01-01T00:00:00Z": 0, "from=2020-01-01T00:00:00Z": 6, "participant=nobody": 0} {
		if page := decode[api.RecordingList](t, p.do(t, "list", "GET", "/v1/recordings?"+query, "")); len(page.Data) != found {
			t.Errorf("%s: %d recordings, want %d", query, len(page.Data), found)
		}
	}
	if got := p.do(t, "list", "GET", "/v1/recordings?room=empty", "").body; got != "{\"data\":[]}\n" {
		t.Errorf("empty list: %q", got)
	}
}

// The manifest that is served says all that the one on disk says.
func TestManifestIsComplete(t *testing.T) {
	p := newPlace(t)
	rec, _, _ := p.recorded(t, "standup")
	dir, err := p.media.Dir(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	var m recording.Manifest
	fill(reflect.ValueOf(&m).Elem(), new(int64))
	m.ID = rec.ID
	if err := recording.WriteManifest(dir, &m); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, recording.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	var onDisk, served map[string]any
	if err := json.Unmarshal(b, &onDisk); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(p.do(t, "list", "GET", "/v1/recordings/"+rec.ID+"/manifest", "").body), &served); err != nil {
		t.Fatal(err)
	}
	for _, part := range onDisk["parts"].([]any) {
		part := part.(map[string]any)
		part["media"] = "/v1/recordings/" + rec.ID + "/parts/" + part["id"].(string) + "/media"
		part["media_type"] = "application/octet-stream"
	}
	failures(onDisk)
	if diff := cmp.Diff(onDisk, served); diff != "" {
		t.Errorf("manifest (-disk +served):\n%s", diff)
	}
	parts := decode[map[string]any](t, p.do(t, "list", "GET", "/v1/recordings/"+rec.ID+"/parts", ""))
	if diff := cmp.Diff(map[string]any{"data": onDisk["parts"]}, parts); diff != "" {
		t.Errorf("parts (-disk +served):\n%s", diff)
	}
}

// failures takes out of every error what only conflicts have.
func failures(v any) {
	switch v := v.(type) {
	case map[string]any:
		if e, ok := v["error"].(map[string]any); ok {
			delete(e, "existing")
		}
		for child := range maps.Values(v) {
			failures(child)
		}
	case []any:
		for _, child := range v {
			failures(child)
		}
	}
}

// fill gives every field a value of its own.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 1, 0, 0, int(*n), 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.String:
		v.SetString(strings.Repeat("s", int(*n%7)+1))
	case reflect.Int64:
		v.SetInt(*n * int64(time.Millisecond))
	case reflect.Int:
		v.SetInt(*n)
	}
}

func TestManifestNotReady(t *testing.T) {
	p := newPlace(t)
	r, err := p.store.Start(t.Context(), recording.Request{Room: "standup"})
	if err != nil {
		t.Fatal(err)
	}
	notReady := api.Problem{
		Type: "/problems/not-ready", Title: "It is not ready yet", Status: 409, Code: "NOT_READY",
		Detail: "recording " + r.ID + " is queued: its files are complete once it has stopped",
	}
	part := recording.NewID(recording.PrefixPart)
	for _, path := range []string{"/manifest", "/parts", "/parts/" + part + "/media"} {
		wantProblem(t, p.do(t, "record", "GET", "/v1/recordings/"+r.ID+path, ""), notReady)
	}
	if _, err := p.store.Stop(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, p.do(t, "record", "GET", "/v1/recordings/"+r.ID+"/manifest", ""), notFound("recording "+r.ID+" has no manifest on this node"))
}

func TestHealth(t *testing.T) {
	var checks map[string]error
	p := newPlace(t, func(o *api.Options) {
		o.Ready = func(context.Context) map[string]error { return checks }
	})
	if got := p.do(t, "", "GET", "/healthz", ""); got.body != `{"status":"ok","version":"v0.0.0-test"}`+"\n" {
		t.Errorf("healthz: %q", got.body)
	}
	checks = map[string]error{"redis": nil, "livekit": nil}
	if got := p.do(t, "", "GET", "/readyz", ""); got.status != 200 || got.body != `{"ready":true,"checks":{"livekit":"ok","redis":"ok"}}`+"\n" {
		t.Errorf("readyz: %d %q", got.status, got.body)
	}
	checks = map[string]error{"redis": errors.New("dial 10.0.0.7"), "disk": recording.Errorf(recording.CodeDiskFull, "1 GiB left"), "livekit": nil}
	if got := p.do(t, "", "GET", "/readyz", ""); got.status != 503 || got.body != `{"ready":false,"checks":{"disk":"1 GiB left","livekit":"ok","redis":"failed"}}`+"\n" {
		t.Errorf("readyz: %d %q", got.status, got.body)
	}
}

// The log names who did what, but never a secret.
func TestRequestLog(t *testing.T) {
	p := newPlace(t)
	rec, _, _ := p.recorded(t, "standup")
	p.do(t, "record", "GET", "/v1/recordings/"+rec.ID+"/manifest?sig=hunter2", "")
	p.do(t, "eyJ.hunter2", "GET", "/v1/recordings?token=hunter2", "")
	p.do(t, "", "GET", "/hunter2", "")
	type line struct {
		Level, Msg, Method, Route, Caller, Recording string
		Status                                       int
	}
	var got []line
	for text := range strings.Lines(p.log.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	info := slog.LevelInfo.String()
	want := []line{
		{info, "request", "GET", "/v1/recordings/:recording/manifest", "recorder", rec.ID, 200},
		{info, "request", "GET", "/v1/recordings", "", "", 401},
		{info, "request", "GET", "none", "", "", 404},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if strings.Contains(p.log.String(), "hunter2") {
		t.Errorf("a secret is in the log: %s", p.log)
	}
}
