//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/meeting"
)

// dev is a running `roomreel dev`.
type dev struct {
	cmd    *exec.Cmd
	ended  chan error
	api    client.Client
	server meeting.Server
}

// startDev starts the program on free ports and waits until it is ready.
func startDev(ctx context.Context, program, data string) (*dev, error) {
	port, udpPort, err := freePorts("127.0.0.1")
	if err != nil {
		return nil, err
	}
	apiPort, _, err := freePorts("127.0.0.1")
	if err != nil {
		return nil, err
	}
	d := &dev{
		ended:  make(chan error, 1),
		api:    client.Client{URL: fmt.Sprintf("http://127.0.0.1:%d", apiPort), Key: "bench-admin-key-0123456789"},
		server: meeting.Server{URL: fmt.Sprintf("ws://127.0.0.1:%d", port), Key: keys.Key, Secret: keys.Secret},
	}
	// Not CommandContext: an interrupt has to let it finalise its files.
	d.cmd = exec.Command(program, "dev") //nolint:noctx
	d.cmd.Stderr = os.Stderr
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	d.cmd.Env = append(os.Environ(),
		"ROOMREEL_DATA="+data, "ROOMREEL_LOG_LEVEL=warn", "ROOMREEL_ADMIN_KEYS="+d.api.Key,
		"ROOMREEL_LISTEN="+strings.TrimPrefix(d.api.URL, "http://"),
		fmt.Sprintf("ROOMREEL_DEV_LIVEKIT_PORT=%d", port), fmt.Sprintf("ROOMREEL_DEV_UDP_PORT=%d", udpPort),
		"LIVEKIT_API_KEY="+keys.Key, "LIVEKIT_API_SECRET="+keys.Secret,
	)
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w: build it with `make build`", program, err)
	}
	ready := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "Ctrl-C") { // the last line of its welcome
				close(ready)
			}
		}
		d.ended <- d.cmd.Wait()
	}()
	select {
	case <-ready:
		_, err := client.Await(ctx, func() (bool, error) { return d.api.Ready(ctx) == nil, nil }, func(is bool) bool { return is })
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
