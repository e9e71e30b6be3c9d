package compose

import (
	"os/exec"
	"syscall"
)

// dieWithUs ends a process when this one is killed: nobody would use what it
// makes, and another node has begun to make it again.
func dieWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
