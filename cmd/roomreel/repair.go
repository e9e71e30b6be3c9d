package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recording"
)

func repairCommand() *cli.Command {
	return &cli.Command{
		Name:      "repair",
		Usage:     "make a recording whole that a crash left unfinished",
		ArgsUsage: "DIR",
		Description: "Finishes every open part in DIR from what is there, closes the journal and writes the manifest.\n" +
			"Nothing is lost if it is interrupted: run it again. A recording that is still being written is refused.\n\n" +
			"   roomreel repair data/recordings/rec_0199…",
		Action: func(ctx context.Context, cmd *cli.Command) error {
			dir := cmd.Args().First()
			if dir == "" || cmd.Args().Len() > 1 {
				return errors.New("give one directory: roomreel repair DIR")
			}
			m, err := recorder.Repair(ctx, dir, recording.Recording{}, recording.EndedByCrash)
			if err != nil {
				return err
			}
			for _, p := range m.Parts {
				state := "whole"
				if p.Error != nil {
					state = p.Error.Message
				}
				fmt.Fprintf(cmd.Root().Writer, "%s  %-20s %9.3f s  %10d bytes  %s\n", p.File, plain(p.Participant), p.Duration.Float(), p.Bytes, state)
			}
			return nil
		},
	}
}
