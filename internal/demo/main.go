// Command demo shows roomreel's main job: it starts `roomreel dev`, lets three
// participants meet over real WebRTC, records them through the REST API, makes
// the film and prints what came out. `make demo` runs it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

// The meeting: everybody joins a room, one late, and one leaves early.
const (
	room      = "demo"
	length    = 14 * time.Second
	lateBy    = 4 * time.Second
	leftAfter = 9 * time.Second
)

func main() {
	program := flag.String("roomreel", "bin/roomreel", "the `program` to show")
	data := flag.String("data", "data/demo", "the `folder` for what is recorded")
	keep := flag.Bool("keep", false, "stay up afterwards, for a visitor to join")
	flag.Parse()
	lksdk.SetLogger(logger.GetDiscardLogger()) // the participants' own: not the demo's story
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *program, *data, *keep)
	stop()
	if err != nil {
		log.Fatalf("demo: %v", err)
	}
}

func run(ctx context.Context, program, data string, keep bool) (err error) {
	d, err := startDev(ctx, program, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	fmt.Printf("roomreel dev is up after %v: API %s, LiveKit %s\n", d.took.Round(time.Millisecond), d.api.URL, d.livekit.URL)

	rec, err := record(ctx, d)
	if err != nil {
		return err
	}
	film, err := makeFilm(ctx, d, rec.ID)
	if err != nil {
		return err
	}
	dir := filepath.Join(data, "recordings", rec.ID)
	result, err := report(ctx, d, dir, film)
	if err != nil {
		return err
	}
	if keep {
		fmt.Printf("\nStaying up: join with your own camera at %s/join/?room=%s\nadmin key %s, Ctrl-C to end\n", d.api.URL, room, d.api.Key)
		<-ctx.Done()
	}
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return nil
}

// record lets the participants meet and records them.
func record(ctx context.Context, d *dev) (api.Recording, error) {
	fmt.Println("making the participants' pictures (once) …")
	people := participants()
	for _, p := range people {
		if err := meeting.Prepare(ctx, p); err != nil {
			return api.Recording{}, err
		}
	}
	meet, adjourn := context.WithCancel(ctx)
	defer adjourn()
	var group errgroup.Group
	for _, p := range people {
		group.Go(func() error { return meeting.Attend(meet, d.livekit, p) })
	}
	rec, err := client.Await(ctx, func() (api.Recording, error) {
		r, err := d.api.Start(ctx, api.StartRecording{Room: room})
		var p *api.Problem
		if errors.As(err, &p) && p.Code == string(recording.CodeRoomNotFound) {
			return r, nil // nobody is in yet
		}
		return r, err
	}, func(r api.Recording) bool { return r.ID != "" })
	if err != nil {
		return rec, fmt.Errorf("start recording: %w", err)
	}
	fmt.Printf("recording %s: %v, Cleo joins late, Ben leaves early\n", rec.ID, length)
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return rec, ctx.Err()
	}
	stopped := time.Now()
	rec, err = d.api.Stop(ctx, rec.ID)
	if err != nil {
		return rec, fmt.Errorf("stop recording: %w", err)
	}
	fmt.Printf("stopped: files complete after %v\n", time.Since(stopped).Round(time.Millisecond))
	adjourn()
	return rec, group.Wait()
}

func participants() []meeting.Options {
	both := []livekit.TrackSource{meeting.Camera, meeting.Microphone}
	return []meeting.Options{
		{Room: room, Identity: "anna", Name: "Anna", Index: 0, Publish: both},
		{Room: room, Identity: "ben", Name: "Ben", Index: 1, Publish: both, LeaveAfter: leftAfter},
		{Room: room, Identity: "cleo", Name: "Cleo", Index: 2, Publish: both, JoinAfter: lateBy},
	}
}

func makeFilm(ctx context.Context, d *dev, id string) (api.Composition, error) {
	began := time.Now()
	film, err := d.api.Compose(ctx, id, api.FilmSpec{})
	if err != nil {
		return film, fmt.Errorf("compose: %w", err)
	}
	film, err = client.Await(ctx, func() (api.Composition, error) {
		f, err := d.api.Composition(ctx, id, film.ID)
		fmt.Printf("\rfilm: %3.0f %%, %.0f s left ", f.Progress, f.Remaining)
		return f, err
	}, func(f api.Composition) bool {
		return recording.CompositionState(f.State).Final()
	})
	fmt.Println()
	if err != nil {
		return film, fmt.Errorf("compose: %w", err)
	}
	if film.State != string(recording.CompositionReady) {
		return film, fmt.Errorf("compose: film is %s: %s", film.State, film.Error.Message)
	}
	fmt.Printf("film of %.1f s made in %v\n", film.Duration, time.Since(began).Round(10*time.Millisecond))
	return film, nil
}

// summary is the demo's last line.
type summary struct {
	RecordingID string   `json:"recording_id"`
	Parts       []string `json:"parts"`
	Film        struct {
		Path     string  `json:"path"`
		Duration float64 `json:"duration_s"`
		Width    int     `json:"width"`
		Height   int     `json:"height"`
	} `json:"film"`
	OK bool `json:"ok"`
}

// report prints a table of what was made, and proves that it can be played.
func report(ctx context.Context, d *dev, dir string, film api.Composition) (summary, error) {
	m, err := d.api.Manifest(ctx, film.RecordingID)
	if err != nil {
		return summary{}, err
	}
	s := summary{RecordingID: film.RecordingID, OK: true}
	fmt.Printf("\n%-12s %-10s %8s %8s %9s  %s\n", "file", "who", "from s", "length s", "KiB", "codecs")
	row := func(path, who string, from, length float64, bytes int64, codecs string) error {
		fmt.Printf("%-12s %-10s %8.2f %8.2f %9d  %s\n", filepath.Base(path)[:12], who, from, length, bytes>>10, codecs)
		// In the file's own time base: ffmpeg would else round times to a guessed rate.
		out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-i", path, "-enc_time_base", "-1", "-f", "null", "-").CombinedOutput()
		if err != nil || len(out) > 0 {
			return fmt.Errorf("%s does not play cleanly: %s %w", path, out, err)
		}
		return nil
	}
	for _, p := range m.Parts {
		var codecs []string
		for _, t := range p.Tracks {
			codecs = append(codecs, t.Codec)
		}
		path := filepath.Join(dir, p.File)
		s.Parts = append(s.Parts, path)
		if err := row(path, p.Participant, p.Start, p.Duration, p.Bytes, strings.Join(codecs, " ")); err != nil {
			return s, err
		}
	}
	const people = 3
	if len(s.Parts) != people {
		return s, fmt.Errorf("%d parts were recorded, want %d", len(s.Parts), people)
	}
	folder := recording.CompositionsDir(dir)
	s.Film.Path = filepath.Join(folder, film.ID+".mp4")
	s.Film.Duration, s.Film.Width, s.Film.Height = film.Duration, film.Width, film.Height
	if err := row(s.Film.Path, "film", 0, film.Duration, film.Bytes, "h264 aac"); err != nil {
		return s, err
	}
	sheet := filepath.Join(folder, film.ID+".png")
	const columns, rows = 4, 3
	if err := compose.ContactSheet(ctx, s.Film.Path, sheet, columns, rows); err != nil {
		return s, err
	}
	fmt.Printf("\ncontact sheet: %s\nfilm:          %s\n", sheet, s.Film.Path)
	return s, nil
}

// dev is a running `roomreel dev`.
type dev struct {
	cmd     *exec.Cmd
	ended   chan error
	api     client.Client
	livekit meeting.Server
	took    time.Duration
}

// startDev starts the program on free ports and waits until it is ready.
func startDev(ctx context.Context, program, data string) (*dev, error) {
	ports, err := freePorts()
	if err != nil {
		return nil, err
	}
	d := &dev{
		ended:   make(chan error, 1),
		api:     client.Client{URL: "http://" + ports.api, Key: "demo-admin-key-0123456789"},
		livekit: meeting.Server{URL: "ws://" + ports.livekit, Key: "demokey", Secret: "demo-secret-0123456789abcdefghijklmnop"},
	}
	_, livekitPort, _ := net.SplitHostPort(ports.livekit)
	_, udpPort, _ := net.SplitHostPort(ports.udp)
	// Not CommandContext: an interrupt has to let it finalise its files.
	d.cmd = exec.Command(program, "dev") //nolint:noctx
	d.cmd.Stderr = os.Stderr
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	d.cmd.Env = append(os.Environ(),
		"ROOMREEL_DATA="+data, "ROOMREEL_LISTEN="+ports.api, "ROOMREEL_ADMIN_KEYS="+d.api.Key,
		"ROOMREEL_DEV_LIVEKIT_PORT="+livekitPort, "ROOMREEL_DEV_UDP_PORT="+udpPort,
		"LIVEKIT_API_KEY="+d.livekit.Key, "LIVEKIT_API_SECRET="+d.livekit.Secret,
	)
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w: build it with `make build`", program, err)
	}
	ready := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "Ctrl-C") { // the last line of its welcome
				close(ready)
			}
		}
		d.ended <- d.cmd.Wait()
	}()
	select {
	case <-ready:
		d.took = time.Since(began)
		// The node announces itself a moment after its welcome.
		const patience = 30 * time.Second
		patient, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_, err := client.Await(patient, func() (bool, error) { return d.api.Ready(patient) == nil, nil }, func(is bool) bool { return is })
		if err != nil {
			err = errors.Join(err, d.api.Ready(ctx))
		}
		return d, err
	case err := <-d.ended:
		return nil, fmt.Errorf("roomreel dev ended at once: %w", err)
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), d.stop())
	}
}

// stop interrupts the program, as Ctrl-C would, and waits for its end.
func (d *dev) stop() error {
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stop roomreel dev: %w", err)
	}
	if err := <-d.ended; err != nil {
		return fmt.Errorf("roomreel dev: %w", err)
	}
	return nil
}

type addresses struct{ api, livekit, udp string }

// freePorts finds ports that nobody uses, so that the demo runs beside
// whatever else does.
func freePorts() (a addresses, err error) {
	for _, address := range []*string{&a.api, &a.livekit} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return a, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		*address = l.Addr().String()
	}
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return a, fmt.Errorf("find a free port: %w", err)
	}
	defer u.Close()
	a.udp = u.LocalAddr().String()
	return a, nil
}
