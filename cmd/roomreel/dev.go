package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/web"
)

func devCommand() *cli.Command {
	return &cli.Command{
		Name:  "dev",
		Usage: "run LiveKit, Redis and roomreel in one process, on loopback",
		Description: "Prints where everything listens, a key, and the next thing to try. Nothing is kept but the\n" +
			"recordings in the data folder. Ctrl-C finalises what is being recorded, then ends.\n\n" +
			"   roomreel dev\n" +
			"   ROOMREEL_DATA=/srv/roomreel roomreel dev    # elsewhere than ./data",
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return dev(ctx, c, cmd.Root().Writer)
		},
	}
}

// dev runs everything in this process until ctx ends.
func dev(ctx context.Context, c configs.Config, out io.Writer) (err error) {
	log, err := newLogger(c.Log, os.Stderr)
	if err != nil {
		return err
	}
	c.Node = nodeName(c)
	c.LiveKit.URL = fmt.Sprintf("ws://127.0.0.1:%d", c.Dev.LiveKitPort)
	if c.LiveKit.APIKey == "" || c.LiveKit.APISecret == "" {
		c.LiveKit.APIKey, c.LiveKit.APISecret = "devkey", rand.Text()+rand.Text()
	}
	if len(c.API.AdminKeys) == 0 {
		c.API.AdminKeys = []string{rand.Text()}
	}
	// Whoever tries things out has their receivers on this machine.
	c.Outgoing.AllowHTTP, c.Outgoing.AnyPort = true, true
	c.Outgoing.AllowHosts = append(c.Outgoing.AllowHosts, "localhost", "127.0.0.1", "::1")
	if err := checkFree(c.Dev); err != nil {
		return err
	}
	mini, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer mini.Close()
	c.Redis.URL = "redis://" + mini.Addr()

	keys := plugin.Keys{Key: c.LiveKit.APIKey, Secret: c.LiveKit.APISecret}
	p, err := start(c, log, web.Join(web.JoinOptions{URL: c.LiveKit.URL, Token: keys.ParticipantToken}))
	if err != nil {
		return err
	}
	p.server.Handler = api.OnlyHosts(p.server.Handler, ownNames(c.API)...)
	livekit, err := plugin.StartDevServer(ctx, plugin.DevServerOptions{
		Port: c.Dev.LiveKitPort, UDPPort: c.Dev.UDPPort, Keys: keys, Redis: mini.Addr(),
		Webhook: "http://" + p.listener.Addr().String() + "/livekit/webhook",
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, livekit.Close()) }()
	announce(out, c, p.listener.Addr().String())
	return p.run(ctx)
}

// ownNames are the names by which others may call the API: those that it is configured
// with. Without them only addresses and localhost may, so that no page can get a token
// for the rooms of dev by a name that leads here.
func ownNames(c configs.API) (names []string) {
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host != "" {
		names = append(names, host)
	}
	for _, raw := range []string{c.PublicURL, c.NodeURL} {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			names = append(names, u.Hostname())
		}
	}
	return names
}

// startRedis starts an in-process Redis. Its clock has to be driven from
// outside, or nothing in it would ever expire.
func startRedis(ctx context.Context) (*miniredis.Miniredis, error) {
	mini, err := miniredis.Run()
	if err != nil {
		return nil, fmt.Errorf("start embedded Redis: %w", err)
	}
	go func() {
		const step = 100 * time.Millisecond
		tick := time.NewTicker(step)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				mini.FastForward(step)
			case <-ctx.Done():
				return
			}
		}
	}()
	return mini, nil
}

// checkFree reports a port that LiveKit would find taken.
func checkFree(d configs.Dev) error {
	taken := func(kind string, port int, key, variable string) error {
		return fmt.Errorf("%s port %d is taken by another program (a LiveKit server?): end that one, or set dev.%s (%s) to a free port", kind, port, key, variable)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", d.LiveKitPort))
	if errors.Is(err, syscall.EADDRINUSE) {
		return taken("TCP", d.LiveKitPort, "livekit_port", "ROOMREEL_DEV_LIVEKIT_PORT")
	}
	if err != nil {
		return fmt.Errorf("check port %d: %w", d.LiveKitPort, err)
	}
	_ = l.Close()
	u, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", d.UDPPort))
	if errors.Is(err, syscall.EADDRINUSE) {
		return taken("UDP", d.UDPPort, "udp_port", "ROOMREEL_DEV_UDP_PORT")
	}
	if err != nil {
		return fmt.Errorf("check port %d: %w", d.UDPPort, err)
	}
	return u.Close()
}

// announce prints what runs where, and what to try next.
func announce(out io.Writer, c configs.Config, address string) {
	fmt.Fprint(out, strings.NewReplacer(
		"{api}", "http://"+address, "{livekit}", c.LiveKit.URL, "{udp}", fmt.Sprint(c.Dev.UDPPort),
		"{key}", c.LiveKit.APIKey, "{secret}", c.LiveKit.APISecret, "{admin}", c.API.AdminKeys[0], "{data}", c.Data,
	).Replace(`roomreel dev is ready

  Console    {api}/console/
  API        {api}   (OpenAPI: {api}/openapi.json)
  LiveKit    {livekit}      (media: UDP {udp})
  LIVEKIT_API_KEY={key} LIVEKIT_API_SECRET={secret}
  admin key  {admin}
  files      {data}

Next:
  1. Join a room with your camera:   {api}/join/?room=hello
  2. Record it:
     curl -s {api}/v1/recordings -H 'Authorization: Bearer {admin}' -H 'Content-Type: application/json' -d '{"room":"hello"}'
  3. Stop it, with the id from there:
     curl -s -X POST {api}/v1/recordings/ID/stop -H 'Authorization: Bearer {admin}'
  4. Make the film:
     curl -s {api}/v1/recordings/ID/compositions -H 'Authorization: Bearer {admin}' -H 'Content-Type: application/json' -d '{}'

Ctrl-C finalises what is being recorded, then ends.
`))
}
