package main

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/internal/browser"
)

// whole skips what is long, unless `make e2e-web` asks for it.
func whole(t *testing.T) {
	t.Helper()
	if os.Getenv("E2E_WEB") == "" {
		t.Skip("run `make e2e-web`")
	}
}

// connectSDK connects the page's agent with a picture and a sound in the stream "first".
func (s *stage) connectSDK(ctx context.Context, t *testing.T, p *browser.Page, id string) (sessionID string) {
	t.Helper()
	token := s.authToken(ctx, t, "/auth_v2/client", map[string]string{"client_id": id})
	return inPage[string](ctx, t, p, `
		window.token = given[1];
		return agent.connect(given[0], given[1], { first: media({ tone: 440 }) });`, id, token)
}

// disconnected waits for the end and returns its cause.
func disconnected(ctx context.Context, t *testing.T, p *browser.Page, within time.Duration) string {
	t.Helper()
	return inPage[string](ctx, t, p, `return (await until(() => events.find((e) => e.type === 'disconnected'), given[0])).termination_cause`, within.Milliseconds())
}

// Refusals are told by the promise and as an event, with their cause.
func TestSDKRefusals(t *testing.T) {
	whole(t)
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	chromium := launch(ctx, t)
	agentToken := func(id string) string {
		return s.authToken(ctx, t, "/auth_v2/client", map[string]string{"client_id": id})
	}
	supervisorToken := func(id, agent string) string {
		return s.authToken(ctx, t, "/auth_v2/supervisor", map[string]string{"client_id": id, "client_to_monitor": agent})
	}
	s.connectSDK(ctx, t, sdkPage(ctx, t, chromium, "agent"), "ann")
	for _, name := range []string{"sam", "tom", "uma"} {
		inPage[any](ctx, t, sdkPage(ctx, t, chromium, name), `await Supervisor.connect(given[0], given[1], 'ann')`, name, supervisorToken(name, "ann"))
	}

	const asAgent = `return agent.connect(given[0], given[1], media()).then(() => 'connected', (error) => error.terminationCause)`
	const asSupervisor = `return Supervisor.connect(given[0], given[1], given[2]).then(() => 'connected', (error) => error.terminationCause)`
	for _, test := range []struct {
		cause, when string
		in          *browser.Browser
		code        string
		given       []any
	}{
		{"TWO_TIMER", "the agent is connected in another tab", chromium, asAgent, []any{"ann", agentToken("ann")}},
		{"TWO_TIMER", "the supervisor watches already", chromium, asSupervisor, []any{"sam", supervisorToken("sam", "ann"), "ann"}},
		{"NO_ACTIVE_AGENT", "there is nobody to watch", chromium, asSupervisor, []any{"wim", supervisorToken("wim", "nobody"), "nobody"}},
		{"MAX_SUPERVISORS_PER_AGENT", "three watch already", chromium, asSupervisor, []any{"vic", supervisorToken("vic", "ann"), "ann"}},
		{"CONN_ERROR", "there is no server", chromium, `agent.setOptionServer('http://127.0.0.1:1'); ` + asAgent, []any{"bob", agentToken("bob")}},
		{"PEERCONN_FAILED", "a firewall lets no UDP through", launch(ctx, t, browser.WithoutUDP), asAgent, []any{"dan", agentToken("dan")}},
		{"SDP_ERROR", "somebody on the way garbles descriptions", chromium, `
			const real = RTCPeerConnection.prototype.setRemoteDescription;
			RTCPeerConnection.prototype.setRemoteDescription = function (d) {
				return real.call(this, /m=(audio|video)/.test(d.sdp) ? { type: d.type, sdp: 'v=0 and no more' } : d);
			};
			` + asAgent, []any{"cid", agentToken("cid")}},
	} {
		t.Run(test.cause+" "+test.when, func(t *testing.T) {
			p := sdkPage(ctx, t, test.in, "refused")
			got := append([]string{inPage[string](ctx, t, p, test.code, test.given...)}, eventsOf(ctx, t, p)...)
			if want := []string{test.cause, "disconnected " + test.cause}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// No packet comes although nothing is muted.
func TestSDKHearsOfSilence(t *testing.T) {
	whole(t)
	s := startStage(t, func(c *configs.Config) { c.Sessions.NoPacketAfter = 3 * time.Second })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := sdkPage(ctx, t, launch(ctx, t), "agent")
	token := s.authToken(ctx, t, "/auth_v2/client", map[string]string{"client_id": "ann"})
	inPage[any](ctx, t, p, `
		const canvas = document.createElement('canvas');
		const pen = canvas.getContext('2d');
		const stream = canvas.captureStream(0);
		const [track] = stream.getVideoTracks();
		let drawn = 0;
		const drawing = setInterval(() => { pen.fillRect(drawn++ % 100, 0, 9, 9); track.requestFrame(); }, 50);
		await agent.connect('ann', given[0], stream);
		const { state } = await agent.startRecording();
		if (state !== 'STARTED') throw new Error(state);
		clearInterval(drawing);`, token)
	if cause := disconnected(ctx, t, p, time.Minute); cause != "NO_PACKET_RECEIVED" {
		t.Errorf("ended by %s", cause)
	}
}

// The server goes with a good-bye, and without one.
func TestSDKOutlivesTheServer(t *testing.T) {
	whole(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	chromium := launch(ctx, t)
	for _, test := range []struct {
		signal syscall.Signal
		cause  string
	}{{syscall.SIGTERM, "SERVICE_SHUTDOWN"}, {syscall.SIGKILL, "CONN_TIMEOUT"}} {
		t.Run(test.cause, func(t *testing.T) {
			s, cmd := startProcess(ctx, t)
			p := sdkPage(ctx, t, chromium, "agent")
			s.connectSDK(ctx, t, p, "ann")
			watcher := sdkPage(ctx, t, chromium, "supervisor")
			inPage[any](ctx, t, watcher, `await Supervisor.connect('sam', given[0], 'ann'); await until(() => events.some((e) => e.type === 'add_stream'))`,
				s.authToken(ctx, t, "/auth_v2/supervisor", map[string]string{"client_id": "sam", "client_to_monitor": "ann"}))
			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			if cause := disconnected(ctx, t, p, 2*time.Minute); cause != test.cause {
				t.Errorf("the agent's session ended by %s, want %s", cause, test.cause)
			}
			// A supervisor learns of the agent's end or of the server's, as they come.
			if cause := disconnected(ctx, t, watcher, 2*time.Minute); cause != test.cause && (cause != "AGENT_SESSION_TERM" || test.signal == syscall.SIGKILL) {
				t.Errorf("the supervision ended by %s, want %s", cause, test.cause)
			}
		})
	}
}

// startProcess runs `roomreel dev` in a process of its own.
func startProcess(ctx context.Context, t *testing.T) (*stage, *exec.Cmd) {
	t.Helper()
	self, err := os.Executable() // TestMain lets it stand for the program
	if err != nil {
		t.Fatal(err)
	}
	c := stageConfig(t)
	cmd := exec.CommandContext(ctx, self, "dev")
	cmd.Env = append(os.Environ(), "ROOMREEL_TEST_PROGRAM=1", "ROOMREEL_DATA="+c.Data, "ROOMREEL_LISTEN="+c.API.Listen, "ROOMREEL_ADMIN_KEYS="+c.API.AdminKeys[0],
		"ROOMREEL_DEV_LIVEKIT_PORT="+strconv.Itoa(c.Dev.LiveKitPort), "ROOMREEL_DEV_UDP_PORT="+strconv.Itoa(c.Dev.UDPPort),
		"LIVEKIT_API_KEY="+c.LiveKit.APIKey, "LIVEKIT_API_SECRET="+c.LiveKit.APISecret, "ROOMREEL_LOG_LEVEL=warn")
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	s := stageOf(c)
	if _, err := client.Await(ctx, func() (bool, error) { return s.api.Ready(ctx) == nil, nil }, func(ready bool) bool { return ready }); err != nil {
		t.Fatalf("dev is not ready: %v: %s", err, said.String())
	}
	return s, cmd
}
