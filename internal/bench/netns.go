//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
)

// inNamespace starts a process in a network namespace of its own, which lives as
// long as the process does, and takes its end of a veth with it.
func inNamespace(cmd *exec.Cmd) { cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET }

// notPermitted reports whether this machine does not let us make namespaces.
func notPermitted(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS)
}

// link joins the network namespace of a process to ours: near and far are the
// addresses of the two ends.
type link struct {
	pid       int
	near, far string
}

// newLink lays the link. Its addresses follow from the process id, so that
// several may exist at once.
func newLink(ctx context.Context, pid int) (link, error) {
	at := func(host int) string { // in a /30, from 10.64.0.0 on
		n := pid<<2 | host
		return fmt.Sprintf("10.%d.%d.%d", 64+n>>16&63, n>>8&255, n&255)
	}
	l := link{pid: pid, near: at(1), far: at(2)}
	for _, program := range []string{"ip", "nsenter", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			return l, fmt.Errorf("%w: `apt-get install iproute2 nftables util-linux`", err)
		}
	}
	name := fmt.Sprintf("rrbench%d", pid)
	for _, line := range []string{
		fmt.Sprintf("ip link add %s type veth peer name bot netns %d", name, pid),
		fmt.Sprintf("ip addr add %s/30 dev %s", l.near, name),
		fmt.Sprintf("ip link set %s up", name),
		l.inside("ip addr add " + l.far + "/30 dev bot"),
		l.inside("ip link set bot up"),
		l.inside("ip link set lo up"),
	} {
		if err := run(ctx, "", line); err != nil {
			return l, err
		}
	}
	return l, nil
}

// drop makes the namespace drop a percentage of the datagrams that come from a
// UDP port, at random.
func (l link) drop(ctx context.Context, port, percent int) error {
	return run(ctx, fmt.Sprintf(`
		table inet bench
		delete table inet bench
		table inet bench {
			chain input {
				type filter hook input priority 0
				udp sport %d numgen random mod 100 < %d counter drop
			}
		}`, port, percent), l.inside("nft -f -"))
}

// inside is a command line that runs in the namespace.
func (l link) inside(line string) string { return fmt.Sprintf("nsenter -t %d -n %s", l.pid, line) }

func run(ctx context.Context, input, line string) error {
	words := strings.Fields(line)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return nil
}
