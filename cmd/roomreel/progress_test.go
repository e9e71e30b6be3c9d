package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/internal/meeting"
)

// followed is an event as a stream brought it: its place is empty if it has none.
type followed struct {
	place string
	api.Event
}

// follow reads a stream of events until ctx ends.
func follow(ctx context.Context, t *testing.T, c client.Client, query string) <-chan followed {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/v1/events?"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("events: %+v, %v", resp, err)
	}
	events := make(chan followed)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		var e followed
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
			case "id":
				e.place = value
			case "data":
				if err := json.Unmarshal([]byte(value), &e.Event); err != nil {
					t.Errorf("event %s: %v", value, err)
				}
			case "":
				if e.ID != "" {
					select {
					case events <- e:
					case <-ctx.Done():
					}
				}
				e = followed{}
			}
		}
	}()
	return events
}

// Who asks for progress is told how a recording fares while it runs. It is told
// nobody else: no webhook, nobody who asks later what there was.
func TestProgress(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out := startOutbox(t)
	s := startStage(t, func(c *configs.Config) {
		c.Outgoing = configs.Outgoing{AllowHTTP: true, AnyPort: true, AllowHosts: []string{"127.0.0.1"}}
		c.Webhooks = []configs.Webhook{{ID: "app", URL: out.URL, Secrets: []string{"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}}}
	})
	anna, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "progress", Identity: "anna", Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	defer anna.Close()
	watching, leave := context.WithCancel(ctx)
	defer leave()
	began := time.Now()
	other := follow(watching, t, s.api, "progress=true&room=elsewhere")
	told := follow(watching, t, s.api, "progress=true&room=progress")
	rec, err := s.api.Start(ctx, api.StartRecording{Room: "progress"})
	if err != nil {
		t.Fatal(err)
	}
	// Bytes grow from one report to the next, with both tracks flowing.
	var grown []int64
	for e := range told {
		if e.Type != "recording.progress" {
			if e.place == "" {
				t.Errorf("event without a place: %+v", e)
			}
			continue
		}
		var r api.Recording
		if err := json.Unmarshal(e.Data, &r); err != nil {
			t.Fatal(err)
		}
		if e.place != "" || e.RecordingID != rec.ID || r.ID != rec.ID || r.Room != "progress" {
			t.Fatalf("progress %+v", e)
		}
		var sum int64
		flowing := 0
		for _, track := range r.Live {
			sum += track.Bytes
			if track.Flowing {
				flowing++
			}
		}
		if last := len(grown) - 1; r.State == "recording" && flowing == 2 && (last < 0 || sum > grown[last]) {
			grown = append(grown, sum)
		}
		if len(grown) == 3 {
			break
		}
	}
	if len(grown) < 3 {
		t.Fatalf("the stream ended after %v bytes", grown)
	}
	go func() { // to its end
		for range told {
		}
	}()
	if _, err := s.api.Stop(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	for e := range follow(watching, t, s.api, "since="+began.UTC().Format(time.RFC3339)) {
		if e.Type == "recording.progress" {
			t.Errorf("it was kept: %+v", e)
		}
		if e.Type == "recording.stopped" {
			break
		}
	}
	out.body(ctx, t, "recording.stopped")
	out.mu.Lock()
	for _, b := range out.bodies {
		if b["type"] == "recording.progress" {
			t.Errorf("a webhook told it: %v", b)
		}
	}
	out.mu.Unlock()
	leave()
	for e := range other {
		t.Errorf("who watches another room was told %+v", e)
	}
}
