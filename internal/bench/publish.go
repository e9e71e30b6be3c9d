//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/internal/meeting"
)

// room is the one that everybody here meets in.
const room = "bench"

// crowd describes the participants that publish a camera and a microphone.
type crowd struct{ participants, width, height int }

// identity is that of the participant with this index.
func identity(i int) string { return fmt.Sprintf("participant-%02d", i) }

func (c crowd) args(s meeting.Server) []string {
	return []string{
		"--url", s.URL, "--participants", fmt.Sprint(c.participants),
		"--width", fmt.Sprint(c.width), "--height", fmt.Sprint(c.height),
	}
}

func publishCommand() *cli.Command {
	return &cli.Command{
		Name: "publish", Hidden: true, Usage: "publish from many participants until standard input ends",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", Required: true},
			&cli.IntFlag{Name: "participants", Required: true},
			&cli.IntFlag{Name: "width", Required: true},
			&cli.IntFlag{Name: "height", Required: true},
		},
		Action: func(ctx context.Context, cmd *cli.Command) (err error) {
			server := meeting.Server{URL: cmd.String("url"), Key: keys.Key, Secret: keys.Secret}
			err = attend(ctx, server, crowd{cmd.Int("participants"), cmd.Int("width"), cmd.Int("height")})
			if err != nil {
				return err
			}
			return serve(ctx, func(string) (any, error) { return measureUsage() })
		},
	}
}

// attend lets the crowd join the room and publish, for as long as the process
// lives. All show the same picture: it is encoded once. Their clocks are spread
// over a second, so that keyframes and beeps do not come all at once.
func attend(ctx context.Context, server meeting.Server, c crowd) error {
	person := func(i int) meeting.Options {
		return meeting.Options{
			Room: room, Identity: identity(i), Name: "Participant",
			Publish: []livekit.TrackSource{meeting.Camera, meeting.Microphone},
			Width:   c.width, Height: c.height,
			Epoch: meeting.Epoch().Add(time.Duration(i) * time.Second / time.Duration(c.participants)),
		}
	}
	if err := meeting.Prepare(ctx, person(0)); err != nil {
		return err
	}
	const atOnce = 4
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range c.participants {
		group.Go(func() error {
			_, err := meeting.Join(ctx, server, person(i))
			return err
		})
	}
	return group.Wait()
}
