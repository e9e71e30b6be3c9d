package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

const (
	sessionsPath = "/v1/sessions"
	sessionPath  = sessionsPath + "/{session}"
)

// SessionParam is the path parameter that names a session.
type SessionParam struct {
	Session string `path:"session" doc:"Identifier of the session." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

// OpenSession is the body that opens a session.
type OpenSession struct {
	ClientID   string   `json:"client_id,omitempty" maxLength:"128" doc:"The agent. With an agent's token it may be left out." example:"agent-7"`
	Streams    []string `json:"streams,omitempty" maxItems:"16" doc:"Names of the streams that the agent will publish. LiveKit's tracks carry them in the field stream." example:"[\"camera\",\"desk\"]"`
	WebhookURL string   `json:"webhook_url,omitempty" maxLength:"2048" doc:"Is told when the session has ended." example:"https://app.example.com/hooks"`
	ResumeKey  string   `json:"resume_key,omitempty" maxLength:"128" doc:"Of a session that lives, to get back into it." example:"4SBZKUJ2XVQ3Y6N7"`
	Takeover   bool     `json:"takeover,omitempty" doc:"End the session that the agent has, with its files complete, and open another: for who has lost its resume_key. The one that ends is told TWO_TIMER." example:"true"`
}

type openSessionInput struct{ Body OpenSession }

type listSessionsInput struct {
	ClientID string `query:"client_id" maxLength:"128" doc:"Only sessions of this agent." example:"agent-7"`
	State    string `query:"state" enum:"waiting,active,ended" doc:"Only sessions in this state."`
	Limit    int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"The most to answer."`
	Cursor   string `query:"cursor" maxLength:"512" doc:"The next_cursor of the page before."`
}

type (
	newSessionOutput struct {
		Location string `header:"Location" doc:"Path of the session."`
		Body     NewSession
	}
	sessionOutput struct{ Body Session }
	// SessionList is a page of sessions.
	SessionList struct {
		Data       []Session `json:"data" doc:"The sessions of this page."`
		NextCursor string    `json:"next_cursor,omitempty" doc:"Send it as cursor to get the next page. Absent on the last page." example:"MjAyNi0wMy0wMVQwOTowMDowMFo"`
	}
	sessionsOutput struct{ Body SessionList }

	// StreamDelivery says where the recording of a stream goes.
	StreamDelivery struct {
		UploadURL  string `json:"upload_url,omitempty" maxLength:"8192" doc:"Takes the file by HTTP PUT when it is complete." example:"https://app.example.com/put/4711?signature=x"`
		WebhookURL string `json:"webhook_url,omitempty" maxLength:"2048" doc:"Is told when the upload is done or has failed." example:"https://app.example.com/hooks"`
	}
	// RecordStreams is the body that starts recordings.
	RecordStreams struct {
		Recordings map[string]StreamDelivery `json:"recordings" doc:"The streams to record, by name." example:"{\"camera\":{}}"`
	}
	recordInput struct {
		SessionParam
		Body RecordStreams
	}
	// StreamRecordings are recordings by the name of their stream.
	StreamRecordings struct {
		Recordings map[string]StreamRecording `json:"recordings" doc:"By the name of the stream."`
	}
	recordOutput struct{ Body StreamRecordings }

	// AddStream is the body that adds a stream.
	AddStream struct {
		Stream string `json:"stream" minLength:"1" maxLength:"128" doc:"Name of the stream." example:"desk"`
	}
	addStreamInput struct {
		SessionParam
		Body AddStream
	}
	removeStreamInput struct {
		SessionParam
		Stream string `path:"stream" maxLength:"128" doc:"Name of the stream." example:"desk"`
	}

	followSessionInput struct {
		SessionParam
		LastEvent
	}

	// Termination tells why something ended.
	Termination struct {
		State string `json:"state" enum:"waiting,active,ended" doc:"How far it is." example:"ended"`
		Cause string `json:"termination_cause,omitempty" doc:"Why it ended. Absent while it lives." example:"NO_PACKET_RECEIVED"`
	}
	terminationOutput struct{ Body Termination }
)

func (s *Server) routeSessions() {
	own := []recording.Code{recording.CodeInvalidID, recording.CodeNotFound}
	op := func(id, method, path, summary, description string, codes ...recording.Code) operation {
		return operation{
			Operation: huma.Operation{
				OperationID: id, Method: method, Path: path, Tags: []string{"sessions"}, Summary: summary, Description: description,
			},
			access: agentAccess, codes: codes,
		}
	}
	with := func(more ...recording.Code) []recording.Code { return append(more, own...) }

	open := op("open-session", http.MethodPost, sessionsPath, "Open an agent's session",
		"Makes a LiveKit room of the agent's own and mints the token to join it. An agent has one session at a time: TWO_TIMER names the one that stands, unless its resume_key is given, or takeover.",
		recording.CodeInvalidRequest, recording.CodeTwoTimer, recording.CodeStreamsFixed, recording.CodeRoomUnreachable)
	open.DefaultStatus = http.StatusCreated
	route(s, open, s.openSession)
	route(s, op("list-sessions", http.MethodGet, sessionsPath, "List sessions", "Newest first, a page at a time. An agent sees their own.", recording.CodeInvalidRequest), s.listSessions)
	route(s, op("get-session", http.MethodGet, sessionPath, "Get a session", "Tells how far the session and its recordings are.", own...), s.getSession)
	end := op("end-session", http.MethodDelete, sessionPath, "End a session",
		"Stops what is being recorded, waits until the files are complete, puts everybody out and closes the room. Ending what has ended changes nothing.", own...)
	end.timeout = s.stopTimeout
	route(s, end, s.endSession)
	route(s, op("session-termination", http.MethodGet, sessionPath+"/termination", "Why did a session end", "Can be asked for thirty days after the end.", own...), s.sessionTermination)

	record := op("record-streams", http.MethodPost, sessionPath+"/recordings", "Record streams",
		"Starts a recording of each of the streams and answers once the first media of each is on disk. A stream of which no media comes within 15 s is FAILED; the others go on.",
		with(recording.CodeInvalidRequest, recording.CodeAlreadyRecording, recording.CodeSessionEnded, recording.CodeCapacity)...)
	record.DefaultStatus, record.timeout = http.StatusCreated, s.stopTimeout
	route(s, record, s.recordStreams)
	for verb, do := range map[string]func(context.Context, string) ([]recording.StreamRecording, error){
		"stop": s.sessions.Service.Stop, "pause": s.sessions.Service.Pause, "resume": s.sessions.Service.Resume,
	} {
		change := op(verb+"-streams", http.MethodPost, sessionPath+"/recordings/"+verb, map[string]string{
			"stop": "Stop recording", "pause": "Pause recording", "resume": "Resume recording",
		}[verb], map[string]string{
			"stop":   "Stops every recording of the session and answers once the files are complete. Uploads follow.",
			"pause":  "Nothing is written until they are resumed.",
			"resume": "Goes on in the same files.",
		}[verb], with(recording.CodeAlreadyStopped)...)
		if verb == "stop" {
			change.timeout = s.stopTimeout
		}
		route(s, change, func(ctx context.Context, in *SessionParam) (*recordOutput, error) {
			if _, err := s.ownSession(ctx, in.Session); err != nil {
				return nil, err
			}
			list, err := do(ctx, in.Session)
			return recordAnswer(list), err
		})
	}
	add := op("add-stream", http.MethodPost, sessionPath+"/streams", "Add a stream",
		"Makes the name of a stream known before it is published. STREAMS_FIXED while any stream is being recorded.",
		with(recording.CodeInvalidRequest, recording.CodeStreamsFixed, recording.CodeSessionEnded)...)
	route(s, add, func(ctx context.Context, in *addStreamInput) (*sessionOutput, error) {
		return s.changeStream(ctx, in.Session, in.Body.Stream, s.sessions.Service.AddStream)
	})
	remove := op("remove-stream", http.MethodDelete, sessionPath+"/streams/{stream}", "Remove a stream",
		"Stops its recording, if there is one, waits until the file is complete, and forgets the name. The upload follows.",
		with(recording.CodeSessionEnded)...)
	remove.timeout = s.stopTimeout
	route(s, remove, func(ctx context.Context, in *removeStreamInput) (*sessionOutput, error) {
		return s.changeStream(ctx, in.Session, in.Stream, s.sessions.Service.RemoveStream)
	})
	routeFollow(s, op("follow-session", http.MethodGet, sessionPath+"/events", "Follow a session", "", own...),
		func(ctx context.Context, in *followSessionInput) (string, string, error) {
			_, err := s.ownSession(ctx, in.Session)
			return in.Session, in.LastEventID, err
		})
}

func (s *Server) openSession(ctx context.Context, in *openSessionInput) (*newSessionOutput, error) {
	client, err := s.agentOf(ctx, in.Body.ClientID)
	if err != nil {
		return nil, err
	}
	opened, err := s.sessions.Service.Open(ctx, SessionWish{
		ClientID: client, Streams: in.Body.Streams, WebhookURL: in.Body.WebhookURL, ResumeKey: in.Body.ResumeKey, Takeover: in.Body.Takeover,
	})
	if err != nil {
		return nil, err
	}
	return &newSessionOutput{Location: sessionsPath + "/" + opened.ID, Body: s.newSessionBody(opened)}, nil
}

// agentOf is the agent for whom the caller asks.
func (s *Server) agentOf(ctx context.Context, clientID string) (string, error) {
	switch c := callerOf(ctx); {
	case c.Role != roleAgent:
		return clientID, nil
	case clientID != "" && clientID != c.Subject:
		return "", recording.Errorf(recording.CodeNotPermitted, "the token is of another agent than client_id names")
	default:
		return c.Subject, nil
	}
}

func (s *Server) newSessionBody(opened OpenedSession) NewSession {
	return NewSession{
		Session: sessionBody(opened.Session), LiveKitURL: s.sessions.LiveKitURL, LiveKitToken: opened.Token,
		ResumeKey: opened.ResumeKey, Resumed: opened.Resumed, MaxStreams: s.sessions.MaxStreams,
	}
}

func (s *Server) listSessions(ctx context.Context, in *listSessionsInput) (*sessionsOutput, error) {
	q := SessionQuery{ClientID: in.ClientID, State: recording.SessionState(in.State), Limit: in.Limit, Cursor: in.Cursor}
	if c := callerOf(ctx); c.Role == roleAgent {
		q.ClientID = c.Subject
	}
	list, next, err := s.sessions.Service.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return &sessionsOutput{SessionList{Data: each(list, sessionBody), NextCursor: next}}, nil
}

func (s *Server) getSession(ctx context.Context, in *SessionParam) (*sessionOutput, error) {
	session, err := s.ownSession(ctx, in.Session)
	return &sessionOutput{sessionBody(session)}, err
}

func (s *Server) endSession(ctx context.Context, in *SessionParam) (*sessionOutput, error) {
	if _, err := s.ownSession(ctx, in.Session); err != nil {
		return nil, err
	}
	if _, err := s.sessions.Service.End(ctx, in.Session, recording.TermByClient); err != nil {
		return nil, err
	}
	return s.getSession(ctx, in)
}

func (s *Server) sessionTermination(ctx context.Context, in *SessionParam) (*terminationOutput, error) {
	session, err := s.ownSession(ctx, in.Session)
	return &terminationOutput{Termination{string(session.State), string(session.Cause)}}, err
}

func (s *Server) recordStreams(ctx context.Context, in *recordInput) (*recordOutput, error) {
	if _, err := s.ownSession(ctx, in.Session); err != nil {
		return nil, err
	}
	wanted := map[string]recording.Delivery{}
	for name, to := range in.Body.Recordings {
		wanted[name] = recording.Delivery{UploadURL: to.UploadURL, WebhookURL: to.WebhookURL, Eyeson: true}
	}
	list, err := s.sessions.Service.Record(ctx, in.Session, wanted)
	return recordAnswer(list), err
}

func recordAnswer(list []recording.StreamRecording) *recordOutput {
	out := &recordOutput{StreamRecordings{Recordings: map[string]StreamRecording{}}}
	for _, one := range list {
		out.Body.Recordings[one.Stream] = streamRecordingBody(one)
	}
	return out
}

func (s *Server) changeStream(ctx context.Context, id, stream string, do func(context.Context, string, string) (recording.Session, error)) (*sessionOutput, error) {
	if _, err := s.ownSession(ctx, id); err != nil {
		return nil, err
	}
	if _, err := do(ctx, id, stream); err != nil {
		return nil, err
	}
	session, err := s.sessions.Service.Get(ctx, id)
	return &sessionOutput{sessionBody(session)}, err
}
