package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/plugin"
)

func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "mint a LiveKit token: for roomreel's API, or with --join to enter a room",
		Description: "Needs LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or the same in --config.\n\n" +
			"   export ROOMREEL_KEY=$(roomreel token)              # calls the API for an hour\n" +
			"   roomreel token --room hello --ttl 10m              # for this room only\n" +
			"   roomreel token --room hello --join anna            # enters the room with LiveKit's clients",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "room", Usage: "the only `ROOM` it is for; for the API, empty means every room"},
			&cli.StringFlag{Name: "join", Usage: "make it a participant's token, for this `IDENTITY`"},
			&cli.StringFlag{Name: "name", Usage: "the participant's `NAME`, with --join"},
			&cli.DurationFlag{Name: "ttl", Value: time.Hour, Usage: "how long it is valid"},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.Duration("ttl") < time.Second { // LiveKit's own default would be six hours then
				return errors.New("--ttl must be 1s at least")
			}
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if err := checkKeys(c); err != nil {
				return err
			}
			keys := plugin.Keys{Key: c.LiveKit.APIKey, Secret: c.LiveKit.APISecret}
			room, join := cmd.String("room"), cmd.String("join")
			var token string
			switch {
			case join != "" && room == "":
				return errors.New("--join needs --room: a participant's token is for one room")
			case join != "":
				token, err = keys.ParticipantToken(room, join, cmd.String("name"), cmd.Duration("ttl"))
			default:
				token, err = keys.ServerToken("roomreel-cli", room, cmd.Duration("ttl"))
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.Root().Writer, token)
			return err
		},
	}
}
