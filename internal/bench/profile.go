//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/urfave/cli/v3"
)

// profiler writes profiles of a measured window: of CPU to file.cpu, and of
// allocations before and in the window to file.allocs.0 and file.allocs.1. It
// costs some CPU itself.
type profiler struct {
	file string
	cpu  *os.File
}

func profileFlag() cli.Flag { return &cli.StringFlag{Name: "profile"} }

// The requests between which a child measures.
const (
	windowOpens  = "open window"
	windowCloses = "close window"
)

// follow begins or ends a profile where the window does.
func (p *profiler) follow(request string) (err error) {
	switch {
	case p.file == "":
		return nil
	case request == windowOpens:
		if err := p.allocs(0); err != nil {
			return err
		}
		if p.cpu, err = os.Create(p.file + ".cpu"); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		return pprof.StartCPUProfile(p.cpu)
	case request == windowCloses:
		pprof.StopCPUProfile()
		if err := p.cpu.Close(); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		return p.allocs(1)
	}
	return nil
}

func (p *profiler) allocs(n int) error {
	runtime.GC() // brings the profile up to date
	f, err := os.Create(fmt.Sprintf("%s.allocs.%d", p.file, n))
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer f.Close()
	return pprof.Lookup("allocs").WriteTo(f, 0)
}
