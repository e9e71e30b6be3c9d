package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// buildVersion builds the program as it is, under a version of its own.
func buildVersion(ctx context.Context, t *testing.T, version string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "roomreel-"+version)
	out, err := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w -X main.version="+version, "-o", path, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// node runs a built program as a node until the test ends.
func node(t *testing.T, program string, c configs.Config, name string) (*exec.Cmd, *client.Client) {
	t.Helper()
	const key = "an-admin-key-of-this-test"
	address := freeAddress(t, "tcp")
	cmd := exec.Command(program, "serve")
	cmd.Env = append(workerEnvironment(c, name), "ROOMREEL_LISTEN="+address, "ROOMREEL_ADMIN_KEYS="+key)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, &client.Client{URL: "http://" + address, Key: key}
}

// One node runs version N, another of N+1 comes up beside it, and N is told to
// leave. What is being recorded, by the API and as an egress, goes on with N+1, and
// its files tell what is missing in between.
func TestUpgradeWhileRecording(t *testing.T) {
	s := startEgressStage(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	programs := []string{buildVersion(ctx, t, "v1.0.0"), buildVersion(ctx, t, "v1.1.0")}
	s.join(ctx, t, "upgrade", "anna", 0)
	old, before := node(t, programs[0], s.config, "old")
	ready := func(c *client.Client) {
		t.Helper()
		if _, err := client.Await(ctx, func() (bool, error) { return c.Ready(ctx) == nil, nil }, func(ok bool) bool { return ok }); err != nil {
			t.Fatal(err)
		}
	}
	ready(before)
	rec, err := before.Start(ctx, api.StartRecording{Room: "upgrade"})
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.client.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{RoomName: "upgrade", Identity: "anna", FileOutputs: toFile("anna.webm")})
	if err != nil {
		t.Fatal(err)
	}
	s.await(ctx, t, info.EgressId, isActive)
	waitFor(ctx, t, 3*time.Second)

	_, after := node(t, programs[1], s.config, "new")
	ready(after)
	versions := func() []string {
		nodes, err := s.store.Nodes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, n := range nodes {
			list = append(list, n.Name+" "+n.Version)
		}
		return list
	}
	if got := versions(); !slices.Equal(got, []string{"new v1.1.0", "old v1.0.0"}) {
		t.Errorf("the nodes are %q", got)
	}
	if err := old.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := old.Wait(); err != nil {
		t.Errorf("version N: %v", err)
	}
	flows := func(l recording.LiveTrack) bool { return l.Flowing }
	_, err = client.Await(ctx, func() (int, error) {
		page, err := s.store.List(ctx, coord.Query{Room: "upgrade"})
		n := 0
		for _, r := range page.Items {
			if r.State == recording.Active && r.Node == "new" && slices.ContainsFunc(r.Live, flows) {
				n++
			}
		}
		return n, err
	}, func(n int) bool { return n == 2 })
	if err != nil {
		t.Fatalf("nobody goes on: %v", err)
	}
	if got := versions(); !slices.Equal(got, []string{"new v1.1.0"}) {
		t.Errorf("the nodes are %q", got)
	}
	waitFor(ctx, t, 3*time.Second)
	if _, err := after.Stop(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: info.EgressId}); err != nil {
		t.Fatal(err)
	}
	info = s.await(ctx, t, info.EgressId, hasEnded)
	if info.Status != livekit.EgressStatus_EGRESS_COMPLETE || len(info.FileResults) != 1 {
		t.Fatalf("the egress: %v", info)
	}
	playsCleanly(ctx, t, info.FileResults[0].Location)

	list, err := after.List(ctx, url.Values{"room": {"upgrade"}})
	if err != nil || len(list.Data) != 2 {
		t.Fatalf("%d recordings, %v", len(list.Data), err)
	}
	for _, m := range manifests(t, s.config.Data) {
		var nodes []string
		for _, p := range m.Parts {
			nodes = append(nodes, fmt.Sprintf("%s %s", p.Node, p.Ended))
			playsCleanly(ctx, t, filepath.Join(s.config.Data, "recordings", m.ID, p.File))
		}
		if m.State != recording.Stopped || m.Error != nil || len(m.Parts) != 2 || m.Parts[0].Node != "old" || m.Parts[1].Node != "new" {
			t.Fatalf("%s is %s, with parts of %q: %v", m.ID, m.State, nodes, m.Error)
		}
		first, second := m.Parts[0], m.Parts[1]
		gap := second.Start - (first.Start + first.Duration)
		t.Logf("%s: parts of %q, %v s between them", m.ID, nodes, gap)
		if gap < 0 || first.Duration < recording.Seconds(3*time.Second) || second.Duration < recording.Seconds(3*time.Second) {
			t.Errorf("parts of %v and %v s, %v s between them", first.Duration, second.Duration, gap)
		}
	}
}
