package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

// A scraper on this machine sees the metrics; a page that a browser on it shows, and a
// caller whom a proxy on it passes on, do not.
func TestMetricsOfThisMachine(t *testing.T) {
	p := newPlace(t, everything)
	for name, tt := range map[string]struct {
		headers []string
		status  int
	}{
		"a scraper":              {nil, 200},
		"a page of another site": {[]string{"Origin", "https://evil.example"}, 401},
		"through a proxy":        {[]string{"Forwarded", "for=192.0.2.1"}, 401},
	} {
		if got := p.do(t, "", "GET", "/metrics", "", tt.headers...); got.status != tt.status {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// Every route against every kind of caller. The recording is of room standup.
func TestAccess(t *testing.T) {
	p := newPlace(t, func(o *api.Options) {
		everything(o)
		o.StopTimeout = time.Minute // a busy machine takes its time
	})
	rec, part, bytes := p.recorded(t, "standup")
	film := p.film(t, rec, bytes)
	p.thumbnail(t, rec, part)
	for _, r := range accessTable {
		for i, caller := range append(callers[:len(callers):len(callers)], sessionBearers(t)...) {
			// A fresh live recording and composition, for the verbs that end them.
			for _, room := range []string{"standup"} {
				for _, live := range p.live(t, room) {
					if _, err := p.store.Stop(t.Context(), live); err != nil {
						t.Fatal(err)
					}
				}
			}
			names := strings.NewReplacer("{rec}", rec.ID, "{prt}", part.ID, "{cmp}", film.ID,
				"{file}", rec.ID+"-nne--x_camera-"+part.ID+".webm", "{upl}", recording.NewID("upl"))
			path := names.Replace(r.path)
			if strings.Contains(path, "{live}") {
				live, err := p.store.Start(t.Context(), recording.Request{Room: "standup"})
				if err != nil {
					t.Fatal(err)
				}
				path = strings.ReplaceAll(path, "{live}", live.ID)
			}
			if strings.Contains(path, "{ended}") {
				ended, _, _ := p.recorded(t, "standup")
				path = strings.ReplaceAll(path, "{ended}", ended.ID)
			}
			if strings.Contains(path, "{new}") {
				c, err := p.films.Start(t.Context(), rec.ID, recording.CompositionSpec{})
				if err != nil {
					t.Fatal(err)
				}
				path = strings.ReplaceAll(path, "{new}", c.ID)
			}
			want := forbidden // a session's token opens none of these
			if i < len(callers) {
				want = r.want[i]
			} else if &r.want[0] == &all[0] {
				want = ok
			}
			if want == ok {
				want = r.ok
			}
			// Through a proxy: who is on this machine may see the metrics anyway.
			got := p.do(t, caller, r.method, path, names.Replace(r.body), "X-Forwarded-For", "192.0.2.1")
			if got.status != want {
				t.Errorf("%s %s as %q: status %d, want %d: %.300s", r.method, r.path, caller, got.status, want, got.body)
			}
			if challenge := got.header.Get("WWW-Authenticate"); (got.status == no) != (challenge == `Bearer realm="roomreel"`) {
				t.Errorf("%s %s as %q: status %d with WWW-Authenticate %q", r.method, r.path, caller, got.status, challenge)
			}
		}
	}
}

func (p *place) live(t *testing.T, room string) []string {
	t.Helper()
	page, err := p.store.List(t.Context(), api.ListQuery{Room: room, States: []recording.State{recording.Queued}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range page.Items {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestAccessProblems(t *testing.T) {
	p := newPlace(t)
	rec, part, _ := p.recorded(t, "standup")
	unauthenticated := func(detail string) api.Problem {
		return api.Problem{Type: "/problems/unauthenticated", Title: "Credentials are missing or not valid", Status: 401, Code: "UNAUTHENTICATED", Detail: detail}
	}
	notPermitted := func(detail string) api.Problem {
		return api.Problem{Type: "/problems/not-permitted", Title: "A grant is missing", Status: 403, Code: "NOT_PERMITTED", Detail: detail}
	}
	send := `send "Authorization: Bearer" with an admin key or a LiveKit token`
	for _, c := range []struct {
		name, authorization, path string
		want                      api.Problem
	}{
		{"none", "", "/v1/recordings", unauthenticated(send)},
		{"other scheme", "Basic YTpi", "/v1/recordings", unauthenticated(send)},
		{"empty bearer", "Bearer ", "/v1/recordings", unauthenticated(send)},
		{"forged", "Bearer eyJ.forged", "/v1/recordings", unauthenticated("the bearer is neither an admin key nor a valid LiveKit token")},
		{"start of a key", "Bearer " + adminKey[:10], "/v1/recordings", unauthenticated("the bearer is neither an admin key nor a valid LiveKit token")},
		{"expired", "Bearer expired", "/v1/recordings", unauthenticated("the token expired an hour ago")},
		{"no grant", "Bearer join", "/v1/recordings", notPermitted("the token lacks a grant: roomList, roomRecord, or roomAdmin with a room")},
		{"media to a lister", "Bearer list", "/v1/recordings/" + rec.ID + "/parts/" + part.ID + "/media", notPermitted("the token lacks a grant: roomRecord, or roomAdmin with a room")},
		{"other room", "Bearer admin-oth", "/v1/recordings/" + rec.ID, notPermitted(`the token's grants cover room "other" only: roomRecord without a room, or a token for the other room, is missing`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantProblem(t, p.do(t, "", "GET", c.path, "", "Authorization", c.authorization), c.want)
		})
	}
	t.Run("scheme in lower case", func(t *testing.T) {
		if got := p.do(t, "", "GET", "/v1/recordings", "", "Authorization", "bearer "+adminKey); got.status != 200 {
			t.Errorf("status %d", got.status)
		}
	})
	t.Run("grant before body", func(t *testing.T) {
		if got := p.do(t, "list", "POST", "/v1/recordings", "{nonsense"); got.status != 403 {
			t.Errorf("status %d: a body was looked at before the grant", got.status)
		}
	})
}

// A token that names a room sees that room's recordings only.
func TestListIsConfined(t *testing.T) {
	p := newPlace(t)
	own, _, _ := p.recorded(t, "standup")
	other, _, _ := p.recorded(t, "other")
	for caller, want := range map[string][]string{
		"list": {other.ID, own.ID}, "record": {other.ID, own.ID}, adminKey: {other.ID, own.ID},
		"record-own": {own.ID}, "admin-own": {own.ID}, "admin-oth": {other.ID}, "list-oth": {other.ID},
	} {
		var got []string
		for _, r := range decode[api.RecordingList](t, p.do(t, caller, "GET", "/v1/recordings", "")).Data {
			got = append(got, r.ID)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s sees %v, want %v", caller, got, want)
		}
	}
}

func TestWithoutVerifierOnlyKeysCount(t *testing.T) {
	p := newPlace(t, func(o *api.Options) { o.Verifier = nil })
	for bearer, want := range map[string]int{adminKey: 200, "record": 401} {
		if got := p.do(t, bearer, "GET", "/v1/recordings", ""); got.status != want {
			t.Errorf("%s: status %d, want %d", bearer, got.status, want)
		}
	}
}

func TestNewRefusesShortKeys(t *testing.T) {
	p := newPlace(t)
	o := api.Options{Recordings: p.store, Compositions: p.films, Rooms: rooms{}, Nodes: nodes{}, Media: p.media}
	if _, err := api.New(o); err != nil {
		t.Errorf("no admin keys: %v", err)
	}
	o.AdminKeys = []string{""}
	if _, err := api.New(o); err == nil {
		t.Error("an empty admin key was taken: every empty bearer would be an admin")
	}
	if _, err := api.New(api.Options{}); err == nil {
		t.Error("a server without services was made")
	}
}
