package recording

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestFinalStates(t *testing.T) {
	for s, want := range map[State]bool{
		"": false, Queued: false, Starting: false, Active: false, Paused: false, Stopping: false, Stopped: true, Failed: true,
	} {
		if s.Final() != want {
			t.Errorf("recording %q: Final = %v", s, !want)
		}
	}
	for s, want := range map[CompositionState]bool{
		"": false, CompositionQueued: false, CompositionRunning: false,
		CompositionReady: true, CompositionFailed: true, CompositionCanceled: true,
	} {
		if s.Final() != want {
			t.Errorf("composition %q: Final = %v", s, !want)
		}
	}
}

func TestLimitsValidate(t *testing.T) {
	const month = Seconds(30 * 24 * time.Hour)
	for _, c := range []struct {
		name string
		l    Limits
		says string // in the error; valid if empty
	}{
		{"none", Limits{}, ""},
		{"longest", Limits{month, month}, ""},
		{"negative duration", Limits{MaxDuration: -1}, "limits.max_duration_s"},
		{"long duration", Limits{MaxDuration: month + 1}, "limits.max_duration_s"},
		{"negative idle", Limits{Idle: -1}, "limits.idle_s"},
		{"long idle", Limits{Idle: month + 1}, "limits.idle_s"},
	} {
		err := c.l.Validate()
		if c.says == "" && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.says != "" && (!errors.Is(err, &Error{Code: CodeInvalidRequest}) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: error is %v, want one that names %s", c.name, err, c.says)
		}
	}
}
