package recording

import "time"

// CompositionState tells where a composition stands.
type CompositionState string

// The states of a composition; the last three are final.
const (
	CompositionQueued   CompositionState = "queued"
	CompositionRunning  CompositionState = "composing"
	CompositionReady    CompositionState = "ready"
	CompositionFailed   CompositionState = "failed"
	CompositionCanceled CompositionState = "canceled"
)

// Final reports whether the state can no longer change.
func (s CompositionState) Final() bool {
	return s == CompositionReady || s == CompositionFailed || s == CompositionCanceled
}

// CompositionSpec says which film is wanted. Zero values mean the defaults
// that compose.Normalize fills in.
type CompositionSpec struct {
	// Layout is the name of a layout, such as "grid".
	Layout string `json:"layout,omitempty"`
	// Format is "mp4" (H.264 and AAC) or "webm" (VP8 and Opus).
	Format string `json:"format,omitempty"`
	// Width and Height are the canvas in pixels, both even.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// FrameRate is in frames per second.
	FrameRate int `json:"frame_rate,omitempty"`
	// From and To bound the film on the recording's timeline; a zero To means
	// the end.
	From Seconds `json:"from_s,omitempty"`
	To   Seconds `json:"to_s,omitempty"`
}

// Composition is a job that makes one film of a recording, and its result.
type Composition struct {
	ID          string           `json:"id"`
	RecordingID string           `json:"recording_id"`
	Spec        CompositionSpec  `json:"spec"`
	State       CompositionState `json:"state"`
	// Progress is from 0 to 100, Remaining an estimate of the time left.
	Progress  float64 `json:"progress"`
	Remaining Seconds `json:"remaining_s"`

	CreatedAt  time.Time `json:"created_at"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`

	// File is the name of the film in the compositions folder.
	File string `json:"file,omitempty"`
	// Location is the URL of the film in storage, once it is there.
	Location string  `json:"location,omitempty"`
	Duration Seconds `json:"duration_s"`
	Width    int     `json:"width,omitempty"`
	Height   int     `json:"height,omitempty"`
	Bytes    int64   `json:"bytes"`
	Error    *Error  `json:"error,omitempty"`
}
