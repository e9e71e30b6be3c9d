package configs

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func reference() Config {
	return Config{
		LiveKit:  LiveKit{URL: "ws://127.0.0.1:7880"},
		Redis:    Redis{URL: "redis://127.0.0.1:6379/0"},
		API:      API{Listen: "127.0.0.1:7890", AdminKeys: []string{}, Origins: []string{"*"}, Rate: Rate{PerSecond: 50, Burst: 200, Streams: 500}},
		Data:     "./data",
		Recorder: Recorder{Lease: 3 * time.Second, Disk: Disk{Warn: 5120, SoundOnly: 1024, Stop: 256}, Roll: Roll{After: time.Hour, Size: 1024}},
		Composer: Composer{FFmpeg: "ffmpeg", FFprobe: "ffprobe", Jobs: 1, Pieces: Pieces{Age: 24 * time.Hour, Size: 16384}},
		Egress:   Egress{Enabled: true, Keep: true, Format: "mp4"},
		Sessions: Sessions{MaxStreams: 3, MaxSupervisors: 3, Grace: 45 * time.Second, NoPacketAfter: 30 * time.Second},
		Eyeson:   Eyeson{MasterKeys: []string{}},
		Webhooks: []Webhook{},
		Outgoing: Outgoing{AllowPorts: []uint16{}, AllowNetworks: []netip.Prefix{}, AllowHosts: []string{}, Secrets: []string{}},
		Storage:  Storage{Downloads: "proxy"},
		Log:      Log{Level: "info", Format: "text"},
		Dev:      Dev{LiveKitPort: 7880, UDPPort: 7882},
	}
}

func TestLoad(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		env        map[string]string
		change     func(*Config)
		err        string
	}{
		{name: "the reference is the default", change: func(*Config) {}},
		{name: "an empty file changes nothing", file: "\n", change: func(*Config) {}},
		{
			name: "a file lies over the reference", file: "data: /srv/reel\nrecorder:\n  max_rooms: 7\noutgoing:\n  allow_networks: [10.1.0.0/16]\n",
			change: func(c *Config) {
				c.Data, c.Recorder.MaxRooms = "/srv/reel", 7
				c.Outgoing.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
			},
		},
		{
			name: "the environment lies over the file", file: "livekit:\n  url: wss://file.example\n  api_key: file\n",
			env: map[string]string{"LIVEKIT_URL": "wss://env.example", "ROOMREEL_ADMIN_KEYS": "one,two", "ROOMREEL_LEASE": "5s", "ROOMREEL_ALLOW_NETWORKS": "10.1.0.0/16,fd00::/8"},
			change: func(c *Config) {
				c.LiveKit.URL, c.LiveKit.APIKey = "wss://env.example", "file"
				c.Outgoing.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}
				c.API.AdminKeys, c.Recorder.Lease = []string{"one", "two"}, 5*time.Second
			},
		},
		{name: "an unknown key is refused by name", file: "recoder:\n  max_rooms: 1\n", err: `unknown field "recoder"`},
		{
			name: "the address of a pod", env: map[string]string{"ROOMREEL_NODE_URL": "http://10.0.0.7:7890"},
			change: func(c *Config) { c.API.NodeURL = "http://10.0.0.7:7890" },
		},
		{
			name: "the address of a pod, IPv6", env: map[string]string{"ROOMREEL_NODE_URL": "http://fd00:10::7:7890"},
			change: func(c *Config) { c.API.NodeURL = "http://[fd00:10::7]:7890" },
		},
		{
			name: "an IPv6 address in its brackets", file: "api:\n  node_url: http://[fd00:10::7]:7890/\n",
			change: func(c *Config) { c.API.NodeURL = "http://[fd00:10::7]:7890/" },
		},
		{name: "a node's URL that is none", env: map[string]string{"ROOMREEL_NODE_URL": "10.0.0.7:7890"}, err: "api.node_url"},
		{name: "an unknown nested key too", file: "api:\n  port: 1\n", err: `unknown field "port"`},
		{name: "a wrong type", file: "composer:\n  jobs: many\n", err: "cannot unmarshal"},
		{name: "watermarks out of order", file: "recorder:\n  disk:\n    stop: 9000\n", err: "recorder.disk"},
		{name: "a format that egress has not", file: "egress:\n  format: avi\n", err: "egress.format"},
		{name: "a wrong scheme", env: map[string]string{"LIVEKIT_URL": "ftp://x"}, err: "livekit.url"},
		{name: "files released to nowhere", file: "storage:\n  release_local: true\n", err: "storage.release_local"},
		{name: "downloads", file: "storage:\n  downloads: torrent\n", err: "storage.downloads"},
		{name: "a mistake beside a secret", file: "livekit:\n  api_secret: hunter2\n  apikey: x\n", err: `[3:3] unknown field "apikey"`},
		{name: "a wrong type below a secret", file: "livekit:\n  api_secret: hunter2\nrecorder:\n  max_rooms: many\n", err: "[4:14] cannot unmarshal"},
		{name: "a secret that breaks YAML", file: "storage:\n  secret_key: hunter2: x\n", err: "[2:15]"},
		{name: "a Redis with a password", env: map[string]string{"REDIS_URL": "redis://:hunter2@host:6379x"}, err: "redis.url"},
		{name: "LiveKit's Redis with a password", env: map[string]string{"ROOMREEL_EGRESS_REDIS": "redis://:hunter2@host:6379x"}, err: "egress.redis"},
		{name: "every mistake is told at once", file: "data: \"\"\ncomposer:\n  jobs: 0\n", err: "data: it must name a folder\ncomposer.jobs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			path := ""
			if tt.file != "" {
				path = filepath.Join(t.TempDir(), "roomreel.yaml")
				if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Load(path)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got error %v, want one with %q", err, tt.err)
				}
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error tells a secret: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := reference()
			tt.change(&want)
			if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); d != "" {
				t.Error(d)
			}
		})
	}
}
