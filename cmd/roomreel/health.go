package main

import (
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/coord"
)

// health returns what measures how this machine does: the share of its processors
// that this process has used since the call before, and the space for recordings,
// which is too little below full.
func health(root string, full uint64, log *slog.Logger) func() coord.Health {
	used, at := cpuTime(), time.Now()
	return func() coord.Health {
		var h coord.Health
		if span := time.Since(at); span > 0 {
			now := cpuTime()
			h.CPU = min(1, max(0, (now-used).Seconds()/span.Seconds()/float64(runtime.GOMAXPROCS(0))))
			used, at = now, at.Add(span)
		}
		var fs unix.Statfs_t
		if err := unix.Statfs(root, &fs); err != nil {
			log.Warn("free space is not known", "error", err)
			return h
		}
		free := fs.Bavail * uint64(fs.Bsize)
		h.DiskFree, h.Full = int64(free), free < full
		return h
	}
}

// cpuTime is what this process has used of the processors.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0 // fails for bad arguments only
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
