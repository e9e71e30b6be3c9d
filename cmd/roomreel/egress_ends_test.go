package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/livekit/protocol/livekit"
	"github.com/twitchtv/twirp"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/redisserver"
)

// What roomreel does not do is refused at once, with the code that LiveKit's
// clients know, and without a trace in the list.
func TestEgressRefusals(t *testing.T) {
	s := startEgressStage(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := s.rooms.CreateRoom(ctx, &livekit.CreateRoomRequest{Name: "refused"}); err != nil {
		t.Fatal(err)
	}
	room := func(r *livekit.RoomCompositeEgressRequest) func() error {
		r.RoomName = "refused"
		return func() error { _, err := s.client.StartRoomCompositeEgress(ctx, r); return err }
	}
	for _, tt := range []struct {
		name  string
		start func() error
		code  twirp.ErrorCode
		says  string
	}{
		{"RTMP", room(&livekit.RoomCompositeEgressRequest{StreamOutputs: []*livekit.StreamOutput{{Urls: []string{"rtmp://x/y"}}}}), twirp.Unimplemented, "RTMP"},
		{"HLS", room(&livekit.RoomCompositeEgressRequest{SegmentOutputs: []*livekit.SegmentedFileOutput{{}}}), twirp.Unimplemented, "HLS"},
		{"a page of one's own", room(&livekit.RoomCompositeEgressRequest{CustomBaseUrl: "https://x", FileOutputs: toFile("a")}), twirp.Unimplemented, "custom_base_url"},
		{"an unknown layout", room(&livekit.RoomCompositeEgressRequest{Layout: "spiral", FileOutputs: toFile("a")}), twirp.InvalidArgument, "grid"},
		{"a picture that cannot be", room(&livekit.RoomCompositeEgressRequest{FileOutputs: toFile("a"), Options: &livekit.RoomCompositeEgressRequest_Advanced{Advanced: &livekit.EncodingOptions{Width: 7, Height: 7}}}), twirp.InvalidArgument, "7x7"},
		{"a file elsewhere", room(&livekit.RoomCompositeEgressRequest{FileOutputs: toFile("/etc/passwd")}), twirp.InvalidArgument, "egress.output"},
		{"Google's storage", room(&livekit.RoomCompositeEgressRequest{FileOutputs: []*livekit.EncodedFileOutput{{Output: &livekit.EncodedFileOutput_Gcp{Gcp: &livekit.GCPUpload{Bucket: "b"}}}}}), twirp.Unimplemented, "storage.googleapis.com"},
		{"Microsoft's storage", room(&livekit.RoomCompositeEgressRequest{FileOutputs: []*livekit.EncodedFileOutput{{Output: &livekit.EncodedFileOutput_Azure{Azure: &livekit.AzureBlobUpload{ContainerName: "c"}}}}}), twirp.Unimplemented, "own storage"},
		{"a web page", func() error {
			_, err := s.client.StartWebEgress(ctx, &livekit.WebEgressRequest{Url: "https://example.com"})
			return err
		}, twirp.Unimplemented, "web pages"},
		{"a WebSocket", func() error {
			_, err := s.client.StartTrackEgress(ctx, &livekit.TrackEgressRequest{RoomName: "refused", TrackId: "TR_x", Output: &livekit.TrackEgressRequest_WebsocketUrl{WebsocketUrl: "wss://x"}})
			return err
		}, twirp.Unimplemented, "WebSocket"},
	} {
		asked := time.Now()
		err := tt.start()
		t.Logf("%s: refused within %v", tt.name, time.Since(asked))
		wantTwirp(t, tt.name, err, tt.code)
		if err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v says nothing of %q", tt.name, err, tt.says)
		}
	}
	// LiveKit's answer may take longer than doctor waits where the machine is busy.
	f, err := client.Await(ctx, func() (finding, error) { return checkEgress(ctx, s.config), nil }, func(f finding) bool { return f.grade == good })
	if err != nil {
		t.Errorf("doctor: %+v, %v", f, err)
	}
	elsewhere := s.config
	elsewhere.Egress.Redis = redisserver.Run(t).URL()
	if f := checkEgress(ctx, elsewhere); f.grade != warn || !strings.Contains(f.cure, "egress.redis") {
		t.Errorf("doctor, with another Redis than LiveKit's: %+v", f)
	}
	list, err := s.client.ListEgress(ctx, &livekit.ListEgressRequest{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("refused egresses are listed: %v, %v", list, err)
	}
}

// A room that was created with egresses has them without further calls, and each
// ends with what it takes: a participant's when they leave, a track's when it is
// unpublished. One that never had media is aborted, one of a track that does not
// exist fails.
func TestEgressEnds(t *testing.T) {
	s := startEgressStage(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	_, err := s.rooms.CreateRoom(ctx, &livekit.CreateRoomRequest{Name: "auto", Egress: &livekit.RoomEgress{
		Room:        &livekit.RoomCompositeEgressRequest{RoomName: "auto", FileOutputs: toFile("auto/room"), AudioOnly: true},
		Participant: &livekit.AutoParticipantEgress{FileOutputs: toFile("auto/{publisher_identity}.webm")},
		Tracks:      &livekit.AutoTrackEgress{Filepath: "auto/{track_source}"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	anna := s.join(ctx, t, "auto", "anna", 0)
	nobody, err := s.client.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{RoomName: "auto", Identity: "nobody", FileOutputs: toFile("nobody")})
	if err != nil {
		t.Fatal(err)
	}
	missing, err := s.client.StartTrackEgress(ctx, &livekit.TrackEgressRequest{
		RoomName: "auto", TrackId: "TR_missing", Output: &livekit.TrackEgressRequest_File{File: &livekit.DirectFileOutput{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	running := func(info *livekit.EgressInfo) bool { return info.Status == livekit.EgressStatus_EGRESS_ACTIVE }
	// The room's, the participant's, two tracks', and the two from above.
	_, err = client.Await(ctx, func() (int, error) {
		list, err := s.client.ListEgress(ctx, &livekit.ListEgressRequest{RoomName: "auto"})
		n := 0
		for _, info := range list.GetItems() {
			if running(info) {
				n++
			}
		}
		return n, err
	}, func(n int) bool { return n == 4 })
	if err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, 2*time.Second)
	if err := anna.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: nobody.EgressId}); err != nil {
		t.Error(err)
	}
	got := map[string]string{}
	list, err := s.client.ListEgress(ctx, &livekit.ListEgressRequest{RoomName: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range list.Items {
		if info.GetRoomComposite() != nil {
			if _, err := s.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: info.EgressId}); err != nil {
				t.Error(err)
			}
		}
		info = s.await(ctx, t, info.EgressId, hasEnded)
		name, outcome := "room", strings.TrimPrefix(info.Status.String(), "EGRESS_")
		switch {
		case info.EgressId == nobody.EgressId:
			name = "nobody"
		case info.EgressId == missing.EgressId:
			name = "missing"
		case info.GetParticipant() != nil:
			name = "participant"
		case info.GetTrack() != nil:
			name = info.GetTrack().TrackId[:5]
		}
		for _, f := range info.FileResults {
			outcome += " " + f.Filename
			if _, err := os.Stat(f.Location); err != nil {
				t.Error(err)
			}
		}
		got[name] = strings.TrimSpace(outcome + " " + info.Error)
	}
	want := map[string]string{
		"room": "COMPLETE auto/room.ogg", "participant": "COMPLETE auto/anna.webm",
		"nobody": "ABORTED Stop called before pipeline could start", "missing": "FAILED track TR_missing not found",
	}
	for name, outcome := range got { // tracks are named by LiveKit
		if strings.HasPrefix(name, "TR_") {
			want[name] = outcome
			if !strings.HasPrefix(outcome, "COMPLETE auto/") {
				t.Errorf("%s: %s", name, outcome)
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(got) != 6 {
		t.Errorf("%d egresses: %v", len(got), got)
	}
}

// LiveKit's JavaScript server SDK, unchanged, does the same.
func TestEgressByJavaScript(t *testing.T) {
	script, err := filepath.Abs("../../internal/serversdk/egress.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(script), "node_modules")); err != nil {
		t.Fatalf("%v: `make browser` fetches it", err)
	}
	s := startEgressStage(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s.join(ctx, t, "js", "anna", 0)
	microphone, camera := s.tracks(ctx, t, "js", "anna")
	cmd := exec.CommandContext(ctx, "node", script, strings.Replace(s.server.URL, "ws", "http", 1), s.server.Key, s.server.Secret, "js", "anna", microphone, camera)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("%v: %s", err, exit.Stderr)
	}
	type result struct {
		Active         int
		Refused, Files map[string]string
	}
	var got result
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := result{5, map[string]string{"rtmp": "unimplemented", "web": "unimplemented"}, map[string]string{
		"composite":   "EGRESS_COMPLETE js/composite.mp4",
		"participant": "EGRESS_COMPLETE js/participant.webm",
		"tracks":      "EGRESS_COMPLETE js/tracks.mkv",
		"track":       "EGRESS_COMPLETE js/track.ogg",
		"unified":     "EGRESS_COMPLETE js/unified.mp4",
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A worker that shuts down hands its egresses over; the last one ends them, with
// whole files, and says why.
func TestEgressDrains(t *testing.T) {
	s := startEgressStage(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s.join(ctx, t, "drain", "anna", 0)
	info, err := s.client.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{RoomName: "drain", Identity: "anna", FileOutputs: toFile("anna.webm")})
	if err != nil {
		t.Fatal(err)
	}
	s.await(ctx, t, info.EgressId, isActive)
	waitFor(ctx, t, 2*time.Second)
	first := 0
	if s.recorder(ctx, t, "drain") == "worker-1" {
		first = 1
	}
	s.stops[first]()
	if now := s.await(ctx, t, info.EgressId, isActive); now.Status != livekit.EgressStatus_EGRESS_ACTIVE {
		t.Fatalf("handed over: %v", now)
	}
	waitFor(ctx, t, 2*time.Second)
	s.stops[1-first]()
	info = s.await(ctx, t, info.EgressId, hasEnded)
	if info.Status != livekit.EgressStatus_EGRESS_COMPLETE || info.Details != "End reason: shutdown" || len(info.FileResults) != 1 {
		t.Fatalf("%v", info)
	}
	if length := time.Duration(info.FileResults[0].Duration); length < 4*time.Second {
		t.Errorf("it lasts %v", length)
	}
	playsCleanly(ctx, t, info.FileResults[0].Location)
}
