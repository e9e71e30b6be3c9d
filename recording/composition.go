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
	// Layout is the name of a layout, such as "grid". Empty means the one that
	// the recording was told to have, and grid where it was told none.
	Layout string `json:"layout,omitempty"`
	// Format is "mp4" (H.264 and AAC), "webm" (VP8, VP9 or AV1, and Opus), "hls"
	// (an mp4 and its HLS playlist), "m4a" or "opus" (sound only), or "people"
	// (one file per participant, copied where that can be).
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
	// Pauses says what the film makes of a recording's pauses.
	Pauses PauseMode `json:"pauses,omitempty"`

	// Boxes are the places of the layout "custom", from back to front.
	Boxes []LayoutBox `json:"boxes,omitempty"`
	// Host is the identity of whom host-bottom, host-only and pip call the
	// host: by default the recording's host, else who joined first.
	Host string `json:"host,omitempty"`
	// Focus is an identity that stands throughout where the active speaker would.
	Focus string `json:"focus,omitempty"`

	// Include, if not empty, lists the only identities that are seen and heard;
	// Exclude lists identities that are not.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// Withdrawn is about participants who withdrew their consent.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
	// External are videos from outside that take the place of a camera.
	External []ExternalVideo `json:"external,omitempty"`

	// Background is the canvas' colour, as #rrggbb.
	Background string `json:"background,omitempty"`
	// HideNames leaves the name plates out.
	HideNames bool `json:"hide_names,omitempty"`
	// Avatars are pictures for cards, by identity; see Logo.File.
	Avatars map[string]string `json:"avatars,omitempty"`
	Logo    *Logo             `json:"logo,omitempty"`
	// Timestamp shows the time in a corner; TimeZone is the IANA name of the
	// zone whose wall clock it is, by default UTC.
	Timestamp TimestampMode `json:"timestamp,omitempty"`
	TimeZone  string        `json:"time_zone,omitempty"`
	// Title opens the film with a card.
	Title *TitleCard `json:"title,omitempty"`

	// Quality is "draft", "standard" or "archive".
	Quality string `json:"quality,omitempty"`
	// VideoCodec is "h264" in mp4 and hls, "vp8", "vp9" or "av1" in webm.
	VideoCodec string `json:"video_codec,omitempty"`
	// Encoder is "software", or the hardware to use: "vaapi", "nvenc", "qsv".
	Encoder string `json:"encoder,omitempty"`
	// Audio is "mixed", or "multitrack" for a track per participant in m4a and opus.
	Audio string `json:"audio,omitempty"`
	// Extras are made beside the film: "poster", "sheet", "chapters", "speakers".
	Extras []string `json:"extras,omitempty"`
	// Priority orders what waits: "low", "normal" or "high".
	Priority string `json:"priority,omitempty"`
	// Live composes what is closed while the recording runs, so that the film is
	// ready soon after its end.
	Live bool `json:"live,omitempty"`
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
	// Parts is of how many parts of the recording the film is made. Further ones may
	// come from a node that was away.
	Parts int    `json:"parts,omitempty"`
	Error *Error `json:"error,omitempty"`
	// Warnings tell, a sentence each, what a film that is ready lacks.
	Warnings []string `json:"warnings,omitempty"`

	// Files are all that was made, the film first. But for the film they lie in
	// a folder of their own beside it, named by the composition's id.
	Files []CompositionFile `json:"files,omitempty"`
}

// CompositionFile is one file of a composition.
type CompositionFile struct {
	Name string `json:"name"`
	// Kind is "film", "poster", "sheet", "chapters", "speakers", "playlist",
	// "segment" or "participant".
	Kind string `json:"kind"`
	// Participant is whose file it is, Start where it begins on the recording's
	// timeline, Copied whether its picture is the recorded one, not encoded again.
	Participant string  `json:"participant,omitempty"`
	Start       Seconds `json:"start_s,omitempty"`
	Duration    Seconds `json:"duration_s,omitempty"`
	Bytes       int64   `json:"bytes"`
	Copied      bool    `json:"copied,omitempty"`
}
