package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// Limits end a recording by themselves.
type Limits struct {
	MaxDuration float64 `json:"max_duration_s,omitempty" minimum:"0" maximum:"2592000" doc:"How long it lasts at most, pauses included. No limit, when left out." example:"3600"`
	Idle        float64 `json:"idle_s,omitempty" minimum:"0" maximum:"2592000" doc:"How long no media may come, pauses excluded. No limit, when left out." example:"300"`
}

// IsZero reports whether there is no limit, so that omitzero leaves it out.
func (l Limits) IsZero() bool { return l == Limits{} }

func (l Limits) domain() recording.Limits {
	return recording.Limits{MaxDuration: position(l.MaxDuration), Idle: position(l.Idle)}
}

func limitsBody(l recording.Limits) Limits {
	return Limits{MaxDuration: seconds(l.MaxDuration), Idle: seconds(l.Idle)}
}

// LiveTrack is how a track that is being recorded fares.
type LiveTrack struct {
	Participant string `json:"participant" doc:"Identity of the participant." example:"anna"`
	Stream      string `json:"stream" doc:"Name of the stream." example:"camera"`
	SID         string `json:"sid" doc:"LiveKit's identifier of the track." example:"TR_VCk8sW3nQz5xBd"`
	Kind        string `json:"kind" enum:"audio,video" doc:"Media kind." example:"video"`
	Codec       string `json:"codec" doc:"Codec." example:"vp8"`
	Muted       bool   `json:"muted,omitempty" doc:"Its publisher has muted it." example:"true"`
	Flowing     bool   `json:"flowing" doc:"Packets have come in the last 3 seconds." example:"true"`
	Stalled     bool   `json:"stalled,omitempty" doc:"Nothing has come for 10 seconds although it is not muted." example:"true"`
	Packets     int64  `json:"packets" doc:"Packets received so far." example:"215000"`
	Lost        int64  `json:"lost" doc:"Packets lost for good so far." example:"2"`
	Bytes       int64  `json:"bytes" doc:"Bytes of media received so far." example:"130000000"`
}

func liveTrackBody(t recording.LiveTrack) LiveTrack {
	return LiveTrack{
		Participant: t.Participant, Stream: t.Stream, SID: t.SID, Kind: string(t.Kind), Codec: t.Codec,
		Muted: t.Muted, Flowing: t.Flowing, Stalled: t.Stalled, Packets: t.Packets, Lost: t.Lost, Bytes: t.Bytes,
	}
}

type selectInput struct {
	RecordingParam
	Body Selection
}

// routeControl adds the operations that change a recording while it runs.
func (s *Server) routeControl() {
	tags := []string{"recordings"}
	codes := []recording.Code{recording.CodeInvalidID, recording.CodeNotFound, recording.CodeAlreadyStopped}
	change := func(id, verb, summary, description string, do func(context.Context, string) (recording.Recording, error)) {
		route(s, operation{
			Operation: huma.Operation{
				OperationID: id, Method: http.MethodPost, Path: "/v1/recordings/{recording}/" + verb, Tags: tags,
				Summary: summary, Description: description,
			},
			access: fullAccess, codes: codes,
		}, func(ctx context.Context, in *RecordingParam) (*recordingOutput, error) {
			return s.change(ctx, in.Recording, do)
		})
	}
	change("pause-recording", "pause", "Pause a recording",
		"Nothing is written until it is resumed: the state becomes paused within moments. Pausing a paused recording changes nothing.", s.recordings.Pause)
	change("resume-recording", "resume", "Resume a recording",
		"Goes on in the same files; pictures with their next keyframe, which is asked for. The manifest lists the pauses.", s.recordings.Resume)
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "select-tracks", Method: http.MethodPut, Path: "/v1/recordings/{recording}/selection", Tags: tags,
			Summary:     "Change what a recording takes",
			Description: "Replaces the selection of a recording that runs. An empty one takes everything.",
		},
		access: fullAccess, codes: append([]recording.Code{recording.CodeInvalidRequest}, codes...),
	}, func(ctx context.Context, in *selectInput) (*recordingOutput, error) {
		return s.change(ctx, in.Recording, func(ctx context.Context, id string) (recording.Recording, error) {
			return s.recordings.Select(ctx, id, in.Body.domain())
		})
	})
}

func (s *Server) change(ctx context.Context, id string, do func(context.Context, string) (recording.Recording, error)) (*recordingOutput, error) {
	if _, err := s.permitted(ctx, id, fullAccess); err != nil {
		return nil, err
	}
	r, err := do(ctx, id)
	if err != nil {
		return nil, err
	}
	return &recordingOutput{recordingBody(r)}, nil
}
