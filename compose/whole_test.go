package compose

import (
	"testing"

	"github.com/roomreel/roomreel/recording"
)

// Parts may be deleted for the sake of a film only if it holds what they do.
func TestIsWhole(t *testing.T) {
	const sound, pictures, told = "sound", "pictures", "told to show one alone"
	recorded := map[string]*recording.Manifest{
		sound:    {Parts: []recording.Part{{Tracks: []recording.Track{{Kind: recording.Audio}}}}},
		pictures: {Parts: []recording.Part{{Tracks: []recording.Track{{Kind: recording.Audio}}}, {Tracks: []recording.Track{{Kind: recording.Video}}}}},
	}
	alone := *recorded[pictures]
	alone.Layouts = []recording.LayoutChange{{Layout: "grid"}, {Layout: "single-speaker-dark"}}
	recorded[told] = &alone
	for _, tt := range []struct {
		what string
		film recording.CompositionSpec
		want bool
	}{
		{pictures, recording.CompositionSpec{}, true},
		{pictures, recording.CompositionSpec{Format: "hls", Layout: "speaker", Quality: QualityDraft}, true},
		{pictures, recording.CompositionSpec{Layout: "host-bottom"}, true},
		{pictures, recording.CompositionSpec{Withdrawn: &recording.Withdrawal{Participants: []string{"anna"}}}, true},
		{pictures, recording.CompositionSpec{Format: "people"}, true},
		{pictures, recording.CompositionSpec{Format: "m4a"}, false},
		{pictures, recording.CompositionSpec{Format: "opus", Audio: AudioMultitrack}, false},
		{pictures, recording.CompositionSpec{From: 1}, false},
		{pictures, recording.CompositionSpec{To: 1}, false},
		{pictures, recording.CompositionSpec{Include: []string{"anna"}}, false},
		{pictures, recording.CompositionSpec{Exclude: []string{"anna"}}, false},
		{pictures, recording.CompositionSpec{Format: "people", Exclude: []string{"anna"}}, false},
		{pictures, recording.CompositionSpec{External: []recording.ExternalVideo{{File: "a.mp4", Participant: "anna"}}}, false},
		{pictures, recording.CompositionSpec{Layout: "host-only"}, false},
		{pictures, recording.CompositionSpec{Layout: "single"}, false},
		{pictures, recording.CompositionSpec{Layout: "pip"}, false},
		{pictures, recording.CompositionSpec{Layout: "share"}, false},
		{pictures, recording.CompositionSpec{Layout: "custom", Boxes: []recording.LayoutBox{{Width: 100, Height: 100}}}, false},
		{pictures, recording.CompositionSpec{Layout: "unknown"}, false},
		{told, recording.CompositionSpec{}, false},
		{told, recording.CompositionSpec{Layout: "grid"}, true},
		{told, recording.CompositionSpec{Format: "people"}, true},
		{sound, recording.CompositionSpec{Format: "m4a"}, true},
		{sound, recording.CompositionSpec{Format: "m4a", To: 1}, false},
		{sound, recording.CompositionSpec{Layout: "single"}, true},
	} {
		if got := IsWhole(recorded[tt.what], tt.film); got != tt.want {
			t.Errorf("%s: IsWhole(%+v) = %v", tt.what, tt.film, got)
		}
	}
}
