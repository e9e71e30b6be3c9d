package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// stage is a running roomreel with LiveKit, and the means to use it.
type stage struct {
	api     client.Client
	livekit meeting.Server
	data    string
}

// stageConfig is the configuration of a stage, on free ports.
func stageConfig(t *testing.T) configs.Config {
	t.Helper()
	c, err := configs.Load("")
	if err != nil {
		t.Fatal(err)
	}
	c.Data, c.Node, c.API.Listen = t.TempDir(), "test-node", freeAddress(t, "tcp")
	c.API.AdminKeys = []string{"test-admin-key-0123456789"}
	c.Dev.LiveKitPort, c.Dev.UDPPort = freePort(t, "tcp"), freePort(t, "udp")
	c.LiveKit.APIKey, c.LiveKit.APISecret = "testkey", "test-secret-0123456789abcdefghijklmnop"
	c.Log.Level = "warn"
	return c
}

// stageOf is how to use what runs with a configuration.
func stageOf(c configs.Config) *stage {
	return &stage{
		api:  client.Client{URL: "http://" + c.API.Listen, Key: c.API.AdminKeys[0]},
		data: c.Data,
		livekit: meeting.Server{
			URL: fmt.Sprintf("ws://127.0.0.1:%d", c.Dev.LiveKitPort), Key: c.LiveKit.APIKey, Secret: c.LiveKit.APISecret,
		},
	}
}

// startStage runs everything in this process; the test's end stops it.
func startStage(t *testing.T, change ...func(*configs.Config)) *stage {
	t.Helper()
	c := stageConfig(t)
	for _, f := range change {
		f(&c)
	}
	s := stageOf(c)

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- dev(ctx, c, io.Discard) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("dev: %v", err)
		}
		slog.SetDefault(slog.New(slog.DiscardHandler))
	})
	deadline, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	_, err := client.Await(deadline, func() (bool, error) {
		select {
		case err := <-ended:
			ended <- err
			return false, fmt.Errorf("dev ended: %w", err)
		default:
			return s.api.Ready(deadline) == nil, nil
		}
	}, func(ready bool) bool { return ready })
	if err != nil {
		t.Fatalf("dev is not ready: %v", err)
	}
	return s
}

// runRedis runs a Redis until the test ends, and connects to it.
func runRedis(t *testing.T) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(redisserver.Run(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func freeAddress(t *testing.T, network string) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(t, network))
}

func freePort(t *testing.T, network string) int {
	t.Helper()
	if network == "udp" {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		return u.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startRecording asks until the room exists.
func (s *stage) startRecording(ctx context.Context, room string, sel api.Selection) (api.Recording, error) {
	return client.Await(ctx, func() (api.Recording, error) {
		r, err := s.api.Start(ctx, api.StartRecording{Room: room, Selection: sel})
		var p *api.Problem
		if errors.As(err, &p) && p.Code == string(recording.CodeRoomNotFound) {
			return r, nil
		}
		return r, err
	}, func(r api.Recording) bool { return r.ID != "" })
}

// compose makes a film and returns its path.
func (s *stage) compose(ctx context.Context, t *testing.T, id string, spec api.FilmSpec) (api.Composition, string) {
	t.Helper()
	film, err := s.api.Compose(ctx, id, spec)
	if err != nil {
		t.Fatal(err)
	}
	film, err = client.Await(ctx, func() (api.Composition, error) { return s.api.Composition(ctx, id, film.ID) },
		func(f api.Composition) bool { return recording.CompositionState(f.State).Final() })
	if err != nil || film.State != string(recording.CompositionReady) {
		t.Fatalf("film is %s: %+v, %v", film.State, film.Error, err)
	}
	return film, filepath.Join(recording.CompositionsDir(s.dir(id)), film.ID+"."+film.Spec.Format)
}

func (s *stage) dir(id string) string { return filepath.Join(s.data, "recordings", id) }

// playsCleanly fails the test if ffmpeg has a word to say about the file.
func playsCleanly(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	// The time base keeps times as they are in the file: by default ffmpeg counts
	// them in frames at a guessed rate, and complains where two fall together.
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-i", path, "-enc_time_base", "-1", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%s does not play cleanly: %s %v", filepath.Base(path), out, err)
	}
}

var both = []livekit.TrackSource{meeting.Camera, meeting.Microphone}

// Three people meet, one late and one leaving early. What was recorded of each
// is in sync with itself and with the others, in the parts and in the film.
func TestMeetingIsRecordedInSync(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	people := []meeting.Options{
		{Room: "sync", Identity: "anna", Name: "Anna", Index: 0, Publish: both},
		{Room: "sync", Identity: "ben", Name: "Ben", Index: 1, Publish: both, LeaveAfter: 8 * time.Second},
		{Room: "sync", Identity: "cleo", Name: "Cleo", Index: 2, Publish: both, JoinAfter: 3 * time.Second},
	}
	for _, p := range people {
		if err := meeting.Prepare(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	meet, adjourn := context.WithCancel(ctx)
	defer adjourn()
	var group errgroup.Group
	for _, p := range people {
		group.Go(func() error { return meeting.Attend(meet, s.livekit, p) })
	}
	witness, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "sync", Identity: "witness"})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := s.startRecording(ctx, "sync", api.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	const length = 12 * time.Second
	select {
	case <-time.After(length): // the meeting lasts as long as it lasts
	case <-ctx.Done():
	}
	if _, err := s.api.Stop(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	adjourn()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	checkWitness(ctx, t, witness)

	m, err := s.api.Manifest(ctx, rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	starts := map[string][]time.Duration{} // flashes on the timeline, by participant
	for _, part := range m.Parts {
		path := filepath.Join(s.dir(rec.ID), part.File)
		playsCleanly(ctx, t, path)
		i := slices.IndexFunc(people, func(p meeting.Options) bool { return p.Identity == part.Participant })
		signals, err := meeting.Measure(ctx, path, meeting.Probe{Tile: meeting.WholePicture, Tone: meeting.Tone(i)})
		if err != nil {
			t.Fatal(err)
		}
		checkLips(t, part.Participant, signals[0])
		for _, f := range signals[0].Flashes {
			starts[part.Participant] = append(starts[part.Participant], time.Duration(part.Start*float64(time.Second))+f)
		}
	}
	if len(starts) != len(people) {
		t.Fatalf("parts of %d participants, want %d", len(starts), len(people))
	}
	for _, p := range people[1:] {
		skews := meeting.Skews(starts["anna"], starts[p.Identity])
		if w := meeting.Worst(skews); len(skews) < 3 || w.By.Abs() > 80*time.Millisecond {
			t.Errorf("anna and %s: %d common flashes, at worst %v apart, want at least 3 within 80ms", p.Identity, len(skews), w.By)
		}
	}

	for _, format := range []string{"mp4", "webm"} {
		film, path := s.compose(ctx, t, rec.ID, api.FilmSpec{Format: format})
		playsCleanly(ctx, t, path)
		if film.Width != 1280 || film.Height != 720 || film.Duration < 10 {
			t.Errorf("film is %dx%d, %.1f s", film.Width, film.Height, film.Duration)
		}
		var probes []meeting.Probe
		for i := range people {
			probes = append(probes, meeting.Probe{Tone: meeting.Tone(i)})
		}
		signals, err := meeting.Measure(ctx, path, probes...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range people[1:] {
			skews := meeting.Skews(signals[0].Beeps, signals[i+1].Beeps)
			if w := meeting.Worst(skews); len(skews) < 3 || w.By.Abs() > 80*time.Millisecond {
				t.Errorf("%s film, voices of anna and %s: %d common beeps, at worst %v apart", format, people[i+1].Identity, len(skews), w.By)
			}
		}
	}
}

func checkLips(t *testing.T, who string, s meeting.Signal) {
	t.Helper()
	skews := meeting.Skews(s.Flashes, s.Beeps)
	if w := meeting.Worst(skews); len(skews) < 3 || w.By.Abs() > 40*time.Millisecond {
		t.Errorf("%s: %d flashes with a beep, at worst %v apart at %v, want at least 3 within 40ms", who, len(skews), w.By, w.At)
	}
	t.Logf("%s: sound after picture by %v at worst, %d flashes, %d beeps", who, meeting.Worst(skews).By, len(s.Flashes), len(s.Beeps))
}

// checkWitness asserts what an ordinary participant saw: the others, Cleo who
// came later too, never the bot, and that the room was being recorded for as
// long as it was.
func checkWitness(ctx context.Context, t *testing.T, witness *meeting.Participant) {
	t.Helper()
	seen, err := witness.View().Await(ctx, func(v meeting.Snapshot) bool {
		return len(v.RecordingChanges) > 0 && !v.Recording
	})
	if err != nil {
		t.Error(err)
	}
	if want := []string{"anna", "ben", "cleo"}; !slices.Equal(seen.Seen, want) {
		t.Errorf("a participant saw %q, want %q", seen.Seen, want)
	}
	var told []bool
	for _, c := range seen.RecordingChanges {
		told = append(told, c.Recording)
	}
	if want := []bool{true, false}; !slices.Equal(told, want) {
		t.Errorf("a participant was told of recording %v, want %v", told, want)
	}
	if err := witness.Close(); err != nil {
		t.Error(err)
	}
}
