//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/livekit/livekit-server/pkg/config"
	"github.com/livekit/livekit-server/pkg/routing"
	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/livekit-server/pkg/telemetry/prometheus"
	"github.com/urfave/cli/v3"
	"gopkg.in/yaml.v3"

	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/plugin"
)

// keys are those of every LiveKit server here.
var keys = plugin.Keys{Key: "benchkey", Secret: "bench-secret-0123456789abcdefghijklmnop"}

// stage is a LiveKit server in a process of its own.
type stage struct {
	*child
	server  meeting.Server
	udpPort int
}

// startLiveKit starts LiveKit on free ports of an address of this host, with more
// arguments if need be.
func startLiveKit(ctx context.Context, address string, more ...string) (*stage, error) {
	port, udpPort, err := freePorts(address)
	if err != nil {
		return nil, err
	}
	c, err := spawn(ctx, nil, "livekit", append(more, "--address", address, "--port", fmt.Sprint(port), "--udp-port", fmt.Sprint(udpPort))...)
	if err != nil {
		return nil, err
	}
	url := fmt.Sprintf("ws://%s:%d", address, port)
	return &stage{c, meeting.Server{URL: url, Key: keys.Key, Secret: keys.Secret}, udpPort}, nil
}

func freePorts(address string) (tcp, udp int, err error) {
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		return 0, 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", address+":0")
	if err != nil {
		return 0, 0, fmt.Errorf("find a free port: %w", err)
	}
	defer u.Close()
	return l.Addr().(*net.TCPAddr).Port, u.LocalAddr().(*net.UDPAddr).Port, nil
}

func livekitCommand() *cli.Command {
	return &cli.Command{
		Name: "livekit", Hidden: true, Usage: "run LiveKit until standard input ends",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "address", Value: "127.0.0.1"},
			&cli.IntFlag{Name: "port", Required: true},
			&cli.IntFlag{Name: "udp-port", Required: true},
			&cli.StringFlag{Name: "redis", Usage: "keep the state of egresses in the Redis at this `ADDRESS`"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return serveLiveKit(ctx, cmd.String("address"), cmd.Int("port"), cmd.Int("udp-port"), cmd.String("redis"))
		},
	}
}

// serveLiveKit runs LiveKit on one address. plugin.DevServer keeps to loopback,
// which cannot be reached from another network namespace.
func serveLiveKit(ctx context.Context, address string, port, udpPort int, redis string) error {
	settings := map[string]any{
		"port": port, "bind_addresses": []string{address}, "keys": map[string]string{keys.Key: keys.Secret},
		"rtc": map[string]any{
			"udp_port": udpPort, "tcp_port": 0, "node_ip": address, "use_external_ip": false, "stun_servers": []string{},
			"enable_loopback_candidate": net.ParseIP(address).IsLoopback(), "ips": map[string]any{"includes": []string{address + "/32"}},
		},
		"logging": map[string]any{"level": "error", "pion_level": "error"},
	}
	if redis != "" {
		settings["redis"] = map[string]any{"address": redis}
	}
	body, err := yaml.Marshal(settings)
	if err != nil {
		return fmt.Errorf("configure LiveKit: %w", err)
	}
	conf, err := config.NewConfig(string(body), true, nil, nil)
	if err != nil {
		return fmt.Errorf("configure LiveKit: %w", err)
	}
	node, err := routing.NewLocalNode(conf)
	if err != nil {
		return fmt.Errorf("start LiveKit: %w", err)
	}
	if err := prometheus.Init(string(node.NodeID()), node.NodeType()); err != nil {
		return fmt.Errorf("start LiveKit: %w", err)
	}
	server, err := service.InitializeServer(conf, node)
	if err != nil {
		return fmt.Errorf("start LiveKit: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Start() }()
	for !server.IsRunning() {
		select {
		case err := <-ended:
			return fmt.Errorf("start LiveKit: it ended at once: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	defer server.Stop(true)
	return serve(ctx, func(string) (any, error) { return measureUsage() })
}
