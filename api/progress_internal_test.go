package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

// Of each recording one event a second is due, and every change of its state but the end.
func TestPace(t *testing.T) {
	changes := []struct {
		id    string
		state recording.State
		after time.Duration
		due   bool
	}{
		{"a", recording.Queued, 0, true},
		{"a", recording.Starting, 100 * time.Millisecond, true},
		{"b", recording.Active, 200 * time.Millisecond, true},
		{"a", recording.Starting, 900 * time.Millisecond, false},
		{"a", recording.Starting, 1100 * time.Millisecond, true},
		{"b", recording.Active, 1199 * time.Millisecond, false},
		{"a", recording.Stopped, 1200 * time.Millisecond, false},
	}
	p, began := pace{}, time.Now()
	for i, c := range changes {
		if got := p.due(recording.Recording{ID: c.id, State: c.state}, began.Add(c.after)); got != c.due {
			t.Errorf("change %d is due: %v", i, got)
		}
	}
	want := pace{"b": {recording.Active, began.Add(200 * time.Millisecond)}}
	if d := cmp.Diff(want, p, cmp.AllowUnexported(paced{})); d != "" {
		t.Errorf("what it remembers: %s", d)
	}
}
