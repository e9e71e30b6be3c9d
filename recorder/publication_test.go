package recorder

import (
	"testing"

	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/recording"
)

func TestDescribePublication(t *testing.T) {
	const audio, video = livekit.TrackType_AUDIO, livekit.TrackType_VIDEO
	for name, c := range map[string]struct {
		info *livekit.TrackInfo
		want publication
	}{
		"camera": {
			&livekit.TrackInfo{Sid: "TR_1", Type: video, Source: livekit.TrackSource_CAMERA, MimeType: "video/VP8"},
			publication{sid: "TR_1", stream: "camera", source: "camera", mime: "video/VP8", kind: recording.Video},
		},
		"microphone of the same stream": {
			&livekit.TrackInfo{Type: audio, Source: livekit.TrackSource_MICROPHONE, Name: "mic"},
			publication{stream: "camera", source: "microphone", kind: recording.Audio},
		},
		"custom name": {
			&livekit.TrackInfo{Type: audio, Source: livekit.TrackSource_MICROPHONE, Stream: "phone"},
			publication{stream: "phone", source: "microphone", kind: recording.Audio},
		},
		"screen, as LiveKit's client for browsers names it": {
			&livekit.TrackInfo{Type: video, Source: livekit.TrackSource_SCREEN_SHARE, Stream: "screen"},
			publication{stream: "screen_share", source: "screen_share", kind: recording.Video},
		},
		"its sound": {
			&livekit.TrackInfo{Type: audio, Source: livekit.TrackSource_SCREEN_SHARE_AUDIO, Stream: "screen"},
			publication{stream: "screen_share", source: "screen_share_audio", kind: recording.Audio},
		},
		"without a source": {
			&livekit.TrackInfo{Type: audio, Name: "assistant"},
			publication{stream: "assistant", source: "unknown", kind: recording.Audio},
		},
		"without anything": {&livekit.TrackInfo{Type: video}, publication{stream: "unknown", source: "unknown", kind: recording.Video}},
		"encrypted": {
			&livekit.TrackInfo{Type: video, Source: livekit.TrackSource_CAMERA, Encryption: livekit.Encryption_GCM},
			publication{stream: "camera", source: "camera", kind: recording.Video, encryption: livekit.Encryption_GCM},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := describePublication(c.info); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}
