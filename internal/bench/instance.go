//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
)

// instance is a running roomreel.
type instance struct {
	cmd    *exec.Cmd
	ended  chan error
	api    client.Client
	server meeting.Server // the LiveKit that it records
	beside func() error   // ends what was started for it
}

// startDev starts `roomreel dev` on free ports and waits until it is ready.
func startDev(ctx context.Context, program, data string) (*instance, error) {
	port, udpPort, err := freePorts("127.0.0.1")
	if err != nil {
		return nil, err
	}
	d := &instance{
		server: meeting.Server{URL: fmt.Sprintf("ws://127.0.0.1:%d", port), Key: keys.Key, Secret: keys.Secret},
		beside: func() error { return nil },
	}
	return d, d.start(ctx, program, "dev", data,
		fmt.Sprintf("ROOMREEL_DEV_LIVEKIT_PORT=%d", port), fmt.Sprintf("ROOMREEL_DEV_UDP_PORT=%d", udpPort))
}

// startServe starts `roomreel serve`, and a LiveKit and a Redis for it in processes of
// their own, and waits until it is ready: what such a node takes is its own alone.
func startServe(ctx context.Context, program, data string) (*instance, error) {
	livekit, err := startLiveKit(ctx, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	redis, err := redisserver.New(data)
	if err == nil {
		err = redis.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, livekit.end())
	}
	s := &instance{server: livekit.server, beside: func() error { redis.Kill(); return livekit.end() }}
	return s, s.start(ctx, program, "serve", data, "LIVEKIT_URL="+livekit.server.URL, "REDIS_URL="+redis.URL())
}

// start runs a command of the program with these and the common settings.
func (i *instance) start(ctx context.Context, program, command, data string, settings ...string) error {
	port, _, err := freePorts("127.0.0.1")
	if err != nil {
		return errors.Join(err, i.beside())
	}
	i.api = client.Client{URL: fmt.Sprintf("http://127.0.0.1:%d", port), Key: "bench-admin-key-0123456789"}
	// Not CommandContext: an interrupt has to let it finalise its files.
	i.cmd = exec.Command(program, command) //nolint:noctx
	i.cmd.Stderr = os.Stderr
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	i.cmd.Env = append(append(os.Environ(), settings...),
		"ROOMREEL_DATA="+data, "ROOMREEL_LOG_LEVEL=warn", "ROOMREEL_ADMIN_KEYS="+i.api.Key,
		"ROOMREEL_LISTEN="+strings.TrimPrefix(i.api.URL, "http://"),
		"LIVEKIT_API_KEY="+keys.Key, "LIVEKIT_API_SECRET="+keys.Secret,
	)
	if err := i.cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w: build it with `make build`", program, err), i.beside())
	}
	i.ended = make(chan error, 1)
	go func() { i.ended <- i.cmd.Wait() }()
	_, err = client.Await(ctx, func() (bool, error) {
		select {
		case err := <-i.ended:
			i.ended <- err
			return false, fmt.Errorf("%s ended at once", i.cmd)
		default:
			return i.api.Ready(ctx) == nil, nil
		}
	}, func(is bool) bool { return is })
	if err != nil {
		return errors.Join(err, i.stop())
	}
	return nil
}

// stop interrupts the program, as Ctrl-C would, and waits for its end.
func (i *instance) stop() error {
	_ = i.cmd.Process.Signal(os.Interrupt) // it may have ended
	err := <-i.ended
	if err != nil {
		err = fmt.Errorf("%s: %w", i.cmd, err)
	}
	return errors.Join(err, i.beside())
}
