package recording

import "time"

// State tells where a recording stands.
type State string

// The states of a recording. Queued, Starting, Active and Stopping are
// passing; Stopped and Failed are final.
const (
	// Queued: wanted, and no node has taken it yet.
	Queued State = "queued"
	// Starting: a node has taken it; no media is on disk yet.
	Starting State = "starting"
	// Active: media is being written.
	Active State = "recording"
	// Stopping: files are being finalised.
	Stopping State = "stopping"
	// Stopped: every file and the manifest are complete and synced.
	Stopped State = "stopped"
	// Failed: it ended without being able to record; Error says why.
	Failed State = "failed"
)

// Final reports whether the state can no longer change.
func (s State) Final() bool { return s == Stopped || s == Failed }

// EndReason says why a recording or a part came to its end.
type EndReason string

// The reasons for an end.
const (
	EndedByStop     EndReason = "stop"
	EndedByRoom     EndReason = "room_closed"
	EndedByShutdown EndReason = "shutdown"
	EndedByCrash    EndReason = "crash"
	EndedByLeave    EndReason = "participant_left"
	EndedByCodec    EndReason = "codec_change"
	EndedByWrite    EndReason = "write_error"
	EndedByFailure  EndReason = "failure"
)

// Recording is one recording of a room: what is wanted and how far it is.
type Recording struct {
	ID        string    `json:"id"`
	Room      string    `json:"room"`
	Selection Selection `json:"selection,omitzero"`

	// StopWanted is set once somebody asked for the end.
	StopWanted bool `json:"stop_wanted,omitempty"`

	State State `json:"state"`
	// Node is the node that records or recorded it last, Epoch the fencing
	// number under which it did: it grows with every take-over.
	Node  string `json:"node,omitempty"`
	Epoch int64  `json:"epoch,omitempty"`

	CreatedAt    time.Time `json:"created_at"`
	StartedAt    time.Time `json:"started_at,omitzero"`
	FirstMediaAt time.Time `json:"first_media_at,omitzero"`
	StoppedAt    time.Time `json:"stopped_at,omitzero"`

	Ended    EndReason `json:"ended,omitempty"`
	Error    *Error    `json:"error,omitempty"`
	Duration Seconds   `json:"duration_s"`
	Parts    int       `json:"parts"`
	Bytes    int64     `json:"bytes"`
}
