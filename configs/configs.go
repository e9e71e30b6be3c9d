// Package configs holds the configuration: its commented reference, which is
// also its defaults, and the reader that lays a file and the environment over it.
package configs

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
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
	LiveKit   LiveKit   `yaml:"livekit"`
	Redis     Redis     `yaml:"redis"`
	API       API       `yaml:"api"`
	Data      string    `yaml:"data" env:"ROOMREEL_DATA"`
	Node      string    `yaml:"node" env:"ROOMREEL_NODE"`
	Recorder  Recorder  `yaml:"recorder"`
	Composer  Composer  `yaml:"composer"`
	Egress    Egress    `yaml:"egress"`
	Sessions  Sessions  `yaml:"sessions"`
	Eyeson    Eyeson    `yaml:"eyeson"`
	Retention Retention `yaml:"retention"`
	Webhooks  []Webhook `yaml:"webhooks"`
	Outgoing  Outgoing  `yaml:"outgoing"`
	Storage   Storage   `yaml:"storage"`
	Log       Log       `yaml:"log"`
	Tracing   bool      `yaml:"tracing" env:"ROOMREEL_TRACING"`
	Dev       Dev       `yaml:"dev"`
}

// LiveKit is the section of that name.
type LiveKit struct {
	URL       string `yaml:"url" env:"LIVEKIT_URL"`
	APIKey    string `yaml:"api_key" env:"LIVEKIT_API_KEY"`
	APISecret string `yaml:"api_secret" env:"LIVEKIT_API_SECRET"`
	PublicURL string `yaml:"public_url" env:"LIVEKIT_PUBLIC_URL"`
}

// Redis is the section of that name.
type Redis struct {
	URL string `yaml:"url" env:"REDIS_URL"`
}

// API is the section of that name.
type API struct {
	Listen      string   `yaml:"listen" env:"ROOMREEL_LISTEN"`
	AdminKeys   []string `yaml:"admin_keys" env:"ROOMREEL_ADMIN_KEYS"`
	OpenMetrics bool     `yaml:"open_metrics" env:"ROOMREEL_OPEN_METRICS"`
	PublicURL   string   `yaml:"public_url" env:"ROOMREEL_PUBLIC_URL"`
	NodeURL     string   `yaml:"node_url" env:"ROOMREEL_NODE_URL"`
	Origins     []string `yaml:"origins" env:"ROOMREEL_ORIGINS"`
	Rate        Rate     `yaml:"rate"`
}

// Rate is the section of that name below api: what one caller may ask.
type Rate struct {
	PerSecond float64 `yaml:"per_second" env:"ROOMREEL_RATE"`
	Burst     int     `yaml:"burst" env:"ROOMREEL_RATE_BURST"`
	Streams   int     `yaml:"streams" env:"ROOMREEL_RATE_STREAMS"`
}

// Recorder is the section of that name.
type Recorder struct {
	MaxRooms int           `yaml:"max_rooms" env:"ROOMREEL_MAX_ROOMS"`
	Lease    time.Duration `yaml:"lease" env:"ROOMREEL_LEASE"`
	Disk     Disk          `yaml:"disk"`
	Roll     Roll          `yaml:"roll"`
	RTPDump  bool          `yaml:"rtpdump" env:"ROOMREEL_RTPDUMP"`
}

// Disk is the section of that name below recorder: free space in MiB.
type Disk struct {
	Warn      uint64 `yaml:"warn" env:"ROOMREEL_DISK_WARN"`
	SoundOnly uint64 `yaml:"sound_only" env:"ROOMREEL_DISK_SOUND_ONLY"`
	Stop      uint64 `yaml:"stop" env:"ROOMREEL_DISK_STOP"`
}

// Roll is the section of that name below recorder: the size is in MiB.
type Roll struct {
	After time.Duration `yaml:"after" env:"ROOMREEL_ROLL_AFTER"`
	Size  int64         `yaml:"size" env:"ROOMREEL_ROLL_SIZE"`
}

// Composer is the section of that name.
type Composer struct {
	FFmpeg  string `yaml:"ffmpeg" env:"ROOMREEL_FFMPEG"`
	FFprobe string `yaml:"ffprobe" env:"ROOMREEL_FFPROBE"`
	Jobs    int    `yaml:"jobs" env:"ROOMREEL_COMPOSER_JOBS"`
	Assets  string `yaml:"assets" env:"ROOMREEL_COMPOSER_ASSETS"`
	Pieces  Pieces `yaml:"pieces"`
}

// Pieces bounds what the composer keeps of films for others of the same
// recording. Size is in MiB, of all recordings together.
type Pieces struct {
	Age  time.Duration `yaml:"age" env:"ROOMREEL_PIECES_AGE"`
	Size int64         `yaml:"size" env:"ROOMREEL_PIECES_SIZE"`
}

// Egress is the section of that name.
type Egress struct {
	Enabled     bool          `yaml:"enabled" env:"ROOMREEL_EGRESS"`
	Redis       string        `yaml:"redis" env:"ROOMREEL_EGRESS_REDIS"`
	Output      string        `yaml:"output" env:"ROOMREEL_EGRESS_OUTPUT"`
	Format      string        `yaml:"format" env:"ROOMREEL_EGRESS_FORMAT"`
	MaxDuration time.Duration `yaml:"max_duration" env:"ROOMREEL_EGRESS_MAX_DURATION"`
	Keep        bool          `yaml:"keep" env:"ROOMREEL_EGRESS_KEEP"`
	Defer       bool          `yaml:"defer" env:"ROOMREEL_EGRESS_DEFER"`
}

// Sessions is the section of that name.
type Sessions struct {
	MaxStreams     int           `yaml:"max_streams" env:"ROOMREEL_MAX_STREAMS"`
	MaxSupervisors int           `yaml:"max_supervisors" env:"ROOMREEL_MAX_SUPERVISORS"`
	Grace          time.Duration `yaml:"grace" env:"ROOMREEL_SESSION_GRACE"`
	NoPacketAfter  time.Duration `yaml:"no_packet_after" env:"ROOMREEL_NO_PACKET_AFTER"`
}

// Eyeson is the section of that name.
type Eyeson struct {
	MasterKeys []string `yaml:"master_keys" env:"ROOMREEL_EYESON_MASTER_KEYS"`
}

// Retention is the section of that name.
type Retention struct {
	Days int `yaml:"days" env:"ROOMREEL_RETENTION_DAYS"`
}

// Webhook is an entry of webhooks: a receiver of events.
type Webhook struct {
	ID      string   `yaml:"id"`
	URL     string   `yaml:"url"`
	Secrets []string `yaml:"secrets"`
	Signing string   `yaml:"signing"`
	Types   []string `yaml:"types"`
}

// Storage is the section of that name: S3-compatible storage.
type Storage struct {
	Endpoint     string `yaml:"endpoint" env:"ROOMREEL_STORAGE_ENDPOINT"`
	Bucket       string `yaml:"bucket" env:"ROOMREEL_STORAGE_BUCKET"`
	Prefix       string `yaml:"prefix" env:"ROOMREEL_STORAGE_PREFIX"`
	Region       string `yaml:"region" env:"ROOMREEL_STORAGE_REGION"`
	AccessKey    string `yaml:"access_key" env:"ROOMREEL_STORAGE_ACCESS_KEY"`
	SecretKey    string `yaml:"secret_key" env:"ROOMREEL_STORAGE_SECRET_KEY"`
	PathStyle    bool   `yaml:"path_style" env:"ROOMREEL_STORAGE_PATH_STYLE"`
	ReleaseLocal bool   `yaml:"release_local" env:"ROOMREEL_STORAGE_RELEASE_LOCAL"`
	Downloads    string `yaml:"downloads" env:"ROOMREEL_STORAGE_DOWNLOADS"`
}

// Outgoing is the section of that name: which URLs of callers may be dialled.
type Outgoing struct {
	AllowHTTP     bool           `yaml:"allow_http" env:"ROOMREEL_ALLOW_HTTP"`
	AllowPorts    []uint16       `yaml:"allow_ports" env:"ROOMREEL_ALLOW_PORTS"`
	AnyPort       bool           `yaml:"any_port" env:"ROOMREEL_ANY_PORT"`
	AllowNetworks []netip.Prefix `yaml:"allow_networks" env:"ROOMREEL_ALLOW_NETWORKS"`
	AllowHosts    []string       `yaml:"allow_hosts" env:"ROOMREEL_ALLOW_HOSTS"`
	Secrets       []string       `yaml:"secrets" env:"ROOMREEL_OUTGOING_SECRETS"`
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
	c.API.NodeURL = bracketed(c.API.NodeURL)
	return c, c.validate()
}

// bracketed puts an IPv6 address in a URL into the brackets that it needs (RFC 3986
// §3.2.2): whoever makes the URL of a pod's address, as Kubernetes tells it, cannot
// know which kind it is.
func bracketed(raw string) string {
	scheme, rest, _ := strings.Cut(raw, "://")
	colon := strings.LastIndexByte(rest, ':')
	if colon < 0 {
		return raw
	}
	ip, err := netip.ParseAddr(rest[:colon])
	if err != nil || !ip.Is6() {
		return raw
	}
	return scheme + "://" + net.JoinHostPort(ip.String(), rest[colon+1:])
}

// decode reads YAML over what c holds. An unknown key is an error that names it.
func decode(b []byte, c *Config) error {
	var content map[string]any
	if err := yaml.Unmarshal(b, &content); err == nil && len(content) == 0 {
		return nil // nothing but comments: decoding it would clear c
	}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.DisallowUnknownField()).Decode(c); err != nil {
		return errors.New(yaml.FormatError(err, false, false)) // not the lines around it: they may hold secrets
	}
	return nil
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(c.LiveKit.URL); err != nil || u.Host == "" || !slices.Contains([]string{"ws", "wss", "http", "https"}, u.Scheme) {
		bad("livekit.url: %q is not a ws, wss, http or https URL", c.LiveKit.URL)
	}
	redises := map[string]string{"redis.url": c.Redis.URL}
	if c.Egress.Redis != "" {
		redises["egress.redis"] = c.Egress.Redis
	}
	for name, raw := range redises {
		if u, err := url.Parse(raw); err != nil || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme) {
			bad("%s: it must be a redis://, rediss:// or unix:// URL", name) // err would tell its password
		}
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
	for name, raw := range map[string]string{"livekit.public_url": c.LiveKit.PublicURL, "api.public_url": c.API.PublicURL, "api.node_url": c.API.NodeURL} {
		if u, err := url.Parse(raw); raw != "" && (err != nil || u.Host == "") {
			bad("%s: %q is not a URL", name, raw)
		}
	}
	if s := c.Sessions; s.MaxStreams < 1 || s.MaxStreams > 16 || s.MaxSupervisors < 1 || s.Grace < time.Second || s.NoPacketAfter < time.Second {
		bad("sessions: max_streams must be 1 to 16, max_supervisors at least 1, grace and no_packet_after at least 1s")
	}
	const shortest = 16
	for i, key := range c.Eyeson.MasterKeys {
		if len(key) < shortest {
			bad("eyeson.master_keys: key %d has fewer than %d characters", i+1, shortest)
		}
	}
	if c.Retention.Days < 0 {
		bad("retention.days: %d is negative", c.Retention.Days)
	}
	if r := c.Recorder.Roll; r.After < 0 || r.Size < 0 {
		bad("recorder.roll: after (%v) and size (%d) must not be negative", r.After, r.Size)
	}
	if c.Storage.Downloads != "proxy" && c.Storage.Downloads != "redirect" {
		bad("storage.downloads: %q is neither proxy nor redirect", c.Storage.Downloads)
	}
	if c.Storage.ReleaseLocal && c.Storage.Bucket == "" {
		bad("storage.release_local: there is no storage.bucket that would have the files")
	}
	if r := c.API.Rate; r.PerSecond < 0 || r.PerSecond > 0 && r.Burst < 1 {
		bad("api.rate: per_second (%v) must not be negative, and burst (%d) be 1 at least", r.PerSecond, r.Burst)
	}
	if n := c.API.Rate.Streams; n < 0 {
		bad("api.rate.streams: %d is negative", n)
	}
	if c.Composer.Jobs < 1 {
		bad("composer.jobs: %d is less than 1", c.Composer.Jobs)
	}
	if p := c.Composer.Pieces; p.Age <= 0 || p.Size <= 0 {
		bad("composer.pieces: age (%v) and size (%d) must be positive", p.Age, p.Size)
	}
	if f := c.Egress.Format; f != "mp4" && f != "webm" {
		bad("egress.format: %q is neither mp4 nor webm", f)
	}
	if c.Egress.MaxDuration < 0 {
		bad("egress.max_duration: %v is negative", c.Egress.MaxDuration)
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
