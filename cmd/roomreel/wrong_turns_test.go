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

	"github.com/johannesboyne/gofakes3"
	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
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

// smallDisk is a folder on a disk of its own, limited as tmpfs(5) has it.
func smallDisk(t *testing.T, limit string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, limit); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Where the disk is nearly full, a recording says so while it waits, and begins once
// there is room; doctor says so before. A disk that is full stops the start.
func TestDiskFull(t *testing.T) {
	const size = 64 << 20
	disk := smallDisk(t, fmt.Sprintf("size=%d", size))
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, size*3/4), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startStage(t, func(c *configs.Config) {
		c.Data = disk
		c.Recorder.Disk.Warn, c.Recorder.Disk.SoundOnly, c.Recorder.Disk.Stop = 32, 0, 24
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var c configs.Config
	c.Data, c.Recorder.Disk.Stop = disk, 24
	if f := checkData(ctx, c); f.grade != bad || !strings.Contains(f.cure, "make room") {
		t.Errorf("doctor: %+v", f)
	}
	p, err := meeting.Join(ctx, s.livekit, meeting.Options{Room: "full", Identity: "anna", Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	rec, err := s.api.Start(ctx, api.StartRecording{Room: "full"})
	if err != nil {
		t.Fatal(err)
	}
	seen := func(want func(api.Recording) bool) {
		t.Helper()
		if r, err := client.Await(ctx, func() (api.Recording, error) { return s.api.Recording(ctx, rec.ID) }, want); err != nil {
			t.Fatalf("%v: %+v", err, r)
		}
	}
	seen(func(r api.Recording) bool {
		return r.State == string(recording.Queued) && r.Error != nil && strings.Contains(r.Error.Message, "make room")
	})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	seen(func(r api.Recording) bool { return r.State == string(recording.Active) && r.Error == nil })

	full := smallDisk(t, "nr_inodes=1") // which the folder itself takes
	if _, err := openArchive(full); err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a full disk: %v", err)
	}
}

// doctor tries storage, and connects to the receivers of webhooks.
func TestDoctorReachesOut(t *testing.T) {
	address, objects := bucket(t, "recordings")
	var c configs.Config
	c.Storage = configs.Storage{Endpoint: address, Bucket: "recordings", Prefix: "a", Region: "us-east-1", AccessKey: "k", SecretKey: "s", PathStyle: true}
	c.Webhooks = []configs.Webhook{{ID: "app", URL: address + "/hook"}}
	if f := checkStorage(t.Context(), c); f.grade != good {
		t.Errorf("storage: %+v", f)
	}
	if left, err := objects.ListBucket("recordings", nil, gofakes3.ListBucketPage{}); err != nil || len(left.Contents) > 0 {
		t.Errorf("doctor left %v in storage, %v", left.Contents, err)
	}
	if f := checkWebhooks(t.Context(), c); f.grade != good {
		t.Errorf("webhooks: %+v", f)
	}
	c.Storage.Bucket = "elsewhere"
	if f := checkStorage(t.Context(), c); f.grade != bad || !strings.Contains(f.what, "no bucket elsewhere") || f.cure == "" {
		t.Errorf("a bucket that is missing: %+v", f)
	}
	c.Webhooks = append(c.Webhooks, configs.Webhook{ID: "gone", URL: "http://" + freeAddress(t, "tcp")})
	if f := checkWebhooks(t.Context(), c); f.grade != warn || !strings.HasPrefix(f.what, "no connection to gone (") {
		t.Errorf("a receiver that is gone: %+v", f)
	}
}
