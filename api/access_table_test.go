package api_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

// What a caller may meet; ok stands for the route's own status.
const no, forbidden, hidden, ok = http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, 0

// accessRoute is a route with what each of callers gets, in their order.
type accessRoute struct {
	method, path, body string
	ok                 int
	want               []int
}

// sessionRoute is a route with what callers get by name; whoever is not named is
// forbidden, or not authenticated.
type sessionRoute struct {
	method, path, body string
	ok                 int
	want               map[string]int
}

var (
	callers   = []string{"", "not-a-key", "expired", "join", "admin-none", "list", "list-oth", "record", "record-own", "record-oth", "admin-own", "admin-oth", adminKey}
	read      = []int{no, no, no, forbidden, forbidden, ok, forbidden, ok, ok, forbidden, ok, forbidden, ok}
	full      = []int{no, no, no, forbidden, forbidden, forbidden, forbidden, ok, ok, forbidden, ok, forbidden, ok}
	list      = []int{no, no, no, forbidden, forbidden, ok, ok, ok, ok, ok, ok, ok, ok}
	recorders = []int{no, no, no, forbidden, forbidden, forbidden, forbidden, ok, ok, ok, ok, ok, ok}
	operate   = []int{no, no, no, forbidden, forbidden, ok, forbidden, ok, forbidden, forbidden, forbidden, forbidden, ok}
	admin     = []int{no, no, no, forbidden, forbidden, forbidden, forbidden, forbidden, forbidden, forbidden, forbidden, forbidden, ok}
	all       = []int{ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok}

	agents      = map[string]int{"ann": ok, "bob": hidden, "recorder": ok, "admin": ok}
	supervisors = map[string]int{"sam": ok, "tom": hidden, "admin of standup": hidden, "admin": ok}
	statistics  = map[string]int{"stats": ok, "lister": ok, "admin": ok}
	adminOnly   = map[string]int{"admin": ok}
)

// accessTable are the routes that ask for grants, or for nothing.
var accessTable = []accessRoute{
	{"POST", "/v1/recordings", `{"room":"standup"}`, 201, full},
	{"GET", "/v1/recordings", "", 200, list},
	{"GET", "/v1/recordings?room=standup", "", 200, read},
	{"GET", "/v1/recordings/{rec}", "", 200, read},
	{"POST", "/v1/recordings/{live}/stop", "", 200, full},
	{"POST", "/v1/recordings/{live}/pause", "", 200, full},
	{"POST", "/v1/recordings/{live}/resume", "", 200, full},
	{"PUT", "/v1/recordings/{live}/selection", `{"identities":["ann"]}`, 200, full},
	{"GET", "/v1/recordings/{rec}/manifest", "", 200, read},
	{"GET", "/v1/recordings/{rec}/parts", "", 200, read},
	{"GET", "/v1/recordings/{rec}/parts/{prt}/media", "", 200, full},
	{"HEAD", "/v1/recordings/{rec}/parts/{prt}/media", "", 200, full},
	{"GET", "/v1/recordings/{rec}/parts/{prt}/peaks", "", 409, full}, // it has no sound
	{"GET", "/v1/recordings/{rec}/parts/{prt}/thumbnail", "", 200, full},
	{"GET", "/v1/recordings/{rec}/thumbnail", "", 200, full},
	{"POST", "/v1/recordings/{rec}/compositions", "", 202, full},
	{"GET", "/v1/recordings/{rec}/compositions", "", 200, read},
	{"GET", "/v1/recordings/{rec}/compositions/{cmp}", "", 200, read},
	{"GET", "/v1/recordings/{rec}/compositions/{cmp}/events", "", 200, read},
	{"POST", "/v1/recordings/{rec}/compositions/{new}/cancel", "", 200, full},
	{"GET", "/v1/recordings/{rec}/compositions/{cmp}/media", "", 200, full},
	{"HEAD", "/v1/recordings/{rec}/compositions/{cmp}/media", "", 200, full},
	{"POST", "/v1/recordings/{rec}/compositions/{cmp}/retry", "", 409, full},
	{"GET", "/v1/recordings/{rec}/compositions/{cmp}/files/none.json", "", 404, full},
	{"HEAD", "/v1/recordings/{rec}/compositions/{cmp}/files/none.json", "", 404, full},
	{"HEAD", "/v1/recordings/{rec}/parts/{prt}/thumbnail", "", 200, full},
	{"HEAD", "/v1/recordings/{rec}/thumbnail", "", 200, full},
	{"GET", "/v1/recordings/{rec}/uploads", "", 200, read},
	{"POST", "/v1/recordings/{rec}/uploads", `{"url":"https://app.example.com/"}`, 409, full},
	{"POST", "/v1/recordings/{rec}/uploads/{upl}/retry", "", 404, full},
	{"GET", "/v1/rooms", "", 200, list},
	{"GET", "/v1/nodes", "", 200, operate},
	{"PUT", "/v1/recordings/{rec}/hold", "", 200, full},
	{"DELETE", "/v1/recordings/{rec}/hold", "", 200, full},
	{"DELETE", "/v1/recordings/{ended}", "", 204, full},
	{"GET", "/metrics", "", 200, operate},
	{"POST", "/livekit/webhook", `{"event":"room_finished"}`, 401, all}, // LiveKit's signature is the only key
	{"GET", "/v1/events?type=none.such&since=yesterday", "", 422, list},
	{"GET", "/v1/webhooks", "", 200, admin},
	{"POST", "/v1/webhooks", `{"url":"https://app.example.com/"}`, 201, admin},
	{"GET", "/v1/webhooks/app", "", 200, admin},
	{"PATCH", "/v1/webhooks/app", `{"types":[]}`, 409, admin},
	{"DELETE", "/v1/webhooks/app", "", 409, admin},
	{"POST", "/v1/webhooks/app/test", "", 202, admin},
	{"POST", "/v1/webhooks/app/enable", "", 200, admin},
	{"POST", "/v1/webhooks/app/rotate", "", 409, admin},
	{"POST", "/v1/webhooks/app/recover", `{"since":"2026-03-01T09:00:00Z"}`, 200, admin},
	{"GET", "/v1/webhooks/deliveries", "", 200, admin},
	{"GET", "/v1/webhooks/deliveries/evt_1.app", "", 404, admin},
	{"POST", "/v1/webhooks/deliveries/evt_1.app/redeliver", "", 404, admin},
	{"GET", "/api/recording-sessions", "", 200, list},
	{"GET", "/api/recording-sessions?connectionId=standup", "", 200, read},
	{"GET", "/api/recording-sessions/{rec}", "", 200, read},
	{"POST", "/api/recording-sessions", `{"connectionId":"standup"}`, 201, full},
	{"DELETE", "/api/recording-sessions/{live}?compose=false", "", 200, full},
	{"GET", "/api/recording-compositions", "", 200, list},
	{"GET", "/api/recording-compositions/{cmp}", "", 200, read},
	{"POST", "/api/recording-compositions", `{"meetingId":"standup","recordingId":"{rec}"}`, 202, full},
	{"GET", "/api/recordings", "", 200, list},
	{"GET", "/api/recordings/standup/{file}/download", "", 200, full},
	{"HEAD", "/api/recordings/standup/{file}/download", "", 200, full},
	{"GET", "/api/recordings/standup/{file}/stream", "", 200, full},
	{"HEAD", "/api/recordings/standup/{file}/stream", "", 200, full},
	{"PATCH", "/api/recordings/standup/{file}", `{"userId":"anna"}`, 200, full},
	{"DELETE", "/api/recordings/standup/{file}", "", 409, full},
	{"POST", "/api/recordings", "", 400, recorders},
	{"POST", "/api/recording-uploads", `{"meetingId":"standup"}`, 201, full},
	{"GET", "/api/recording-uploads/{upl}", "", 404, recorders},
	{"PATCH", "/api/recording-uploads/{upl}", "", 404, recorders},
	{"POST", "/api/recording-uploads/{upl}/complete", "", 404, recorders},
	{"DELETE", "/api/recording-uploads/{upl}", "", 404, recorders},
	{"GET", "/healthz", "", 200, all},
	{"GET", "/readyz", "", 200, all},
	{"GET", "/openapi.json", "", 200, all},
	{"GET", "/openapi.yaml", "", 200, all},
	{"GET", "/join/", "", 200, all},
	{"HEAD", "/join/", "", 200, all},
	{"POST", "/join/", "", 200, all},
	{"GET", "/join", "", 301, all},
	{"GET", "/", "", 302, all},
	{"GET", "/console", "", 302, all},
	{"GET", "/console/", "", 200, all},
	{"HEAD", "/console/", "", 200, all},
	// These take a key in their body.
	{"POST", "/console/sign-in", `{"key":"not-a-key"}`, 401, all},
	{"POST", "/console/sign-out", "", 204, all},
	{"POST", "/auth_v2/client", `{"master_key":"not-a-key","client_id":"ann"}`, 401, all},
	{"POST", "/auth_v2/supervisor", `{"master_key":"not-a-key","client_id":"sam","client_to_monitor":"ann"}`, 401, all},
	{"POST", "/auth_v2/stats", `{"master_key":"not-a-key","client_id":"reports"}`, 401, all},
}

// sessionTable are those of agents and supervisors.
var sessionTable = []sessionRoute{
	{"POST", "/v1/sessions", `{"client_id":"ann"}`, 409, map[string]int{"ann": ok, "bob": forbidden, "recorder": ok, "admin": ok}},
	{"POST", "/api/v2/session", `{"client_id":"ann"}`, 409, map[string]int{"ann": ok, "bob": forbidden, "recorder": ok, "admin": ok}},
	{"GET", "/v1/sessions", "", 200, map[string]int{"ann": ok, "bob": ok, "recorder": ok, "admin": ok}},
	{"GET", "/v1/sessions/{ses}", "", 200, agents},
	{"GET", "/v1/sessions/{ses}/termination", "", 200, agents},
	{"GET", "/v1/sessions/{over}/events", "", 200, agents},
	{"POST", "/v1/sessions/{ses}/recordings", `{"recordings":{}}`, 422, agents},
	{"POST", "/v1/sessions/{ses}/recordings/stop", "", 409, agents},
	{"POST", "/v1/sessions/{ses}/recordings/pause", "", 409, agents},
	{"POST", "/v1/sessions/{ses}/recordings/resume", "", 409, agents},
	{"POST", "/v1/sessions/{ses}/streams", `{"stream":"camera"}`, 200, agents},
	{"DELETE", "/v1/sessions/{ses}/streams/none", "", 404, agents},
	{"DELETE", "/v1/sessions/{over}", "", 200, agents},
	{"POST", "/v1/supervisions", `{"agent_id":"ann","supervisor_id":"sam"}`, 409, map[string]int{"sam": ok, "tom": forbidden, "admin of standup": forbidden, "admin": ok}},
	{"POST", "/api/v2/supervisor_session", `{"client_id":"sam","client_id_to_monitor":"ann"}`, 409, map[string]int{"sam": ok, "tom": forbidden, "admin of standup": forbidden, "admin": ok}},
	{"GET", "/v1/supervisions", "", 200, adminOnly},
	{"GET", "/v1/supervisions/{sup}", "", 200, supervisors},
	{"GET", "/v1/supervisions/{sup}/termination", "", 200, supervisors},
	{"GET", "/v1/supervisions/{gone}/events", "", 200, supervisors},
	{"POST", "/v1/supervisions/{gone}/activate", "", 409, supervisors},
	{"DELETE", "/v1/supervisions/{gone}", "", 200, supervisors},
	{"GET", "/v1/supervisions/{sup}/signal/rtc", "", 200, map[string]int{}},
	{"GET", "/v1/audit", "", 200, adminOnly},
	{"POST", "/v1/tokens", `{"role":"participant","subject":"anna","room":"standup"}`, 201, adminOnly},
	{"GET", "/api/v2/stats/main/sessions", "", 200, statistics},
	{"GET", "/api/v2/stats/main/recordings", "", 200, statistics},
	// What session tokens are not for.
	{"GET", "/v1/recordings", "", 200, map[string]int{"lister": ok, "recorder": ok, "admin of standup": ok, "admin": ok}},
	{"GET", "/v1/rooms", "", 200, map[string]int{"lister": ok, "recorder": ok, "admin of standup": ok, "admin": ok}},
	{"GET", "/v1/webhooks", "", 200, adminOnly},
}

// sessionBearers are those of two agents, supervisors and a statistician.
func sessionBearers(t *testing.T) []string {
	return []string{
		bearerOf(t, "agent", "ann", ""), bearerOf(t, "agent", "bob", ""), bearerOf(t, "supervisor", "sam", "ann"),
		bearerOf(t, "signal", "sup_0199a3f27c5d7e0fb1d2c3b4a5968778", ""),
	}
}

// everything has a server serve what it serves only if it is given it.
func everything(o *api.Options) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("page " + r.URL.Path)) })
	o.Static, o.Console, o.Metrics, o.Uploads = page, page, page, noFiles{}
	o.LiveKit = func(*http.Request) error { return api.Unauthenticated("not signed") }
}

// noFiles has nothing to upload: what counts is who gets so far.
type noFiles struct{}

func (noFiles) Check(string) error { return nil }

func (noFiles) List(context.Context, string) ([]api.Upload, error) { return []api.Upload{}, nil }

func (noFiles) Add(context.Context, recording.Recording, api.StartUpload) (api.Upload, error) {
	return api.Upload{}, recording.Errorf(api.CodeSeveralParts, "there are several")
}

func (noFiles) Retry(context.Context, string, string, string) (api.Upload, error) {
	return api.Upload{}, recording.Errorf(recording.CodeNotFound, "there is none")
}

// Every route that the server has stands in one of the tables, and each row of them is
// a route.
func TestEveryRouteIsInATable(t *testing.T) {
	p := newPlace(t, everything)
	rows := map[string][]string{}
	add := func(method, path string) {
		path, _, _ = strings.Cut(path, "?")
		rows[method] = append(rows[method], path)
	}
	for _, r := range accessTable {
		add(r.method, r.path)
	}
	for _, r := range sessionTable {
		add(r.method, r.path)
	}
	params := regexp.MustCompile(`[:*][a-z_]+`)
	met := map[string]bool{}
	for _, r := range p.Config.Handler.(*api.Server).Routes() {
		pattern := regexp.MustCompile("^" + params.ReplaceAllStringFunc(r.Path, func(p string) string {
			if p[0] == '*' {
				return ".*"
			}
			return "[^/]+"
		}) + "$")
		found := false
		for _, path := range rows[r.Method] {
			if pattern.MatchString(path) {
				met[r.Method+" "+path], found = true, true
			}
		}
		if !found {
			t.Errorf("%s %s is in no table: nobody has said who may call it", r.Method, r.Path)
		}
	}
	for method, paths := range rows {
		for _, path := range slices.Compact(paths) {
			if !met[method+" "+path] {
				t.Errorf("%s %s is no route", method, path)
			}
		}
	}
}
