package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
)

func watchCommand() *cli.Command {
	return &cli.Command{
		Name:      "watch",
		Usage:     "show what is being recorded, until Ctrl-C",
		ArgsUsage: "[ID|ROOM]",
		Description: "Shows every recording that goes on, with its tracks, and keeps the picture up to date. With a\n" +
			"recording or a room it shows that one only and ends with it.\n\n" +
			"   roomreel watch\n" +
			"   roomreel watch hello",
		Flags: remoteFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := remote(cmd)
			if err != nil {
				return err
			}
			var ids []string
			if what := cmd.Args().First(); what != "" {
				if ids, err = resolve(ctx, c, what); err != nil {
					return explain(err)
				}
			}
			return explain(watchLive(ctx, c, cmd.Root().Writer, ids...))
		},
	}
}

// watchEvery is how often the picture is drawn anew: nodes report that often.
const watchEvery = time.Second

// watchLive draws the recordings, or all that go on, until they have ended or
// ctx ends.
func watchLive(ctx context.Context, c *client.Client, out io.Writer, ids ...string) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	lines := 0
	for {
		list, err := look(ctx, c, ids)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		picture := draw(list)
		if lines > 0 {
			fmt.Fprintf(out, "\x1b[%dA\x1b[J", lines) // up over the last picture, and clear it
		}
		fmt.Fprint(out, picture)
		lines = strings.Count(picture, "\n")
		if len(ids) > 0 && allEnded(list) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func look(ctx context.Context, c *client.Client, ids []string) ([]api.Recording, error) {
	if len(ids) == 0 {
		return live(ctx, c, url.Values{})
	}
	list := make([]api.Recording, 0, len(ids))
	for _, id := range ids {
		r, err := c.Recording(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func allEnded(list []api.Recording) bool {
	for _, r := range list {
		if r.State != "stopped" && r.State != "failed" {
			return false
		}
	}
	return true
}

// draw is one picture: a line for each recording and, below it, its tracks.
func draw(list []api.Recording) string {
	var b strings.Builder
	if len(list) == 0 {
		b.WriteString("nothing is being recorded\n")
	}
	const gap = 2
	for _, r := range list {
		lasts := r.Duration
		if lasts == 0 && !r.StartedAt.IsZero() {
			lasts = time.Since(r.StartedAt).Seconds()
		}
		fmt.Fprintf(&b, "%s  room %s  %s  %s", r.ID, plain(r.Room), r.State, length(lasts))
		if r.Node != "" {
			fmt.Fprintf(&b, "  on %s", r.Node)
		}
		if r.Error != nil {
			fmt.Fprintf(&b, "  (%s)", plain(r.Error.Message))
		}
		b.WriteByte('\n')
		w := tabwriter.NewWriter(&b, 0, 0, gap, ' ', 0)
		for _, t := range r.Live {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%d packets\t%d lost\t%s\n", plain(t.Participant), plain(t.Stream), t.Codec, flow(t), t.Packets, t.Lost, size(t.Bytes))
		}
		_ = w.Flush() // to memory: cannot fail
	}
	return b.String()
}

func flow(t api.LiveTrack) string {
	switch {
	case t.Muted:
		return "muted"
	case t.Flowing:
		return "flows"
	}
	return "STALLED"
}
