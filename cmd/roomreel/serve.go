package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/configs"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run against your LiveKit and Redis",
		Description: "Needs LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET and REDIS_URL, or the same in --config.\n" +
			"SIGINT or SIGTERM hands recordings to another node, or finalises them, and ends.\n\n" +
			"   roomreel serve                              # by environment and defaults\n" +
			"   roomreel --config roomreel.yaml serve       # begin the file with `roomreel config > roomreel.yaml`",
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if err := checkKeys(c); err != nil {
				return err
			}
			c.Node = nodeName(c)
			log, err := newLogger(c.Log, os.Stderr)
			if err != nil {
				return err
			}
			p, err := start(c, log, nil)
			if err != nil {
				return err
			}
			for _, f := range []finding{checkRedis(ctx, c), checkLiveKit(ctx, c)} {
				if f.grade == bad { // it may come up later
					log.Warn("something that roomreel needs is missing", "what", f.what, "cure", f.cure)
				}
			}
			log.Info("roomreel serves", "api", "http://"+p.listener.Addr().String(), "node", c.Node, "livekit", c.LiveKit.URL, "data", c.Data)
			return p.run(ctx)
		},
	}
}

func checkKeys(c configs.Config) error {
	var errs []error
	if c.LiveKit.APIKey == "" || c.LiveKit.APISecret == "" {
		errs = append(errs, errors.New("LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set: take a pair from the keys section of LiveKit's configuration"))
	}
	const shortest = 16
	for i, key := range c.API.AdminKeys {
		if len(key) < shortest {
			errs = append(errs, fmt.Errorf("api.admin_keys: key %d has fewer than %d characters: `openssl rand -hex 24` makes a good one", i+1, shortest))
		}
	}
	return errors.Join(errs...)
}
