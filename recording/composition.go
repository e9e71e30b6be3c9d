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

// PauseMode says what a film makes of a pause.
type PauseMode string

// The modes of a pause: left out, which is the default; left out with a card
// of some seconds in its place; or a card for as long as it lasted.
const (
	PausesCut  PauseMode = "cut"
	PausesMark PauseMode = "mark"
	PausesKeep PauseMode = "keep"
)

// Fit says how a picture fills a box of another shape.
type Fit string

// A picture is shown whole, with bars; or fills its box and loses its edges;
// or, which is the default, a camera that would lose less than a third fills
// its box and everything else is shown whole.
const (
	FitContain Fit = "contain"
	FitCover   Fit = "cover"
	FitAuto    Fit = "auto"
)

// Role is a part that somebody plays at a time.
type Role string

// The roles that a box can be given to.
const (
	RoleHost    Role = "host"
	RoleSpeaker Role = "speaker"
	RoleScreen  Role = "screen"
)

// LayoutBox is a place of a custom layout, in pixels of the canvas. Who is in
// it is said by one of Participant, Role and Order; without any of them it is
// the next who has no place yet.
type LayoutBox struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
	Fit    Fit `json:"fit,omitempty"`

	Participant string `json:"participant,omitempty"`
	Role        Role   `json:"role,omitempty"`
	// Order counts those present by when they came, from 1; shared screens
	// come before cameras.
	Order int `json:"order,omitempty"`
}

// WithdrawalMode says how a participant is made unrecognisable.
type WithdrawalMode string

// Picture and name are withheld; the voice is; or both, which is the default.
const (
	WithdrawalBlur    WithdrawalMode = "blur"
	WithdrawalSilence WithdrawalMode = "silence"
	WithdrawalBoth    WithdrawalMode = "both"
)

// Withdrawal lists who withdrew consent, by identity.
type Withdrawal struct {
	Participants []string       `json:"participants"`
	Mode         WithdrawalMode `json:"mode,omitempty"`
}

// ExternalVideo is a video that a client recorded of a participant, shown in
// place of the recorded camera. Its sound is not used.
type ExternalVideo struct {
	// File is a path inside the recording's directory: .webm, .mkv, .mp4 or .mov.
	File        string `json:"file"`
	Participant string `json:"participant"`
	// At is where its first picture lies on the timeline. End is where its
	// last lies, if that is known; zero means that its clock ran true.
	At  Seconds `json:"at_s"`
	End Seconds `json:"end_s,omitempty"`
	// Duration, Width and Height are the file's. The composer reads them from
	// it where they are zero.
	Duration Seconds `json:"duration_s,omitempty"`
	Width    int     `json:"width,omitempty"`
	Height   int     `json:"height,omitempty"`
}

// Corner is a corner of the canvas.
type Corner string

// The corners of the canvas.
const (
	TopLeft     Corner = "top-left"
	TopRight    Corner = "top-right"
	BottomLeft  Corner = "bottom-left"
	BottomRight Corner = "bottom-right"
)

// Logo is a picture that lies over a corner of the film.
type Logo struct {
	// File is a PNG or JPEG in the folder "assets" of the recording's
	// directory, or else of the composer's configuration.
	File string `json:"file"`
	// Corner is top-right by default.
	Corner Corner `json:"corner,omitempty"`
	// Height is its share of the canvas' height in percent, by default 10.
	Height int `json:"height_percent,omitempty"`
}

// TimestampMode says which time a film shows.
type TimestampMode string

// The time of day with the date, or the time since the recording began.
const (
	TimestampWall    TimestampMode = "wall"
	TimestampElapsed TimestampMode = "elapsed"
)

// TitleCard is what a film opens with.
type TitleCard struct {
	Text     string `json:"text"`
	Subtitle string `json:"subtitle,omitempty"`
	// Duration is how long it stands, by default 4 seconds.
	Duration Seconds `json:"duration_s,omitempty"`
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
	File     string  `json:"file,omitempty"`
	Duration Seconds `json:"duration_s"`
	Width    int     `json:"width,omitempty"`
	Height   int     `json:"height,omitempty"`
	Bytes    int64   `json:"bytes"`
	Error    *Error  `json:"error,omitempty"`

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
