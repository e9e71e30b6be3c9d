//go:build linux

package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/recorder"
)

// usage is what a process has used until now.
type usage struct {
	At time.Time `json:"at"`
	// CPU is the time it ran, in user space and in the kernel.
	CPU time.Duration `json:"cpu"`
	// Resident is its resident memory (VmRSS) in bytes.
	Resident int64 `json:"resident"`
	// Mallocs counts the objects it allocated.
	Mallocs uint64 `json:"mallocs"`
	// Dropped counts the datagrams that the kernel dropped for want of room in
	// the receive buffers of its sockets.
	Dropped int64 `json:"dropped"`
	// Packets counts the RTP packets it read, where it counts them.
	Packets int64 `json:"packets,omitempty"`
}

// measureUsage measures this process. It needs Linux's /proc.
func measureUsage() (usage, error) {
	var u usage
	var err error
	if u.Resident, err = resident(); err != nil {
		return u, err
	}
	if u.Dropped, err = recorder.DroppedDatagrams(); err != nil {
		return u, err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	u.Mallocs = memory.Mallocs
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return u, fmt.Errorf("measure CPU: %w", err)
	}
	u.At, u.CPU = time.Now(), time.Duration(r.Utime.Nano()+r.Stime.Nano())
	return u, nil
}

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s*(\d+) kB$`)

func resident() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("measure memory: %w", err)
	}
	m := residentLine.FindSubmatch(status)
	if m == nil {
		return 0, fmt.Errorf("measure memory: /proc/self/status has no VmRSS")
	}
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	return kib << 10, err
}
