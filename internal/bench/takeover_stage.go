//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// nodeProcess is a `roomreel serve`.
type nodeProcess struct {
	name string
	cmd  *exec.Cmd
}

func (b *takeover) start(n *nodeProcess) error {
	port, _, err := freePorts("127.0.0.1")
	if err != nil {
		return err
	}
	n.cmd = exec.Command(b.program, "serve") //nolint:noctx // it is killed, which is the point
	n.cmd.Stderr = os.Stderr
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	n.cmd.Env = append(os.Environ(),
		"LIVEKIT_URL="+b.livekit.URL, "LIVEKIT_API_KEY="+keys.Key, "LIVEKIT_API_SECRET="+keys.Secret,
		"REDIS_URL=redis://"+b.redis.Addr, "ROOMREEL_DATA="+b.data, "ROOMREEL_NODE="+n.name, "ROOMREEL_LOG_LEVEL=error",
		fmt.Sprintf("ROOMREEL_LISTEN=127.0.0.1:%d", port),
	)
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w: build it with `make build`", b.program, err)
	}
	return nil
}

func (n *nodeProcess) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait() // says that it was killed
}
