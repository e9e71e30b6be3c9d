package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// workerEnvironment is that of a node in a process of its own.
func workerEnvironment(c configs.Config, node string) []string {
	return append(os.Environ(),
		"LIVEKIT_URL="+c.LiveKit.URL, "LIVEKIT_API_KEY="+c.LiveKit.APIKey, "LIVEKIT_API_SECRET="+c.LiveKit.APISecret,
		"REDIS_URL="+c.Redis.URL, "ROOMREEL_DATA="+c.Data, "ROOMREEL_NODE="+node,
		"ROOMREEL_LOG_LEVEL=error", "ROOMREEL_LEASE=1s",
	)
}

// startWorkerProcess runs `roomreel serve` in a process of its own.
func startWorkerProcess(t *testing.T, c configs.Config, node string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "serve")
	cmd.Env = append(workerEnvironment(c, node), "ROOMREEL_TEST_PROGRAM=1", "ROOMREEL_LISTEN="+freeAddress(t, "tcp"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// kill ends a process as a crash would.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
}

// killedStage is an egress of each kind, recorded by worker processes.
type killedStage struct {
	*egressStage
	ids map[string]string // by kind
}

func startKilledStage(ctx context.Context, t *testing.T, room string) *killedStage {
	t.Helper()
	s := &killedStage{egressStage: startEgressStage(t, 0), ids: map[string]string{}}
	s.join(ctx, t, room, "anna", 0)
	return s
}

// begin starts an egress of each kind.
func (s *killedStage) begin(ctx context.Context, t *testing.T, room string) {
	t.Helper()
	microphone, camera := s.tracks(ctx, t, room, "anna")
	small := &livekit.EncodingOptions{Width: 320, Height: 180, Framerate: 15}
	for kind, start := range map[string]func() (*livekit.EgressInfo, error){
		"room": func() (*livekit.EgressInfo, error) {
			return s.client.StartRoomCompositeEgress(ctx, &livekit.RoomCompositeEgressRequest{
				RoomName: room, FileOutputs: toFile("room"),
				Options: &livekit.RoomCompositeEgressRequest_Advanced{Advanced: small},
			})
		},
		"participant": func() (*livekit.EgressInfo, error) {
			return s.client.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{
				RoomName: room, Identity: "anna", FileOutputs: toFile("participant"),
				Options: &livekit.ParticipantEgressRequest_Advanced{Advanced: small},
			})
		},
		"tracks": func() (*livekit.EgressInfo, error) {
			return s.client.StartTrackCompositeEgress(ctx, &livekit.TrackCompositeEgressRequest{RoomName: room, AudioTrackId: microphone, VideoTrackId: camera, FileOutputs: toFile("tracks.mkv")})
		},
		"track": func() (*livekit.EgressInfo, error) {
			return s.client.StartTrackEgress(ctx, &livekit.TrackEgressRequest{
				RoomName: room, TrackId: microphone,
				Output: &livekit.TrackEgressRequest_File{File: &livekit.DirectFileOutput{Filepath: "track"}},
			})
		},
	} {
		info, err := start()
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		s.ids[kind] = info.EgressId
	}
}

func (s *killedStage) awaitAll(ctx context.Context, t *testing.T, want func(*livekit.EgressInfo) bool) {
	t.Helper()
	for _, id := range s.ids {
		s.await(ctx, t, id, want)
	}
}

func (s *killedStage) stopAll(ctx context.Context, t *testing.T) {
	t.Helper()
	for kind, id := range s.ids {
		// A worker that has just taken over may not be listening yet.
		_, err := client.Await(ctx, func() (error, error) {
			_, err := s.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: id})
			return err, nil
		}, func(err error) bool { return err == nil })
		if err != nil {
			t.Fatalf("stop %s: %v", kind, err)
		}
	}
}

// checkComplete asserts that each egress ended well, with a file that lasts at
// least so long.
func (s *killedStage) checkComplete(ctx context.Context, t *testing.T, least time.Duration) {
	t.Helper()
	for kind, id := range s.ids {
		info := s.await(ctx, t, id, hasEnded)
		if info.Status != livekit.EgressStatus_EGRESS_COMPLETE || len(info.FileResults) != 1 {
			t.Errorf("%s ended as %v", kind, info)
			continue
		}
		f := info.FileResults[0]
		t.Logf("%s: %s, %v", kind, f.Filename, time.Duration(f.Duration))
		if time.Duration(f.Duration) < least {
			t.Errorf("%s lasts %v, want at least %v", kind, time.Duration(f.Duration), least)
		}
		playsCleanly(ctx, t, f.Location)
	}
	left, err := filepath.Glob(filepath.Join(s.config.Data, "egress", ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q is left behind: %v", left, err)
	}
}

// A worker that records is killed: another goes on with the room, and with the
// egress of each kind, whose file holds what was recorded before and after.
func TestEgressSurvivesKill(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s := startKilledStage(ctx, t, "killed")
	workers := map[string]*exec.Cmd{}
	for _, node := range []string{"worker-a", "worker-b"} {
		workers[node] = startWorkerProcess(t, s.config, node)
	}
	s.begin(ctx, t, "killed")
	s.awaitAll(ctx, t, isActive)
	waitFor(ctx, t, 3*time.Second)
	first := s.recorder(ctx, t, "killed")
	kill(t, workers[first])
	_, err := client.Await(ctx, func() (bool, error) {
		page, err := s.store.List(ctx, coord.Query{Room: "killed"})
		again := func(r recording.Recording) bool {
			return r.State == recording.Active && r.Node != first && slices.ContainsFunc(r.Live, func(l recording.LiveTrack) bool { return l.Flowing })
		}
		n := 0
		for _, r := range page.Items {
			if again(r) {
				n++
			}
		}
		return n == len(s.ids), err
	}, func(all bool) bool { return all })
	if err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, 2*time.Second)
	s.stopAll(ctx, t)
	s.checkComplete(ctx, t, 5*time.Second)
	for _, m := range manifests(t, s.config.Data) {
		var nodes []string
		for _, p := range m.Parts {
			nodes = append(nodes, p.Node)
		}
		if len(nodes) != 2 || nodes[0] != first || nodes[1] == first {
			t.Errorf("recording %s has parts of %q, want one of %s and one of another", m.ID, nodes, first)
		}
	}
}

// The only worker is killed at every moment of an egress's life and started again.
// It takes minutes: `make chaos-egress` runs it.
func TestEgressKilledAtEveryMoment(t *testing.T) {
	if os.Getenv("ROOMREEL_CHAOS") == "" {
		t.Skip("ROOMREEL_CHAOS is not set: `make chaos-egress`")
	}
	for _, moment := range []string{"starting", "active", "ending", "making"} {
		for round := range 3 {
			t.Run(fmt.Sprintf("%s %d", moment, round), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				s := startKilledStage(ctx, t, "chaos")
				worker := startWorkerProcess(t, s.config, "worker")
				s.begin(ctx, t, "chaos")
				again := func() {
					kill(t, worker)
					worker = startWorkerProcess(t, s.config, "worker")
				}
				if moment == "starting" {
					again()
				}
				s.awaitAll(ctx, t, isActive)
				waitFor(ctx, t, 2*time.Second)
				if moment == "active" {
					again()
					waitFor(ctx, t, 3*time.Second)
				}
				s.stopAll(ctx, t)
				switch moment {
				case "ending":
					again()
				case "making":
					_, err := client.Await(ctx, func() ([]string, error) {
						return filepath.Glob(filepath.Join(s.config.Data, "egress", ".making-*"))
					}, func(l []string) bool { return len(l) > 0 })
					if err != nil {
						t.Fatal(err)
					}
					waitFor(ctx, t, time.Duration(round)*300*time.Millisecond)
					again()
				}
				s.checkComplete(ctx, t, time.Second)
				for kind, id := range s.ids {
					ended := 0
					for _, e := range s.heard(id) {
						if strings.HasPrefix(e, "egress_ended") {
							ended++
						}
					}
					if ended == 0 {
						t.Errorf("%s: no webhook told of its end", kind)
					}
				}
			})
		}
	}
}
