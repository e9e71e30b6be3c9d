package main

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/internal/meeting"
)

// screen is a terminal: one command writes while the test reads.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// shows waits until the pattern is on the screen, and returns its first group.
func (s *screen) shows(ctx context.Context, t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if m := re.FindStringSubmatch(s.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%q never showed:\n%s", pattern, s)
		}
	}
}

// typed runs a command line as a person would type it.
func typed(ctx context.Context, out *screen, args ...string) error {
	c := command()
	c.Writer = out
	return c.Run(ctx, append([]string{"roomreel"}, args...))
}

// The whole life of a recording from the command line.
// Every command shows how it is called, by flags that it has.
func TestHelpHasExamples(t *testing.T) {
	flag := regexp.MustCompile(`\s--?([a-z][a-z-]*)`)
	var look func(c *cli.Command, path string, known map[string]bool)
	look = func(c *cli.Command, path string, known map[string]bool) {
		known = maps.Clone(known)
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				known[name] = true
			}
		}
		for _, sub := range c.Commands {
			look(sub, path+" "+sub.Name, known)
		}
		if len(c.Commands) > 0 {
			return
		}
		examples := 0
		for line := range strings.Lines(c.Description) {
			if !strings.Contains(line, "roomreel ") || !strings.HasPrefix(line, "   ") {
				continue
			}
			examples++
			command, _, _ := strings.Cut(line, "#")
			for _, m := range flag.FindAllStringSubmatch(command, -1) {
				if !known[m[1]] {
					t.Errorf("%s: %q has the flag %s, which it does not know", path, strings.TrimSpace(command), m[1])
				}
			}
		}
		if examples == 0 {
			t.Errorf("%s shows no example", path)
		}
	}
	look(command(), "roomreel", map[string]bool{})
}

func TestCommandLineRecords(t *testing.T) {
	s := startStage(t)
	t.Setenv("ROOMREEL_URL", s.api.URL)
	t.Setenv("ROOMREEL_KEY", s.api.Key)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "cli", Identity: "anna", Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()

	// One in the background, stopped by the room's name.
	var out screen
	if err := typed(ctx, &out, "record", "--audio", "--max", "1h", "cli"); err != nil {
		t.Fatal(err)
	}
	id := out.shows(ctx, t, `(rec_[0-9a-f]{32})`)
	r, err := s.api.Recording(ctx, id)
	if want := (api.Limits{MaxDuration: 3600}); err != nil || r.Limits != want || len(r.Selection.Kinds) != 1 || r.Selection.Kinds[0] != "audio" {
		t.Errorf("got %+v, %v", r, err)
	}
	looking, stopLooking := context.WithCancel(ctx)
	var picture screen
	looked := make(chan error, 1)
	go func() { looked <- typed(looking, &picture, "watch") }()
	picture.shows(ctx, t, id+`  room cli  recording .*on test-node`)
	picture.shows(ctx, t, `anna +camera +opus +flows`)
	stopLooking()
	if err := <-looked; err != nil {
		t.Errorf("watch: %v", err)
	}
	if err := typed(ctx, &out, "stop", "cli"); err != nil {
		t.Fatal(err)
	}
	out.shows(ctx, t, id+`  stopped  1 parts  0:00:\d\d  \d`)

	// One that is followed, stopped by Ctrl-C.
	following, interrupt := context.WithCancel(ctx)
	var followed screen
	ended := make(chan error, 1)
	go func() { ended <- typed(following, &followed, "record", "-f", "--host", "anna", "cli") }()
	followed.shows(ctx, t, `anna +camera +vp8 +flows`)
	interrupt()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	second := followed.shows(ctx, t, `(rec_[0-9a-f]{32})  stopped  1 parts`)
	r, err = s.api.Recording(ctx, strings.Fields(second)[0])
	if err != nil || r.Host != "anna" || r.State != "stopped" {
		t.Errorf("got %+v, %v", r, err)
	}

	var list screen
	if err := typed(ctx, &list, "ls", "--room", "cli"); err != nil {
		t.Fatal(err)
	}
	list.shows(ctx, t, `(?s)RECORDING +ROOM +STATE.*`+r.ID+` +cli +stopped.*`+id+` +cli +stopped`)
}

func TestCommandLineErrors(t *testing.T) {
	s := startStage(t)
	t.Setenv("ROOMREEL_URL", s.api.URL)
	t.Setenv("LIVEKIT_API_KEY", testKeys.Key)
	t.Setenv("LIVEKIT_API_SECRET", testKeys.Secret)
	for _, tt := range []struct {
		args []string
		cure string
	}{
		{[]string{"ls"}, "roomreel token"},
		{[]string{"ls", "--key", "wrong"}, "UNAUTHENTICATED"},
		{[]string{"record", "--key", s.api.Key}, "roomreel record ROOM"},
		{[]string{"record", "--key", s.api.Key, "nowhere"}, "ROOM_NOT_FOUND"},
		{[]string{"stop", "--key", s.api.Key, "nowhere"}, "roomreel ls"},
		{[]string{"stop", "--key", s.api.Key, "rec_00000000000000000000000000000000"}, "NOT_FOUND"},
		{[]string{"watch", "--server", "ftp://x", "--key", "k"}, "ROOMREEL_URL"},
		{[]string{"ls", "--server", "http://" + freeAddress(t, "tcp"), "--key", "k"}, "connection refused"},
		{[]string{"webhooks", "listen"}, "--insecure"},
		{[]string{"token", "--ttl", "-5m"}, "--ttl"},
		{[]string{"webhooks", "listen", "--secret", "x"}, "whsec_"},
	} {
		var out screen
		err := typed(t.Context(), &out, tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.cure) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: got %v, want one line with %q", tt.args, err, tt.cure)
		}
	}
}

// Names come from whoever is in a room: none moves the cursor, or hides behind the next.
func TestNamesOnTheTerminal(t *testing.T) {
	r := api.Recording{
		ID: "rec_1", Room: "a\nb", State: "recording", Error: &api.Failure{Message: "room \x1b]0;c\a"},
		Live: []api.LiveTrack{{Participant: "anna\x1b[2J\u202e", Stream: "cam\tera", Codec: "vp8", Flowing: true}},
	}
	var list bytes.Buffer
	if err := printRecordings(&list, []api.Recording{r}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"watch": draw([]api.Recording{r}), "ls": list.String()} {
		if lines := strings.Count(text, "\n"); lines != 2 || strings.ContainsAny(text, "\x1b\a\u202e\t") {
			t.Errorf("%s: %d lines: %q", name, lines, text)
		}
	}
}

func TestWebhooksListen(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	listening, interrupt := context.WithCancel(ctx)
	var out screen
	ended := make(chan error, 1)
	go func() {
		ended <- typed(listening, &out, "webhooks", "listen", "--listen", "127.0.0.1:0", "--secret", secret)
	}()
	url := out.shows(ctx, t, `listening on (\S+)`)
	post := func(sign bool) int {
		t.Helper()
		body := []byte(`{"type":"recording.stopped"}`)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("webhook-id", "evt_1")
		if sign {
			signer, err := deliver.StandardSigner(secret)
			if err != nil {
				t.Fatal(err)
			}
			signer.Sign(req.Header, "evt_1", time.Now(), body)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	if got := [2]int{post(true), post(false)}; got != [2]int{http.StatusNoContent, http.StatusUnauthorized} {
		t.Errorf("answered %v", got)
	}
	out.shows(ctx, t, `(?s)evt_1  verified.*"type": "recording.stopped".*refused`)
	interrupt()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
