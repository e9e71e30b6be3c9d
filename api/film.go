package api

import (
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// FilmBox is a place of a custom layout.
type FilmBox struct{ recording.LayoutBox }

// Schema implements huma.SchemaProvider: a box is an object, or an array as in
// eyeson's layout maps.
func (FilmBox) Schema(huma.Registry) *huma.Schema {
	number := func(doc string) *huma.Schema {
		least, most := 0.0, 3840.0
		return &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Description: doc, Examples: []any{0}}
	}
	text := func(doc string, enum ...any) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: doc, Enum: enum}
	}
	fit := text("How a picture of another shape fills the box. The default is auto: a camera that would lose less than a third fills it, everything else is shown whole.",
		"auto", "contain", "cover")
	first, four, five := 1.0, 4, 5
	return &huma.Schema{
		Description: "A box on the canvas, in pixels, and who is in it: one of participant, role and order, or without them the next who has no place yet.",
		OneOf: []*huma.Schema{
			{
				Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"x", "y", "width", "height"},
				Properties: map[string]*huma.Schema{
					"x": number("Left edge."), "y": number("Upper edge."), "width": number("Width."), "height": number("Height."),
					"fit": fit, "participant": text("Identity of who is in it."),
					"role":  text("Who is in it, by what they are at the time.", "host", "speaker", "screen"),
					"order": {Type: huma.TypeInteger, Minimum: &first, Description: "Who is in it, counted from 1 by when they came; shared screens come first."},
				},
			},
			{
				Type: huma.TypeArray, MinItems: &four, MaxItems: &five, Items: &huma.Schema{},
				Description: "x, y, width, height and fit.", Examples: []any{[]any{0, 0, 640, 360, "cover"}},
			},
		},
	}
}

// FilmWithdrawal says who withdrew consent.
type FilmWithdrawal struct {
	Participants []string `json:"participants" minItems:"1" maxItems:"1000" doc:"Their identities. One that nobody in the recording has is refused, for a misspelt one would be shown." example:"[\"anna\"]"`
	Mode         string   `json:"mode,omitempty" enum:"blur,silence,both" doc:"blur withholds picture and name, silence the voice; both is the default." example:"both"`
}

// FilmExternal is a video that a client recorded of a participant.
type FilmExternal struct {
	File        string  `json:"file" maxLength:"300" doc:"A .webm, .mkv, .mp4 or .mov file inside the recording's directory." example:"assets/anna.mp4"`
	Participant string  `json:"participant" maxLength:"300" doc:"Identity of whom it shows. It takes the camera's place; the recorded sound stays." example:"anna"`
	At          float64 `json:"at_s" minimum:"-1000000" maximum:"1000000" doc:"Where its first picture lies on the timeline." example:"12.4"`
	End         float64 `json:"end_s,omitempty" minimum:"0" maximum:"1000000" doc:"Where its last picture lies, if that is known: the drift of its clock is stretched away." example:"1812.5"`
	Duration    float64 `json:"duration_s,omitempty" minimum:"0" maximum:"1000000" doc:"Its length; read from the file when left out." example:"1800"`
	Width       int     `json:"width,omitempty" minimum:"0" maximum:"16384" doc:"Width of its picture; read from the file when left out." example:"1280"`
	Height      int     `json:"height,omitempty" minimum:"0" maximum:"16384" doc:"Height of its picture; read from the file when left out." example:"720"`
}

// FilmLogo is a picture over a corner of the film.
type FilmLogo struct {
	File   string `json:"file" maxLength:"300" doc:"A PNG or JPEG in the folder assets of the recording's directory, or in the composer's." example:"logo.png"`
	Corner string `json:"corner,omitempty" enum:"top-left,top-right,bottom-left,bottom-right" doc:"Where it stands. The default is top-right." example:"top-right"`
	Height int    `json:"height_percent,omitempty" minimum:"1" maximum:"50" doc:"Its height, in percent of the canvas'. The default is 10." example:"10"`
}

// FilmTitle is the card that a film opens with.
type FilmTitle struct {
	Text     string  `json:"text" minLength:"1" maxLength:"300" doc:"Large line." example:"Quarterly review"`
	Subtitle string  `json:"subtitle,omitempty" maxLength:"300" doc:"Small line below." example:"24 November 2026"`
	Duration float64 `json:"duration_s,omitempty" minimum:"0" maximum:"60" doc:"How long it stands. The default is 4." example:"4"`
}

// domain returns the same wish as a recording.CompositionSpec: both have the
// same JSON, which TestFilmSpec holds.
func (f FilmSpec) domain() (spec recording.CompositionSpec, err error) {
	b, err := json.Marshal(f)
	if err == nil {
		err = json.Unmarshal(b, &spec)
	}
	if err != nil {
		return spec, recording.Errorf(recording.CodeInvalidRequest, "read the wished film: %w", err)
	}
	return spec, nil
}

func filmSpecBody(spec recording.CompositionSpec) (f FilmSpec) {
	b, err := json.Marshal(spec)
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		panic(fmt.Sprintf("api: a wished film cannot be told: %v", err)) // plain numbers and texts
	}
	return f
}
