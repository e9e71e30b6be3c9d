// Command roomreel records LiveKit rooms, one file for each participant's
// stream, and makes films of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/configs"
)

// version is set by the linker (-X main.version=…).
var version = "dev"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "roomreel: "+err.Error())
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		// A second signal ends the program at once: files are left for repair.
		<-ctx.Done()
		stop()
	}()
	return command().Run(ctx, os.Args)
}

func command() *cli.Command {
	return &cli.Command{
		Name:    "roomreel",
		Usage:   "records LiveKit rooms, one file per participant's stream, and makes films of them",
		Version: version,
		Description: "Try it:       roomreel dev          (LiveKit, Redis and roomreel in one process, on loopback)\n" +
			"Run it:       roomreel serve        (against your LiveKit and Redis)\n" +
			"Check it:     roomreel doctor       (what is missing, and how to mend it)\n" +
			"Make a film:  roomreel compose DIR  (of a recording's directory)",
		Flags: []cli.Flag{&cli.StringFlag{
			Name: "config", Usage: "configuration `FILE`; `roomreel config` prints the commented reference",
			Sources: cli.EnvVars("ROOMREEL_CONFIG"),
		}},
		Commands: []*cli.Command{
			devCommand(), serveCommand(), doctorCommand(),
			recordCommand(), stopCommand(), listCommand(), watchCommand(), webhooksCommand(),
			composeCommand(), repairCommand(), reindexCommand(), tokenCommand(), configCommand(),
		},
		EnableShellCompletion: true,
		ConfigureShellCompletionCommand: func(c *cli.Command) {
			c.Hidden, c.Usage = false, "print the completion script for bash, zsh, fish or pwsh"
		},
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // main prints it
	}
}

func loadConfig(c *cli.Command) (configs.Config, error) { return configs.Load(c.String("config")) }

func configCommand() *cli.Command {
	return &cli.Command{
		Name: "config", Usage: "print the commented reference configuration",
		Description: "   roomreel config > roomreel.yaml             # keep what you change",
		Action: func(_ context.Context, c *cli.Command) error {
			_, err := c.Root().Writer.Write(configs.Reference)
			return err
		},
	}
}

// errInterrupted is the end of a command that somebody stopped by a signal.
var errInterrupted = errors.New("interrupted")
