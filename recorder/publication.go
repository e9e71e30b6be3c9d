package recorder

import (
	"strings"
	"time"

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

// forget lets go of what is known of a publication that is over.
func (b *Bot) forget(sid string) {
	delete(b.publications, sid)
	delete(b.requested, sid)
}

// request is what LiveKit was asked for last: whether to send a track, and since when
// it has not.
type request struct {
	want  bool
	since time.Duration
}

// overdue reports whether LiveKit has sent nothing of a publication for so long after
// it was asked to that it may never. It tells why in messages that the SDK does not
// know (SubscriptionResponse).
func (b *Bot) overdue(pub *lksdk.RemoteTrackPublication, asked request) bool {
	return b.tracks[pub.SID()] == nil && !pub.IsMuted() && b.now()-asked.since >= stalled
}

// waitAnew waits as long again for a track that was asked for.
func (b *Bot) waitAnew(sid string) {
	if asked, ok := b.requested[sid]; ok {
		b.requested[sid] = request{asked.want, b.now()}
	}
}

// refuse tells the recordings that would take a publication why they cannot.
func (b *Bot) refuse(identity string, p publication, why *recording.Error) {
	for _, c := range b.captures {
		if c.takes(streamKey{identity, p.stream}, p.kind) {
			c.refuse(b.now(), identity, p, why)
		}
	}
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
