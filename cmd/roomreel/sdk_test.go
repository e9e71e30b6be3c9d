package main

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/internal/browser"
	"github.com/roomreel/roomreel/recording"
)

// sdkEvent is what a page was told.
type sdkEvent struct {
	Type        string `json:"type"`
	Cause       string `json:"termination_cause"`
	RecordingID string `json:"recording_id"`
	StreamID    string `json:"stream_id"`
	State       string `json:"state"`
	ID          string `json:"id"`
	Tracks      int    `json:"tracks"`
}

func (e sdkEvent) String() string {
	return strings.Join(slices.DeleteFunc([]string{e.Type, e.Cause, e.StreamID, e.ID, e.State}, func(s string) bool { return s == "" }), " ")
}

func sdkPage(ctx context.Context, t *testing.T, b *browser.Browser, name string) *browser.Page {
	t.Helper()
	p, err := b.OpenSDK(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func inPage[T any](ctx context.Context, t *testing.T, p *browser.Page, code string, given ...any) (v T) {
	t.Helper()
	if err := p.Run(ctx, &v, code, given...); err != nil {
		t.Fatalf("%v\nin %s", err, code)
	}
	return v
}

func eventsOf(ctx context.Context, t *testing.T, p *browser.Page) []string {
	t.Helper()
	var list []string
	for _, e := range inPage[[]sdkEvent](ctx, t, p, "return events") {
		list = append(list, e.String())
	}
	return list
}

// checkColor looks at the top left of the picture at a time: pictures are of one hue there.
func checkColor(ctx context.Context, t *testing.T, path string, at float64, want [3]int) {
	t.Helper()
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-i", path, "-ss", recording.Seconds(at*float64(time.Second)).String(),
		"-frames:v", "1", "-vf", "crop=iw/8:ih/8:0:0,scale=1:1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-").Output()
	if err != nil || len(out) != 3 {
		t.Errorf("no picture at %.1f s: %d bytes, %v", at, len(out), err)
		return
	}
	for i := range want {
		if d := int(out[i]) - want[i]; d < -40 || d > 40 {
			t.Errorf("at %.1f s the picture is %v, want %v", at, out, want)
			return
		}
	}
}
