package compose

import (
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// everybody are the layouts that show all who are there, as long as they have room.
var everybody = []string{layoutGrid, "speaker", "host-bottom"}

// IsWhole reports whether a film of a recording shows everybody from end to end, and lets
// them be heard: with it, the recording can do without its parts. What participants
// withdrew their consent to does not count.
func IsWhole(m *recording.Manifest, wish recording.CompositionSpec) bool {
	s, err := Normalize(wish)
	if err != nil || s.From > 0 || s.To > 0 || len(s.Include)+len(s.Exclude)+len(s.External) > 0 {
		return false
	}
	pictures := slices.ContainsFunc(m.Parts, func(p recording.Part) bool {
		return slices.ContainsFunc(p.Tracks, func(t recording.Track) bool { return t.Kind == recording.Video })
	})
	switch {
	case !pictures, s.Format == "people":
		return true
	case !formats[s.Format].picture():
		return false
	case s.Layout != layoutRecorded:
		return slices.Contains(everybody, s.Layout)
	}
	return !slices.ContainsFunc(m.Layouts, func(c recording.LayoutChange) bool {
		return !slices.Contains(everybody, or(knownLayout(c.Layout, s), layoutGrid))
	})
}
