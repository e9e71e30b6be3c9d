package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
)

func recordCommand() *cli.Command {
	return &cli.Command{
		Name:      "record",
		Usage:     "record a room",
		ArgsUsage: "ROOM",
		Description: "Prints the recording's identifier as soon as media is on disk; `roomreel stop` ends it. While\n" +
			"nobody publishes, it waits no longer than --wait and leaves the recording waiting. With --follow\n" +
			"it shows what is being written, and Ctrl-C stops the recording once its files are complete.\n\n" +
			"   roomreel record hello                       # everybody\n" +
			"   roomreel record hello --follow              # until Ctrl-C\n" +
			"   roomreel record hello --only anna --audio --max 1h",
		// Identities may have commas.
		DisableSliceFlagSeparator: true,
		Flags: append(remoteFlags(),
			&cli.StringSliceFlag{Name: "only", Usage: "take this participant's `IDENTITY` only; may be repeated"},
			&cli.StringSliceFlag{Name: "except", Usage: "leave this participant's `IDENTITY` out; may be repeated"},
			&cli.StringSliceFlag{Name: "stream", Usage: "take streams of this `NAME` only, such as camera or screen_share"},
			&cli.BoolFlag{Name: "audio", Usage: "sound only"},
			&cli.StringFlag{Name: "host", Usage: "`IDENTITY` of whoever runs the meeting, for the layouts"},
			&cli.DurationFlag{Name: "max", Usage: "end after this `TIME`"},
			&cli.DurationFlag{Name: "idle", Usage: "end when no media came for this `TIME`"},
			&cli.DurationFlag{Name: "wait", Value: 10 * time.Second, Usage: "how long to wait for the first media, at most"},
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "show it until Ctrl-C, which stops it"},
		),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			room := cmd.Args().First()
			if room == "" || cmd.Args().Len() > 1 {
				return errors.New("give one room: roomreel record ROOM")
			}
			c, err := remote(cmd)
			if err != nil {
				return err
			}
			want := api.StartRecording{
				Room: room, Host: cmd.String("host"),
				Selection: api.Selection{
					Identities: cmd.StringSlice("only"), Except: cmd.StringSlice("except"), Streams: cmd.StringSlice("stream"),
				},
				Limits: api.Limits{MaxDuration: cmd.Duration("max").Seconds(), Idle: cmd.Duration("idle").Seconds()},
			}
			if cmd.Bool("audio") {
				want.Selection.Kinds = []string{"audio"}
			}
			r, err := c.Start(ctx, want)
			if err != nil {
				return explain(err)
			}
			out := cmd.Root().Writer
			if !cmd.Bool("follow") {
				err := awaitMedia(ctx, c, r.ID, cmd.Duration("wait"))
				fmt.Fprintln(out, r.ID)
				return err
			}
			if err := watchLive(ctx, c, out, r.ID); err != nil {
				return explain(err)
			}
			return stopAndTell(context.WithoutCancel(ctx), c, out, r.ID)
		},
	}
}

// awaitMedia waits until a recording has media on disk; when it takes too long,
// it says what the recording waits for.
func awaitMedia(ctx context.Context, c *client.Client, id string, patience time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := client.Await(bounded, func() (api.Recording, error) { return c.Recording(bounded, id) },
		func(r api.Recording) bool {
			return !r.FirstMediaAt.IsZero() || r.State == "stopped" || r.State == "failed"
		})
	switch {
	case r.Error != nil && r.State == "failed":
		return fmt.Errorf("%s (%s)", r.Error.Message, r.Error.Code)
	case r.Error != nil:
		fmt.Fprintf(os.Stderr, "still %s: %s\n", r.State, r.Error.Message)
	case bounded.Err() != nil && ctx.Err() == nil:
		fmt.Fprintln(os.Stderr, "no media yet: nobody in the room publishes what the recording takes")
	case err != nil:
		return explain(err)
	}
	return nil
}

func stopCommand() *cli.Command {
	return &cli.Command{
		Name:      "stop",
		Usage:     "stop a recording, or all of a room, and wait until the files are complete",
		ArgsUsage: "ID|ROOM",
		Description: "   roomreel stop hello                         # all recordings of a room\n" +
			"   roomreel stop rec_0199…",
		Flags: remoteFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			what := cmd.Args().First()
			if what == "" || cmd.Args().Len() > 1 {
				return errors.New("give one recording or room: roomreel stop ID|ROOM")
			}
			c, err := remote(cmd)
			if err != nil {
				return err
			}
			ids, err := resolve(ctx, c, what)
			if err != nil {
				return explain(err)
			}
			var failed []error // which must not keep the others running
			for _, id := range ids {
				if failed = append(failed, stopAndTell(ctx, c, cmd.Root().Writer, id)); ctx.Err() != nil {
					break
				}
			}
			return errors.Join(failed...)
		},
	}
}

// stopAndTell stops a recording unless it has ended by itself, and prints what
// came of it.
func stopAndTell(ctx context.Context, c *client.Client, out io.Writer, id string) error {
	r, err := c.Stop(ctx, id)
	var p *api.Problem
	if errors.As(err, &p) && p.Code == "ALREADY_STOPPED" {
		r, err = c.Recording(ctx, id)
	}
	if err != nil {
		return explain(err)
	}
	fmt.Fprintf(out, "%s  %s  %d parts  %s  %s\n", r.ID, r.State, r.Parts, length(r.Duration), size(r.Bytes))
	if r.Error != nil {
		return fmt.Errorf("%s (%s)", r.Error.Message, r.Error.Code)
	}
	return nil
}

func listCommand() *cli.Command {
	return &cli.Command{
		Name:  "ls",
		Usage: "list recordings, newest first",
		Description: "   roomreel ls --live\n" +
			"   roomreel ls --room hello --state stopped -n 5",
		Flags: append(remoteFlags(),
			&cli.StringFlag{Name: "room", Usage: "of this `ROOM` only"},
			&cli.StringSliceFlag{Name: "state", Usage: "in this `STATE` only: queued, starting, recording, paused, stopping, stopped, failed"},
			&cli.BoolFlag{Name: "live", Usage: "those that go on only"},
			&cli.IntFlag{Name: "n", Value: 20, Usage: "at most `NUMBER`, up to 100"},
		),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := remote(cmd)
			if err != nil {
				return err
			}
			query := url.Values{"limit": {strconv.Itoa(cmd.Int("n"))}, "state": cmd.StringSlice("state")}
			if room := cmd.String("room"); room != "" {
				query.Set("room", room)
			}
			if cmd.Bool("live") {
				query["state"] = liveStates["state"]
			}
			list, err := c.List(ctx, query)
			if err != nil {
				return explain(err)
			}
			return printRecordings(cmd.Root().Writer, list.Data)
		},
	}
}

func printRecordings(out io.Writer, list []api.Recording) error {
	const gap = 2
	w := tabwriter.NewWriter(out, 0, 0, gap, ' ', 0)
	fmt.Fprintln(w, "RECORDING\tROOM\tSTATE\tSTARTED\tLENGTH\tPARTS\tSIZE\t")
	for _, r := range list {
		started := "-"
		if !r.StartedAt.IsZero() {
			started = r.StartedAt.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t", r.ID, plain(r.Room), r.State, started, length(r.Duration), r.Parts, size(r.Bytes))
		if r.Error != nil {
			fmt.Fprint(w, plain(r.Error.Message))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// plain is text that others chose, without what a terminal obeys.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// length writes seconds as h:mm:ss.
func length(seconds float64) string {
	s := int(seconds)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// size writes bytes in the largest unit that leaves at least one.
func size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(bytes), 0
	for ; v >= 1024 && i < len(units)-1; i++ {
		v /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}
