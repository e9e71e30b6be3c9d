package api_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/recording"
)

// held is a connection of a supervisor's that lasts until it is freed.
type held struct{ begun, free chan struct{} }

func (h held) Serve(http.ResponseWriter, *http.Request, string, recording.Supervision) {
	h.begun <- struct{}{}
	<-h.free
}

// A caller has as many streams open as they may, whatever they follow; others have
// their own.
func TestStreamsAreBounded(t *testing.T) {
	signal := held{make(chan struct{}), make(chan struct{})}
	p := newPlace(t, func(o *api.Options) { o.Streams, o.Sessions.Signal = 2, signal })
	session := p.active(t, "ann", "camera")
	followed := "/v1/sessions/" + session.ID + "/events"
	rec, _, _ := p.recorded(t, "standup")
	film := p.waiting(t, rec)
	watched := "/v1/recordings/" + rec.ID + "/compositions/" + film.ID + "/events"
	refused := func(bearer, path string) {
		t.Helper()
		got := p.do(t, bearer, http.MethodGet, path, "")
		wantProblem(t, got, api.Problem{
			Type: "/problems/rate-limited", Title: "Too many requests", Status: 429, Code: string(api.CodeRateLimited),
			Detail: "the caller has 2 streams of events open, which is the most (api.rate.streams): close one",
		})
		if got.header.Get("Retry-After") != "5" {
			t.Errorf("%s: %v", path, got.header)
		}
	}
	first, _ := p.watch(t, adminKey, ""), p.watch(t, adminKey, "")
	p.watch(t, "record", "")
	for _, path := range []string{"/v1/events", followed, watched} {
		refused(adminKey, path)
	}
	first.close()
	again := func() (int, error) {
		// It ends before it is refused or begins.
		got := p.do(t, adminKey, http.MethodGet, "/v1/sessions/"+recording.NewID(recording.PrefixSession)+"/events", "")
		return got.status, nil
	}
	if _, err := client.Await(t.Context(), again, func(status int) bool { return status == http.StatusNotFound }); err != nil {
		t.Errorf("who left still counts: %v", err)
	}

	one := p.supervises(t, "sam", "ann")
	bearer := bearerOf(t, "signal", one.ID, "")
	path := "/v1/supervisions/" + one.ID + "/signal/rtc"
	var all sync.WaitGroup
	defer all.Wait()
	defer close(signal.free)
	for range 2 {
		all.Go(func() { p.do(t, bearer, http.MethodGet, path, "") })
		<-signal.begun
	}
	refused(bearer, path)
}
