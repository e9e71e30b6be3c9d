// Package configs holds the configuration: its commented reference, which is
// also its defaults, and the reader that lays a file and the environment over it.
package configs

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/goccy/go-yaml"
)

// Reference is the commented reference file.
//
//go:embed roomreel.yaml
var Reference []byte

// Config is the whole configuration; roomreel.yaml tells what each key means.
type Config struct {
	LiveKit  LiveKit   `yaml:"livekit"`
	Redis    Redis     `yaml:"redis"`
	API      API       `yaml:"api"`
	Data     string    `yaml:"data" env:"ROOMREEL_DATA"`
	Node     string    `yaml:"node" env:"ROOMREEL_NODE"`
	Recorder Recorder  `yaml:"recorder"`
	Composer Composer  `yaml:"composer"`
	Webhooks []Webhook `yaml:"webhooks"`
	Log      Log       `yaml:"log"`
	Dev      Dev       `yaml:"dev"`
}

// LiveKit is the section of that name.
type LiveKit struct {
	URL       string `yaml:"url" env:"LIVEKIT_URL"`
	APIKey    string `yaml:"api_key" env:"LIVEKIT_API_KEY"`
	APISecret string `yaml:"api_secret" env:"LIVEKIT_API_SECRET"`
}

// Redis is the section of that name.
type Redis struct {
	URL string `yaml:"url" env:"REDIS_URL"`
}

// API is the section of that name.
type API struct {
	Listen    string   `yaml:"listen" env:"ROOMREEL_LISTEN"`
	AdminKeys []string `yaml:"admin_keys" env:"ROOMREEL_ADMIN_KEYS"`
}

// Recorder is the section of that name.
type Recorder struct {
	MaxRooms int           `yaml:"max_rooms" env:"ROOMREEL_MAX_ROOMS"`
	Lease    time.Duration `yaml:"lease" env:"ROOMREEL_LEASE"`
	Disk     Disk          `yaml:"disk"`
	RTPDump  bool          `yaml:"rtpdump" env:"ROOMREEL_RTPDUMP"`
}

// Disk is the section of that name below recorder: free space in MiB.
type Disk struct {
	Warn      uint64 `yaml:"warn" env:"ROOMREEL_DISK_WARN"`
	SoundOnly uint64 `yaml:"sound_only" env:"ROOMREEL_DISK_SOUND_ONLY"`
	Stop      uint64 `yaml:"stop" env:"ROOMREEL_DISK_STOP"`
}

// Composer is the section of that name.
type Composer struct {
	FFmpeg  string `yaml:"ffmpeg" env:"ROOMREEL_FFMPEG"`
	FFprobe string `yaml:"ffprobe" env:"ROOMREEL_FFPROBE"`
	Jobs    int    `yaml:"jobs" env:"ROOMREEL_COMPOSER_JOBS"`
	Assets  string `yaml:"assets" env:"ROOMREEL_COMPOSER_ASSETS"`
}

// Webhook is an entry of webhooks: a receiver of events.
type Webhook struct {
	ID      string   `yaml:"id"`
	URL     string   `yaml:"url"`
	Secrets []string `yaml:"secrets"`
}

// Log is the section of that name.
type Log struct {
	Level  string `yaml:"level" env:"ROOMREEL_LOG_LEVEL"`
	Format string `yaml:"format" env:"ROOMREEL_LOG_FORMAT"`
}

// Dev is the section of that name.
type Dev struct {
	LiveKitPort int `yaml:"livekit_port" env:"ROOMREEL_DEV_LIVEKIT_PORT"`
	UDPPort     int `yaml:"udp_port" env:"ROOMREEL_DEV_UDP_PORT"`
}

// Load returns the reference's values, with those of the file at path laid over
// them if path is not empty, and those of the environment over both.
func Load(path string) (Config, error) {
	var c Config
	if err := decode(Reference, &c); err != nil {
		return c, fmt.Errorf("read reference configuration: %w", err)
	}
	if path != "" {
		file, err := os.ReadFile(path)
		if err != nil {
			return c, fmt.Errorf("read configuration: %w", err)
		}
		if err := decode(file, &c); err != nil {
			return c, fmt.Errorf("read configuration %s: %w", path, err)
		}
	}
	if err := env.Parse(&c); err != nil {
		return c, fmt.Errorf("read configuration from the environment: %w", err)
	}
	return c, c.validate()
}

// decode reads YAML over what c holds. An unknown key is an error that names it.
func decode(b []byte, c *Config) error {
	var content map[string]any
	if err := yaml.Unmarshal(b, &content); err == nil && len(content) == 0 {
		return nil // nothing but comments: decoding it would clear c
	}
	return yaml.NewDecoder(bytes.NewReader(b), yaml.DisallowUnknownField()).Decode(c)
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(c.LiveKit.URL); err != nil || u.Host == "" || !slices.Contains([]string{"ws", "wss", "http", "https"}, u.Scheme) {
		bad("livekit.url: %q is not a ws, wss, http or https URL", c.LiveKit.URL)
	}
	if u, err := url.Parse(c.Redis.URL); err != nil || u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix" {
		bad("redis.url: it must begin with redis://, rediss:// or unix://")
	}
	if c.Data == "" {
		bad("data: it must name a folder")
	}
	if c.Recorder.MaxRooms < 0 {
		bad("recorder.max_rooms: %d is negative", c.Recorder.MaxRooms)
	}
	if c.Recorder.Lease < time.Second {
		bad("recorder.lease: %v is shorter than 1s", c.Recorder.Lease)
	}
	if d := c.Recorder.Disk; d.Stop > d.SoundOnly || d.SoundOnly > d.Warn {
		bad("recorder.disk: stop (%d), sound_only (%d) and warn (%d) must not grow smaller", d.Stop, d.SoundOnly, d.Warn)
	}
	if c.Composer.Jobs < 1 {
		bad("composer.jobs: %d is less than 1", c.Composer.Jobs)
	}
	for name, port := range map[string]int{"dev.livekit_port": c.Dev.LiveKitPort, "dev.udp_port": c.Dev.UDPPort} {
		if port < 1 || port > 65535 {
			bad("%s: %d is not a port", name, port)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}
