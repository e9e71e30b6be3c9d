package main

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
	"github.com/redis/go-redis/v9"
	"github.com/twitchtv/twirp"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
)

// bucket is S3-compatible storage with one bucket.
func bucket(t *testing.T, name string) (url string, storage gofakes3.Backend) {
	t.Helper()
	storage = s3mem.New()
	if err := storage.CreateBucket(name); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(storage, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(server.Close)
	return server.URL, storage
}

// participantOf asks for the egress of a participant, whose file says not where to.
func (s *egressStage) participantOf(ctx context.Context, room string) (*livekit.EgressInfo, error) {
	return s.client.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{
		RoomName: room, Identity: "anna", FileOutputs: toFile("{room_name}/{publisher_identity}.webm"),
	})
}

// Where every node is full, a request is refused at once. An egress ends when it
// has lasted long enough; its file goes into roomreel's own storage, and its
// recording goes, as it is configured.
func TestEgressLimits(t *testing.T) {
	url, storage := bucket(t, "films")
	s := startEgressStage(t, 2, func(c *configs.Config) {
		c.Recorder.MaxRooms, c.Egress.MaxDuration, c.Egress.Keep = 1, 6*time.Second, false
		c.Storage = configs.Storage{Endpoint: url, Bucket: "films", Prefix: "own", Region: "us-east-1", AccessKey: "k", SecretKey: "s", PathStyle: true, Downloads: "proxy"}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	rooms := []string{"one", "two", "three"}
	for i, room := range rooms {
		s.join(ctx, t, room, "anna", i)
	}
	var ids []string
	for _, room := range rooms[:2] {
		info, err := s.participantOf(ctx, room)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, info.EgressId)
		s.await(ctx, t, info.EgressId, isActive)
	}
	asked := time.Now()
	_, err := s.participantOf(ctx, rooms[2])
	wantTwirp(t, "a room too many", err, twirp.Aborted)
	if err == nil || !strings.Contains(err.Error(), "recorder.max_rooms") {
		t.Errorf("the cure is missing: %v", err)
	}
	t.Logf("refused within %v", time.Since(asked))

	for i, id := range ids {
		info := s.await(ctx, t, id, hasEnded)
		if info.Status != livekit.EgressStatus_EGRESS_LIMIT_REACHED || info.ErrorCode != 413 || len(info.FileResults) != 1 {
			t.Fatalf("%v", info)
		}
		key := "own/" + rooms[i] + "/anna.webm"
		if f := info.FileResults[0]; f.Location != url+"/films/"+key || f.Filename != rooms[i]+"/anna.webm" {
			t.Errorf("%s at %s", f.Filename, f.Location)
		}
		object, err := storage.HeadObject("films", key)
		if err != nil || object.Size != info.FileResults[0].Size {
			t.Errorf("storage has %v of %d bytes: %v", object, info.FileResults[0].Size, err)
		}
	}
	if _, err := client.Await(ctx, func() ([]string, error) {
		return filepath.Glob(filepath.Join(s.config.Data, "recordings", "rec_*"))
	}, func(left []string) bool { return len(left) == 0 }); err != nil {
		t.Errorf("recordings are left: %v", err)
	}
	ofRecordings := gofakes3.NewPrefix(new("own/rec_"), nil)
	stored, err := client.Await(ctx, func() (list *gofakes3.ObjectList, err error) {
		return storage.ListBucket("films", &ofRecordings, gofakes3.ListBucketPage{})
	}, func(left *gofakes3.ObjectList) bool { return len(left.Contents) == 0 })
	if err != nil {
		t.Errorf("storage has %d files of recordings that are deleted: %v", len(stored.Contents), err)
	}
	if left, err := os.ReadDir(filepath.Join(s.config.Data, "egress")); err == nil && len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
	_, err = client.Await(ctx, func() (error, error) { _, err := s.participantOf(ctx, rooms[2]); return err, nil }, func(err error) bool { return err == nil })
	if err != nil {
		t.Errorf("there is no room for another: %v", err)
	}
}

// otherWorker stands for LiveKit Egress beside roomreel, which takes everything.
type otherWorker struct{ rpc.EgressInternalServerImpl }

func (otherWorker) StartEgressAffinity(context.Context, *rpc.StartEgressRequest) float32 { return 0.5 }

func (otherWorker) StartEgress(_ context.Context, req *rpc.StartEgressRequest) (*livekit.EgressInfo, error) {
	return &livekit.EgressInfo{EgressId: req.EgressId, Details: "other"}, nil
}

// What roomreel does not do is left to another worker where that is configured, and
// what it does is not. Without the other, the refusal is heard all the same.
func TestEgressDefers(t *testing.T) {
	s := startEgressStage(t, 1, func(c *configs.Config) { c.Egress.Defer = true })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.join(ctx, t, "defer", "anna", 0)
	stream := func() (*livekit.EgressInfo, error) {
		return s.client.StartRoomCompositeEgress(ctx, &livekit.RoomCompositeEgressRequest{
			RoomName: "defer", StreamOutputs: []*livekit.StreamOutput{{Protocol: livekit.StreamProtocol_RTMP, Urls: []string{"rtmp://localhost/x"}}},
		})
	}
	_, err := stream()
	wantTwirp(t, "nobody else", err, twirp.Unimplemented)

	options, err := redis.ParseURL(s.config.Redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer rdb.Close()
	other, err := rpc.NewEgressInternalServer(otherWorker{}, psrpc.NewRedisMessageBus(rdb))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Kill()
	if err := other.RegisterStartEgressTopic(""); err != nil {
		t.Fatal(err)
	}
	info, err := client.Await(ctx, func() (*livekit.EgressInfo, error) {
		info, _ := stream() // until the other is subscribed
		return info, nil
	}, func(i *livekit.EgressInfo) bool { return i != nil })
	if err != nil || info.Details != "other" {
		t.Errorf("a stream went to %v: %v", info, err)
	}
	info, err = s.participantOf(ctx, "defer")
	if err != nil || info.Details == "other" {
		t.Errorf("a file went to %v: %v", info, err)
	}
}
