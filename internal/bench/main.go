//go:build linux

// Command bench measures what roomreel promises of recording, with real LiveKit
// and real WebRTC, each side of it in a process of its own: what recording costs
// beside merely receiving, how soon it begins and ends, what a crash takes, and
// what packet loss does. Each measurement ends with one line of JSON on standard
// output; what it does meanwhile it tells on standard error.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/plugin"
)

func main() {
	// LiveKit would write to standard output, and complains whenever anybody leaves.
	plugin.BridgeLogs(slog.New(slog.DiscardHandler))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().Run(ctx, os.Args)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func command() *cli.Command {
	return &cli.Command{
		Name:  "bench",
		Usage: "measures roomreel's promises of recording against real LiveKit",
		Commands: []*cli.Command{
			recordCommand(), startCommand(), chaosCommand(), takeoverCommand(), lossCommand(), soakCommand(), composeCommand(), egressCommand(), deliverCommand(),
			livekitCommand(), publishCommand(), recorderCommand(), drainCommand(), delivererCommand(),
		},
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // main prints it
	}
}

// dataFlag names the folder for recordings; see dataFolder.
func dataFlag() cli.Flag {
	return &cli.StringFlag{Name: "data", Usage: "keep what is recorded in this `FOLDER`; else it is removed at the end"}
}

// dataFolder returns the folder for recordings and what removes it, if it is to
// be removed.
func dataFolder(cmd *cli.Command) (dir string, remove func(), err error) {
	if dir = cmd.String("data"); dir != "" {
		return dir, func() {}, nil
	}
	if dir, err = os.MkdirTemp("", "roomreel-bench-"); err != nil {
		return "", nil, fmt.Errorf("make data folder: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// tell says how far a measurement is.
func tell(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// conclude writes the result of a measurement.
func conclude(w io.Writer, result any) error {
	if err := json.NewEncoder(w).Encode(result); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// wait lets d pass.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
