package egress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/psrpc"

	"github.com/roomreel/roomreel/recording"
)

// production makes the files of an egress whose recording has ended.
type production struct {
	worker *Worker
	job    job
	order  order
	info   *livekit.EgressInfo
	record recording.Recording
	// began is told which composition makes a file.
	began func(file int, composition string)

	manifest *recording.Manifest
	work     string // a folder for files on their way
	names    names
}

func (p *production) run(ctx context.Context) (out outcome) {
	fails := func(err error) outcome { out.err = err; return out }
	var err error
	if p.manifest, err = p.worker.opts.Files.Manifest(p.job.Recording); err != nil {
		return fails(refuse(psrpc.DataLoss, "the files of recording %s are on node %q and out of reach: %w", p.job.Recording, p.record.Node, err))
	}
	// Named for the egress, so that what a crash leaves is cleared by whoever goes on.
	p.work = filepath.Join(p.worker.opts.Output, ".making-"+p.job.ID)
	if err := errors.Join(os.RemoveAll(p.work), os.MkdirAll(p.work, 0o700)); err != nil {
		return fails(fmt.Errorf("make folder for files: %w", err))
	}
	defer os.RemoveAll(p.work)
	p.names = p.nameParts()
	for i, f := range p.order.files {
		made, ext, err := p.make(ctx, i, f)
		if err != nil {
			return fails(err)
		}
		name := p.names.fill(f.path, ext)
		info, err := p.describe(ctx, made, name)
		if err != nil {
			return fails(err)
		}
		info.Location, err = p.worker.place(ctx, f, name, made)
		if err != nil && p.worker.remote(f) && ctx.Err() == nil {
			// The bucket has not taken it: whoever looks for it finds it here.
			if here, herr := p.worker.placeHere(p.job.ID+"/"+strings.TrimPrefix(name, "/"), made); herr == nil {
				info.Location, out.backup = here, true
				out.files = append(out.files, info)
			}
		}
		if err != nil {
			return fails(err)
		}
		out.files = append(out.files, info)
		if !f.manifest {
			continue
		}
		if out.manifest, err = p.writeManifest(ctx, f, info); err != nil {
			return fails(err)
		}
	}
	return out
}

// describe is what LiveKit is told of a file.
func (p *production) describe(ctx context.Context, made, name string) (*livekit.FileInfo, error) {
	stat, err := os.Stat(made)
	if err != nil {
		return nil, fmt.Errorf("look at file: %w", err)
	}
	length, err := p.worker.opts.Files.Length(ctx, made)
	if err != nil {
		return nil, err
	}
	return &livekit.FileInfo{
		Filename: name, StartedAt: p.info.StartedAt, EndedAt: p.record.StoppedAt.UnixNano(),
		Duration: length.Nanoseconds(), Size: stat.Size(),
	}, nil
}

// nameParts are what the templates of names stand for.
func (p *production) nameParts() names {
	n := names{roomName: p.order.room, roomID: p.info.RoomId, identity: p.order.identity, at: p.job.CreatedAt}
	for _, t := range p.job.Tracks {
		n.identity = t.Identity
		if t.SID == p.order.track {
			n.trackID, n.trackSource, n.trackType = t.SID, t.Source, t.Kind
		}
	}
	return n
}

// film is the film that makes a file, if one does. It has the layouts that the
// recording was told of.
func (o *order) film(f file) (spec recording.CompositionSpec, films bool) {
	spec = o.canvas
	spec.Format = strings.TrimPrefix(f.ext, ".")
	switch {
	case o.kind == ofRoom && o.takes(recording.Video):
		return spec, true
	case o.kind == ofRoom && f.ext == ".mp4":
		return recording.CompositionSpec{Format: "m4a"}, true
	case o.kind == ofRoom:
		return recording.CompositionSpec{Format: "opus"}, true
	case o.kind == ofParticipant && o.takes(recording.Video) && f.ext == ".mp4":
		return spec, true
	}
	return spec, false
}

// wishes are the films of an order. They are composed while it is recorded, so
// that little is left to do at the end.
func (o *order) wishes() (films []recording.CompositionSpec) {
	for _, f := range o.files {
		spec, is := o.film(f)
		if spec.Live = true; is && !slices.ContainsFunc(films, same(spec)) {
			films = append(films, spec)
		}
	}
	const most = 10 // of a recording.Request
	return films[:min(len(films), most)]
}

// wished is the index of a file's film among the wishes; -1 if it is not one.
func (o *order) wished(f file) int {
	spec, is := o.film(f)
	if spec.Live = true; !is {
		return -1
	}
	return slices.IndexFunc(o.wishes(), same(spec))
}

func same(a recording.CompositionSpec) func(recording.CompositionSpec) bool {
	return func(b recording.CompositionSpec) bool { return reflect.DeepEqual(a, b) }
}

// make makes a file and returns where it lies, and the extension that its name has.
func (p *production) make(ctx context.Context, i int, f file) (made, ext string, err error) {
	files, ext := p.worker.opts.Files, f.ext
	codecs := p.codecs()
	if p.order.track != "" {
		ext = trackExtension(f.ext, codecs)
	}
	spec, films := p.order.film(f)
	if !films && ext == ".webm" && slices.ContainsFunc(codecs, func(c string) bool { return !fitsWebM(c) }) {
		spec, films = p.order.canvas, true // WebM holds neither H.264 nor H.265
		spec.Format = "webm"
	}
	if films {
		film, err := p.film(ctx, i, f, spec)
		if err != nil || ext != ".mp3" && (ext != ".webm" || spec.Format != "opus") {
			return film, ext, err
		}
		out := filepath.Join(p.work, fmt.Sprintf("%d%s", i, ext)) // the composer's containers of sound are others
		return out, ext, files.Sound(ctx, film, out)
	}
	out := filepath.Join(p.work, fmt.Sprintf("%d%s", i, ext))
	what := Extract{SIDs: p.order.sids(), Kinds: p.order.kinds}
	if ext == ".mp4" && p.order.track == "" && (p.order.videoTrack != "" || p.order.kind == ofParticipant && p.order.takes(recording.Video)) {
		what.Canvas = p.order.canvas
	}
	return out, ext, files.Extract(ctx, p.job.Recording, what, out)
}

// film has a film made, and returns where it lies.
func (p *production) film(ctx context.Context, i int, f file, spec recording.CompositionSpec) (string, error) {
	files, n := p.worker.opts.Files, p.order.wished(f)
	if n >= 0 && p.job.Films[i] == "" {
		wish := p.order.wishes()[n]
		film, err := files.Wished(ctx, p.job.Recording, n, wish)
		if recording.CodeOf(err) != recording.CodeNotFound {
			return film, err
		}
		// It was begun on a node that has other files.
	}
	return files.Film(ctx, p.job.Recording, spec, p.job.Films[i], func(id string) { p.began(i, id) })
}

// codecs are those of the tracks that are taken.
func (p *production) codecs() (list []string) {
	sids := p.order.sids()
	for _, part := range p.manifest.Parts {
		for _, t := range part.Tracks {
			taken := len(sids) == 0 || slices.ContainsFunc(t.SIDs, func(s string) bool { return slices.Contains(sids, s) })
			if taken && !slices.Contains(list, t.Codec) {
				list = append(list, t.Codec)
			}
		}
	}
	return list
}

func fitsWebM(codec string) bool {
	return slices.Contains([]string{"opus", "vp8", "vp9", "av1"}, codec)
}

// trackExtension is the container of a single track: the one that was asked for if
// it holds the codec, else LiveKit Egress's choice.
func trackExtension(asked string, codecs []string) string {
	webm := !slices.ContainsFunc(codecs, func(c string) bool { return !fitsWebM(c) })
	switch {
	case asked == ".mkv" || asked == ".webm" && webm:
		return asked
	case len(codecs) == 1 && codecs[0] == "opus":
		return ".ogg"
	case webm:
		return ".webm"
	}
	return ".mp4"
}

// fileManifest is LiveKit Egress's description of a file, beside it as <file>.json.
type fileManifest struct {
	EgressID          string         `json:"egress_id,omitempty"`
	RoomID            string         `json:"room_id,omitempty"`
	RoomName          string         `json:"room_name,omitempty"`
	StartedAt         int64          `json:"started_at,omitempty"`
	EndedAt           int64          `json:"ended_at,omitempty"`
	PublisherIdentity string         `json:"publisher_identity,omitempty"`
	TrackID           string         `json:"track_id,omitempty"`
	TrackKind         string         `json:"track_kind,omitempty"`
	TrackSource       string         `json:"track_source,omitempty"`
	AudioTrackID      string         `json:"audio_track_id,omitempty"`
	VideoTrackID      string         `json:"video_track_id,omitempty"`
	Files             []manifestFile `json:"files,omitempty"`
	// RecordingID names the recording that the file was made of.
	RecordingID string `json:"recording_id"`
}

type manifestFile struct {
	Filename string `json:"filename"`
	Location string `json:"location"`
}

func (p *production) writeManifest(ctx context.Context, f file, info *livekit.FileInfo) (location string, err error) {
	body, err := json.Marshal(fileManifest{
		EgressID: p.job.ID, RoomID: p.info.RoomId, RoomName: p.order.room,
		StartedAt: info.StartedAt, EndedAt: info.EndedAt, PublisherIdentity: p.names.identity,
		TrackID: p.names.trackID, TrackKind: string(p.names.trackType), TrackSource: p.names.trackSource,
		AudioTrackID: p.order.audioTrack, VideoTrackID: p.order.videoTrack,
		Files: []manifestFile{{info.Filename, info.Location}}, RecordingID: p.job.Recording,
	})
	if err != nil {
		return "", fmt.Errorf("encode manifest: %w", err)
	}
	path := filepath.Join(p.work, "manifest.json")
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("write manifest: %w", err)
	}
	return p.worker.place(ctx, f, info.Filename+".json", path)
}
