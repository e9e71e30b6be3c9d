package api

import (
	"math"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Recording is a recording as callers see it.
type Recording struct {
	ID           string            `json:"id" doc:"Identifier." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Room         string            `json:"room" doc:"Name of the LiveKit room." example:"standup"`
	Selection    Selection         `json:"selection,omitzero" doc:"Which streams it takes; all of them, when absent."`
	Limits       Limits            `json:"limits,omitzero" doc:"When it ends by itself."`
	Host         string            `json:"host,omitempty" doc:"Identity of whoever runs the meeting." example:"anna"`
	Session      string            `json:"session,omitempty" doc:"The agent session that it belongs to." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Client       string            `json:"client,omitempty" doc:"The agent of that session." example:"agent-7"`
	Labels       map[string]string `json:"labels,omitempty" doc:"The caller's own names and values." example:"{\"case\":\"4711\"}"`
	State        string            `json:"state" enum:"queued,starting,recording,paused,stopping,stopped,failed" doc:"How far it is; stopped and failed are final." example:"stopped"`
	Node         string            `json:"node,omitempty" doc:"The node that records it, or did last." example:"node-1"`
	CreatedAt    time.Time         `json:"created_at" doc:"When it was asked for." example:"2026-03-01T09:00:00Z"`
	StartedAt    time.Time         `json:"started_at,omitzero" doc:"When a node began: zero of the recording's timeline." example:"2026-03-01T09:00:00.2Z"`
	FirstMediaAt time.Time         `json:"first_media_at,omitzero" doc:"When the first media arrived." example:"2026-03-01T09:00:00.45Z"`
	StoppedAt    time.Time         `json:"stopped_at,omitzero" doc:"When it ended." example:"2026-03-01T09:30:00Z"`
	Ended        string            `json:"ended,omitempty" doc:"Why it ended: stop, room_closed, max_duration, idle, host_left, disk_full, shutdown, crash or failure." example:"stop"`
	Error        *Failure          `json:"error,omitempty" doc:"Why it failed, or why it still waits."`
	Duration     float64           `json:"duration_s" doc:"Length of its timeline in seconds." example:"1799.8"`
	Parts        int               `json:"parts" doc:"Number of media files." example:"3"`
	Bytes        int64             `json:"bytes" doc:"Size of all media files." example:"412345678"`
	People       []Person          `json:"people,omitempty" doc:"Those of whom there is a file, once it has ended."`

	PartsDeletedAt time.Time `json:"parts_deleted_at,omitzero" doc:"When the files of people were deleted, as delete_parts wished." example:"2026-03-02T10:00:00Z"`
	WaitingFor     []string  `json:"waiting_for,omitempty" doc:"Nodes that went away with parts on disks of their own: parts, bytes and the manifest are without those until they are back." example:"[\"node-2\"]"`

	Hold *Hold `json:"hold,omitempty" doc:"The legal hold that keeps it from being deleted."`

	Live []LiveTrack `json:"live,omitempty" doc:"How the tracks fare that are being recorded, as of some seconds ago."`
}

// Person is somebody who was recorded.
type Person struct {
	Identity string `json:"identity" doc:"LiveKit's identity." example:"anna"`
	Name     string `json:"name,omitempty" doc:"The name that they had in the room." example:"Anna Karenina"`
}

// RecordingList is a page of recordings.
type RecordingList struct {
	Data       []Recording `json:"data" doc:"The recordings of this page."`
	NextCursor string      `json:"next_cursor,omitempty" doc:"Send it as cursor to get the next page. Absent on the last page." example:"cmVjXzAxOTlhM2Yy"`
}

// Selection says which tracks of a room are recorded: each list that is given
// narrows it.
type Selection struct {
	Identities []string `json:"identities,omitempty" maxItems:"1000" doc:"Take these participants only." example:"[\"anna\"]"`
	Except     []string `json:"except,omitempty" maxItems:"1000" doc:"Leave these participants out, whatever identities says." example:"[\"bot\"]"`
	Streams    []string `json:"streams,omitempty" maxItems:"1000" doc:"Take streams of these names only." example:"[\"camera\"]"`
	Kinds      []string `json:"kinds,omitempty" maxItems:"2" enum:"audio,video" doc:"Take these media kinds only." example:"[\"audio\"]"`
}

// Failure says why something failed.
type Failure struct {
	Code    string `json:"code" doc:"Stable name of the cause." example:"UNSUPPORTED_CODEC"`
	Message string `json:"message" doc:"The cause and, where there is one, the cure." example:"video/H264 is not supported"`
}

func recordingBody(r recording.Recording) Recording {
	return Recording{
		ID: r.ID, Room: r.Room, Selection: selectionBody(r.Selection), Limits: limitsBody(r.Limits),
		Host: r.Host, Session: r.Session, Client: r.Client, Labels: r.Labels, State: string(r.State), Node: r.Node,
		CreatedAt: r.CreatedAt.UTC(), StartedAt: r.StartedAt.UTC(), FirstMediaAt: r.FirstMediaAt.UTC(), StoppedAt: r.StoppedAt.UTC(),
		Ended: string(r.Ended), Error: failureBody(r.Error), Duration: seconds(r.Duration), Parts: r.Parts, Bytes: r.Bytes,
		People:         each(r.People, func(p recording.Person) Person { return Person(p) }),
		PartsDeletedAt: r.PartsDeletedAt.UTC(), WaitingFor: r.WaitingFor, Hold: holdBody(r.Hold), Live: each(r.Live, liveTrackBody),
	}
}

func selectionBody(s recording.Selection) Selection {
	return Selection{Identities: s.Identities, Except: s.Except, Streams: s.Streams, Kinds: texts(s.Kinds)}
}

// IsZero reports whether the selection takes everything, so that omitzero
// leaves it out.
func (s Selection) IsZero() bool {
	return len(s.Identities)+len(s.Except)+len(s.Streams)+len(s.Kinds) == 0
}

func (s Selection) domain() recording.Selection {
	sel := recording.Selection{Identities: s.Identities, Except: s.Except, Streams: s.Streams}
	for _, kind := range s.Kinds {
		sel.Kinds = append(sel.Kinds, recording.Kind(kind))
	}
	return sel
}

func failureBody(e *recording.Error) *Failure {
	if e == nil {
		return nil
	}
	return &Failure{Code: string(e.Code), Message: e.Message}
}

// seconds is s with microsecond precision.
func seconds(s recording.Seconds) float64 {
	return math.Round(s.Float()*1e6) / 1e6
}

// each maps every element of list and never returns nil, so that JSON has an
// empty array where there is nothing.
func each[T, U any](list []T, body func(T) U) []U {
	mapped := make([]U, len(list))
	for i, v := range list {
		mapped[i] = body(v)
	}
	return mapped
}

func texts[T ~string](list []T) []string {
	return each(list, func(v T) string { return string(v) })
}
