package recorder

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

// A layout is told again by each epoch; only what differs is a change.
func TestSolveLayouts(t *testing.T) {
	wall := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	at := func(s float64) recording.Seconds { return recording.Seconds(s * float64(time.Second)) }
	layout := func(s float64, turn int64, name string) recording.Entry {
		return recording.Entry{At: at(s), Turn: turn, Layout: &recording.LayoutEntry{Layout: name}}
	}
	m, err := solve([]recording.Entry{
		{Turn: 1, Epoch: &recording.EpochEntry{Number: 1, Wall: wall}},
		layout(0, 1, "grid"),
		layout(5, 1, "speaker"),
		{Turn: 2, Epoch: &recording.EpochEntry{Number: 2, Wall: wall.Add(10 * time.Second)}},
		layout(0, 2, "speaker"),
		layout(9, 1, "grid"), // of a node whose turn is over
		layout(2, 2, "grid"),
	}, recording.Recording{})
	if err != nil {
		t.Fatal(err)
	}
	want := []recording.LayoutChange{{At: 0, Layout: "grid"}, {At: at(5), Layout: "speaker"}, {At: at(12), Layout: "grid"}}
	if d := cmp.Diff(want, m.Layouts); d != "" {
		t.Error(d)
	}
}
