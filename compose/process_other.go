//go:build !linux

package compose

import "os/exec"

// dieWithUs does nothing here: only Linux ends children with their parent.
func dieWithUs(*exec.Cmd) {}
