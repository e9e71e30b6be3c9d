package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/recording"
)

// remoteFlags say which roomreel a command talks to.
func remoteFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "server", Value: "http://127.0.0.1:7890", Usage: "`URL` of roomreel's API",
			Sources: cli.EnvVars("ROOMREEL_URL"),
		},
		&cli.StringFlag{
			Name: "key", Usage: "admin `KEY` or LiveKit token; `roomreel dev` prints one",
			Sources: cli.EnvVars("ROOMREEL_KEY"),
		},
	}
}

// remote returns a client of the roomreel that the flags name.
func remote(cmd *cli.Command) (*client.Client, error) {
	server := strings.TrimSuffix(cmd.String("server"), "/")
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("--server (ROOMREEL_URL) must be an http or https URL, such as http://127.0.0.1:7890")
	}
	if cmd.String("key") == "" {
		return nil, errors.New("no credentials: set --key (ROOMREEL_KEY) to an admin key, or to a token from `roomreel token`")
	}
	return &client.Client{URL: server, Key: cmd.String("key")}, nil
}

// explain makes an answer of the API the line that the terminal shows.
func explain(err error) error {
	var p *api.Problem
	var unreached *url.Error
	switch {
	case errors.As(err, &p) && p.Code == string(api.CodeUnauthenticated):
		return fmt.Errorf("%s (%s): set --key (ROOMREEL_KEY) to an admin key of this server, or to a token from `roomreel token`", p.Detail, p.Code)
	case errors.As(err, &p):
		return fmt.Errorf("%s (%s)", p.Detail, p.Code)
	case errors.As(err, &unreached) && unreached.Err != nil && !errors.Is(err, context.Canceled):
		return fmt.Errorf("roomreel does not answer: start `roomreel dev` or `roomreel serve`, or set --server (ROOMREEL_URL): %w", unreached.Err)
	}
	return err
}

// liveStates are those of recordings that go on.
var liveStates = url.Values{"state": {"queued,starting,recording,paused,stopping"}}

// resolve returns the identifiers that an argument stands for: itself, or the
// recordings of a room that go on.
func resolve(ctx context.Context, c *client.Client, idOrRoom string) ([]string, error) {
	if recording.CheckID(recording.PrefixRecording, idOrRoom) == nil {
		return []string{idOrRoom}, nil
	}
	list, err := live(ctx, c, url.Values{"room": {idOrRoom}})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("room %q is not being recorded; `roomreel ls` lists recordings", idOrRoom)
	}
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	return ids, nil
}

// live returns the recordings that go on and that query tells of, on however many pages.
func live(ctx context.Context, c *client.Client, query url.Values) (list []api.Recording, err error) {
	query["state"] = liveStates["state"]
	for {
		page, err := c.List(ctx, query)
		if err != nil {
			return nil, err
		}
		list = append(list, page.Data...)
		if page.NextCursor == "" {
			return list, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}
