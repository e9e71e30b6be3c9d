package recording

import "time"

// Prefixes of the identifiers of sessions and supervisions.
const (
	PrefixSession     = "ses"
	PrefixSupervision = "sup"
)

// Termination says why a session or a supervision ended, or why one was
// refused. The causes are the eleven of eyeson's stream recorder; those that only
// a client can know are told by the client and never stored.
type Termination string

// The causes of an end.
const (
	// ConnError: the connection failed. Told by clients.
	ConnError Termination = "CONN_ERROR"
	// ConnTimeout: the client was not heard of for too long.
	ConnTimeout Termination = "CONN_TIMEOUT"
	// TermByClient: the client asked for the end.
	TermByClient Termination = "TERM_BY_CLIENT"
	// AgentSessionTerm: the agent's session, which was being watched, has ended.
	AgentSessionTerm Termination = "AGENT_SESSION_TERM"
	// PeerConnFailed: the media connection failed. Told by clients.
	PeerConnFailed Termination = "PEERCONN_FAILED"
	// SDPError: the session description could not be processed. Told by clients.
	SDPError Termination = "SDP_ERROR"
	// ServiceShutdown: roomreel ends and no other node is there to go on.
	ServiceShutdown Termination = "SERVICE_SHUTDOWN"
	// NoActiveAgent: there is no session of the agent to watch.
	NoActiveAgent Termination = "NO_ACTIVE_AGENT"
	// TwoTimer: the agent or supervisor has a session already.
	TwoTimer Termination = "TWO_TIMER"
	// MaxSupervisors: as many supervisors watch the agent as may.
	MaxSupervisors Termination = "MAX_SUPERVISORS_PER_AGENT"
	// NoPacketReceived: no media came from the agent for too long.
	NoPacketReceived Termination = "NO_PACKET_RECEIVED"
)

// The codes of a session's or a supervision's refusal: each is the termination
// of the same name.
const (
	CodeTwoTimer       = Code(TwoTimer)
	CodeMaxSupervisors = Code(MaxSupervisors)
	CodeNoActiveAgent  = Code(NoActiveAgent)
	// CodeStreamsFixed refuses to add a stream while one is being recorded.
	CodeStreamsFixed Code = "STREAMS_FIXED"
	// CodeSessionEnded refuses to change what has ended.
	CodeSessionEnded Code = "SESSION_ENDED"
)

// SessionState tells how far a session or a supervision is.
type SessionState string

// The states of a session and of a supervision. Ended is final.
const (
	SessionWaiting SessionState = "waiting" // nobody has joined yet
	SessionActive  SessionState = "active"
	SessionEnded   SessionState = "ended"
)

// Session is an agent's presence: a LiveKit room of their own, in which named
// streams are published and recorded.
type Session struct {
	ID string `json:"id"`
	// ClientID names the agent. It is the identity in the room.
	ClientID string `json:"client_id"`
	Room     string `json:"room"`
	// Streams are the names under which the agent publishes.
	Streams []string `json:"streams"`
	// WebhookURL is told of the session's end.
	WebhookURL string            `json:"webhook_url,omitempty"`
	State      SessionState      `json:"state"`
	Cause      Termination       `json:"termination_cause,omitempty"`
	Recordings []StreamRecording `json:"recordings"`

	CreatedAt   time.Time `json:"created_at"`
	ConnectedAt time.Time `json:"connected_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
}

// StreamState tells how far the recording of an agent's stream is.
type StreamState string

// The states of a stream's recording. The last two are final.
const (
	StreamStarting StreamState = "STARTING"
	StreamStarted  StreamState = "STARTED" // first media is on disk
	StreamStopped  StreamState = "STOPPED" // the file is complete
	StreamFailed   StreamState = "FAILED"
)

// StreamRecording is the latest recording of one of a session's streams.
type StreamRecording struct {
	Stream      string      `json:"stream_id"`
	RecordingID string      `json:"recording_id"`
	State       StreamState `json:"state"`
	AskedAt     time.Time   `json:"asked_at"`
	Error       *Error      `json:"error,omitempty"`
}

// Supervision is a supervisor's presence with one agent, or in one room.
type Supervision struct {
	ID           string `json:"id"`
	SupervisorID string `json:"supervisor_id"`
	// ClientID and SessionID name the agent that is watched; both are empty when
	// it is a room that has no session.
	ClientID  string `json:"client_id,omitempty"`
	SessionID string `json:"session_id,omitempty"`
	Room      string `json:"room"`
	Reason    string `json:"reason,omitempty"`
	// By is who asked for it, as their token says.
	By         string       `json:"by"`
	WebhookURL string       `json:"webhook_url,omitempty"`
	State      SessionState `json:"state"`
	Cause      Termination  `json:"termination_cause,omitempty"`

	CreatedAt   time.Time `json:"created_at"`
	ConnectedAt time.Time `json:"connected_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
}

// Identity is the supervisor's in the room. It is another one each time, so
// that what one supervision leaves behind cannot meet the next.
func (s Supervision) Identity() string { return "roomreel-supervisor-" + s.ID }

// SessionEvent is something that happened in a session. Type is "session" for a
// change of state and "recording_state" for one of a stream's recording.
type SessionEvent struct {
	// ID grows with each event of a session.
	ID   string `json:"-"`
	Type string `json:"type"`

	State       string      `json:"state"`
	Cause       Termination `json:"termination_cause,omitempty"`
	Stream      string      `json:"stream_id,omitempty"`
	RecordingID string      `json:"recording_id,omitempty"`
	Error       *Error      `json:"error,omitempty"`
}

// AuditEntry is a line of the trail of who watched whom.
type AuditEntry struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// Action is requested, refused, started or ended.
	Action        string      `json:"action"`
	SupervisionID string      `json:"supervision_id,omitempty"`
	SupervisorID  string      `json:"supervisor_id"`
	ClientID      string      `json:"client_id,omitempty"`
	SessionID     string      `json:"session_id,omitempty"`
	Room          string      `json:"room,omitempty"`
	Reason        string      `json:"reason,omitempty"`
	By            string      `json:"by,omitempty"`
	Cause         Termination `json:"termination_cause,omitempty"`
}
