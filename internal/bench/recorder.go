//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recording"
)

// recorderProcess is a recorder's bot in a process of its own.
type recorderProcess struct{ *child }

// spawnRecorder starts the process; its bot joins later. The adjust of [spawn]
// may be nil.
func spawnRecorder(ctx context.Context, adjust func(*exec.Cmd), data string, args ...string) (recorderProcess, error) {
	c, err := spawn(ctx, adjust, "recorder", append([]string{"--data", data}, args...)...)
	return recorderProcess{c}, err
}

func (r recorderProcess) join(url string) error { return r.ask("join "+url, nil) }

// start begins a recording and returns its folder.
func (r recorderProcess) start() (dir string, err error) { return dir, r.ask("start", &dir) }

func (r recorderProcess) stop() (*recording.Manifest, error) {
	m := &recording.Manifest{}
	return m, r.ask("stop", m)
}

func recorderCommand() *cli.Command {
	return &cli.Command{
		Name: "recorder", Hidden: true, Usage: "record as asked until standard input ends",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "data", Required: true},
			&cli.BoolFlag{Name: "witness", Usage: "tell on file descriptor 3 of each packet as it arrives"},
			profileFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			archive, err := recording.OpenArchive(cmd.String("data"))
			if err != nil {
				return err
			}
			h := &host{archive: archive, profiler: profiler{file: cmd.String("profile")}}
			if cmd.Bool("witness") {
				const descriptor = 3
				h.witness = os.NewFile(descriptor, "witness")
			}
			return serve(ctx, func(request string) (any, error) { return h.respond(ctx, request) })
		},
	}
}

// host is the recorder's process from within: it does what it is asked to.
type host struct {
	archive  recording.Archive
	profiler profiler
	witness  io.Writer // nil without one
	bot      *recorder.Bot
	running  string // the recording
}

func (h *host) respond(ctx context.Context, request string) (any, error) {
	switch verb, url, _ := strings.Cut(request, " "); verb {
	case "join":
		return nil, h.join(ctx, url)
	case "start":
		h.running = recording.NewID(recording.PrefixRecording)
		dir, err := h.archive.Dir(h.running)
		if err != nil {
			return nil, err
		}
		return dir, h.bot.Start(ctx, recording.Recording{ID: h.running, Request: recording.Request{Room: room}, CreatedAt: time.Now()})
	case "stop":
		return h.bot.Stop(ctx, h.running, recording.EndedByStop)
	}
	if err := h.profiler.follow(request); err != nil {
		return nil, err
	}
	return measureUsage()
}

func (h *host) join(ctx context.Context, url string) (err error) {
	if h.witness != nil {
		if _, err := subscribe(ctx, url, "witness-"+strconv.Itoa(os.Getpid()), h.testify()); err != nil {
			return err
		}
	}
	h.bot, err = recorder.Open(ctx, room, 1, recorder.Options{
		URL: url, Token: keys.RecorderToken, Archive: h.archive, Node: "bench",
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}, func(recorder.Report) {})
	return err
}

// testify writes a line for each packet that reaches this process: the track's
// SID, and when it came in nanoseconds of Unix time. The bot gets the same
// packets over a connection of its own; it does not tell what it receives, and
// LiveKit counts RTP time differently for every subscriber.
func (h *host) testify() func(string) func([]byte) {
	var mu sync.Mutex
	return func(sid string) func([]byte) {
		return func(packet []byte) {
			var header rtp.Header
			if n, err := header.Unmarshal(packet); err != nil || n == len(packet) {
				return // nothing to record in it
			}
			mu.Lock()
			defer mu.Unlock()
			_, _ = fmt.Fprintln(h.witness, sid, time.Now().UnixNano()) // nobody listens any more: the end is near
		}
	}
}
