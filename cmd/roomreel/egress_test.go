package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/webhook"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twitchtv/twirp"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

// egressStage is LiveKit and workers on one redis-server, and what LiveKit tells
// by its webhooks.
type egressStage struct {
	config configs.Config
	server meeting.Server
	client *lksdk.EgressClient
	rooms  *lksdk.RoomServiceClient
	store  *coord.Store
	stops  []func() // of the workers

	mu     sync.Mutex
	events map[string][]string // by egress: "egress_started STARTING", …
}

func startEgressStage(t *testing.T, workers int, edits ...func(*configs.Config)) *egressStage {
	t.Helper()
	c, err := configs.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range edits {
		edit(&c)
	}
	keys := testKeys
	s := &egressStage{events: map[string][]string{}}
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { s.hear(t, r, keys) }))
	t.Cleanup(hooks.Close)

	c.Redis.URL, c.Data = redisserver.Run(t).URL(), t.TempDir()
	options, err := redis.ParseURL(c.Redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	s.store = coord.NewStore(rdb)
	c.LiveKit = startLiveKit(t, plugin.DevServerOptions{Keys: keys, Redis: options.Addr, Webhook: hooks.URL})
	s.server = meeting.Server{URL: c.LiveKit.URL, Key: keys.Key, Secret: keys.Secret}
	s.client = lksdk.NewEgressClient(c.LiveKit.URL, keys.Key, keys.Secret)
	s.rooms = lksdk.NewRoomServiceClient(c.LiveKit.URL, keys.Key, keys.Secret)
	s.config = c
	for i := range workers {
		c.Node, c.API.Listen = fmt.Sprintf("worker-%d", i), freeAddress(t, "tcp")
		s.stops = append(s.stops, serve(t, c))
	}
	return s
}

// recorder is the node that records the room.
func (s *egressStage) recorder(ctx context.Context, t *testing.T, room string) string {
	t.Helper()
	page, err := s.store.List(ctx, coord.Query{Room: room, States: []recording.State{recording.Active}})
	if err != nil || len(page.Items) == 0 {
		t.Fatalf("nobody records: %v", err)
	}
	return page.Items[0].Node
}

// hear takes a webhook in LiveKit's own form.
func (s *egressStage) hear(t *testing.T, r *http.Request, keys plugin.Keys) {
	event, err := webhook.ReceiveWebhookEvent(r, auth.NewSimpleKeyProvider(keys.Key, keys.Secret))
	if err != nil {
		t.Errorf("webhook: %v", err)
		return
	}
	if e := event.EgressInfo; e != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		said := event.Event + " " + strings.TrimPrefix(e.Status.String(), "EGRESS_")
		s.events[e.EgressId] = append(s.events[e.EgressId], said)
	}
}

func (s *egressStage) heard(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events[id])
}

// await lists an egress until it is as wanted.
func (s *egressStage) await(ctx context.Context, t *testing.T, id string, want func(*livekit.EgressInfo) bool) *livekit.EgressInfo {
	t.Helper()
	info, err := client.Await(ctx, func() (*livekit.EgressInfo, error) {
		res, err := s.client.ListEgress(ctx, &livekit.ListEgressRequest{EgressId: id})
		if err != nil {
			return nil, err
		}
		return res.Items[0], nil
	}, want)
	if err != nil {
		t.Fatalf("%s: %v: %v", id, info, err)
	}
	return info
}

func isActive(i *livekit.EgressInfo) bool {
	return i.Status == livekit.EgressStatus_EGRESS_ACTIVE || hasEnded(i)
}
func hasEnded(i *livekit.EgressInfo) bool { return i.Status >= livekit.EgressStatus_EGRESS_COMPLETE }

// join puts a participant into the room, which publishes a camera and a microphone.
func (s *egressStage) join(ctx context.Context, t *testing.T, room, identity string, index int) *meeting.Participant {
	t.Helper()
	p, err := meeting.Join(ctx, s.server, meeting.Options{Room: room, Identity: identity, Index: index, Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// tracks returns the SIDs of a participant's microphone and camera.
func (s *egressStage) tracks(ctx context.Context, t *testing.T, room, identity string) (microphone, camera string) {
	t.Helper()
	who, err := client.Await(ctx, func() (*livekit.ParticipantInfo, error) {
		return s.rooms.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	}, func(p *livekit.ParticipantInfo) bool { return len(p.Tracks) == 2 })
	if err != nil {
		t.Fatal(err)
	}
	for _, track := range who.Tracks {
		if track.Source == livekit.TrackSource_MICROPHONE {
			microphone = track.Sid
		} else {
			camera = track.Sid
		}
	}
	return microphone, camera
}

// startUnified calls the newer StartEgress, which the SDK's client does not have yet.
func (s *egressStage) startUnified(ctx context.Context, req *livekit.StartEgressRequest) (*livekit.EgressInfo, error) {
	token, err := auth.NewAccessToken(s.server.Key, s.server.Secret).SetVideoGrant(&auth.VideoGrant{RoomRecord: true}).ToJWT()
	if err != nil {
		return nil, err
	}
	ctx, err = twirp.WithHTTPRequestHeaders(ctx, http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		return nil, err
	}
	return livekit.NewEgressProtobufClient(strings.Replace(s.server.URL, "ws", "http", 1), http.DefaultClient).StartEgress(ctx, req)
}

// contents are the container and the codecs of a file, as ffprobe sees them.
func contents(ctx context.Context, t *testing.T, path string) string {
	t.Helper()
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-show_entries", "format=format_name:stream=codec_name,width,height", "-of", "json", path).Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v", path, err)
	}
	var probe struct {
		Streams []struct {
			Codec         string `json:"codec_name"`
			Width, Height int
		}
		Format struct {
			Name string `json:"format_name"`
		}
	}
	if err := json.Unmarshal(out, &probe); err != nil {
		t.Fatal(err)
	}
	var streams []string
	for _, s := range probe.Streams {
		if s.Width > 0 {
			s.Codec += fmt.Sprintf(" %dx%d", s.Width, s.Height)
		}
		streams = append(streams, s.Codec)
	}
	slices.Sort(streams)
	name, _, _ := strings.Cut(probe.Format.Name, ",")
	return name + ": " + strings.Join(streams, ", ")
}

func toFile(path string) []*livekit.EncodedFileOutput {
	return []*livekit.EncodedFileOutput{{Filepath: path}}
}

// Every kind of egress that roomreel does, by LiveKit's own client, with two
// workers: LiveKit lists it, tells of it by its webhooks, and the file is what was
// asked for.
func TestEgress(t *testing.T) {
	s := startEgressStage(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s.join(ctx, t, "egress", "anna", 0)
	s.join(ctx, t, "egress", "ben", 1)
	microphone, camera := s.tracks(ctx, t, "egress", "anna")
	_, bensCamera := s.tracks(ctx, t, "egress", "ben")

	small := &livekit.EncodingOptions{Width: 320, Height: 180, Framerate: 15}
	kinds := map[string]struct {
		start func() (*livekit.EgressInfo, error)
		file  string // below the output folder
		holds string
	}{
		"room composite": {func() (*livekit.EgressInfo, error) {
			return s.client.StartRoomCompositeEgress(ctx, &livekit.RoomCompositeEgressRequest{
				RoomName: "egress", Layout: "grid", FileOutputs: toFile("{room_name}/film"),
				Options: &livekit.RoomCompositeEgressRequest_Advanced{Advanced: small},
			})
		}, "egress/film.mp4", "mov: aac, h264 320x180"},
		"room composite, sound only": {func() (*livekit.EgressInfo, error) {
			return s.client.StartRoomCompositeEgress(ctx, &livekit.RoomCompositeEgressRequest{
				RoomName: "egress", AudioOnly: true, FileOutputs: toFile("sound"),
			})
		}, "sound.ogg", "ogg: opus"},
		"participant": {func() (*livekit.EgressInfo, error) {
			return s.client.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{
				RoomName: "egress", Identity: "anna", FileOutputs: toFile("{publisher_identity}"),
				Options: &livekit.ParticipantEgressRequest_Advanced{Advanced: small},
			})
		}, "anna.mp4", "mov: aac, h264 320x180"},
		"participant, as recorded": {func() (*livekit.EgressInfo, error) {
			return s.client.StartParticipantEgress(ctx, &livekit.ParticipantEgressRequest{
				RoomName: "egress", Identity: "anna", FileOutputs: toFile("anna.webm"),
			})
		}, "anna.webm", "matroska: opus, vp8 640x360"},
		"track composite of two people": {func() (*livekit.EgressInfo, error) {
			return s.client.StartTrackCompositeEgress(ctx, &livekit.TrackCompositeEgressRequest{
				RoomName: "egress", AudioTrackId: microphone, VideoTrackId: bensCamera, FileOutputs: toFile("two"),
				Options: &livekit.TrackCompositeEgressRequest_Advanced{Advanced: small},
			})
		}, "two.mp4", "mov: aac, h264 320x180"},
		"track of sound": {func() (*livekit.EgressInfo, error) {
			return s.client.StartTrackEgress(ctx, &livekit.TrackEgressRequest{
				RoomName: "egress", TrackId: microphone,
				Output: &livekit.TrackEgressRequest_File{File: &livekit.DirectFileOutput{Filepath: "{track_type}-{track_source}"}},
			})
		}, "audio-microphone.ogg", "ogg: opus"},
		"track of pictures": {func() (*livekit.EgressInfo, error) {
			return s.client.StartTrackEgress(ctx, &livekit.TrackEgressRequest{
				RoomName: "egress", TrackId: camera,
				Output: &livekit.TrackEgressRequest_File{File: &livekit.DirectFileOutput{Filepath: "pictures/{track_id}", DisableManifest: true}},
			})
		}, "pictures/" + camera + ".webm", "matroska: vp8 640x360"},
		"the newer form": {func() (*livekit.EgressInfo, error) {
			return s.startUnified(ctx, &livekit.StartEgressRequest{
				RoomName: "egress",
				Source: &livekit.StartEgressRequest_Media{Media: &livekit.MediaSource{
					Video: &livekit.MediaSource_VideoTrackId{VideoTrackId: camera},
					Audio: &livekit.AudioConfig{Routes: []*livekit.AudioRoute{{Match: &livekit.AudioRoute_TrackId{TrackId: microphone}}}},
				}},
				Outputs: []*livekit.Output{{Config: &livekit.Output_File{File: &livekit.FileOutput{Filepath: "newer.mkv"}}}},
			})
		}, "newer.mkv", "matroska: opus, vp8 640x360"},
	}
	ids := map[string]string{}
	for name, k := range kinds {
		info, err := k.start()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if info.Status != livekit.EgressStatus_EGRESS_STARTING || info.RoomName != "egress" || info.RoomId == "" {
			t.Errorf("%s: answered with %v", name, info)
		}
		ids[name] = info.EgressId
	}
	for name, id := range ids {
		if info := s.await(ctx, t, id, isActive); info.Status != livekit.EgressStatus_EGRESS_ACTIVE || info.StartedAt == 0 {
			t.Fatalf("%s: %v", name, info)
		}
	}
	active, err := s.client.ListEgress(ctx, &livekit.ListEgressRequest{RoomName: "egress", Active: true})
	if err != nil || len(active.Items) != len(kinds) {
		t.Errorf("%d egresses are active, want %d: %v", len(active.GetItems()), len(kinds), err)
	}
	layout, err := s.client.UpdateLayout(ctx, &livekit.UpdateLayoutRequest{EgressId: ids["room composite"], Layout: "speaker"})
	if err != nil {
		t.Errorf("update layout: %v", err)
	}
	_, err = s.client.UpdateStream(ctx, &livekit.UpdateStreamRequest{EgressId: ids["participant"], AddOutputUrls: []string{"rtmp://x/y"}})
	wantTwirp(t, "update stream", err, twirp.InvalidArgument)
	waitFor(ctx, t, 4*time.Second)
	for name, id := range ids {
		info, err := s.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: id})
		if err != nil || info.Status != livekit.EgressStatus_EGRESS_ENDING {
			t.Errorf("stop %s: %v, %v", name, info, err)
		}
	}
	output := filepath.Join(s.config.Data, "egress")
	for name, k := range kinds {
		info := s.await(ctx, t, ids[name], hasEnded)
		if info.Status != livekit.EgressStatus_EGRESS_COMPLETE || len(info.FileResults) != 1 {
			t.Errorf("%s ended as %v", name, info)
			continue
		}
		f := info.FileResults[0]
		if f.Filename != k.file || f.Location != filepath.Join(output, k.file) {
			t.Errorf("%s: file %q at %q, want %q", name, f.Filename, f.Location, k.file)
		}
		stat, err := os.Stat(f.Location)
		if err != nil || stat.Size() != f.Size {
			t.Fatalf("%s: size %d is told of %v: %v", name, f.Size, stat, err)
		}
		if got := contents(ctx, t, f.Location); got != k.holds {
			t.Errorf("%s: %s, want %s", name, got, k.holds)
		}
		if length := time.Duration(f.Duration); length < 4*time.Second || length > 40*time.Second {
			t.Errorf("%s lasts %v", name, length)
		}
		playsCleanly(ctx, t, f.Location)
		if wants := name != "track of pictures"; (info.ManifestLocation != "") != wants {
			t.Errorf("%s: manifest at %q", name, info.ManifestLocation)
		}
		checkHeard(ctx, t, s, name, info.EgressId)
	}
	// Most of it: a busy machine delays single pictures on their way to the recorder.
	if lips := lipSync(ctx, t, filepath.Join(output, "anna.webm"), 0); lips.Abs() > 40*time.Millisecond {
		t.Errorf("sound comes after the pictures by %v", lips)
	}
	checkLayouts(t, s.config.Data, layout.GetEgressId(), "grid", "speaker")

	_, err = s.client.StopEgress(ctx, &livekit.StopEgressRequest{EgressId: ids["participant"]})
	wantTwirp(t, "stop again", err, twirp.FailedPrecondition)
}

// lipSync is by how much a participant's beeps come after their flashes, in the median.
func lipSync(ctx context.Context, t *testing.T, path string, index int) time.Duration {
	t.Helper()
	signals, err := meeting.Measure(ctx, path, meeting.Probe{Tile: meeting.WholePicture, Tone: meeting.Tone(index)})
	if err != nil {
		t.Fatal(err)
	}
	skews := meeting.Skews(signals[0].Flashes, signals[0].Beeps)
	if len(skews) < 3 {
		t.Fatalf("%d flashes with a beep, want at least 3", len(skews))
	}
	slices.SortFunc(skews, func(a, b meeting.Skew) int { return cmp.Compare(a.By, b.By) })
	return skews[len(skews)/2].By
}

// checkHeard asserts which webhooks LiveKit sent of an egress.
func checkHeard(ctx context.Context, t *testing.T, s *egressStage, name, id string) {
	t.Helper()
	want := []string{"egress_ended COMPLETE", "egress_started STARTING", "egress_updated ACTIVE", "egress_updated ENDING"}
	got, err := client.Await(ctx, func() ([]string, error) { return s.heard(id), nil }, func(l []string) bool { return len(l) >= len(want) })
	if err != nil {
		t.Errorf("%s: webhooks: %v", name, err)
	}
	slices.Sort(got) // LiveKit promises no order
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%s: webhooks: %s", name, d)
	}
}

// checkLayouts asserts which layouts the recording of an egress has journaled.
func checkLayouts(t *testing.T, data, egressID string, want ...string) {
	t.Helper()
	for _, m := range manifests(t, data) {
		if m.Labels["egress_id"] != egressID {
			continue
		}
		var got []string
		for _, l := range m.Layouts {
			got = append(got, l.Layout)
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("layouts: %s", d)
		}
		return
	}
	t.Errorf("no recording of %s", egressID)
}

func manifests(t *testing.T, data string) (list []*recording.Manifest) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(data, "recordings", "rec_*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		m, err := recording.ReadManifest(dir)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func wantTwirp(t *testing.T, what string, err error, code twirp.ErrorCode) {
	t.Helper()
	var refused twirp.Error
	if !errors.As(err, &refused) || refused.Code() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}
