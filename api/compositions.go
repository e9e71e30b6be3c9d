package api

import (
	"context"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// Composition is a job that makes one film of a recording, and its result.
type Composition struct {
	ID          string    `json:"id" doc:"Identifier." example:"cmp_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	RecordingID string    `json:"recording_id" doc:"The recording it is a film of." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Spec        FilmSpec  `json:"spec" doc:"The film that was asked for, with the defaults filled in."`
	State       string    `json:"state" enum:"queued,composing,ready,failed,canceled" doc:"How far it is; ready, failed and canceled are final." example:"ready"`
	Progress    float64   `json:"progress" doc:"How much is done, from 0 to 100." example:"100"`
	Remaining   float64   `json:"remaining_s" doc:"Estimate of the time left." example:"0"`
	CreatedAt   time.Time `json:"created_at" doc:"When it was asked for." example:"2026-03-01T09:31:00Z"`
	StartedAt   time.Time `json:"started_at,omitzero" doc:"When work on it began." example:"2026-03-01T09:31:01Z"`
	FinishedAt  time.Time `json:"finished_at,omitzero" doc:"When it became final." example:"2026-03-01T09:33:10Z"`
	Media       string    `json:"media,omitempty" doc:"Path to download the film from, once it is ready." example:"/v1/recordings/rec_0199a3f27c5d7e0fb1d2c3b4a5968778/compositions/cmp_0199a3f27c5d7e0fb1d2c3b4a5968778/media"`
	MediaType   string    `json:"media_type,omitempty" doc:"Content type of the film." example:"video/mp4"`
	Duration    float64   `json:"duration_s" doc:"Length of the film." example:"1799.8"`
	Width       int       `json:"width,omitempty" doc:"Width of the film in pixels." example:"1280"`
	Height      int       `json:"height,omitempty" doc:"Height of the film in pixels." example:"720"`
	Bytes       int64     `json:"bytes" doc:"Size of the film." example:"98765432"`
	Error       *Failure  `json:"error,omitempty" doc:"Why it failed."`
	Warnings    []string  `json:"warnings,omitempty" doc:"What a film that is ready lacks: parts whose files are damaged, a sentence each." example:"[\"part prt_0199a3f27c5d7e0fb1d2c3b4a5968779 of \\\"anna\\\", from 12 to 42 s, is left out: its file prt_0199a3f27c5d7e0fb1d2c3b4a5968779.webm is damaged\"]"`

	Files []CompositionFile `json:"files,omitempty" doc:"All that was made, the film first."`
}

// CompositionFile is one file of a composition.
type CompositionFile struct {
	Name        string  `json:"name" doc:"Name of the file." example:"poster.jpg"`
	Kind        string  `json:"kind" enum:"film,poster,sheet,speakers,playlist,participant" doc:"What it is." example:"poster"`
	Media       string  `json:"media" doc:"Path to download it from. The segments of a playlist lie beside it." example:"/v1/recordings/rec_0199a3f27c5d7e0fb1d2c3b4a5968778/compositions/cmp_0199a3f27c5d7e0fb1d2c3b4a5968778/files/poster.jpg"`
	MediaType   string  `json:"media_type" doc:"Content type." example:"image/jpeg"`
	Participant string  `json:"participant,omitempty" doc:"Whose file it is." example:"anna"`
	Start       float64 `json:"start_s,omitempty" doc:"Where it begins on the timeline." example:"0.25"`
	Duration    float64 `json:"duration_s,omitempty" doc:"Its length." example:"1799.5"`
	Bytes       int64   `json:"bytes" doc:"Its size." example:"48213"`
	Copied      bool    `json:"copied,omitempty" doc:"Its picture is the recorded one, not encoded again." example:"true"`
}

// FilmSpec says which film is wanted. What is left out gets a default.
type FilmSpec struct {
	Layout    string  `json:"layout,omitempty" maxLength:"64" doc:"grid, speaker, host-bottom, host-only, single, pip, share, custom (with boxes), or recorded: what the recording was told to have. The default is recorded, and grid where it was told nothing." example:"grid"`
	Format    string  `json:"format,omitempty" enum:"mp4,webm,hls,m4a,opus,people" doc:"mp4 (H.264 and AAC, the default), webm (VP8, VP9 or AV1, and Opus), hls (an mp4 and its fMP4 playlist), m4a or opus (sound only), people (one continuous file per participant and stream, copied where that can be)." example:"mp4"`
	Width     int     `json:"width,omitempty" minimum:"120" maximum:"3840" multipleOf:"2" doc:"Width in pixels, given together with the height. The default is 1280." example:"1280"`
	Height    int     `json:"height,omitempty" minimum:"120" maximum:"3840" multipleOf:"2" doc:"Height in pixels, given together with the width. The default is 720." example:"720"`
	FrameRate int     `json:"frame_rate,omitempty" minimum:"1" maximum:"60" doc:"Frames per second. The default is 30." example:"30"`
	From      float64 `json:"from_s,omitempty" minimum:"0" maximum:"1000000" doc:"Where on the timeline the film begins." example:"0"`
	To        float64 `json:"to_s,omitempty" minimum:"0" maximum:"1000000" doc:"Where it ends; the end of the recording, when left out." example:"60"`
	Pauses    string  `json:"pauses,omitempty" enum:"cut,mark,keep" doc:"What becomes of pauses: left out (the default), a card of 3 seconds, or a card for as long as they lasted." example:"cut"`

	Quality    string   `json:"quality,omitempty" enum:"draft,standard,archive" doc:"A quick look, everyday use (the default), or what is to be kept." example:"standard"`
	VideoCodec string   `json:"video_codec,omitempty" enum:"h264,vp8,vp9,av1" doc:"h264 in mp4 and hls; vp8 (the default), vp9 or av1 in webm." example:"h264"`
	Encoder    string   `json:"encoder,omitempty" enum:"software,vaapi,nvenc,qsv" doc:"What encodes the picture. The default is software; roomreel doctor tells which hardware there is." example:"software"`
	Audio      string   `json:"audio,omitempty" enum:"mixed,multitrack" doc:"One track of everybody (the default), or one for each participant, in m4a and opus." example:"mixed"`
	Extras     []string `json:"extras,omitempty" enum:"poster,sheet,chapters,speakers" doc:"What is made beside the film: a poster, a contact sheet, chapters, WebVTT of who spoke when." example:"[\"chapters\"]"`
	Priority   string   `json:"priority,omitempty" enum:"low,normal,high" doc:"Which films are made first. The default is normal." example:"normal"`
	Live       bool     `json:"live,omitempty" doc:"Composes what is closed while the recording runs, so that the film is ready soon after its end." example:"false"`

	Boxes     []FilmBox       `json:"boxes,omitempty" maxItems:"49" doc:"The places of the layout custom, from back to front." example:"[[0,0,960,720,\"contain\"],[960,0,320,180,\"cover\"]]"`
	Host      string          `json:"host,omitempty" maxLength:"300" doc:"Identity of the host. The default is the recording's host, else who joined first." example:"anna"`
	Focus     string          `json:"focus,omitempty" maxLength:"300" doc:"Identity that always stands where the active speaker would." example:"anna"`
	Include   []string        `json:"include,omitempty" maxItems:"1000" doc:"The only identities to be seen and heard; everybody, when left out." example:"[\"anna\",\"ben\"]"`
	Exclude   []string        `json:"exclude,omitempty" maxItems:"1000" doc:"Identities that are neither seen nor heard." example:"[\"bot\"]"`
	Withdrawn *FilmWithdrawal `json:"withdrawn,omitempty" doc:"Participants who withdrew their consent."`
	External  []FilmExternal  `json:"external,omitempty" maxItems:"50" doc:"Videos from outside that take the place of a camera."`

	Background string            `json:"background,omitempty" pattern:"^#[0-9a-fA-F]{6}$" doc:"Colour of the canvas. The default is #121418." example:"#121418"`
	HideNames  bool              `json:"hide_names,omitempty" doc:"Leaves the name plates out." example:"false"`
	Avatars    map[string]string `json:"avatars,omitempty" doc:"Pictures for the cards of muted cameras, by identity; files as for the logo." example:"{\"anna\":\"anna.jpg\"}"`
	Logo       *FilmLogo         `json:"logo,omitempty" doc:"A picture over a corner of the film."`
	Timestamp  string            `json:"timestamp,omitempty" enum:"wall,elapsed" doc:"Shows the time of day, or the time since the recording began." example:"wall"`
	TimeZone   string            `json:"time_zone,omitempty" maxLength:"64" doc:"IANA name of the zone of the time of day. The default is UTC." example:"Europe/Vienna"`
	Title      *FilmTitle        `json:"title,omitempty" doc:"A card that opens the film."`
}

// CompositionList lists the compositions of a recording.
type CompositionList struct {
	Data []Composition `json:"data" doc:"The compositions, all of them."`
}

type startCompositionInput struct {
	RecordingParam
	Body *FilmSpec
}

// CompositionParam holds the path parameters that name a composition.
type CompositionParam struct {
	RecordingParam
	Composition string `path:"composition" doc:"Identifier of the composition: cmp_ and 32 hexadecimal digits." example:"cmp_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

type filmInput struct {
	CompositionParam
	RangeHeaders
}

type acceptedCompositionOutput struct {
	Location string `header:"Location" doc:"Path of the new composition."`
	Body     Composition
}

type compositionOutput struct{ Body Composition }

type compositionsOutput struct{ Body CompositionList }

const compositionsPath = "/v1/recordings/{recording}/compositions"

func (s *Server) routeCompositions() {
	tags := []string{"compositions"}
	lookup := []recording.Code{recording.CodeInvalidID, recording.CodeNotFound}
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "start-composition", Method: http.MethodPost, Path: compositionsPath, Tags: tags, DefaultStatus: http.StatusAccepted,
			Summary:     "Make a film",
			Description: "Queues a film of the recording. The body may be left out: every field has a default.",
		},
		access: fullAccess, files: true,
		codes: append(lookup[:2:2], recording.CodeInvalidRequest, recording.CodeNotReady, recording.CodeNoMedia,
			recording.CodePartsDeleted, recording.CodeCapacity, recording.CodeDiskFull),
	}, s.startComposition)
	route(s, operation{Operation: huma.Operation{
		OperationID: "list-compositions", Method: http.MethodGet, Path: compositionsPath, Tags: tags,
		Summary: "List the films of a recording", Description: "All compositions of the recording, whatever their state.",
	}, access: readAccess, codes: lookup, files: true}, s.listCompositions)
	route(s, operation{Operation: huma.Operation{
		OperationID: "get-composition", Method: http.MethodGet, Path: compositionsPath + "/{composition}", Tags: tags,
		Summary: "Get a composition", Description: "Tells how far the film is.",
	}, access: readAccess, codes: lookup, files: true}, s.getComposition)
	route(s, operation{Operation: huma.Operation{
		OperationID: "cancel-composition", Method: http.MethodPost, Path: compositionsPath + "/{composition}/cancel", Tags: tags,
		Summary: "Cancel a composition", Description: "Ends the work and answers the final composition. One that is final already stays as it is.",
	}, access: fullAccess, codes: lookup, files: true}, s.cancelComposition)
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "retry-composition", Method: http.MethodPost, Path: compositionsPath + "/{composition}/retry", Tags: tags, DefaultStatus: http.StatusAccepted,
			Summary:     "Try a composition again",
			Description: "Makes a film that failed or was canceled, going on from what was encoded already. NOT_READY while it is being made, ALREADY_STOPPED when it is ready.",
		},
		access: fullAccess, files: true,
		codes: append(lookup[:2:2], recording.CodeInvalidRequest, recording.CodeNotReady, recording.CodeAlreadyStopped, recording.CodeNoMedia,
			recording.CodeCapacity),
	}, s.retryComposition)
	s.routeEvents(tags, lookup)
	download(s, operation{Operation: huma.Operation{
		OperationID: "download-composition-file", Path: compositionsPath + "/{composition}/files/{file}", Tags: tags,
		Summary: "Download a file of a composition", Description: "The bytes of a file that files lists, or of a segment that its playlist names. Knows ranges.",
	}, codes: append(lookup[:2:2], recording.CodeNotReady)},
		[]string{"video/mp4", "video/webm", "video/x-matroska", "audio/mp4", "audio/ogg", "image/jpeg", "image/png", "text/vtt", "application/vnd.apple.mpegurl"}, s.openCompositionFile)
	download(s, operation{Operation: huma.Operation{
		OperationID: "download-film", Path: compositionsPath + "/{composition}/media", Tags: tags,
		Summary: "Download a film", Description: "The bytes of the film. Knows ranges. NOT_READY until the composition is ready.",
	}, codes: append(lookup[:2:2], recording.CodeNotReady)}, []string{"video/mp4", "video/webm", "audio/mp4", "audio/ogg", "audio/x-matroska"}, s.openFilm)
}

func (s *Server) startComposition(ctx context.Context, in *startCompositionInput) (*acceptedCompositionOutput, error) {
	r, err := s.permitted(ctx, in.Recording, fullAccess)
	if err != nil {
		return nil, err
	}
	var spec recording.CompositionSpec
	if in.Body != nil {
		if spec, err = in.Body.domain(); err != nil {
			return nil, err
		}
	}
	c, err := s.compositions.Start(ctx, in.Recording, spec)
	if err != nil {
		return nil, soon(err, r)
	}
	return &acceptedCompositionOutput{Location: compositionPath(c), Body: compositionBody(c)}, nil
}

func (s *Server) listCompositions(ctx context.Context, in *RecordingParam) (*compositionsOutput, error) {
	r, err := s.permitted(ctx, in.Recording, readAccess)
	if err != nil {
		return nil, err
	}
	list, err := s.compositions.List(ctx, in.Recording)
	if err != nil && (r.State.Final() || recording.CodeOf(err) != recording.CodeNotFound) {
		return nil, err
	}
	return &compositionsOutput{CompositionList{each(list, compositionBody)}}, nil
}

func (s *Server) getComposition(ctx context.Context, in *CompositionParam) (*compositionOutput, error) {
	c, err := s.composition(ctx, in, readAccess)
	if err != nil {
		return nil, err
	}
	return &compositionOutput{compositionBody(c)}, nil
}

func (s *Server) cancelComposition(ctx context.Context, in *CompositionParam) (*compositionOutput, error) {
	if _, err := s.composition(ctx, in, fullAccess); err != nil {
		return nil, err
	}
	c, err := s.compositions.Cancel(ctx, in.Recording, in.Composition)
	if err != nil {
		return nil, err
	}
	return &compositionOutput{compositionBody(c)}, nil
}

func (s *Server) retryComposition(ctx context.Context, in *CompositionParam) (*acceptedCompositionOutput, error) {
	if _, err := s.composition(ctx, in, fullAccess); err != nil {
		return nil, err
	}
	c, err := s.compositions.Retry(ctx, in.Recording, in.Composition)
	if err != nil {
		return nil, err
	}
	return &acceptedCompositionOutput{Location: compositionPath(c), Body: compositionBody(c)}, nil
}

type compositionFileInput struct {
	CompositionParam
	File string `path:"file" maxLength:"200" doc:"Name of the file." example:"poster.jpg"`
	RangeHeaders
}

func (s *Server) openCompositionFile(ctx context.Context, in *compositionFileInput) (*attachment, error) {
	r, err := s.permitted(ctx, in.Recording, fullAccess)
	if err != nil {
		return nil, err
	}
	c, err := s.composition(ctx, &in.CompositionParam, fullAccess)
	if err != nil {
		return nil, err
	}
	f, err := s.media.OpenCompositionFile(c, in.File)
	if err != nil {
		return nil, err
	}
	extension := filepath.Ext(in.File)
	return &attachment{
		File: f, mediaType: fileType(in.File, c.Width > 0), id: c.ID + "-" + safeName(in.File),
		name: safeName(r.Room, strings.TrimSuffix(in.File, extension), c.ID) + extension,
	}, nil
}

// fileType is the content type of a file of a composition.
func fileType(name string, video bool) string {
	switch filepath.Ext(name) {
	case ".jpg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".vtt":
		return "text/vtt"
	case ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".m4s":
		return "video/iso.segment"
	}
	return mediaType(name, video)
}

func compositionFileBody(c recording.Composition) func(recording.CompositionFile) CompositionFile {
	return func(f recording.CompositionFile) CompositionFile {
		return CompositionFile{
			Name: f.Name, Kind: f.Kind, Media: compositionPath(c) + "/files/" + f.Name, MediaType: fileType(f.Name, c.Width > 0 || f.Kind == "participant"),
			Participant: f.Participant, Start: seconds(f.Start), Duration: seconds(f.Duration), Bytes: f.Bytes, Copied: f.Copied,
		}
	}
}

func (s *Server) openFilm(ctx context.Context, in *filmInput) (*attachment, error) {
	r, err := s.permitted(ctx, in.Recording, fullAccess)
	if err != nil {
		return nil, err
	}
	c, err := s.composition(ctx, &in.CompositionParam, fullAccess)
	if err != nil {
		return nil, err
	}
	f, err := s.media.OpenFilm(c)
	film := &attachment{
		File: f, mediaType: filmType(c), id: c.ID, name: safeName(r.Room, "film", c.ID) + filepath.Ext(c.File),
	}
	if err != nil {
		return s.fromStorage(ctx, err, c.Location, film)
	}
	return film, nil
}

// composition returns one composition if the caller has the access to the
// room of its recording.
func (s *Server) composition(ctx context.Context, in *CompositionParam, a access) (recording.Composition, error) {
	if _, err := s.permitted(ctx, in.Recording, a); err != nil {
		return recording.Composition{}, err
	}
	if err := recording.CheckID(recording.PrefixComposition, in.Composition); err != nil {
		return recording.Composition{}, err
	}
	return s.compositions.Get(ctx, in.Recording, in.Composition)
}

func compositionPath(c recording.Composition) string {
	return "/v1/recordings/" + c.RecordingID + "/compositions/" + c.ID
}

func filmType(c recording.Composition) string {
	return mediaType(c.File, c.Width > 0)
}

func compositionBody(c recording.Composition) Composition {
	body := Composition{
		ID: c.ID, RecordingID: c.RecordingID, Spec: filmSpecBody(c.Spec), State: string(c.State), Progress: c.Progress,
		Remaining: seconds(c.Remaining), CreatedAt: c.CreatedAt.UTC(), StartedAt: c.StartedAt.UTC(), FinishedAt: c.FinishedAt.UTC(),
		Duration: seconds(c.Duration), Width: c.Width, Height: c.Height, Bytes: c.Bytes, Error: failureBody(c.Error), Warnings: c.Warnings,
	}
	if c.State == recording.CompositionReady {
		body.Files = each(c.Files, compositionFileBody(c))
	}
	if c.State == recording.CompositionReady && c.File != "" {
		body.Media, body.MediaType = compositionPath(c)+"/media", filmType(c)
	}
	return body
}

// position is a number of seconds, which validation has bounded, as Seconds.
func position(s float64) recording.Seconds {
	return recording.Seconds(time.Duration(math.Round(s*1e6)) * time.Microsecond)
}
