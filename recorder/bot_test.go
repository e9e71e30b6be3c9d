//go:build !race

// Building the LiveKit server with the race detector takes longer than all
// tests together.

package recorder

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"

	people "github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

// liveKitPorts, in the environment, makes the test binary a LiveKit server: its
// goroutines would look like leaks of ours.
const liveKitPorts = "ROOMREEL_TEST_LIVEKIT_PORTS"

var testKeys = plugin.Keys{Key: "testkey", Secret: "test-secret-0123456789abcdefghijklmnop"}

func init() {
	var port, udpPort int
	if n, _ := fmt.Sscan(os.Getenv(liveKitPorts), &port, &udpPort); n != 2 {
		return
	}
	plugin.BridgeLogs(slog.New(slog.DiscardHandler))
	server, err := plugin.StartDevServer(context.Background(), plugin.DevServerOptions{Port: port, UDPPort: udpPort, Keys: testKeys})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test has ended
	_ = server.Close()
	os.Exit(0)
}

// startLiveKit runs a LiveKit server in a process of its own until the test ends.
func startLiveKit(t *testing.T) (url string) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ports := fmt.Sprint(tcp.Addr().(*net.TCPAddr).Port, udp.LocalAddr().(*net.UDPAddr).Port)
	url = "ws://" + tcp.Addr().String()
	tcp.Close()
	udp.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), liveKitPorts+"="+ports)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // the server was told to go
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("LiveKit does not start: %s %v", line, err)
	}
	return url
}

// The bot loses its connection, by a short interruption, by a full reconnect
// that LiveKit asks for, and by being thrown out. The recording goes on each
// time in the same part, with the gap in its place.
func TestBotComesBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	url, keys := startLiveKit(t), testKeys
	anna, err := people.Join(ctx, people.Server{URL: url, Key: keys.Key, Secret: keys.Secret}, people.Options{
		Room: "r", Identity: "anna", Publish: []livekit.TrackSource{people.Camera, people.Microphone},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer anna.Close()

	archive, err := recording.OpenArchive(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	media := make(chan Report, 100)
	b := newBot(ctx, "r", 1, Options{
		URL: url, Token: keys.RecorderToken, Archive: archive, Node: "n", Log: slog.New(slog.DiscardHandler),
	}, func(r Report) { media <- r })
	b.inbox = make(chan func()) // as in a crowd, more is told than it holds before the bot is in
	if err := b.open(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(ctx, recording.EndedByStop); err != nil {
			t.Error(err)
		}
	}()
	rec := recording.Recording{ID: recording.NewID(recording.PrefixRecording), Request: recording.Request{Room: "r"}, CreatedAt: time.Now()}
	if err := b.Start(ctx, rec); err != nil {
		t.Fatal(err)
	}
	// flows waits until packets of both tracks have come since a moment.
	flows := func(since time.Duration) {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			recent := 0
			if err := b.ask(ctx, func() error {
				for _, tr := range b.tracks {
					if time.Duration(tr.arrived.Load()) > since && tr.published.Load() != nil {
						recent++
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if recent == 2 {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("%d tracks flow again, want 2", recent)
			}
		}
	}
	flows(0)
	rooms := plugin.NewRooms(url, keys)
	for _, trouble := range []struct {
		name  string
		cause func() error
	}{
		{"signal lost", func() error { b.room.Simulate(lksdk.SimulateSignalReconnect); return nil }},
		{"full reconnect", func() error { b.room.Simulate(lksdk.SimulateNodeFailure); return nil }},
		{"thrown out", func() error { return rooms.Remove(ctx, "r", b.Identity()) }},
	} {
		if err := b.ask(ctx, trouble.cause); err != nil {
			t.Fatalf("%s: %v", trouble.name, err)
		}
		flows(b.now() + 2*time.Second)
	}
	m, err := b.Stop(ctx, rec.ID, recording.EndedByStop)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Parts) != 1 || len(m.Parts[0].Tracks) != 2 || m.Ended != recording.EndedByStop {
		t.Fatalf("%d parts, ended by %s: %+v", len(m.Parts), m.Ended, m.Parts)
	}
	for _, tr := range m.Parts[0].Tracks {
		if lasted := (tr.End - tr.Start).Duration(); lasted < 6*time.Second {
			t.Errorf("%s lasts %v, want all of the recording", tr.Kind, lasted)
		}
	}
	dir, err := archive.Dir(rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-i", filepath.Join(dir, m.Parts[0].File), "-enc_time_base", "-1", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("the part does not play cleanly: %s %v", out, err)
	}
}
