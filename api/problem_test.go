package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

func invalidRequest(status int, detail string, fields ...api.FieldError) api.Problem {
	return api.Problem{Type: "/problems/invalid-request", Title: "The request is not valid", Status: status, Code: "INVALID_REQUEST", Detail: detail, Errors: fields}
}

func notFound(detail string) api.Problem {
	return api.Problem{Type: "/problems/not-found", Title: "There is no such resource", Status: 404, Code: "NOT_FOUND", Detail: detail}
}

func TestMalformedRequests(t *testing.T) {
	p := newPlace(t)
	rec, _, _ := p.recorded(t, "standup")
	films := "/v1/recordings/" + rec.ID + "/compositions"
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		want                     api.Problem
	}{
		{"no body", "POST", "/v1/recordings", "", nil, invalidRequest(400, "request body is required")},
		{
			"broken JSON", "POST", "/v1/recordings", `{"room":`, nil,
			invalidRequest(400, "validation failed", api.FieldError{Location: "body", Message: "unexpected end of JSON input"}),
		},
		{
			"too deep", "POST", "/v1/recordings", strings.Repeat("[", 100_000), nil,
			invalidRequest(400, "validation failed", api.FieldError{Location: "body", Message: "invalid character '[' exceeded max depth"}),
		},
		{
			"form", "POST", "/v1/recordings", "room=standup",
			[]string{"Content-Type", "application/x-www-form-urlencoded"},
			invalidRequest(415, "validation failed", api.FieldError{Location: "body", Message: "unknown content type: application/x-www-form-urlencoded"}),
		},
		{
			"too large", "POST", "/v1/recordings", `{"room":"` + strings.Repeat("a", 1<<20) + `"}`, nil,
			invalidRequest(413, "request body is too large limit=1048576 bytes"),
		},
		{
			"no room", "POST", "/v1/recordings", `{}`, nil,
			invalidRequest(422, "validation failed", api.FieldError{Location: "body", Message: "expected required property room to be present"}),
		},
		{
			"array", "POST", "/v1/recordings", `[]`, nil,
			invalidRequest(422, "validation failed", api.FieldError{Location: "body", Message: "expected object"}),
		},
		{
			"wrong types", "POST", "/v1/recordings", `{"room":7,"selection":{"kinds":["smell"]}}`, nil,
			invalidRequest(422, "validation failed",
				api.FieldError{Location: "body.room", Message: "expected string"},
				api.FieldError{Location: "body.selection.kinds[0]", Message: `expected value to be one of "audio, video"`}),
		},
		{
			"unknown field", "POST", "/v1/recordings", `{"room":"standup","` + strings.Repeat("x", 5000) + `":1}`, nil,
			invalidRequest(422, "validation failed", api.FieldError{Location: "body." + strings.Repeat("x", 195) + "…", Message: "unexpected property"}),
		},
		{
			"domain rule", "POST", "/v1/recordings", `{"room":"standup","selection":{"identities":[""]}}`, nil,
			invalidRequest(422, "selection.identities: an entry must have 1 to 256 bytes"),
		},
		{
			"limit", "GET", "/v1/recordings?limit=0", "", nil,
			invalidRequest(422, "validation failed", api.FieldError{Location: "query.limit", Message: "expected number >= 1"}),
		},
		{
			"state", "GET", "/v1/recordings?state=stopped,asleep", "", nil,
			invalidRequest(422, "validation failed", api.FieldError{Location: "query.state[1]", Message: `expected value to be one of "queued, starting, recording, paused, stopping, stopped, failed"`}),
		},
		{
			"mistyped filter", "GET", "/v1/recordings?rooms=standup", "", nil,
			invalidRequest(422, "validation failed", api.FieldError{Location: "query.rooms", Message: "unknown query parameter"}),
		},
		{
			"film out of bounds", "POST", films, `{"width":121,"from_s":-1}`, nil,
			invalidRequest(422, "validation failed",
				api.FieldError{Location: "body.from_s", Message: "expected number >= 0"},
				api.FieldError{Location: "body.width", Message: "expected number to be a multiple of 2"}),
		},
		{"unknown path", "GET", "/v1/nowhere", "", nil, notFound("no resource has this path")},
		{"trailing slash", "GET", "/v1/recordings/", "", nil, notFound("no resource has this path")},
		{"method", "DELETE", "/v1/recordings", "", nil, api.Problem{
			Type: "/problems/method-not-allowed", Title: "The resource does not know this method", Status: 405, Code: "METHOD_NOT_ALLOWED",
			Detail: "the Allow header lists the methods that this path knows",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := p.do(t, adminKey, c.method, c.path, c.body, c.headers...)
			wantProblem(t, got, c.want)
			if allow := got.header.Get("Allow"); c.want.Status == 405 && allow != "POST, GET" && allow != "GET, POST" {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
}

// A body that breaks off is its sender's fault.
func TestBrokenChunks(t *testing.T) {
	p := newPlace(t)
	conn, err := net.Dial("tcp", p.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/recordings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", adminKey)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, answer{resp.StatusCode, resp.Header, string(body)}, invalidRequest(400, "cannot read request body"))
}

// Whatever is put into the place of an identifier reaches no file and no
// stranger's resource.
func TestPathTricks(t *testing.T) {
	p := newPlace(t)
	rec, part, _ := p.recorded(t, "standup")
	tricks := []string{
		"..", ".", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cx", "%00", rec.ID + "%00", rec.ID + "%0a", rec.ID[:20], "%20" + rec.ID,
		strings.ToUpper(rec.ID), "prt" + rec.ID[3:], part.ID + ".webm", "recording.json", "%ff%fe", "*", "🎬", strings.Repeat("a", 10_000),
		"..%2f" + rec.ID, "x%2f..%2f" + rec.ID,
	}
	for _, trick := range tricks {
		for _, path := range []string{
			"/v1/recordings/" + trick,
			"/v1/recordings/" + trick + "/manifest",
			"/v1/recordings/" + trick + "/parts/" + part.ID + "/media",
			"/v1/recordings/" + rec.ID + "/parts/" + trick + "/media",
			"/v1/recordings/" + rec.ID + "/compositions/" + trick + "/media",
			"/v1/recordings/" + rec.ID + "/compositions/" + trick + "/events",
		} {
			got := p.raw(t, path)
			problem := decode[api.Problem](t, got)
			if id := problem.Status == 400 && problem.Code == "INVALID_ID"; !id && (problem.Status != 404 || problem.Code != "NOT_FOUND") || problem.Status != got.status {
				t.Errorf("%.120s: status %d, body %.300s", path, got.status, got.body)
			}
			if len(got.body) > 1000 {
				t.Errorf("%.120s: an answer of %d bytes repeats what was sent", path, len(got.body))
			}
		}
	}
}

// raw sends the path as it stands: Go's client would clean it.
func (p *place) raw(t *testing.T, path string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL = &url.URL{Scheme: "http", Host: p.Listener.Addr().String(), Opaque: path}
	req.Header.Set("Authorization", "Bearer "+adminKey)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// broken is a service whose Get fails as it is told to.
type broken struct {
	store
	get func() error
}

func (b broken) Get(context.Context, string) (recording.Recording, error) {
	return recording.Recording{}, b.get()
}

// Every code has its status, and what is not meant for callers stays inside.
func TestCodes(t *testing.T) {
	var fail error
	p := newPlace(t, func(o *api.Options) {
		o.Recordings = broken{o.Recordings.(store), func() error { return fail }}
	})
	path := "/v1/recordings/" + recording.NewID(recording.PrefixRecording)
	hidden := api.Problem{
		Type: "/problems/internal", Title: "Something went wrong inside", Status: 500, Code: "INTERNAL",
		Detail: "the server's log tells what went wrong; quote the X-Request-Id header",
	}
	conflict := recording.Errorf(recording.CodeAlreadyRecording, "busy")
	conflict.Existing = "rec_x"
	for _, c := range []struct {
		name string
		err  error
		want api.Problem
	}{
		{"plain error", errors.New("dial 10.0.0.7: secret"), hidden},
		{"internal", recording.Errorf(recording.CodeInternal, "secret"), hidden},
		{"unknown code", recording.Errorf("NOBODY_KNOWS", "secret"), hidden},
		{"wrapped, with what exists", fmt.Errorf("start: secret: %w", conflict), api.Problem{
			Type: "/problems/already-recording", Title: "The room and selection are being recorded already", Status: 409, Code: "ALREADY_RECORDING", Detail: "busy", Existing: "rec_x",
		}},
		{"deadline", fmt.Errorf("secret: %w", context.DeadlineExceeded), api.Problem{
			Type: "/problems/timeout", Title: "The answer did not come in time", Status: 504, Code: "TIMEOUT", Detail: "the request ended before its work was done; the work may go on",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fail = c.err
			got := p.do(t, adminKey, "GET", path, "")
			wantProblem(t, got, c.want)
			if id := got.header.Get("X-Request-Id"); !strings.Contains(p.log.String(), id) || id == "" {
				t.Errorf("the log does not know request %q", id)
			}
		})
	}
	if !strings.Contains(p.log.String(), "dial 10.0.0.7: secret") {
		t.Error("the cause of an internal error is not in the log")
	}
	for code, status := range map[recording.Code]int{
		"INVALID_ID": 400, "NOT_FOUND": 404, "ROOM_NOT_FOUND": 404, "ALREADY_RECORDING": 409, "ALREADY_STOPPED": 409, "NOT_READY": 409,
		"NO_MEDIA": 409, "CANCELED": 409, "STORE_UNAVAILABLE": 503, "ROOM_UNREACHABLE": 502, "SUBSCRIBE_FAILED": 502, "NO_CAPACITY": 503,
		"NOT_PERMITTED": 403, "INVALID_REQUEST": 422, "UNSUPPORTED_CODEC": 422, "ENCRYPTED": 422, "DISK_FULL": 507, "WRITE_FAILED": 500,
		"COMPOSE_FAILED": 500, "INTERNAL": 500,
	} {
		fail = recording.Errorf(code, "because")
		got := p.do(t, adminKey, "GET", path, "")
		if problem := decode[api.Problem](t, got); got.status != status || problem.Code != string(code) {
			t.Errorf("%s: status %d, want %d; body %s", code, got.status, status, got.body)
		}
	}
}

func TestPanic(t *testing.T) {
	p := newPlace(t, func(o *api.Options) {
		o.Recordings = broken{o.Recordings.(store), func() error { panic("secret") }}
	})
	got := p.do(t, adminKey, "GET", "/v1/recordings/"+recording.NewID(recording.PrefixRecording), "")
	wantProblem(t, got, api.Problem{
		Type: "/problems/internal", Title: "Something went wrong inside", Status: 500, Code: "INTERNAL",
		Detail: "the server's log tells what went wrong; quote the X-Request-Id header",
	})
	if log := p.log.String(); !strings.Contains(log, `"error":"secret"`) || !strings.Contains(log, "problem_test.go") {
		t.Errorf("the log does not tell of the panic: %s", log)
	}
}
