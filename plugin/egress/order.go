package egress

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/livekit/protocol/egress"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"

	"github.com/roomreel/roomreel/recording"
)

// order is a request, understood: what is recorded, and the files that are made.
type order struct {
	room string
	kind orderKind
	// identity is whose camera and microphone, or shared screen, a participant's
	// egress takes.
	identity string
	screen   bool
	// audioTrack and videoTrack are the SIDs that an egress of tracks takes. track
	// is the one of a track egress, whose kind is not known yet.
	track, audioTrack, videoTrack string
	// kinds narrows what is taken; empty takes sound and pictures.
	kinds  []recording.Kind
	layout string
	// canvas is the picture of a film that has to be encoded.
	canvas recording.CompositionSpec
	files  []file
}

// orderKind is what an egress takes.
type orderKind int

const (
	ofRoom orderKind = iota
	ofParticipant
	ofTracks
)

// file is an output: one file under a name that was asked for.
type file struct {
	path string // as it was asked for, templates and all
	// ext is the container: ".mp4", ".webm", ".mkv", ".ogg" or ".mp3". Empty: what
	// the track's codec goes into.
	ext      string
	manifest bool
	bucket   *livekit.S3Upload // nil: this worker's output folder
}

func refuse(code psrpc.ErrorCode, format string, args ...any) error {
	return psrpc.NewErrorf(code, format, args...)
}

// invalid refuses a request that no egress could carry out.
func invalid(format string, args ...any) error { return refuse(psrpc.InvalidArgument, format, args...) }

// beyond refuses what LiveKit Egress does and roomreel does not.
func beyond(what string) error {
	return refuse(psrpc.Unimplemented, "roomreel does not do %s: run LiveKit Egress beside it for these, with egress.defer set (docs/egress.md)", what)
}

// read understands a request, or refuses it with the code that its caller sees.
// webm makes WebM the container of files whose request leaves it open.
func read(req *rpc.StartEgressRequest, webm bool) (order, error) {
	var o order
	var err error
	switch r := req.Request.(type) {
	case *rpc.StartEgressRequest_RoomComposite:
		o, err = readRoomComposite(r.RoomComposite)
	case *rpc.StartEgressRequest_Participant:
		o, err = readParticipant(r.Participant)
	case *rpc.StartEgressRequest_TrackComposite:
		o, err = readTrackComposite(r.TrackComposite)
	case *rpc.StartEgressRequest_Track:
		o, err = readTrack(r.Track)
	case *rpc.StartEgressRequest_Egress:
		o, err = readUnified(r.Egress)
	case *rpc.StartEgressRequest_Web:
		return o, beyond("web pages")
	case *rpc.StartEgressRequest_Replay:
		return o, beyond("exports of replays")
	default:
		return o, invalid("request has missing or invalid field: request")
	}
	switch {
	case err != nil:
		return o, err
	case o.room == "":
		return o, invalid("request has missing or invalid field: room_name")
	case len(o.files) == 0:
		return o, invalid("request has missing or invalid field: output: one file is needed at least")
	}
	for i := range o.files {
		if err := o.settle(&o.files[i], webm); err != nil {
			return o, err
		}
	}
	return o, nil
}

func readRoomComposite(r *livekit.RoomCompositeEgressRequest) (order, error) {
	o := order{room: r.RoomName, kind: ofRoom}
	if r.AudioMixing != livekit.AudioMixing_DEFAULT_MIXING {
		return o, beyond("sound split to the left and right channel")
	}
	if err := o.template(r.Layout, r.CustomBaseUrl, r.AudioOnly, r.VideoOnly); err != nil {
		return o, err
	}
	if err := o.outputs(r, r); err != nil {
		return o, err
	}
	return o, o.encoding(r)
}

func readParticipant(r *livekit.ParticipantEgressRequest) (order, error) {
	o := order{room: r.RoomName, kind: ofParticipant, identity: r.Identity, screen: r.ScreenShare}
	if r.Identity == "" {
		return o, invalid("request has missing or invalid field: identity")
	}
	if err := o.outputs(r, nil); err != nil {
		return o, err
	}
	return o, o.encoding(r)
}

func readTrackComposite(r *livekit.TrackCompositeEgressRequest) (order, error) {
	o := order{room: r.RoomName, kind: ofTracks, audioTrack: r.AudioTrackId, videoTrack: r.VideoTrackId}
	if r.AudioTrackId == "" && r.VideoTrackId == "" {
		return o, invalid("request has missing or invalid field: audio_track_id or video_track_id")
	}
	if err := o.outputs(r, r); err != nil {
		return o, err
	}
	return o, o.encoding(r)
}

func readTrack(r *livekit.TrackEgressRequest) (order, error) {
	o := order{room: r.RoomName, kind: ofTracks, track: r.TrackId}
	if r.TrackId == "" {
		return o, invalid("request has missing or invalid field: track_id")
	}
	if r.GetWebsocketUrl() != "" {
		return o, beyond("WebSocket outputs")
	}
	f := r.GetFile()
	if f == nil {
		return o, invalid("request has missing or invalid field: output")
	}
	out := file{path: f.Filepath, manifest: !f.DisableManifest}
	var err error
	if out.bucket, err = bucketOf(f); err != nil {
		return o, err
	}
	if ext := path.Ext(f.Filepath); ext == ".webm" || ext == ".mkv" {
		out.ext = ext // LiveKit Egress knows no others for Opus than .ogg
	}
	o.files = []file{out}
	return o, nil
}

// template takes what requests for a page with a layout have in common.
func (o *order) template(layout, customURL string, audioOnly, videoOnly bool) error {
	switch {
	case customURL != "":
		return beyond("pages of your own (custom_base_url)")
	case audioOnly && videoOnly:
		return invalid("request has missing or invalid field: audio_only and video_only exclude each other")
	case audioOnly:
		o.kinds = []recording.Kind{recording.Audio}
	case videoOnly:
		o.kinds = []recording.Kind{recording.Video}
	}
	o.layout = layout
	return recordingError(recording.CheckLayout(layout))
}

// outputs reads the outputs of a request, and those of its deprecated fields, if it
// has such.
func (o *order) outputs(r egress.EncodedOutput, old egress.EncodedOutputDeprecated) error {
	list := r.GetFileOutputs()
	stream, segments := len(r.GetStreamOutputs()) > 0, len(r.GetSegmentOutputs()) > 0
	if old != nil {
		stream, segments = stream || old.GetStream() != nil, segments || old.GetSegments() != nil
		if old.GetFile() != nil {
			list = append([]*livekit.EncodedFileOutput{old.GetFile()}, list...)
		}
	}
	switch {
	case stream:
		return beyond("live streams (RTMP, SRT)")
	case segments:
		return beyond("HLS segments")
	case len(r.GetImageOutputs()) > 0:
		return beyond("images")
	}
	for _, f := range list {
		bucket, err := bucketOf(f)
		if err != nil {
			return err
		}
		out := file{path: f.Filepath, manifest: !f.DisableManifest, bucket: bucket}
		if out.ext, err = extensionOf(f.FileType); err != nil {
			return err
		}
		o.files = append(o.files, out)
	}
	return nil
}

func extensionOf(t livekit.EncodedFileType) (string, error) {
	switch t {
	case livekit.EncodedFileType_DEFAULT_FILETYPE:
		return "", nil
	case livekit.EncodedFileType_MP4:
		return ".mp4", nil
	case livekit.EncodedFileType_OGG:
		return ".ogg", nil
	case livekit.EncodedFileType_MP3:
		return ".mp3", nil
	}
	return "", invalid("request has missing or invalid field: file_type")
}

// bucketOf is where an output's request wants it; nil means with the worker.
func bucketOf(s egress.UploadRequest) (*livekit.S3Upload, error) {
	switch {
	case s.GetGcp() != nil:
		return nil, beyond("Google Cloud Storage by its own API; its S3-compatible one works as s3 with endpoint https://storage.googleapis.com")
	case s.GetAzure() != nil:
		return nil, beyond("Azure Blob Storage; leave the output's storage out to use the bucket of roomreel's own storage, or take one that speaks S3")
	case s.GetAliOSS() != nil:
		return nil, beyond("Alibaba OSS by its own API; its S3-compatible one works as s3")
	}
	b := s.GetS3()
	switch {
	case b == nil:
		return nil, nil
	case b.Bucket == "":
		return nil, invalid("request has missing or invalid field: s3.bucket")
	case b.AssumeRoleArn != "":
		return nil, beyond("assumed roles of S3")
	case b.Proxy != nil:
		return nil, beyond("proxies on the way to S3")
	}
	return b, nil
}

// settle fixes the container of a file that its request leaves open, and refuses
// one that cannot hold what is taken.
func (o *order) settle(f *file, webm bool) error {
	if o.track != "" {
		return nil // its codec decides
	}
	soundOnly := len(o.kinds) == 1 && o.kinds[0] == recording.Audio || o.kind == ofTracks && o.videoTrack == ""
	asked := path.Ext(f.path)
	switch {
	case f.ext != "":
	case asked == ".webm", asked == ".mkv", asked == ".mp3" && soundOnly, asked == ".mp4" && soundOnly:
		f.ext = asked
	case soundOnly:
		f.ext = ".ogg"
	case o.canvas.Format == "webm", webm:
		f.ext = ".webm"
	default:
		f.ext = ".mp4"
	}
	switch {
	case !soundOnly && (f.ext == ".ogg" || f.ext == ".mp3"):
		return invalid("format %s incompatible with video: ask for sound only, or for MP4", strings.TrimPrefix(f.ext, "."))
	case o.kind == ofRoom && f.ext == ".mkv":
		return invalid("format mkv incompatible with a room composite: ask for .mp4 or .webm")
	}
	return nil
}

// takes reports whether the order takes media of this kind.
func (o *order) takes(k recording.Kind) bool { return len(o.kinds) == 0 || slices.Contains(o.kinds, k) }

// filmLayout is the name that the composer gives to one of LiveKit's layouts.
func filmLayout(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "-dark"), "-light")
	return cmp.Or(map[string]string{"single-speaker": "single"}[name], name)
}
