package main

import (
	"context"
	_ "embed"
	"slices"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// The usage examples of eyeson's documentation, as they stand.
var (
	//go:embed testdata/eyeson/agent.js
	agentExample string
	//go:embed testdata/eyeson/supervisor.js
	supervisorExample string
)

// Both examples do what they say, typed in as they stand but for the name of the
// package. The first page's person takes their time, and their second stream ends
// by itself in the middle.
func TestSDKRunsTheExamples(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	chromium := launch(ctx, t)
	receiver := newUploadReceiver(t)
	agent, supervisor := sdkPage(ctx, t, chromium, "agent"), sdkPage(ctx, t, chromium, "supervisor")

	inPage[any](ctx, t, agent, `
		const [code, token, receiver] = given;
		const [secondTrack, endSecond] = example.ending(media({ hue: 120, width: 320, height: 180 }).getVideoTracks()[0]);
		const values = {
			clientId: 'ann', clientAuthToken: token, webhookUrl: receiver + '/hooks',
			firstStream: media({ hue: 0, tone: 440 }), secondStream: new MediaStream([secondTrack]), thirdStream: media({ hue: 240, width: 320, height: 180 }),
			newFirstStream: media({ hue: 180, width: 1280, height: 720, tone: 440 }),
		};
		for (const name of ['first', 'second', 'third']) Object.assign(values, { [name + 'UploadUrl']: receiver + '/' + name + '.webm?signature=x', [name + 'WebhookUrl']: receiver + '/hooks' });
		window.states = [];
		for (const name of ['setConnected', 'setRecording']) values[name] = (on) => states.push(name + ' ' + on);
		agent.addEventListener(({ type, statistics }) => type === 'statistics_ready' && statistics.onUpdate((stats) => { window.stats = stats; }));
		example.before(agent, {
			startRecording: () => until(() => window.supervised, 120_000),
			switchStream: async () => {
				await sleep(3000);
				window.refused = await agent.addStream({ fourth: media() }).then(() => 'taken', (error) => error.code);
			},
			removeStream: () => sleep(3000),
			stopRecording: async () => {
				endSecond();
				await until(() => window.stats && events.some((e) => e.type === 'stream_ended'));
			},
		});
		window.printed = await example.run(code, values);
		await until(() => events.some((e) => e.type === 'connected'));`,
		agentExample, s.authToken(ctx, t, "/auth_v2/client", map[string]string{"client_id": "ann"}), receiver.URL)
	watching := time.Now()
	inPage[any](ctx, t, supervisor, `
		const [code, token, receiver] = given;
		window.states = [];
		window.shown = {};
		window.printed = await example.run(code, {
			supervisorId: 'sam', authToken: token, agentId: 'ann', webhookUrl: receiver + '/hooks',
			setConnected: (on) => states.push('setConnected ' + on),
			showStream: (id, stream) => { shown[id] = stream.getTracks().map((track) => track.kind).sort().join(' '); },
			removeStream: (id) => states.push('removeStream ' + id),
		});
		await until(() => Object.keys(shown).length === 3);`,
		supervisorExample, s.authToken(ctx, t, "/auth_v2/supervisor", map[string]string{"client_id": "sam", "client_to_monitor": "ann"}), receiver.URL)
	inPage[any](ctx, t, agent, `window.supervised = true; await until(() => events.some((e) => e.type === 'disconnected'), 120_000)`)
	inPage[any](ctx, t, supervisor, `await until(() => events.some((e) => e.type === 'disconnected'))`)

	same := func(what string, got, want []string) {
		t.Helper()
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s:\n%q, want\n%q", what, got, want)
		}
	}
	same("the agent was told", eventsOf(ctx, t, agent), []string{
		"connected", "disconnected TERM_BY_CLIENT", "recording_state first STARTED", "recording_state first STOPPED",
		"recording_state second STARTED", "recording_state second STOPPED", "recording_state third STARTED",
		"recording_state third STOPPED", "statistics_ready", "stream_ended second",
	})
	same("the agent's page was set", inPage[[]string](ctx, t, agent, `return states`), []string{"setConnected false", "setConnected true", "setRecording false"})
	// The example ends by itself after half a minute, if the agent has not before.
	cause := "AGENT_SESSION_TERM"
	if time.Since(watching) > 30*time.Second {
		cause = inPage[string](ctx, t, supervisor, `return events.find((e) => e.type === 'disconnected').termination_cause`)
	}
	same("the supervisor was told", eventsOf(ctx, t, supervisor), []string{
		"add_stream first", "add_stream second", "add_stream third", "connected", "disconnected " + cause,
		"remove_stream first", "remove_stream second", "remove_stream third",
	})
	same("the supervisor's page was set", inPage[[]string](ctx, t, supervisor, `return states`), []string{
		"removeStream first", "removeStream second", "removeStream third", "setConnected false", "setConnected true",
	})
	same("the supervisor's page printed", inPage[[]string](ctx, t, supervisor, `return printed`), []string{cause})
	if shown := inPage[map[string]string](ctx, t, supervisor, `return shown`); shown["first"] != "audio video" || shown["second"] != "video" || shown["third"] != "video" {
		t.Errorf("the supervisor was shown %v", shown)
	}
	if refused := inPage[string](ctx, t, agent, `return refused`); refused != string(recording.CodeStreamsFixed) {
		t.Errorf("a stream was added while recording: %s", refused)
	}
	if inPage[bool](ctx, t, agent, `return [firstStream, newFirstStream, thirdStream].some((stream) => stream.getTracks().some((track) => track.readyState !== 'live' || !track.enabled))`) {
		t.Error("a track of the page's own was ended")
	}
	stats := inPage[[][]string](ctx, t, agent, `return [stats, stats.total].map((one) => Object.keys(one.qualityLimitationDurations).sort())`)
	if kinds := []string{"bandwidth", "cpu", "none", "other"}; len(stats) != 2 || !slices.Equal(stats[0], kinds) || !slices.Equal(stats[1], kinds) {
		t.Errorf("statistics %q, want %q twice", stats, kinds)
	}
	s.checkExample(ctx, t, receiver, inPage[[]sdkEvent](ctx, t, agent, `return events`), inPage[[]string](ctx, t, agent, `return printed`))
}

// checkExample looks at what the agent's example recorded and printed.
func (s *stage) checkExample(ctx context.Context, t *testing.T, receiver *uploadReceiver, events []sdkEvent, printed []string) {
	t.Helper()
	files, hooks := map[string]string{}, []string{}
	want := []string{"3", "3.0.0", "TERM_BY_CLIENT", "second [object MediaStream]"}
	for _, e := range events {
		if e.Type == "recording_state" {
			want = append(want, e.RecordingID+" "+e.StreamID+" "+e.State)
		}
		if e.State != "STOPPED" {
			continue
		}
		m, err := recording.ReadManifest(s.dir(e.RecordingID))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Parts) != 1 || m.Parts[0].Stream != e.StreamID || m.Parts[0].Participant != "ann" {
			t.Errorf("%s: parts %+v, want one of ann's", e.StreamID, m.Parts)
			continue
		}
		path := s.path(m, m.Parts[0])
		playsCleanlyAtAnyRate(ctx, t, path)
		if e.StreamID == "first" {
			checkColor(ctx, t, path, 1, [3]int{163, 41, 41})
			checkColor(ctx, t, path, m.Parts[0].Duration.Float()-1, [3]int{41, 163, 163})
		}
		files["/"+e.StreamID+".webm?signature=x"] = path
		hooks = append(hooks, "upload_ready "+e.RecordingID)
		if e.StreamID == "first" {
			hooks = append(hooks, "session_finished "+m.Session)
		}
	}
	slices.Sort(want)
	if slices.Sort(printed); !slices.Equal(printed, want) {
		t.Errorf("the example printed\n%q, want\n%q", printed, want)
	}
	trail, err := s.api.Audit(ctx)
	if err != nil || len(trail.Data) == 0 {
		t.Fatalf("audit trail %+v, %v", trail, err)
	}
	receiver.check(ctx, t, files, append(hooks, "supervisor_session_finished "+trail.Data[0].SupervisionID)...)
}
