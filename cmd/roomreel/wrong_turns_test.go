package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/configs"
)

// Each wrong turn of a newcomer is answered by one line that names the cure.
func TestWrongTurns(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer takenUDP.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*configs.Config)
		cure   string
	}{
		{"API port taken", func(c *configs.Config) { c.API.Listen = taken.Addr().String() }, "ROOMREEL_LISTEN"},
		{"LiveKit port taken", func(c *configs.Config) { c.Dev.LiveKitPort = taken.Addr().(*net.TCPAddr).Port }, "ROOMREEL_DEV_LIVEKIT_PORT"},
		{"UDP port taken", func(c *configs.Config) { c.Dev.UDPPort = takenUDP.LocalAddr().(*net.UDPAddr).Port }, "ROOMREEL_DEV_UDP_PORT"},
		{"ffmpeg missing", func(c *configs.Config) { c.Composer.FFmpeg = "ffmpeg-that-is-not-there" }, "apt-get install ffmpeg"},
		{"data folder not writable", func(c *configs.Config) { c.Data = filepath.Join(file, "data") }, "ROOMREEL_DATA"},
		{"log level unknown", func(c *configs.Config) { c.Log.Level = "loud" }, "debug, info, warn, error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := configs.Load("")
			if err != nil {
				t.Fatal(err)
			}
			c.Data, c.API.Listen = t.TempDir(), freeAddress(t, "tcp")
			c.Dev.LiveKitPort, c.Dev.UDPPort = freePort(t, "tcp"), freePort(t, "udp")
			tt.change(&c)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err = dev(ctx, c, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.cure) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, tt.cure)
			}
		})
	}
}

func TestDoctorSaysHowToMend(t *testing.T) {
	c, err := configs.Load("")
	if err != nil {
		t.Fatal(err)
	}
	c.Data = t.TempDir()
	c.LiveKit.URL = "ws://" + freeAddress(t, "tcp")
	c.LiveKit.APIKey, c.LiveKit.APISecret = "key", "secret"
	c.Redis.URL = "redis://" + freeAddress(t, "tcp")
	c.Composer.FFprobe = "ffprobe-that-is-not-there"
	var out bytes.Buffer
	err = doctor(t.Context(), c, &out)
	if err == nil || err.Error() != fmt.Sprintf("3 of %d checks failed", len(checks)) {
		t.Errorf("got %v", err)
	}
	for _, cure := range []string{"apt-get install ffmpeg", "check LIVEKIT_URL", "set REDIS_URL"} {
		if !strings.Contains(out.String(), cure) {
			t.Errorf("the report lacks %q:\n%s", cure, &out)
		}
	}
}
