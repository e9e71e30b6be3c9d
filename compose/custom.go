package compose

import (
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// mostBoxes bounds a custom layout, like the grid.
const mostBoxes = gridMost

// custom gives out the wished boxes: first those that ask for somebody, then
// the free ones to who has none yet.
func custom(c cast) []place {
	taken := map[*seat]bool{}
	who := make([]*actor, len(c.boxes))
	for i, b := range c.boxes {
		switch {
		case b.Participant != "":
			who[i] = c.find(b.Participant)
		case b.Role == recording.RoleHost:
			who[i] = c.find(c.host)
		case b.Role == recording.RoleSpeaker:
			who[i] = c.speaker()
		case b.Role == recording.RoleScreen:
			who[i] = c.screen()
		case b.Order > 0 && b.Order <= len(c.actors):
			who[i] = &c.actors[b.Order-1]
		}
		if who[i] != nil {
			taken[who[i].seat] = true
		}
	}
	var places []place
	for i, b := range c.boxes {
		a := who[i]
		if a == nil && b.Participant == "" && b.Role == "" && b.Order == 0 {
			if k := slices.IndexFunc(c.actors, func(a actor) bool { return !taken[a.seat] }); k >= 0 {
				a = &c.actors[k]
				taken[a.seat] = true
			}
		}
		if a != nil {
			places = append(places, place{*a, Box{even(b.X), even(b.Y), even(b.Width), even(b.Height)}, or(b.Fit, recording.FitAuto)})
		}
	}
	return places
}

// checkBoxes refuses a custom layout that has no boxes, or one off the canvas.
func checkBoxes(s recording.CompositionSpec) error {
	refuse := func(format string, args ...any) error {
		return recording.Errorf(recording.CodeInvalidRequest, format, args...)
	}
	if s.Layout == "custom" && len(s.Boxes) == 0 {
		return refuse("boxes: the layout custom needs at least one box")
	}
	if len(s.Boxes) > mostBoxes {
		return refuse("boxes: %d are too many, there may be %d", len(s.Boxes), mostBoxes)
	}
	const smallest = 16
	for i, b := range s.Boxes {
		switch {
		case b.Width < smallest || b.Height < smallest:
			return refuse("boxes[%d]: %dx%d is too small, a side has at least %d pixels", i, b.Width, b.Height, smallest)
		case b.X < 0 || b.Y < 0 || b.X > s.Width-b.Width || b.Y > s.Height-b.Height:
			return refuse("boxes[%d]: %dx%d at %d,%d is not on the canvas, which has %dx%d", i, b.Width, b.Height, b.X, b.Y, s.Width, s.Height)
		case btoi(b.Participant != "")+btoi(b.Role != "")+btoi(b.Order != 0) > 1:
			return refuse("boxes[%d]: only one of participant, role and order can say who is in it", i)
		case b.Order < 0:
			return refuse("boxes[%d].order: %d is out of range, the first is 1", i, b.Order)
		case !slices.Contains([]recording.Role{"", recording.RoleHost, recording.RoleSpeaker, recording.RoleScreen}, b.Role):
			return refuse("boxes[%d].role: %.40q is not one of host, speaker, screen", i, b.Role)
		case !slices.Contains([]recording.Fit{"", recording.FitAuto, recording.FitContain, recording.FitCover}, b.Fit):
			return refuse("boxes[%d].fit: %.40q is not one of auto, contain, cover", i, b.Fit)
		}
	}
	return nil
}

// knownLayout returns the layout that a recording was told to have as one of
// ours, or "". LiveKit's own names (grid, speaker, single-speaker, each with
// -light or -dark) have their counterparts.
func knownLayout(name string, spec recording.CompositionSpec) string {
	for _, colour := range []string{"-light", "-dark"} {
		if n := len(name) - len(colour); n > 0 && name[n:] == colour {
			name = name[:n]
		}
	}
	if name == "single-speaker" {
		name = "single"
	}
	if layouts[name] == nil || name == "custom" && len(spec.Boxes) == 0 {
		return ""
	}
	return name
}
