package recording

import (
	"time"
	"unicode/utf8"
)

// State tells where a recording stands.
type State string

// The states of a recording. Queued, Starting, Active and Stopping are
// passing, Paused lasts as long as its caller wants; Stopped and Failed are final.
const (
	// Queued: wanted, and no node has taken it yet.
	Queued State = "queued"
	// Starting: a node has taken it; no media is on disk yet.
	Starting State = "starting"
	// Active: media is being written.
	Active State = "recording"
	// Paused: nothing is written until somebody resumes it.
	Paused State = "paused"
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
	EndedByDuration EndReason = "max_duration"
	EndedByIdle     EndReason = "idle"
	EndedByDisk     EndReason = "disk_full"
	EndedByLeave    EndReason = "participant_left"
	EndedByCodec    EndReason = "codec_change"
	EndedByRoll     EndReason = "rolled_over"
	EndedByWrite    EndReason = "write_error"
	EndedByFailure  EndReason = "failure"
	EndedByHost     EndReason = "host_left"
)

// Recording is one recording of a room: what is wanted and how far it is.
type Recording struct {
	ID string `json:"id"`
	Request

	// StopWanted is set once somebody asked for the end, PauseWanted while
	// somebody wants nothing to be written.
	StopWanted  bool `json:"stop_wanted,omitempty"`
	PauseWanted bool `json:"pause_wanted,omitempty"`

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
	// People are those of whom there is a part, once it has ended.
	People []Person `json:"people,omitempty"`

	// WaitingFor are the nodes that went away with parts on disks of their own, once it
	// is final: what is told here and in the manifest is without those parts until they
	// are back.
	WaitingFor []string `json:"waiting_for,omitempty"`

	// PartsDeletedAt is when its parts were deleted, as DeleteParts wishes.
	PartsDeletedAt time.Time `json:"parts_deleted_at,omitzero"`

	// Hold, while it is not nil, keeps the recording from being deleted.
	Hold *Hold `json:"hold,omitempty"`

	// Live is what flows now, while it is being recorded.
	Live []LiveTrack `json:"live,omitempty"`
}

// Person is a participant as a list of recordings tells of them.
type Person struct {
	Identity string `json:"identity"`
	Name     string `json:"name,omitempty"`
}

// Hold is a legal hold: nobody and no retention deletes what is held.
type Hold struct {
	Since time.Time `json:"since"`
	By    string    `json:"by,omitempty"`
	// Reason is the caller's, 1000 bytes at most.
	Reason string `json:"reason,omitempty"`
}

// Validate refuses a hold that is out of bounds.
func (h Hold) Validate() error {
	const longest = 1000
	if len(h.Reason) > longest || !utf8.ValidString(h.Reason) {
		return Errorf(CodeInvalidRequest, "reason: it must be UTF-8 of at most %d bytes", longest)
	}
	return nil
}

// Limits end a recording by themselves. Zero means no limit.
type Limits struct {
	// MaxDuration counts from the start, pauses included.
	MaxDuration Seconds `json:"max_duration_s,omitempty"`
	// Idle is how long no media may come, pauses excluded.
	Idle Seconds `json:"idle_s,omitempty"`
}

// Validate refuses limits that are out of bounds.
func (l Limits) Validate() error {
	const longest = Seconds(30 * 24 * time.Hour)
	for name, v := range map[string]Seconds{"max_duration_s": l.MaxDuration, "idle_s": l.Idle} {
		if v < 0 || v > longest {
			return Errorf(CodeInvalidRequest, "limits.%s: %v is not between 0 and %v", name, v, longest)
		}
	}
	return nil
}

// LiveTrack is how a track that is being recorded fares.
type LiveTrack struct {
	Participant string `json:"participant"`
	Stream      string `json:"stream"`
	SID         string `json:"sid"`
	Kind        Kind   `json:"kind"`
	Codec       string `json:"codec"`
	Muted       bool   `json:"muted,omitempty"`
	// Flowing says that packets have come in the last 3 s, Stalled that none have for
	// 10 s although the track is not muted.
	Flowing bool  `json:"flowing"`
	Stalled bool  `json:"stalled,omitempty"`
	Packets int64 `json:"packets"`
	Lost    int64 `json:"lost"`
	Bytes   int64 `json:"bytes"`
}
