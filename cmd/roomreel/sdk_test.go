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

// The usage of eyeson's documentation, with three streams and a supervisor beside.
func TestSDKRecordsAnAgent(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	chromium := launch(ctx, t)
	agent, supervisor := sdkPage(ctx, t, chromium, "agent"), sdkPage(ctx, t, chromium, "supervisor")
	agentToken := s.authToken(ctx, t, "/auth_v2/client", map[string]string{"client_id": "ann"})
	supervisorToken := s.authToken(ctx, t, "/auth_v2/supervisor", map[string]string{"client_id": "sam", "client_to_monitor": "ann"})

	inPage[any](ctx, t, agent, `
		agent.setOptionMaxBitrate(800);
		agent.addEventListener((event) => {
			if (event.type === 'statistics_ready') event.statistics.onUpdate((stats) => { window.stats = stats; });
		});
		const streams = { first: media({ hue: 0, tone: 440 }), second: media({ hue: 120, width: 320, height: 180 }) };
		window.third = media({ hue: 240, width: 320, height: 180 });
		window.streams = streams;
		window.sessionId = await agent.connect('ann', given[0], streams);
		await agent.addStream({ third: window.third });`, agentToken)
	inPage[any](ctx, t, supervisor, `
		await Supervisor.connect('sam', given[0], 'ann');
		await until(() => events.filter((e) => e.type === 'add_stream').length === 3);`, supervisorToken)
	type result struct {
		ID    string `json:"recording_id"`
		State string `json:"state"`
	}
	began := inPage[map[string]result](ctx, t, agent, `return agent.startRecording({ first: {}, second: {}, third: {} })`)
	for _, id := range []string{"first", "second", "third"} {
		if began[id].State != "STARTED" {
			t.Fatalf("began %+v, want three STARTED", began)
		}
	}
	refused := inPage[string](ctx, t, agent, `return agent.addStream({ fourth: media() }).then(() => 'taken', (error) => error.code)`)
	if refused != string(recording.CodeStreamsFixed) {
		t.Errorf("a stream was added while recording: %s", refused)
	}
	inPage[any](ctx, t, agent, `
		await sleep(3000);
		await agent.switchStream({ first: media({ hue: 180, width: 1280, height: 720, tone: 440 }) });
		await sleep(3000);
		await agent.removeStream('third');
		await until(() => window.stats);
		await agent.stopRecording();
		if (window.third.getTracks().some((track) => track.readyState !== 'live' || !track.enabled)) throw new Error('a track of ours was ended');
		if (window.streams.first.getTracks().some((track) => track.readyState !== 'live' || !track.enabled)) throw new Error('a track of ours was ended');
		await agent.disconnect();
		await until(() => events.some((e) => e.type === 'disconnected'));`)
	inPage[any](ctx, t, supervisor, `await until(() => events.some((e) => e.type === 'disconnected'))`)

	told := eventsOf(ctx, t, agent)
	slices.Sort(told)
	want := []string{
		"connected", "disconnected TERM_BY_CLIENT", "recording_state first STARTED", "recording_state first STOPPED",
		"recording_state second STARTED", "recording_state second STOPPED", "recording_state third STARTED",
		"recording_state third STOPPED", "statistics_ready",
	}
	if !slices.Equal(told, want) {
		t.Errorf("the agent was told\n%q, want\n%q", told, want)
	}
	watched := eventsOf(ctx, t, supervisor)
	slices.Sort(watched)
	want = []string{
		"add_stream first", "add_stream second", "add_stream third", "connected", "disconnected AGENT_SESSION_TERM",
		"remove_stream first", "remove_stream second", "remove_stream third",
	}
	if !slices.Equal(watched, want) {
		t.Errorf("the supervisor was told\n%q, want\n%q", watched, want)
	}
	for name, one := range began {
		m, err := recording.ReadManifest(s.dir(one.ID))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Parts) != 1 || m.Parts[0].Stream != name || m.Parts[0].Participant != "ann" {
			t.Errorf("%s: parts %+v, want one of ann's", name, m.Parts)
			continue
		}
		playsCleanlyAtAnyRate(ctx, t, s.path(m, m.Parts[0]))
		if name == "first" {
			length := m.Parts[0].Duration
			checkColor(ctx, t, s.path(m, m.Parts[0]), 1, [3]int{163, 41, 41})
			checkColor(ctx, t, s.path(m, m.Parts[0]), length.Float()-1, [3]int{41, 163, 163})
		}
	}
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
