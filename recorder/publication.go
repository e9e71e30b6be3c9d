package recorder

import (
	"strings"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/roomreel/roomreel/recording"
)

// publication is what stays the same of a track for as long as it is published.
type publication struct {
	sid, stream, source, mime string
	kind                      recording.Kind
	encryption                livekit.Encryption_Type
}

// publication returns what is known of pub; false if LiveKit has not told yet. The
// SDK copies all there is each time it is asked.
func (b *Bot) publication(pub *lksdk.RemoteTrackPublication) (publication, bool) {
	p, known := b.publications[pub.SID()]
	if !known {
		info := pub.TrackInfo()
		if info == nil {
			return p, false
		}
		p = describePublication(info)
		b.publications[p.sid] = p
	}
	return p, true
}

func describePublication(info *livekit.TrackInfo) publication {
	p := publication{
		sid: info.Sid, stream: streamName(info), source: strings.ToLower(info.Source.String()), mime: info.MimeType,
		kind: recording.Video, encryption: info.Encryption,
	}
	if info.Type == livekit.TrackType_AUDIO {
		p.kind = recording.Audio
	}
	return p
}

// streamName names the stream a track belongs to. A shared screen has one name,
// whatever the client calls it (LiveKit's for browsers says "screen"); all else is
// named as its publisher did, or as LiveKit's clients do by default.
func streamName(info *livekit.TrackInfo) string {
	switch info.Source {
	case livekit.TrackSource_SCREEN_SHARE, livekit.TrackSource_SCREEN_SHARE_AUDIO:
		return "screen_share"
	}
	switch {
	case info.Stream != "":
		return info.Stream
	case info.Source == livekit.TrackSource_CAMERA, info.Source == livekit.TrackSource_MICROPHONE:
		return "camera"
	case info.Name != "":
		return info.Name
	}
	return "unknown"
}
