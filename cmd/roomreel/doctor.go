package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/plugin/egress"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "check everything that roomreel serve needs, and say how to mend it",
		Description: "Checks ffmpeg and its encoders, fonts, LiveKit and the key, Redis, the way of LiveKit's egress\n" +
			"requests, the data folder and its free space, storage, the receivers of webhooks, the clock, and the\n" +
			"receive buffers. Ends with status 1 if recording, or what follows it, would fail.\n\n" +
			"   roomreel doctor                            # by environment and defaults\n" +
			"   roomreel --config roomreel.yaml doctor     # what `serve` with that file would find",
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if _, err := newLogger(c.Log, io.Discard); err != nil { // what libraries say would tear the report apart
				return err
			}
			return doctor(ctx, c, cmd.Root().Writer)
		},
	}
}

// finding is what a check found: how bad it is, what was seen, and the cure.
type finding struct {
	grade      string
	what, cure string
}

// The grades of a finding.
const (
	good = "ok"
	warn = "warn"
	bad  = "FAIL"
)

// checks are doctor's, in the order of its report.
var checks = []struct {
	name  string
	check func(context.Context, configs.Config) finding
}{
	{"ffmpeg", checkFFmpeg},
	{"encoders", checkEncoders},
	{"fonts", checkFonts},
	{"livekit", checkLiveKit},
	{"redis", checkRedis},
	{"egress", checkEgress},
	{"data", checkData},
	{"storage", checkStorage},
	{"webhooks", checkWebhooks},
	{"clock", checkClock},
	{"buffers", checkBuffers},
}

func doctor(ctx context.Context, c configs.Config, out io.Writer) error {
	failed := 0
	for _, k := range checks {
		f := k.check(ctx, c)
		fmt.Fprintf(out, "%-5s %-9s %s\n", f.grade, k.name, f.what)
		if f.cure != "" {
			fmt.Fprintf(out, "%16s%s\n", "→ ", f.cure)
		}
		if f.grade == bad {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(checks))
	}
	return nil
}

func checkFFmpeg(ctx context.Context, c configs.Config) finding {
	if err := checkPrograms(c.Composer); err != nil {
		return finding{bad, "films cannot be made", err.Error()}
	}
	out, err := exec.CommandContext(ctx, c.Composer.FFmpeg, "-version").Output()
	if err != nil {
		return finding{bad, fmt.Sprintf("%s does not run: %v", c.Composer.FFmpeg, err), "install it again: apt-get install --reinstall ffmpeg"}
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return finding{good, first, ""}
}

func checkFonts(context.Context, configs.Config) finding {
	if missing := compose.MissingScripts(); len(missing) > 0 {
		return finding{warn, "no font for names in " + strings.Join(missing, ", "), "apt-get install fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"}
	}
	return finding{good, "names can be drawn in Chinese, Arabic, Devanagari, emoji and more", ""}
}

func checkEncoders(ctx context.Context, c configs.Config) finding {
	out, err := exec.CommandContext(ctx, c.Composer.FFmpeg, "-hide_banner", "-encoders").Output()
	if err != nil {
		return finding{bad, "ffmpeg does not list its encoders", "see the line above"}
	}
	var missing []string
	for _, encoder := range []string{"libx264", "aac", "libvpx", "libopus"} {
		if !strings.Contains(string(out), " "+encoder+" ") {
			missing = append(missing, encoder)
		}
	}
	if len(missing) > 0 {
		return finding{bad, "ffmpeg lacks " + strings.Join(missing, ", "), "use an ffmpeg that was built with them, such as Debian's: apt-get install ffmpeg"}
	}
	what := "libx264 and aac for mp4, libvpx and libopus for webm"
	for codec, encoder := range map[string]string{"vp9": "libvpx-vp9", "av1": "libsvtav1"} {
		if !strings.Contains(string(out), " "+encoder+" ") {
			what += "; none for " + codec
		}
	}
	works := compose.Composer{FFmpeg: c.Composer.FFmpeg}.Hardware(ctx)
	if len(works) == 0 {
		return finding{good, what + "; no hardware", ""}
	}
	return finding{good, what + "; hardware: " + strings.Join(works, ", "), ""}
}

func checkLiveKit(ctx context.Context, c configs.Config) finding {
	if c.LiveKit.APIKey == "" || c.LiveKit.APISecret == "" {
		return finding{bad, "no API key", "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair from the keys section of LiveKit's configuration"}
	}
	if err := plugin.NewRooms(c.LiveKit.URL, plugin.Keys{Key: c.LiveKit.APIKey, Secret: c.LiveKit.APISecret}).Ping(ctx); err != nil {
		return finding{bad, "LiveKit cannot be used", err.Error()}
	}
	return finding{good, c.LiveKit.URL + " answers and accepts the key", ""}
}

func checkRedis(ctx context.Context, c configs.Config) finding {
	options, err := redis.ParseURL(c.Redis.URL)
	if err != nil {
		return finding{bad, "redis.url cannot be read", "write it as redis://[user:password@]host:port/number"}
	}
	client := redis.NewClient(options)
	defer client.Close()
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return finding{bad, fmt.Sprintf("Redis at %s does not answer: %v", options.Addr, err), "start it, or set REDIS_URL to the one that LiveKit uses"}
	}
	return finding{good, options.Addr + " answers", ""}
}

// checkEgress looks whether LiveKit's requests for egress would arrive.
func checkEgress(ctx context.Context, c configs.Config) finding {
	if !c.Egress.Enabled {
		return finding{good, "turned off by egress.enabled", ""}
	}
	address := c.Egress.Redis
	if address == "" {
		address = c.Redis.URL
	}
	options, err := redis.ParseURL(address)
	if err != nil {
		return finding{bad, "egress.redis cannot be read", "write it as redis://[user:password@]host:port/number"}
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := egress.Ping(ctx, client); err != nil {
		return finding{warn, fmt.Sprintf("LiveKit cannot be asked for egress by way of %s: %v", options.Addr, err), "for apps that call EgressClient: set egress.redis to the Redis in LiveKit's configuration; else egress.enabled: false"}
	}
	return finding{good, "LiveKit's requests arrive by way of " + options.Addr, ""}
}

func checkData(_ context.Context, c configs.Config) finding {
	archive, err := openArchive(c.Data)
	if err != nil {
		return finding{bad, "recordings cannot be written", err.Error()}
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(archive.Root(), &fs); err != nil {
		return finding{warn, fmt.Sprintf("free space of %s is not known: %v", archive.Root(), err), ""}
	}
	const enough, gib, mib = 10, 1 << 30, 1 << 20
	free := float64(fs.Bavail) * float64(fs.Bsize) / gib
	what := fmt.Sprintf("%s has %.1f GiB free", archive.Root(), free)
	switch {
	case free*gib < float64(c.Recorder.Disk.Stop*mib):
		return finding{bad, what + ": nothing is recorded", fmt.Sprintf("make room: recorder.disk.stop wants %d MiB", c.Recorder.Disk.Stop)}
	case free < enough:
		return finding{warn, what, "an hour of one participant at 1.5 Mbit/s takes 0.7 GiB: make room, or set data to a larger disk"}
	}
	return finding{good, what, ""}
}

// checkClock holds this clock against LiveKit's: tokens are refused when they
// differ by much.
func checkClock(ctx context.Context, c configs.Config) finding {
	u, err := url.Parse(c.LiveKit.URL)
	if err != nil {
		return finding{warn, "not compared: livekit.url cannot be read", ""}
	}
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	const patience, tolerated = 3 * time.Second, 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), nil)
	if err != nil {
		return finding{warn, "not compared: livekit.url cannot be read", ""}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return finding{warn, "not compared with LiveKit's: it does not answer", ""}
	}
	_ = res.Body.Close()
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return finding{warn, "not compared with LiveKit's: it does not tell its time", ""}
	}
	if off := time.Since(theirs).Abs().Round(time.Second); off > tolerated {
		return finding{bad, fmt.Sprintf("this clock and LiveKit's differ by %v: tokens will be refused", off), "run an NTP client (systemd-timesyncd, chrony) on both machines"}
	}
	return finding{good, "agrees with LiveKit's within seconds", ""}
}

// checkBuffers looks at how large a receive buffer the kernel grants.
func checkBuffers(context.Context, configs.Config) finding {
	const limit, want = "/proc/sys/net/core/rmem_max", 4 << 20
	b, err := os.ReadFile(limit)
	if errors.Is(err, os.ErrNotExist) {
		return finding{good, "not limited on this system", ""}
	}
	most, cerr := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || cerr != nil {
		return finding{warn, limit + " cannot be read", ""}
	}
	if most < want {
		return finding{warn, fmt.Sprintf("the kernel grants %d KiB per socket: packets may be lost from about 32 participants on", most>>10), "sysctl -w net.core.rmem_max=4194304, and the same in /etc/sysctl.d"}
	}
	return finding{good, fmt.Sprintf("the kernel grants %d KiB per socket", most>>10), ""}
}
