package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roomreel/roomreel/api"
)

// What a client sends, and what it makes of each answer.
func TestAnswers(t *testing.T) {
	var got string
	var status int
	var answer string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = strings.Join([]string{r.Method, r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)}, "|")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer s.Close()
	c := Client{URL: s.URL, Key: "key"}
	problem := &api.Problem{Status: 409, Code: "ALREADY_RECORDING", Detail: "room standup is being recorded", Existing: "rec_1"}
	const sent = `POST|/v1/recordings|Bearer key|application/json|{"room":"standup"}`
	for name, want := range map[string]struct {
		status    int
		answer    string
		recording string
		err       error
	}{
		"begun":         {201, `{"id":"rec_1"}`, "rec_1", nil},
		"a problem":     {409, `{"status":409,"code":"ALREADY_RECORDING","detail":"room standup is being recorded","existing":"rec_1"}`, "", problem},
		"another error": {502, "<html>", "", errors.New("POST /v1/recordings: 502 Bad Gateway")},
		"a cut answer":  {200, `{"id":"re`, "", errors.New("POST /v1/recordings: read answer: unexpected EOF")},
	} {
		status, answer = want.status, want.answer
		r, err := c.Start(t.Context(), api.StartRecording{Room: "standup"})
		if got != sent {
			t.Errorf("%s: sent %s", name, got)
		}
		if want.err == nil && (err != nil || r.ID != want.recording) || want.err != nil && (err == nil || err.Error() != want.err.Error()) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		var p, wanted *api.Problem
		if is := errors.As(want.err, &wanted); errors.As(err, &p) != is || is && !cmp.Equal(p, wanted, cmpopts.IgnoreFields(api.Problem{}, "Type", "Title")) {
			t.Errorf("%s: %#v", name, err)
		}
	}
}

func TestAwait(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the server is gone")
	for name, c := range map[string]struct {
		ctx  context.Context
		fail error
		want int
		err  error
	}{
		"until done":     {t.Context(), nil, 3, nil},
		"until it fails": {t.Context(), broken, 1, broken},
		"until ctx ends": {ended, nil, 1, context.Canceled},
	} {
		n := 0
		got, err := Await(c.ctx, func() (int, error) { n++; return n, c.fail }, func(n int) bool { return n == 3 })
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}
