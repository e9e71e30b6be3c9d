package api_test

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
	"github.com/roomreel/roomreel/session"
)

// bearerOf is a session token.
func bearerOf(t *testing.T, role, subject, agent string) string {
	t.Helper()
	token, err := minted{}.Mint(api.TokenWish{Role: role, Subject: subject, Agent: agent})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// active opens a session of the agent, who joins it.
func (p *place) active(t *testing.T, clientID string, streams ...string) recording.Session {
	t.Helper()
	o, err := p.sessions.Open(t.Context(), session.OpenWish{ClientID: clientID, Streams: streams})
	if err != nil {
		t.Fatal(err)
	}
	p.people.join(o.Room, clientID)
	return o.Session
}

// Every route of sessions and supervisions against every kind of caller. The
// session is ann's, and so is the agent whom sam watches.
func TestSessionAccess(t *testing.T) {
	p := newPlace(t)
	callers := map[string]string{
		"none": "", "wrong": "not-a-key", "expired": "expired", "participant": "join", "lister": "list", "recorder": "record", "admin of standup": "admin-own",
		"ann": bearerOf(t, "agent", "ann", ""), "bob": bearerOf(t, "agent", "bob", ""),
		"sam": bearerOf(t, "supervisor", "sam", "ann"), "tom": bearerOf(t, "supervisor", "tom", "bob"), "stats": bearerOf(t, "stats", "reports", ""),
		"signal": bearerOf(t, "signal", "sup_0199a3f27c5d7e0fb1d2c3b4a5968778", ""), "admin": adminKey,
	}
	for _, r := range sessionTable {
		over := p.active(t, "ann")
		if _, err := p.sessions.End(t.Context(), over.ID, recording.TermByClient); err != nil {
			t.Fatal(err)
		}
		ses := p.active(t, "ann", "camera")
		gone := p.supervises(t, "sam", "ann")
		if _, err := p.sessions.End(t.Context(), gone.ID, recording.TermByClient); err != nil {
			t.Fatal(err)
		}
		sup := p.supervises(t, "sam", "ann")
		path := strings.NewReplacer("{ses}", ses.ID, "{over}", over.ID, "{sup}", sup.ID, "{gone}", gone.ID).Replace(r.path)
		for name, bearer := range callers {
			want, named := r.want[name]
			switch {
			case !named && slices.Contains([]string{"none", "wrong", "expired"}, name):
				want = no
			case !named:
				want = forbidden
			case want == ok:
				want = r.ok
			}
			if got := p.do(t, bearer, r.method, path, r.body); got.status != want {
				t.Errorf("%s %s as %s: status %d, want %d: %.300s", r.method, r.path, name, got.status, want, got.body)
			}
		}
		if _, err := p.sessions.End(t.Context(), ses.ID, recording.TermByClient); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *place) supervises(t *testing.T, supervisor, agent string) recording.Supervision {
	t.Helper()
	granted := decode[api.NewSupervision](t, p.do(t, bearerOf(t, "supervisor", supervisor, agent), "POST", "/v1/supervisions", `{}`))
	one, err := p.sessions.Supervision(t.Context(), granted.SupervisionID)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// The way of an agent by eyeson's names, with what is answered where.
func TestEyesonFace(t *testing.T) {
	p := newPlace(t)
	refused := p.do(t, "", "POST", "/auth_v2/client", `{"master_key":"no-key-of-this-test","client_id":"ann"}`)
	wantProblem(t, refused, api.Problem{
		Type: "/problems/unauthenticated", Title: "Credentials are missing or not valid", Status: 401, Code: "UNAUTHENTICATED",
		Detail: "master_key is neither an admin key nor one of eyeson.master_keys",
	})
	auth := func(path, body string) string {
		t.Helper()
		got := p.do(t, "", "POST", path, body)
		answer := decode[map[string]string](t, got)
		if got.status != http.StatusCreated || len(answer) != 1 || answer["auth_token"] == "" {
			t.Fatalf("%s: status %d, %s", path, got.status, got.body)
		}
		return answer["auth_token"]
	}
	agent := auth("/auth_v2/client", `{"master_key":"`+masterKey+`","client_id":"ann","token_ttl_s":600}`)
	supervisor := auth("/auth_v2/supervisor", `{"master_key":"`+masterKey+`","client_id":"sam","client_to_monitor":"ann"}`)
	reader := auth("/auth_v2/stats", `{"master_key":"`+adminKey+`"}`)

	got := p.do(t, agent, "POST", "/api/v2/session", `{"client_id":"ann"}`)
	session := decode[map[string]any](t, got)
	id, _ := session["session_id"].(string)
	want := map[string]any{
		"session_id": id, "ice_credentials": map[string]any{"iceServers": []any{}}, "ws_endpoint": "wss://livekit.example.com",
		"livekit_token": "token of ann for " + id, "resume_key": session["resume_key"],
	}
	if d := cmp.Diff(want, session); d != "" || got.status != http.StatusCreated {
		t.Errorf("session: status %d (-want +got):\n%s", got.status, d)
	}
	p.people.join(id, "ann")
	got = p.do(t, supervisor, "POST", "/api/v2/supervisor_session", `{"client_id":"sam","client_id_to_monitor":"ann"}`)
	watching := decode[map[string]any](t, got)
	sup, _ := watching["session_id"].(string)
	want = map[string]any{
		"session_id": sup, "session_id_to_monitor": id, "ice_credentials": map[string]any{"iceServers": []any{}},
		"ws_endpoint":   strings.Replace(p.URL, "http", "ws", 1) + "/v1/supervisions/" + sup + "/signal",
		"livekit_token": watching["livekit_token"],
	}
	if d := cmp.Diff(want, watching); d != "" || got.status != http.StatusCreated {
		t.Errorf("supervisor session: status %d (-want +got):\n%s", got.status, d)
	}
	token, _ := watching["livekit_token"].(string)
	signal := p.do(t, "", "GET", "/v1/supervisions/"+sup+"/signal/rtc/v1", "", "Authorization", "Bearer "+token)
	if signal.status != http.StatusOK || signal.body != "/rtc/v1 as roomreel-supervisor-"+sup {
		t.Errorf("signalling: status %d, %s", signal.status, signal.body)
	}
	if _, err := p.sessions.End(t.Context(), id, recording.NoPacketReceived); err != nil {
		t.Fatal(err)
	}
	if signal := p.do(t, "", "GET", "/v1/supervisions/"+sup+"/signal/rtc", "", "Authorization", "Bearer "+token); signal.status != http.StatusForbidden {
		t.Errorf("signalling after the end: status %d", signal.status)
	}
	for path, cause := range map[string]string{"/v1/sessions/" + id: "NO_PACKET_RECEIVED", "/v1/supervisions/" + sup: "AGENT_SESSION_TERM"} {
		bearer := agent
		if strings.Contains(path, "supervision") {
			bearer = supervisor
		}
		told := decode[api.Termination](t, p.do(t, bearer, "GET", path+"/termination", ""))
		if want := (api.Termination{State: "ended", Cause: cause}); told != want {
			t.Errorf("%s: %+v, want %+v", path, told, want)
		}
	}
	page := decode[struct {
		APIID    string              `json:"api_id"`
		Next     string              `json:"next_token"`
		Sessions []api.EyesonSession `json:"sessions"`
	}](t, p.do(t, reader, "GET", "/api/v2/stats/main/sessions?year="+time.Now().UTC().Format("2006"), ""))
	if len(page.Sessions) != 1 || page.APIID != "main" || page.Sessions[0].State != "TERMINATED" || page.Sessions[0].ClientID != "ann" || page.Sessions[0].StoppedAt == nil {
		t.Errorf("statistics %+v", page)
	}
	if page := decode[map[string]any](t, p.do(t, reader, "GET", "/api/v2/stats/main/sessions?year=2001", "")); len(page["sessions"].([]any)) != 0 {
		t.Errorf("statistics of 2001: %v", page)
	}
}

// Refusals name what stands in the way, and the trail has each.
func TestSupervisionRefusals(t *testing.T) {
	p := newPlace(t)
	supervise := func(who, agent, body string) answer {
		t.Helper()
		return p.do(t, bearerOf(t, "supervisor", who, agent), "POST", "/v1/supervisions", body)
	}
	code := func(got answer) string {
		t.Helper()
		return decode[api.Problem](t, got).Code
	}
	if got := code(supervise("sam", "ann", `{}`)); got != "NO_ACTIVE_AGENT" {
		t.Errorf("without a session: %s", got)
	}
	o, err := p.sessions.Open(t.Context(), session.OpenWish{ClientID: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	if got := code(supervise("sam", "ann", `{}`)); got != "NO_ACTIVE_AGENT" {
		t.Errorf("before the agent has joined: %s", got)
	}
	p.people.join(o.Room, "ann")
	var first string
	for _, who := range []string{"sam", "tom", "uma"} {
		got := supervise(who, "ann", `{"reason":"quality"}`)
		granted := decode[api.NewSupervision](t, got)
		if got.status != http.StatusCreated || granted.SessionID != o.ID || granted.Room != o.Room {
			t.Fatalf("%s: status %d, %s", who, got.status, got.body)
		}
		if who == "sam" {
			first = granted.SupervisionID
		}
	}
	if got := decode[api.Problem](t, supervise("sam", "ann", `{}`)); got.Code != "TWO_TIMER" || got.Existing != first {
		t.Errorf("twice: %+v", got)
	}
	if got := code(supervise("vic", "ann", `{}`)); got != "MAX_SUPERVISORS_PER_AGENT" {
		t.Errorf("a fourth: %s", got)
	}
	if got := p.do(t, bearerOf(t, "supervisor", "sam", "ann"), "DELETE", "/v1/supervisions/"+first, ""); got.status != http.StatusOK {
		t.Errorf("end: status %d", got.status)
	}
	if got := supervise("vic", "ann", `{}`); got.status != http.StatusCreated {
		t.Errorf("the fourth, once there is room: status %d", got.status)
	}
	trail := decode[api.AuditTrail](t, p.do(t, adminKey, "GET", "/v1/audit?supervisor_id=sam&agent_id=ann", ""))
	slices.Reverse(trail.Data)
	want := []api.AuditEntry{
		{Action: "refused", SupervisorID: "sam", ClientID: "ann", By: "sam", Cause: "NO_ACTIVE_AGENT"},
		{Action: "refused", SupervisorID: "sam", ClientID: "ann", By: "sam", Cause: "NO_ACTIVE_AGENT"},
		{Action: "requested", SupervisionID: first, SupervisorID: "sam", ClientID: "ann", SessionID: o.ID, Room: o.Room, Reason: "quality", By: "sam"},
		{Action: "refused", SupervisorID: "sam", ClientID: "ann", SessionID: o.ID, Room: o.Room, By: "sam", Cause: "TWO_TIMER"},
		{Action: "ended", SupervisionID: first, SupervisorID: "sam", ClientID: "ann", SessionID: o.ID, Room: o.Room, Reason: "quality", By: "sam", Cause: "TERM_BY_CLIENT"},
	}
	if d := cmp.Diff(want, trail.Data, cmpopts.IgnoreFields(api.AuditEntry{}, "ID", "At")); d != "" {
		t.Errorf("trail (-want +got):\n%s", d)
	}
	for at, cursor := 0, ""; ; at++ {
		page := decode[api.AuditTrail](t, p.do(t, adminKey, "GET", "/v1/audit?limit=1&supervisor_id=sam&cursor="+cursor, ""))
		if len(page.Data) != 1 || page.Data[0].Action != want[len(want)-1-at].Action {
			t.Fatalf("page %d: %+v", at, page)
		}
		if cursor = page.NextCursor; cursor == "" {
			if at != len(want)-1 {
				t.Errorf("%d pages, want %d", at+1, len(want))
			}
			break
		}
	}
	room := p.do(t, "admin-own", "POST", "/v1/supervisions", `{"room":"standup"}`)
	if code(room) != "INVALID_REQUEST" {
		t.Errorf("a room without a reason: %s", room.body)
	}
	if got := p.do(t, "admin-own", "POST", "/v1/supervisions", `{"room":"standup","reason":"training"}`); got.status != http.StatusCreated {
		t.Errorf("a room: status %d, %s", got.status, got.body)
	}
	trail = decode[api.AuditTrail](t, p.do(t, adminKey, "GET", "/v1/audit?room=standup", ""))
	if len(trail.Data) != 1 || trail.Data[0].Room != "standup" || trail.Data[0].Reason != "training" {
		t.Errorf("trail of a room: %+v", trail.Data)
	}
}

// A follower who comes back gets what they missed, once, and the stream ends
// with the session.
func TestSessionEvents(t *testing.T) {
	p := newPlace(t)
	session := p.active(t, "ann", "camera")
	began := decode[api.StreamRecordings](t, p.do(t, bearerOf(t, "agent", "ann", ""), "POST", "/v1/sessions/"+session.ID+"/recordings", `{"recordings":{"camera":{}}}`))
	one := began.Recordings["camera"]
	if one.State != "FAILED" || one.Error == nil || one.Error.Code != "NO_MEDIA" {
		t.Errorf("without media: %+v", began)
	}
	follow := func(last string) []string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/v1/sessions/"+session.ID+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+adminKey)
		req.Header.Set("Last-Event-ID", last)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var lines []string
		for scan := bufio.NewScanner(res.Body); scan.Scan(); {
			if line := scan.Text(); line != "" && line[0] != ':' {
				lines = append(lines, line)
			}
		}
		return lines
	}
	done := make(chan []string)
	go func() { done <- follow("") }()
	if _, err := p.sessions.End(t.Context(), session.ID, recording.TermByClient); err != nil {
		t.Fatal(err)
	}
	var events []string
	var ids []string
	for _, line := range <-done {
		if id, is := strings.CutPrefix(line, "id: "); is {
			ids = append(ids, id)
			continue
		}
		events = append(events, line)
	}
	want := []string{
		"event: session", `data: {"state":"waiting"}`,
		"event: recording_state", `data: {"state":"FAILED","stream_id":"camera","recording_id":"` + one.RecordingID + `","error":{"code":"NO_MEDIA","message":"no media of stream \"camera\" came within 50ms: is it published under this name, and not muted?"}}`,
		"event: session", `data: {"state":"ended","termination_cause":"TERM_BY_CLIENT"}`,
	}
	if d := cmp.Diff(want, events); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if got := follow(ids[1]); len(got) != 3 || got[2] != want[5] {
		t.Errorf("after the second event: %q", got)
	}
	if got := follow(ids[2]); len(got) != 0 {
		t.Errorf("after the last event: %q", got)
	}
	for _, noise := range []string{"noise", "18446744073709551616-0"} { // as far as Redis counts, and one
		for _, path := range []string{"/v1/sessions/" + session.ID + "/events", "/v1/events"} {
			if got := p.do(t, adminKey, "GET", path, "", "Last-Event-ID", noise); got.status != http.StatusUnprocessableEntity {
				t.Errorf("%s with %s for a Last-Event-ID: status %d", path, noise, got.status)
			}
		}
		if got := p.do(t, adminKey, "GET", "/v1/audit?cursor="+noise, ""); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s for a cursor: status %d", noise, got.status)
		}
	}
}

func TestSessionStreams(t *testing.T) {
	p := newPlace(t)
	bearer := bearerOf(t, "agent", "ann", "")
	for _, c := range []struct {
		name, body, code string
	}{
		{"four streams", `{"streams":["a","b","c","d"]}`, "INVALID_REQUEST"},
		{"two of a name", `{"streams":["a","a"]}`, "INVALID_REQUEST"},
		{"an empty name", `{"streams":[""]}`, "INVALID_REQUEST"},
		{"a URL that is not allowed", `{"webhook_url":"http://10.0.0.1/"}`, "URL_SCHEME_NOT_ALLOWED"},
	} {
		if got := decode[api.Problem](t, p.do(t, bearer, "POST", "/v1/sessions", c.body)); got.Code != c.code {
			t.Errorf("%s: %+v, want %s", c.name, got, c.code)
		}
	}
	opened := decode[api.NewSession](t, p.do(t, bearer, "POST", "/v1/sessions", `{"streams":["a","b"]}`))
	path := "/v1/sessions/" + opened.SessionID
	for _, c := range []struct {
		method, path, body string
		status             int
		streams            string
	}{
		{"POST", "/streams", `{"stream":"c"}`, 200, "a b c"},
		{"POST", "/streams", `{"stream":"c"}`, 200, "a b c"},
		{"POST", "/streams", `{"stream":"d"}`, 422, "a b c"},
		{"DELETE", "/streams/b", "", 200, "a c"},
		{"DELETE", "/streams/b", "", 404, "a c"},
		{"POST", "/streams", `{"stream":"d ü%20"}`, 200, "a c d ü%20"},
		{"DELETE", "/streams/d%20%C3%BC%2520", "", 200, "a c"},
		{"POST", "/streams", `{"stream":"d/e"}`, 422, "a c"},
		{"POST", "/recordings", `{"recordings":{"b":{}}}`, 404, "a c"},
		{"POST", "/recordings", `{"recordings":{"a":{"upload_url":"http://10.0.0.1/"}}}`, 422, "a c"},
	} {
		if got := p.do(t, bearer, c.method, path+c.path, c.body); got.status != c.status {
			t.Errorf("%s %s %s: status %d, want %d: %s", c.method, c.path, c.body, got.status, c.status, got.body)
		}
		if now := decode[api.Session](t, p.do(t, bearer, "GET", path, "")); strings.Join(now.Streams, " ") != c.streams {
			t.Errorf("after %s %s: streams %q, want %q", c.method, c.path, now.Streams, c.streams)
		}
	}
	again := decode[api.NewSession](t, p.do(t, bearer, "POST", "/v1/sessions", `{"streams":["a"],"resume_key":"`+opened.ResumeKey+`"}`))
	if again.SessionID != opened.SessionID || !again.Resumed {
		t.Errorf("resumed %+v, want %s", again, opened.SessionID)
	}
	if got := decode[api.Problem](t, p.do(t, bearer, "POST", "/v1/sessions", `{"resume_key":"wrong"}`)); got.Code != "TWO_TIMER" || got.Existing != opened.SessionID {
		t.Errorf("with a wrong key: %+v", got)
	}
}

// Pages of the origins that are configured may call, others may not.
func TestOrigins(t *testing.T) {
	p := newPlace(t)
	for origin, want := range map[string]string{"https://app.example.com": "https://app.example.com", "https://evil.example.com": "", "": ""} {
		got := p.do(t, "", "OPTIONS", "/v1/sessions", "", "Origin", origin, "Access-Control-Request-Method", "POST")
		if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != want {
			t.Errorf("%q: allowed %q, want %q", origin, allowed, want)
		}
		if (got.status == http.StatusNoContent) != (want != "") {
			t.Errorf("%q: status %d", origin, got.status)
		}
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%q: cookies are allowed", origin)
		}
	}
}

func TestMintToken(t *testing.T) {
	p := newPlace(t)
	for body, want := range map[string]int{
		`{"role":"agent","subject":"ann"}`:                       201,
		`{"role":"supervisor","subject":"sam","agent_id":"ann"}`: 201,
		`{"role":"supervisor","subject":"sam"}`:                  422,
		`{"role":"participant","subject":"anna"}`:                422,
		`{"role":"signal","subject":"x"}`:                        422,
		`{"role":"server","subject":"app","ttl_s":0}`:            422,
	} {
		if got := p.do(t, adminKey, "POST", "/v1/tokens", body); got.status != want {
			t.Errorf("%s: status %d, want %d: %s", body, got.status, want, got.body)
		}
	}
}
