package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"
)

// A file goes into the bucket that its request names; one that the bucket does not
// take fails the egress and stays with the worker. No secret is told to anybody.
func TestEgressIntoBucket(t *testing.T) {
	url, backend := bucket(t, "films")
	s := startEgressStage(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.join(ctx, t, "bucket", "anna", 0)
	begin := func(name string) string {
		info, err := s.client.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{RoomName: "bucket", Identity: "anna", FileOutputs: []*livekit.EncodedFileOutput{{
			Filepath: "calls/{publisher_identity}.webm",
			Output: &livekit.EncodedFileOutput_S3{S3: &livekit.S3Upload{
				AccessKey: "AKIATEST", Secret: "hunter2hunter2", Region: "us-east-1", Endpoint: url, Bucket: name, ForcePathStyle: true,
				Metadata: map[string]string{"case": "4711"},
			}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return info.EgressId
	}
	stored, refused := begin("films"), begin("no-such-bucket")
	for _, id := range []string{stored, refused} {
		s.await(ctx, t, id, isActive)
	}
	waitFor(ctx, t, 2*time.Second)
	for _, id := range []string{stored, refused} {
		if _, err := s.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: id}); err != nil {
			t.Error(err)
		}
	}
	info := s.await(ctx, t, stored, hasEnded)
	if info.Status != livekit.EgressStatus_EGRESS_COMPLETE || len(info.FileResults) != 1 ||
		info.FileResults[0].Location != url+"/films/calls/anna.webm" || info.ManifestLocation != url+"/films/calls/anna.webm.json" {
		t.Fatalf("%v", info)
	}
	object, err := backend.GetObject("films", "calls/anna.webm", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Contents.Close()
	if object.Size != info.FileResults[0].Size || object.Metadata["X-Amz-Meta-Case"] != "4711" || object.Metadata["Content-Type"] != "video/webm" {
		t.Errorf("the bucket has %d bytes, %v; told of %d", object.Size, object.Metadata, info.FileResults[0].Size)
	}
	here := t.TempDir() + "/anna.webm"
	f, err := os.Create(here)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, object.Contents); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	playsCleanly(ctx, t, here)

	info = s.await(ctx, t, refused, hasEnded)
	if info.Status != livekit.EgressStatus_EGRESS_FAILED || !info.BackupStorageUsed || !strings.Contains(info.Error, "NoSuchBucket") || len(info.FileResults) != 1 {
		t.Fatalf("%v", info)
	}
	playsCleanly(ctx, t, info.FileResults[0].Location)
	for _, secret := range []string{"AKIATEST", "hunter2"} {
		if strings.Contains(info.String(), secret) {
			t.Errorf("LiveKit was told a secret: %v", info)
		}
	}
}
