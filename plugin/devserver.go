package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/livekit/livekit-server/pkg/config"
	"github.com/livekit/livekit-server/pkg/routing"
	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/livekit-server/pkg/telemetry/prometheus"
	"gopkg.in/yaml.v3"
)

// DevServer is a LiveKit server inside this process, on loopback only.
type DevServer struct {
	server *service.LivekitServer
	done   chan error
}

// DevServerOptions say where a DevServer listens and whom it trusts.
type DevServerOptions struct {
	// Port is for HTTP and WebSocket, UDPPort for media; both must be free.
	Port, UDPPort int
	Keys          Keys
	// Redis is the host:port of the Redis that LiveKit keeps its state in;
	// egress needs one. Empty means none.
	Redis string
	// Webhook is a URL that LiveKit tells of what happens, signed with Keys. Empty
	// means none.
	Webhook string
}

// StartDevServer starts LiveKit and returns once it serves.
func StartDevServer(ctx context.Context, o DevServerOptions) (*DevServer, error) {
	settings := map[string]any{
		"port":           o.Port,
		"bind_addresses": []string{"127.0.0.1"},
		"keys":           map[string]string{o.Keys.Key: o.Keys.Secret},
		"rtc": map[string]any{
			"udp_port": o.UDPPort, "tcp_port": 0, "node_ip": "127.0.0.1", "use_external_ip": false,
			"enable_loopback_candidate": true, "interfaces": map[string]any{"includes": []string{"lo"}}, "stun_servers": []string{},
		},
		"logging": map[string]any{"level": "warn", "pion_level": "error"},
	}
	if o.Webhook != "" {
		settings["webhook"] = map[string]any{"api_key": o.Keys.Key, "urls": []string{o.Webhook}}
	}
	if o.Redis != "" {
		settings["redis"] = map[string]any{"address": o.Redis}
	}
	body, err := yaml.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("configure LiveKit: %w", err)
	}
	conf, err := config.NewConfig(string(body), true, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("configure LiveKit: %w", err)
	}
	if err := conf.ValidateKeys(); err != nil {
		return nil, fmt.Errorf("configure LiveKit: %w", err)
	}
	node, err := routing.NewLocalNode(conf)
	if err != nil {
		return nil, fmt.Errorf("start LiveKit: %w", err)
	}
	if err := prometheus.Init(string(node.NodeID()), node.NodeType()); err != nil {
		return nil, fmt.Errorf("start LiveKit: %w", err)
	}
	server, err := service.InitializeServer(conf, node)
	if err != nil {
		return nil, fmt.Errorf("start LiveKit: %w", err)
	}
	d := &DevServer{server: server, done: make(chan error, 1)}
	go func() { d.done <- server.Start() }()
	return d, d.wait(ctx)
}

func (d *DevServer) wait(ctx context.Context) error {
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !d.server.IsRunning() {
		select {
		case err := <-d.done:
			if err == nil {
				err = errors.New("it stopped at once")
			}
			return fmt.Errorf("start LiveKit: %w", err)
		case <-ctx.Done():
			d.server.Stop(true)
			return fmt.Errorf("start LiveKit: %w", ctx.Err())
		case <-poll.C:
		}
	}
	return nil
}

// Close stops the server and disconnects everybody.
func (d *DevServer) Close() error {
	d.server.Stop(true)
	if err := <-d.done; err != nil {
		return fmt.Errorf("stop LiveKit: %w", err)
	}
	return nil
}
