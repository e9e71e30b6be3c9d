package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/recording"
)

// The film of a room is composed while the room is recorded, follows UpdateLayout,
// and is the only one that is made.
func TestEgressFilmIsComposedLive(t *testing.T) {
	s := startEgressStage(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s.join(ctx, t, "live", "anna", 0)
	s.join(ctx, t, "live", "ben", 1)
	const width, height = 320, 180
	info, err := s.client.StartRoomCompositeEgress(ctx, &livekit.RoomCompositeEgressRequest{
		RoomName: "live", Layout: "speaker", FileOutputs: toFile("film"),
		Options: &livekit.RoomCompositeEgressRequest_Advanced{Advanced: &livekit.EncodingOptions{Width: width, Height: height, Framerate: 15}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pieces := filepath.Join(s.config.Data, "recordings", "*", "compositions", ".pieces", "*.mp4")
	_, err = client.Await(ctx, func() ([]string, error) { return filepath.Glob(pieces) }, func(l []string) bool { return len(l) > 0 })
	if err != nil {
		t.Fatalf("nothing is composed while the room is recorded: %v", err)
	}
	if now := s.await(ctx, t, info.EgressId, isActive); now.Status != livekit.EgressStatus_EGRESS_ACTIVE {
		t.Fatalf("%v", now)
	}
	if _, err := s.client.UpdateLayout(ctx, &livekit.UpdateLayoutRequest{EgressId: info.EgressId, Layout: "grid"}); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, 4*time.Second) // for there to be something of it
	stopped := time.Now()
	if _, err := s.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: info.EgressId}); err != nil {
		t.Fatal(err)
	}
	info = s.await(ctx, t, info.EgressId, hasEnded)
	if info.Status != livekit.EgressStatus_EGRESS_COMPLETE || len(info.FileResults) != 1 {
		t.Fatalf("%v", info)
	}
	file := info.FileResults[0]
	length := recording.Seconds(time.Duration(file.Duration))
	t.Logf("a film of %v s is ready %v after stop", length, time.Since(stopped))
	playsCleanly(ctx, t, file.Location)

	// A grid of two leaves more canvas above its left half than the large speaker does.
	for _, tt := range []struct {
		at     recording.Seconds
		canvas bool
	}{{recording.Seconds(5 * time.Second), false}, {length - recording.Seconds(time.Second), true}} {
		seen := frameOf(ctx, t, file.Location, tt.at, width, height).around(0.25, 0.15, 2)
		if got := (palette{"canvas": {0x12, 0x14, 0x18}, "somebody": {0x80, 0x80, 0x80}}).nearest(seen) == "canvas"; got != tt.canvas {
			t.Errorf("at %v s there is %v, want canvas: %t", tt.at, seen, tt.canvas)
		}
	}
	films := filmsOf(t, s.config.Data)
	if len(films) != 1 || !films[0].Spec.Live || films[0].ID != compose.WishedID(films[0].RecordingID, 0) {
		t.Errorf("films: %+v", films)
	}
}

// filmsOf reads the compositions of all recordings.
func filmsOf(t *testing.T, data string) (films []recording.Composition) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "recordings", "*", "compositions", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasPrefix(filepath.Base(file), recording.PrefixComposition) {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var film recording.Composition
		if err := json.Unmarshal(b, &film); err != nil {
			t.Fatal(err)
		}
		films = append(films, film)
	}
	return films
}
