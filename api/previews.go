package api

import (
	"context"
	"math"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// Previews shows what is in media without anybody loading it. They are made
// when they are asked for first, and kept beside the media.
type Previews interface {
	// Peaks returns the loudness of a part's sound, recording.PeaksPerSecond
	// levels for each second of the file. CodeNoMedia is for a part without sound.
	Peaks(ctx context.Context, recordingID string, p recording.Part) ([]byte, error)
	// Thumbnail opens a small JPEG of a part. CodeNoMedia is for a part without
	// pictures.
	Thumbnail(ctx context.Context, recordingID string, p recording.Part) (*os.File, error)
}

// previewTimeout is how long a caller waits for a preview that is being made;
// the making goes on.
const previewTimeout = 2 * time.Minute

// Peaks is the loudness of a part's sound, for drawing.
type Peaks struct {
	Part     string  `json:"part" doc:"Identifier of the part." example:"prt_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	From     float64 `json:"from_s" doc:"Position in the file of the first level." example:"0"`
	Interval float64 `json:"interval_s" doc:"How much of the file each level covers." example:"0.1"`
	Levels   []int   `json:"levels" doc:"Loudest moment of each interval on a scale in decibels: 0 is -60 dBFS or less, 255 is full scale." example:"[0,180,203]"`
}

type peaksInput struct {
	PartParam
	From   float64 `query:"from_s" minimum:"0" maximum:"1000000" doc:"Position in the file where to begin." example:"0"`
	To     float64 `query:"to_s" minimum:"0" maximum:"1000000" doc:"Position in the file where to end; the end of the file, when left out." example:"60"`
	Points int     `query:"points" minimum:"1" maximum:"10000" default:"1000" doc:"The most levels to answer."`
}

type partThumbnailInput struct {
	PartParam
	RangeHeaders
}

type thumbnailInput struct {
	RecordingParam
	RangeHeaders
}

type peaksOutput struct {
	CacheControl string `header:"Cache-Control" doc:"Peaks never change."`
	Body         Peaks
}

func (s *Server) routePreviews() {
	if s.previews == nil {
		return
	}
	tags := []string{"media"}
	codes := []recording.Code{recording.CodeInvalidID, recording.CodeNotFound, recording.CodeNotReady, recording.CodeNoMedia, recording.CodeComposeFailed}
	const part = "/v1/recordings/{recording}/parts/{part}"
	route(s, operation{Operation: huma.Operation{
		OperationID: "get-peaks", Method: http.MethodGet, Path: part + "/peaks", Tags: tags,
		Summary:     "Get the loudness of a part",
		Description: "Enough to draw a waveform. Made once from the file, which takes about a second for ten minutes of sound.",
	}, access: fullAccess, codes: append(codes[:5:5], recording.CodeInvalidRequest), timeout: previewTimeout, files: true}, s.getPeaks)
	jpeg := []string{"image/jpeg"}
	download(s, operation{Operation: huma.Operation{
		OperationID: "get-part-thumbnail", Path: part + "/thumbnail", Tags: tags,
		Summary: "Get a picture of a part", Description: "A JPEG of at most 480x270 pixels from the first tenth of the file.",
	}, codes: codes}, jpeg, s.openPartThumbnail)
	download(s, operation{Operation: huma.Operation{
		OperationID: "get-thumbnail", Path: "/v1/recordings/{recording}/thumbnail", Tags: tags,
		Summary: "Get a picture of a recording", Description: "The thumbnail of its longest part that has pictures.",
	}, codes: codes}, jpeg, s.openThumbnail)
}

func (s *Server) getPeaks(ctx context.Context, in *peaksInput) (*peaksOutput, error) {
	if math.IsNaN(in.From) || math.IsNaN(in.To) { // it is beyond no bound
		return nil, recording.Errorf(recording.CodeInvalidRequest, "from_s, to_s: NaN is no position")
	}
	p, err := s.part(ctx, in.PartParam)
	if err != nil {
		return nil, err
	}
	levels, err := s.previews.Peaks(ctx, in.Recording, p)
	if err != nil {
		return nil, err
	}
	from := min(int(in.From*recording.PeaksPerSecond), len(levels))
	to := len(levels)
	if in.To > 0 {
		to = max(from, min(int(in.To*recording.PeaksPerSecond), len(levels)))
	}
	each := max(1, (to-from+in.Points-1)/in.Points)
	body := Peaks{Part: p.ID, From: float64(from) / recording.PeaksPerSecond, Interval: float64(each) / recording.PeaksPerSecond, Levels: []int{}}
	for span := range slices.Chunk(levels[from:to], each) {
		body.Levels = append(body.Levels, int(slices.Max(span)))
	}
	return &peaksOutput{CacheControl: "private, max-age=86400", Body: body}, nil
}

func (s *Server) openPartThumbnail(ctx context.Context, in *partThumbnailInput) (*attachment, error) {
	p, err := s.part(ctx, in.PartParam)
	if err != nil {
		return nil, err
	}
	return s.thumbnail(ctx, in.Recording, p)
}

func (s *Server) openThumbnail(ctx context.Context, in *thumbnailInput) (*attachment, error) {
	m, err := s.manifest(ctx, in.Recording)
	if err != nil {
		return nil, err
	}
	var longest recording.Part
	for _, p := range m.Parts {
		if hasVideo(p) && p.Duration > longest.Duration {
			longest = p
		}
	}
	if longest.ID == "" {
		return nil, recording.Errorf(recording.CodeNoMedia, "recording %s has no pictures", in.Recording)
	}
	return s.openPartThumbnail(ctx, &partThumbnailInput{PartParam: PartParam{RecordingParam: in.RecordingParam, Part: longest.ID}})
}

func (s *Server) thumbnail(ctx context.Context, recordingID string, p recording.Part) (*attachment, error) {
	f, err := s.previews.Thumbnail(ctx, recordingID, p)
	if err != nil {
		return nil, err
	}
	return &attachment{File: f, mediaType: "image/jpeg", id: p.ID, name: p.ID + ".jpg"}, nil
}

// part returns a part of a recording that the caller may download.
func (s *Server) part(ctx context.Context, in PartParam) (recording.Part, error) {
	r, err := s.permitted(ctx, in.Recording, fullAccess)
	if err != nil {
		return recording.Part{}, err
	}
	f, p, err := s.media.OpenPart(in.Recording, in.Part)
	if err != nil {
		return recording.Part{}, soon(err, r)
	}
	return *p, f.Close()
}
