package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// RecordingParam is the path parameter that names a recording. Like the other
// parameters it is exported because huma looks into exported fields only.
type RecordingParam struct {
	Recording string `path:"recording" doc:"Identifier of the recording: rec_ and 32 hexadecimal digits." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

// StartRecording is the body that starts a recording.
type StartRecording struct {
	Room      string    `json:"room" minLength:"1" maxLength:"256" doc:"Name of the LiveKit room. It must exist." example:"standup"`
	Selection Selection `json:"selection,omitzero" doc:"Which streams to take. All of them, when left out."`
	Limits    Limits    `json:"limits,omitzero" doc:"When to end by itself. Never, when left out."`

	Host        string            `json:"host,omitempty" maxLength:"256" doc:"Identity of whoever runs the meeting: layouts give them the largest place." example:"anna"`
	EndWithHost bool              `json:"end_with_host,omitempty" doc:"End the recording when the host has left for good." example:"true"`
	UploadURL   string            `json:"upload_url,omitempty" maxLength:"4096" doc:"Takes the file of the one stream that is selected, by HTTP PUT, once it has ended." example:"https://app.example.com/put/4711?signature=x"`
	WebhookURL  string            `json:"webhook_url,omitempty" maxLength:"4096" doc:"Is told what becomes of the recording, besides the webhook endpoints." example:"https://app.example.com/hooks/4711"`
	Labels      map[string]string `json:"labels,omitempty" maxProperties:"50" doc:"Your own names and values. They are kept, and told with the recording." example:"{\"case\":\"4711\"}"`

	Compositions []FilmSpec `json:"compositions,omitempty" maxItems:"10" doc:"Films to make as soon as it has ended; one with live is composed while it runs."`
	DeleteParts  bool       `json:"delete_parts,omitempty" doc:"Delete the files of people once all these films are made, one of them of the whole recording, and nothing waits for the files." example:"false"`
}

func (s *Server) requestOf(b StartRecording) (recording.Request, error) {
	want := recording.Request{
		Room: b.Room, Selection: b.Selection.domain(), Limits: b.Limits.domain(),
		Subject: recording.Subject{Host: b.Host, Labels: b.Labels}, EndWithHost: b.EndWithHost, DeleteParts: b.DeleteParts,
		Delivery: recording.Delivery{UploadURL: b.UploadURL, WebhookURL: b.WebhookURL},
	}
	for i, film := range b.Compositions {
		spec, err := film.domain()
		if err == nil {
			_, err = s.compositions.Normalize(spec)
		}
		if err != nil {
			return want, recording.Errorf(recording.CodeInvalidRequest, "compositions[%d]: %w", i, err)
		}
		want.Compositions = append(want.Compositions, spec)
	}
	return want, nil
}

type startRecordingInput struct{ Body StartRecording }

type listRecordingsInput struct {
	Room   string   `query:"room" maxLength:"256" doc:"Only recordings of this room." example:"standup"`
	State  []string `query:"state" enum:"queued,starting,recording,paused,stopping,stopped,failed" doc:"Only recordings in one of these states, separated by commas."`
	Q      string   `query:"q" maxLength:"256" doc:"Only recordings that have this in the name of the room, of the agent, the host, the node or somebody recorded, or in a label, or whose identifier or session begins with it (12 characters or more). Case does not matter." example:"anna"`
	Person string   `query:"participant" maxLength:"256" doc:"Only recordings that have ended and have a file of the participant of this identity." example:"anna"`

	From time.Time `query:"from" doc:"Only recordings that were asked for then or later." example:"2026-03-01T00:00:00Z"`
	To   time.Time `query:"to" doc:"Only recordings that were asked for before." example:"2026-04-01T00:00:00Z"`

	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"The most recordings to answer."`
	Cursor string `query:"cursor" maxLength:"512" doc:"The next_cursor of the page before."`
}

type createdRecordingOutput struct {
	Location string `header:"Location" doc:"Path of the new recording."`
	Body     Recording
}

type recordingOutput struct{ Body Recording }

type recordingsOutput struct{ Body RecordingList }

func (s *Server) routeRecordings() {
	tags := []string{"recordings"}
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "start-recording", Method: http.MethodPost, Path: "/v1/recordings", Tags: tags, DefaultStatus: http.StatusCreated,
			Summary:     "Start a recording",
			Description: "Writes down that the room should be recorded and answers at once; a node takes it up within moments. Get the recording to see its state.",
		},
		access: fullAccess,
		codes: []recording.Code{
			recording.CodeInvalidRequest, recording.CodeRoomNotFound, recording.CodeAlreadyRecording,
			recording.CodeRoomUnreachable, recording.CodeCapacity,
			CodeURLInvalid, CodeURLScheme, CodeURLPort, CodeURLAddress,
		},
	}, s.startRecording)
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "list-recordings", Method: http.MethodGet, Path: "/v1/recordings", Tags: tags, RejectUnknownQueryParameters: true,
			Summary:     "List recordings",
			Description: "Newest first, a page at a time. A token that names a room sees that room's only. Where little is found among much, a page may hold less than the limit, or nothing: next_cursor tells whether there is more.",
		},
		access: readAccess, codes: []recording.Code{recording.CodeInvalidRequest},
	}, s.listRecordings)
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "get-recording", Method: http.MethodGet, Path: "/v1/recordings/{recording}", Tags: tags,
			Summary:     "Get a recording",
			Description: "Tells how far the recording is.",
		},
		access: readAccess, codes: []recording.Code{recording.CodeInvalidID, recording.CodeNotFound},
	}, s.getRecording)
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "stop-recording", Method: http.MethodPost, Path: "/v1/recordings/{recording}/stop", Tags: tags,
			Summary: "Stop a recording",
			Description: "Waits until every file and the manifest are complete and answers the final recording. " +
				"After TIMEOUT the stop goes on: get the recording to see when it is done.",
		},
		access: fullAccess, timeout: s.stopTimeout,
		codes: []recording.Code{recording.CodeInvalidID, recording.CodeNotFound, recording.CodeAlreadyStopped, recording.CodeNotReady},
	}, s.stopRecording)
	s.routeControl()
	s.routeRemoval()
}

func (s *Server) startRecording(ctx context.Context, in *startRecordingInput) (*createdRecordingOutput, error) {
	want, err := s.requestOf(in.Body)
	if err != nil {
		return nil, err
	}
	if err := callerOf(ctx).permit(fullAccess, want.Room); err != nil {
		return nil, err
	}
	if err := want.Validate(); err != nil {
		return nil, err
	}
	if err := s.checkDelivery(want.Delivery, want.Selection); err != nil {
		return nil, err
	}
	if err := s.rooms.Check(ctx, want.Room); err != nil {
		return nil, err
	}
	r, err := s.recordings.Start(ctx, want)
	if err != nil {
		return nil, err
	}
	return &createdRecordingOutput{Location: "/v1/recordings/" + r.ID, Body: recordingBody(r)}, nil
}

func (s *Server) listRecordings(ctx context.Context, in *listRecordingsInput) (*recordingsOutput, error) {
	caller := callerOf(ctx)
	if err := caller.permit(readAccess, in.Room); err != nil {
		return nil, err
	}
	q := ListQuery{Room: in.Room, Text: in.Q, Person: in.Person, From: in.From, To: in.To, Limit: in.Limit, Cursor: in.Cursor}
	if q.Room == "" && !caller.Admin {
		q.Room = caller.Room
	}
	for _, state := range in.State {
		q.States = append(q.States, recording.State(state))
	}
	page, err := s.recordings.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return &recordingsOutput{RecordingList{Data: each(page.Items, recordingBody), NextCursor: page.Next}}, nil
}

func (s *Server) getRecording(ctx context.Context, in *RecordingParam) (*recordingOutput, error) {
	r, err := s.permitted(ctx, in.Recording, readAccess)
	if err != nil {
		return nil, err
	}
	return &recordingOutput{recordingBody(r)}, nil
}

func (s *Server) stopRecording(ctx context.Context, in *RecordingParam) (*recordingOutput, error) {
	if _, err := s.permitted(ctx, in.Recording, fullAccess); err != nil {
		return nil, err
	}
	r, err := s.recordings.Stop(ctx, in.Recording)
	if err != nil {
		return nil, err
	}
	return &recordingOutput{recordingBody(r)}, nil
}

// permitted returns the recording if the caller has the access to its room.
func (s *Server) permitted(ctx context.Context, id string, a access) (recording.Recording, error) {
	if err := recording.CheckID(recording.PrefixRecording, id); err != nil {
		return recording.Recording{}, err
	}
	r, err := s.recordings.Get(ctx, id)
	if err != nil {
		return recording.Recording{}, err
	}
	return r, callerOf(ctx).permit(a, r.Room)
}
