package egress

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"

	"github.com/roomreel/roomreel/recording"
)

var (
	hd    = recording.CompositionSpec{Width: 1280, Height: 720, FrameRate: 30}
	sound = []recording.Kind{recording.Audio}
)

func roomComposite(r *livekit.RoomCompositeEgressRequest) *rpc.StartEgressRequest {
	return &rpc.StartEgressRequest{Request: &rpc.StartEgressRequest_RoomComposite{RoomComposite: r}}
}

func participant(r *livekit.ParticipantEgressRequest) *rpc.StartEgressRequest {
	return &rpc.StartEgressRequest{Request: &rpc.StartEgressRequest_Participant{Participant: r}}
}

func composite(r *livekit.TrackCompositeEgressRequest) *rpc.StartEgressRequest {
	return &rpc.StartEgressRequest{Request: &rpc.StartEgressRequest_TrackComposite{TrackComposite: r}}
}

func track(r *livekit.TrackEgressRequest) *rpc.StartEgressRequest {
	return &rpc.StartEgressRequest{Request: &rpc.StartEgressRequest_Track{Track: r}}
}

func unified(r *livekit.StartEgressRequest) *rpc.StartEgressRequest {
	return &rpc.StartEgressRequest{Request: &rpc.StartEgressRequest_Egress{Egress: r}}
}

func to(path string) []*livekit.EncodedFileOutput {
	return []*livekit.EncodedFileOutput{{Filepath: path}}
}

func outputTo(path string) []*livekit.Output {
	return []*livekit.Output{{Config: &livekit.Output_File{File: &livekit.FileOutput{Filepath: path}}}}
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		req  *rpc.StartEgressRequest
		webm bool
		want order
	}{
		{
			"a room as MP4 by default", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", Layout: "speaker-dark", FileOutputs: to("a")}), false,
			order{room: "r", kind: ofRoom, layout: "speaker-dark", canvas: hd, files: []file{{path: "a", ext: ".mp4", manifest: true}}},
		},
		{
			"a room as WebM where the node says so", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", FileOutputs: to("a")}), true,
			order{room: "r", kind: ofRoom, canvas: hd, files: []file{{path: "a", ext: ".webm", manifest: true}}},
		},
		{
			"the deprecated field", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", Output: &livekit.RoomCompositeEgressRequest_File{File: &livekit.EncodedFileOutput{Filepath: "a", DisableManifest: true}}}), false,
			order{room: "r", kind: ofRoom, canvas: hd, files: []file{{path: "a", ext: ".mp4"}}},
		},
		{
			"a room's sound", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", AudioOnly: true, FileOutputs: to("a")}), false,
			order{room: "r", kind: ofRoom, kinds: sound, canvas: hd, files: []file{{path: "a", ext: ".ogg", manifest: true}}},
		},
		{
			"a portrait preset", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", Options: &livekit.RoomCompositeEgressRequest_Preset{Preset: livekit.EncodingOptionsPreset_PORTRAIT_H264_1080P_60}, FileOutputs: to("")}), false,
			order{room: "r", kind: ofRoom, canvas: recording.CompositionSpec{Width: 1080, Height: 1920, FrameRate: 60}, files: []file{{ext: ".mp4", manifest: true}}},
		},
		{
			"advanced options with VP8", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", Options: &livekit.RoomCompositeEgressRequest_Advanced{Advanced: &livekit.EncodingOptions{Width: 640, Height: 360, Framerate: 25, VideoCodec: livekit.VideoCodec_VP8}}, FileOutputs: to("a")}), false,
			order{room: "r", kind: ofRoom, canvas: recording.CompositionSpec{Width: 640, Height: 360, FrameRate: 25, Format: "webm"}, files: []file{{path: "a", ext: ".webm", manifest: true}}},
		},
		{
			"a participant into the container that its name asks for", participant(&livekit.ParticipantEgressRequest{RoomName: "r", Identity: "anna", ScreenShare: true, FileOutputs: to("a.webm")}), false,
			order{room: "r", kind: ofParticipant, identity: "anna", screen: true, canvas: hd, files: []file{{path: "a.webm", ext: ".webm", manifest: true}}},
		},
		{
			"two tracks", composite(&livekit.TrackCompositeEgressRequest{RoomName: "r", AudioTrackId: "TR_a", VideoTrackId: "TR_v", FileOutputs: to("a.mkv")}), false,
			order{room: "r", kind: ofTracks, audioTrack: "TR_a", videoTrack: "TR_v", canvas: hd, files: []file{{path: "a.mkv", ext: ".mkv", manifest: true}}},
		},
		{
			"sound of two", composite(&livekit.TrackCompositeEgressRequest{RoomName: "r", AudioTrackId: "TR_a", FileOutputs: to("a")}), false,
			order{room: "r", kind: ofTracks, audioTrack: "TR_a", canvas: hd, files: []file{{path: "a", ext: ".ogg", manifest: true}}},
		},
		{
			"a track", track(&livekit.TrackEgressRequest{RoomName: "r", TrackId: "TR_x", Output: &livekit.TrackEgressRequest_File{File: &livekit.DirectFileOutput{Filepath: "{track_id}"}}}), false,
			order{room: "r", kind: ofTracks, track: "TR_x", files: []file{{path: "{track_id}", manifest: true}}},
		},
		{
			"the newer form: a template", unified(&livekit.StartEgressRequest{RoomName: "r", Source: &livekit.StartEgressRequest_Template{Template: &livekit.TemplateSource{Layout: "grid"}}, Outputs: outputTo("a")}), false,
			order{room: "r", kind: ofRoom, layout: "grid", canvas: hd, files: []file{{path: "a", ext: ".mp4", manifest: true}}},
		},
		{
			"the newer form: a participant", unified(&livekit.StartEgressRequest{RoomName: "r", Source: &livekit.StartEgressRequest_Media{Media: &livekit.MediaSource{
				Video: &livekit.MediaSource_ParticipantVideo{ParticipantVideo: &livekit.ParticipantVideo{Identity: "anna"}},
				Audio: &livekit.AudioConfig{Routes: []*livekit.AudioRoute{{Match: &livekit.AudioRoute_ParticipantIdentity{ParticipantIdentity: "anna"}}}},
			}}, Outputs: outputTo("a")}), false,
			order{room: "r", kind: ofParticipant, identity: "anna", canvas: hd, files: []file{{path: "a", ext: ".mp4", manifest: true}}},
		},
		{
			"the newer form: everybody's sound, in the bucket of the request", unified(&livekit.StartEgressRequest{RoomName: "r", Source: &livekit.StartEgressRequest_Media{Media: &livekit.MediaSource{
				Audio: &livekit.AudioConfig{CaptureAll: true},
			}}, Outputs: outputTo("a"), Storage: &livekit.StorageConfig{Provider: &livekit.StorageConfig_S3{S3: &livekit.S3Upload{Bucket: "b"}}}}), false,
			order{room: "r", kind: ofRoom, kinds: sound, canvas: hd, files: []file{{path: "a", ext: ".ogg", manifest: true, bucket: &livekit.S3Upload{Bucket: "b"}}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(tt.req, tt.webm)
			if err != nil {
				t.Fatal(err)
			}
			opts := []cmp.Option{cmp.AllowUnexported(order{}, file{}), cmp.Comparer(func(a, b *livekit.S3Upload) bool { return a.GetBucket() == b.GetBucket() })}
			if d := cmp.Diff(tt.want, got, opts...); d != "" {
				t.Error(d)
			}
		})
	}
}

// refusals are requests that are refused, with LiveKit's code and what the
// message must name.
var refusals = []struct {
	name string
	req  *rpc.StartEgressRequest
	code psrpc.ErrorCode
	says string
}{
	{"nothing", &rpc.StartEgressRequest{}, psrpc.InvalidArgument, "request"},
	{"a web page", &rpc.StartEgressRequest{Request: &rpc.StartEgressRequest_Web{Web: &livekit.WebEgressRequest{Url: "https://x"}}}, psrpc.Unimplemented, "web pages"},
	{"a replay", &rpc.StartEgressRequest{Request: &rpc.StartEgressRequest_Replay{Replay: &livekit.ExportReplayRequest{}}}, psrpc.Unimplemented, "replays"},
	{"RTMP", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", StreamOutputs: []*livekit.StreamOutput{{Urls: []string{"rtmp://x"}}}}), psrpc.Unimplemented, "RTMP"},
	{"RTMP by the deprecated field", composite(&livekit.TrackCompositeEgressRequest{RoomName: "r", VideoTrackId: "v", Output: &livekit.TrackCompositeEgressRequest_Stream{Stream: &livekit.StreamOutput{}}}), psrpc.Unimplemented, "RTMP"},
	{"HLS", participant(&livekit.ParticipantEgressRequest{RoomName: "r", Identity: "a", SegmentOutputs: []*livekit.SegmentedFileOutput{{}}}), psrpc.Unimplemented, "HLS"},
	{"images", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", ImageOutputs: []*livekit.ImageOutput{{}}}), psrpc.Unimplemented, "images"},
	{"a WebSocket", track(&livekit.TrackEgressRequest{RoomName: "r", TrackId: "t", Output: &livekit.TrackEgressRequest_WebsocketUrl{WebsocketUrl: "wss://x"}}), psrpc.Unimplemented, "WebSocket"},
	{"a page of one's own", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", CustomBaseUrl: "https://x", FileOutputs: to("a")}), psrpc.Unimplemented, "custom_base_url"},
	{"two channels", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", AudioMixing: livekit.AudioMixing_DUAL_CHANNEL_AGENT, FileOutputs: to("a")}), psrpc.Unimplemented, "channel"},
	{"Azure", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", FileOutputs: []*livekit.EncodedFileOutput{{Output: &livekit.EncodedFileOutput_Azure{Azure: &livekit.AzureBlobUpload{}}}}}), psrpc.Unimplemented, "Azure"},
	{"Google", track(&livekit.TrackEgressRequest{RoomName: "r", TrackId: "t", Output: &livekit.TrackEgressRequest_File{File: &livekit.DirectFileOutput{Output: &livekit.DirectFileOutput_Gcp{Gcp: &livekit.GCPUpload{}}}}}), psrpc.Unimplemented, "endpoint"},
	{"S3 without a bucket", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", FileOutputs: []*livekit.EncodedFileOutput{{Output: &livekit.EncodedFileOutput_S3{S3: &livekit.S3Upload{}}}}}), psrpc.InvalidArgument, "bucket"},
	{"no output", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r"}), psrpc.InvalidArgument, "output"},
	{"no room", roomComposite(&livekit.RoomCompositeEgressRequest{FileOutputs: to("a")}), psrpc.InvalidArgument, "room_name"},
	{"no identity", participant(&livekit.ParticipantEgressRequest{RoomName: "r", FileOutputs: to("a")}), psrpc.InvalidArgument, "identity"},
	{"no track", track(&livekit.TrackEgressRequest{RoomName: "r"}), psrpc.InvalidArgument, "track_id"},
	{"no tracks", composite(&livekit.TrackCompositeEgressRequest{RoomName: "r", FileOutputs: to("a")}), psrpc.InvalidArgument, "video_track_id"},
	{"pictures as Ogg", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", FileOutputs: []*livekit.EncodedFileOutput{{FileType: livekit.EncodedFileType_OGG}}}), psrpc.InvalidArgument, "incompatible"},
	{"neither sound nor pictures", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", AudioOnly: true, VideoOnly: true, FileOutputs: to("a")}), psrpc.InvalidArgument, "exclude"},
	{"a preset that does not exist", roomComposite(&livekit.RoomCompositeEgressRequest{RoomName: "r", Options: &livekit.RoomCompositeEgressRequest_Preset{Preset: 99}, FileOutputs: to("a")}), psrpc.InvalidArgument, "preset"},
	{"everybody's sound with one picture", unified(&livekit.StartEgressRequest{RoomName: "r", Source: &livekit.StartEgressRequest_Media{Media: &livekit.MediaSource{
		Video: &livekit.MediaSource_VideoTrackId{VideoTrackId: "v"}, Audio: &livekit.AudioConfig{CaptureAll: true},
	}}, Outputs: outputTo("a")}), psrpc.Unimplemented, "mixture"},
	{"nothing of a room", unified(&livekit.StartEgressRequest{RoomName: "r", Source: &livekit.StartEgressRequest_Media{Media: &livekit.MediaSource{}}, Outputs: outputTo("a")}), psrpc.InvalidArgument, "neither"},
	{"no source", unified(&livekit.StartEgressRequest{RoomName: "r", Outputs: outputTo("a")}), psrpc.InvalidArgument, "source"},
}

func TestRefusals(t *testing.T) {
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			_, err := read(tt.req, false)
			var refused psrpc.Error
			if !errors.As(err, &refused) || refused.Code() != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %s with a word about %q", err, tt.code, tt.says)
			}
		})
	}
}

func TestFilenames(t *testing.T) {
	n := names{
		roomName: "Stand up", roomID: "RM_1", identity: "../anna", trackID: "TR_x", trackSource: "camera", trackType: recording.Video,
		at: time.Date(2026, 3, 1, 9, 30, 5, 678e6, time.UTC),
	}
	room := n
	room.trackID = ""
	for _, tt := range []struct {
		names               names
		template, ext, want string
	}{
		{n, "{room_name}/{room_id}-{publisher_identity}-{track_id}-{track_type}-{track_source}", ".webm", "Stand up/RM_1-.._anna-TR_x-video-camera.webm"},
		{n, "{time}_{utc}", ".mp4", "2026-03-01T093005_20260301093005678.mp4"},
		{n, "", ".ogg", "TR_x-2026-03-01T093005.ogg"},
		{room, "", ".mp4", "Stand up-2026-03-01T093005.mp4"},
		{room, "films/", ".mp4", "films/Stand up-2026-03-01T093005.mp4"},
		{room, "v1.2", ".mp4", "v1.2.mp4"},
		{room, "a.ogg", ".mp4", "a.mp4"},
		{room, "a.mp4", ".mp4", "a.mp4"},
		{room, "../../etc/passwd", ".mp4", "etc/passwd.mp4"},
		{room, "/out/../../a", ".mp4", "/a.mp4"},
		{room, "a//b/./c", ".mp4", "a/b/c.mp4"},
		{room, "/out/", ".mp4", "/out/Stand up-2026-03-01T093005.mp4"},
		{names{roomName: "..", at: n.at}, "{room_name}/x", ".mp4", "_/x.mp4"},
	} {
		if got := tt.names.fill(tt.template, tt.ext); got != tt.want {
			t.Errorf("%q%s: got %q, want %q", tt.template, tt.ext, got, tt.want)
		}
	}
}
