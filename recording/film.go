package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
)

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

// UnmarshalJSON reads a box as an object, or as eyeson writes it: an array of
// x, y, width, height and, where it is said, fit.
func (b *LayoutBox) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		type plain LayoutBox
		if err := json.Unmarshal(data, (*plain)(b)); err != nil {
			return fmt.Errorf("read box: %w", err)
		}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("read box: %w", err)
	}
	var out LayoutBox
	fields := []any{&out.X, &out.Y, &out.Width, &out.Height, &out.Fit}
	if len(list) < len(fields)-1 || len(list) > len(fields) {
		return fmt.Errorf("read box: an array of %d is not [x, y, width, height] or [x, y, width, height, fit]", len(list))
	}
	for i, v := range list {
		if err := json.Unmarshal(v, fields[i]); err != nil {
			return fmt.Errorf("read box: %w", err)
		}
	}
	*b = out
	return nil
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
