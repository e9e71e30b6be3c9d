package main

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/internal/meeting"
)

// All recordings of a room are stopped, more than are on one page of the list.
func TestCommandLineStopsAll(t *testing.T) {
	s := startStage(t)
	t.Setenv("ROOMREEL_URL", s.api.URL)
	t.Setenv("ROOMREEL_KEY", s.api.Key)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "many", Identity: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const page = 50
	for i := range page + 1 {
		_, err := s.api.Start(ctx, api.StartRecording{Room: "many", Selection: api.Selection{Identities: []string{fmt.Sprint("agent-", i)}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	var out screen
	if err := typed(ctx, &out, "stop", "many"); err != nil {
		t.Fatal(err)
	}
	left, err := s.api.List(ctx, url.Values{"room": {"many"}, "state": liveStates["state"]})
	if err != nil || len(left.Data) != 0 {
		t.Errorf("%d recordings go on: %v", len(left.Data), err)
	}
}
