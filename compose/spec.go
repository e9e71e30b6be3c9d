package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// Defaults of a film.
const (
	DefaultLayout    = layoutRecorded
	DefaultFormat    = "mp4"
	DefaultWidth     = 1280
	DefaultHeight    = 720
	DefaultFrameRate = 30
)

const (
	minSide, maxSide = 120, 3840
	maxPixels        = 3840 * 2160
	maxFrameRate     = 60
)

// Normalize fills a wish's empty fields with the defaults and refuses what
// cannot be made. The error is a *recording.Error with CodeInvalidRequest that
// names the field and what is allowed.
func Normalize(s recording.CompositionSpec) (recording.CompositionSpec, error) {
	s.Layout = or(s.Layout, DefaultLayout)
	s.Format = or(s.Format, DefaultFormat)
	s.FrameRate = or(s.FrameRate, DefaultFrameRate)
	if s.Width == 0 && s.Height == 0 {
		s.Width, s.Height = DefaultWidth, DefaultHeight
	}
	refuse := func(format string, args ...any) (recording.CompositionSpec, error) {
		return s, recording.Errorf(recording.CodeInvalidRequest, format, args...)
	}
	if _, known := layouts[s.Layout]; !known { // recorded has no function of its own
		return refuse("layout: %.40q is not one of %s", s.Layout, names(layouts))
	}
	if _, known := formats[s.Format]; !known {
		return refuse("format: %.40q is not one of %s", s.Format, names(formats))
	}
	if s.Width == 0 || s.Height == 0 {
		return refuse("width, height: %dx%d: give both, or neither for %dx%d", s.Width, s.Height, DefaultWidth, DefaultHeight)
	}
	if s.Width < minSide || s.Height < minSide || s.Width > maxSide || s.Height > maxSide || s.Width*s.Height > maxPixels {
		return refuse("width, height: %dx%d is out of range, sides go from %d to %d and the canvas up to 3840x2160", s.Width, s.Height, minSide, maxSide)
	}
	if s.Width%2 != 0 || s.Height%2 != 0 {
		return refuse("width, height: %dx%d: both must be even", s.Width, s.Height)
	}
	if s.FrameRate < 1 || s.FrameRate > maxFrameRate {
		return refuse("frame_rate: %d is out of range, it goes from 1 to %d", s.FrameRate, maxFrameRate)
	}
	if s.From < 0 || s.To < 0 {
		return refuse("from_s, to_s: a range cannot begin or end before the recording")
	}
	if s.To != 0 && s.To <= s.From {
		return refuse("from_s, to_s: %v to %v is no stretch of time", s.From, s.To)
	}
	if err := checkBoxes(s); err != nil {
		return s, err
	}
	if err := normalizePeople(&s); err != nil {
		return s, err
	}
	if err := normalizeLooks(&s); err != nil {
		return s, err
	}
	return s, normalizeEncoding(&s)
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func names[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
