package api

import (
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Session is an agent's session as callers see it.
type Session struct {
	SessionID   string            `json:"session_id" doc:"Identifier." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	ClientID    string            `json:"client_id" doc:"The agent: the identity in the room." example:"agent-7"`
	Room        string            `json:"room" doc:"The LiveKit room, the agent's alone." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Streams     []string          `json:"streams" doc:"Names of the streams that the agent publishes." example:"[\"camera\",\"desk\"]"`
	State       string            `json:"state" enum:"waiting,active,ended" doc:"waiting until the agent has joined." example:"active"`
	Cause       string            `json:"termination_cause,omitempty" doc:"Why it ended." example:"TERM_BY_CLIENT"`
	Recordings  []StreamRecording `json:"recordings" doc:"The latest recording of each stream."`
	CreatedAt   time.Time         `json:"created_at" doc:"When it was asked for." example:"2026-03-01T09:00:00Z"`
	ConnectedAt time.Time         `json:"connected_at,omitzero" doc:"When the agent had joined." example:"2026-03-01T09:00:01Z"`
	EndedAt     time.Time         `json:"ended_at,omitzero" doc:"When it ended." example:"2026-03-01T09:30:00Z"`
}

// NewSession is a session with what its agent needs to join.
type NewSession struct {
	Session
	LiveKitURL   string `json:"livekit_url" doc:"Where to connect with LiveKit's client." example:"wss://livekit.example.com"`
	LiveKitToken string `json:"livekit_token" doc:"The token to connect with, within a minute." example:"eyJhbGciOiJIUzI1NiJ9.e30.x"`
	ResumeKey    string `json:"resume_key" doc:"Opens this session again while it lives, after a reload of the page for one." example:"4SBZKUJ2XVQ3Y6N7"`
	Resumed      bool   `json:"resumed" doc:"It is a session that was there already." example:"false"`
	MaxStreams   int    `json:"max_streams" doc:"How many streams it may have." example:"3"`
}

// StreamRecording is how far the recording of a stream is.
type StreamRecording struct {
	StreamID    string   `json:"stream_id" doc:"Name of the stream." example:"camera"`
	RecordingID string   `json:"recording_id" doc:"Identifier of the recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	State       string   `json:"state" enum:"STARTING,STARTED,STOPPED,FAILED" doc:"STARTED: first media is on disk. STOPPED: the file is complete." example:"STARTED"`
	Error       *Failure `json:"error,omitempty" doc:"Why it failed."`
}

// Supervision is a supervisor's right to watch, as callers see it.
type Supervision struct {
	SupervisionID string    `json:"supervision_id" doc:"Identifier." example:"sup_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	SupervisorID  string    `json:"supervisor_id" doc:"Who watches." example:"sam"`
	ClientID      string    `json:"agent_id,omitempty" doc:"The agent who is watched; absent when it is a room." example:"agent-7"`
	SessionID     string    `json:"session_id,omitempty" doc:"The agent's session." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Room          string    `json:"room" doc:"The LiveKit room." example:"standup"`
	Reason        string    `json:"reason,omitempty" doc:"Why, as the supervisor said." example:"quality review"`
	By            string    `json:"by" doc:"Whose token asked for it." example:"sam"`
	State         string    `json:"state" enum:"waiting,active,ended" doc:"waiting until the supervisor was let in." example:"active"`
	Cause         string    `json:"termination_cause,omitempty" doc:"Why it ended." example:"AGENT_SESSION_TERM"`
	CreatedAt     time.Time `json:"created_at" doc:"When it was asked for." example:"2026-03-01T09:00:00Z"`
	ConnectedAt   time.Time `json:"connected_at,omitzero" doc:"When the supervisor was let in." example:"2026-03-01T09:00:01Z"`
	EndedAt       time.Time `json:"ended_at,omitzero" doc:"When it ended." example:"2026-03-01T09:30:00Z"`
}

// NewSupervision is a supervision with what its supervisor needs to join.
type NewSupervision struct {
	Supervision
	LiveKitURL   string `json:"livekit_url" doc:"Where to connect with LiveKit's client: an address of roomreel's, which looks at the right to watch each time." example:"wss://roomreel.example.com/v1/supervisions/sup_0199a3f27c5d7e0fb1d2c3b4a5968778/signal"`
	LiveKitToken string `json:"livekit_token" doc:"The token to connect with. It is good for this supervision and only as long as that lasts." example:"eyJhbGciOiJIUzI1NiJ9.e30.x"`
}

// AuditEntry is a line of the audit trail.
type AuditEntry struct {
	ID            string    `json:"id" doc:"Identifier; newer ones are greater." example:"1764100000000-0"`
	At            time.Time `json:"at" doc:"When." example:"2026-03-01T09:00:00Z"`
	Action        string    `json:"action" enum:"requested,refused,started,ended" doc:"What happened." example:"started"`
	SupervisionID string    `json:"supervision_id,omitempty" doc:"The supervision; absent when it was refused." example:"sup_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	SupervisorID  string    `json:"supervisor_id" doc:"Who watches." example:"sam"`
	ClientID      string    `json:"agent_id,omitempty" doc:"The agent who is watched." example:"agent-7"`
	SessionID     string    `json:"session_id,omitempty" doc:"The agent's session." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Room          string    `json:"room,omitempty" doc:"The LiveKit room." example:"standup"`
	Reason        string    `json:"reason,omitempty" doc:"Why, as the supervisor said." example:"quality review"`
	By            string    `json:"by,omitempty" doc:"Whose token asked for it." example:"sam"`
	Cause         string    `json:"termination_cause,omitempty" doc:"Why it was refused or ended." example:"TERM_BY_CLIENT"`
}

func sessionBody(s recording.Session) Session {
	return Session{
		SessionID: s.ID, ClientID: s.ClientID, Room: s.Room, Streams: s.Streams, State: string(s.State), Cause: string(s.Cause),
		Recordings: each(s.Recordings, streamRecordingBody), CreatedAt: s.CreatedAt.UTC(), ConnectedAt: s.ConnectedAt.UTC(), EndedAt: s.EndedAt.UTC(),
	}
}

func streamRecordingBody(r recording.StreamRecording) StreamRecording {
	return StreamRecording{StreamID: r.Stream, RecordingID: r.RecordingID, State: string(r.State), Error: failureBody(r.Error)}
}

func supervisionBody(s recording.Supervision) Supervision {
	return Supervision{
		SupervisionID: s.ID, SupervisorID: s.SupervisorID, ClientID: s.ClientID, SessionID: s.SessionID, Room: s.Room, Reason: s.Reason,
		By: s.By, State: string(s.State), Cause: string(s.Cause),
		CreatedAt: s.CreatedAt.UTC(), ConnectedAt: s.ConnectedAt.UTC(), EndedAt: s.EndedAt.UTC(),
	}
}

func auditBody(e recording.AuditEntry) AuditEntry {
	return AuditEntry{
		ID: e.ID, At: e.At.UTC(), Action: e.Action, SupervisionID: e.SupervisionID, SupervisorID: e.SupervisorID, ClientID: e.ClientID,
		SessionID: e.SessionID, Room: e.Room, Reason: e.Reason, By: e.By, Cause: string(e.Cause),
	}
}
