package egress

import (
	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/recording"
)

// readUnified reads a request of the newer StartEgress, which has one form for
// all kinds.
func readUnified(r *livekit.StartEgressRequest) (order, error) {
	o := order{room: r.RoomName}
	var err error
	switch s := r.Source.(type) {
	case *livekit.StartEgressRequest_Template:
		o.kind = ofRoom
		err = o.template(s.Template.Layout, s.Template.CustomBaseUrl, s.Template.AudioOnly, s.Template.VideoOnly)
	case *livekit.StartEgressRequest_Media:
		err = o.media(s.Media)
	case *livekit.StartEgressRequest_Web:
		err = beyond("web pages")
	default:
		err = invalid("request has missing or invalid field: source")
	}
	if err != nil {
		return o, err
	}
	for _, out := range r.Outputs {
		f, err := unifiedOutput(out, r.Storage)
		if err != nil {
			return o, err
		}
		o.files = append(o.files, f)
	}
	return o, o.encoding(r)
}

func unifiedOutput(out *livekit.Output, common *livekit.StorageConfig) (file, error) {
	var f file
	switch {
	case out.GetStream() != nil:
		return f, beyond("live streams (RTMP, SRT, WebSocket)")
	case out.GetSegments() != nil:
		return f, beyond("HLS segments")
	case out.GetImages() != nil:
		return f, beyond("images")
	case out.GetFile() == nil:
		return f, invalid("request has missing or invalid field: outputs: config")
	}
	f.path, f.manifest = out.GetFile().Filepath, !out.GetFile().DisableManifest
	var err error
	if f.ext, err = extensionOf(out.GetFile().FileType); err != nil {
		return f, err
	}
	where := out.Storage
	if where == nil {
		where = common
	}
	if where != nil {
		f.bucket, err = bucketOf(where)
	}
	return f, err
}

// media reads which tracks are taken: everybody's sound, one participant, or one
// or two tracks by SID.
func (o *order) media(m *livekit.MediaSource) error {
	const mixed = "this mixture of tracks: ask for everybody's sound, for one participant, or for one or two tracks by SID"
	everybody, track, identity, err := readAudio(m.Audio)
	if err != nil {
		return err
	}
	switch v := m.Video.(type) {
	case *livekit.MediaSource_ParticipantVideo:
		o.kind, o.identity, o.screen = ofParticipant, v.ParticipantVideo.Identity, v.ParticipantVideo.PreferScreenShare
		switch {
		case o.identity == "":
			return invalid("request has missing or invalid field: participant_video.identity")
		case everybody || track != "" || identity != "" && identity != o.identity:
			return beyond(mixed)
		case identity == "":
			o.kinds = []recording.Kind{recording.Video}
		}
	case *livekit.MediaSource_VideoTrackId:
		if everybody || identity != "" {
			return beyond(mixed)
		}
		o.kind, o.videoTrack, o.audioTrack = ofTracks, v.VideoTrackId, track
	case nil:
		o.kinds = []recording.Kind{recording.Audio}
		switch {
		case everybody:
			o.kind = ofRoom
		case identity != "":
			o.kind, o.identity = ofParticipant, identity
		case track != "":
			o.kind, o.audioTrack = ofTracks, track
		default:
			return invalid("request has missing or invalid field: media: neither video nor audio is asked for")
		}
	}
	return nil
}

// readAudio tells whose sound is taken: everybody's, a track's or a participant's.
func readAudio(a *livekit.AudioConfig) (everybody bool, track, identity string, err error) {
	routes := a.GetRoutes()
	for _, r := range routes {
		if r.Channel != livekit.AudioChannel_AUDIO_CHANNEL_BOTH {
			return false, "", "", beyond("sound split to the left and right channel")
		}
	}
	switch {
	case a.GetCaptureAll():
		return true, "", "", nil // routes only choose channels then
	case len(routes) == 0:
		return false, "", "", nil
	case len(routes) > 1:
		return false, "", "", beyond("sound of several chosen tracks: capture_all takes everybody's")
	}
	switch m := routes[0].Match.(type) {
	case *livekit.AudioRoute_TrackId:
		return false, m.TrackId, "", nil
	case *livekit.AudioRoute_ParticipantIdentity:
		return false, "", m.ParticipantIdentity, nil
	}
	return false, "", "", beyond("sound chosen by the kind of participant")
}
