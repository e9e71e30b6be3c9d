package compose

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// progress is what ffmpeg reports about itself, twice a second.
type progress struct {
	frames int
	time   time.Duration
}

// killGrace is how long a killed process may keep its pipes open.
const killGrace = 2 * time.Second

// What is composed while a meeting runs gives way to everything else.
const niceness, liveNiceness = 10, 19

// command makes a process that is nice to others and dies with ctx.
func command(ctx context.Context, nice int, dir, program string, args []string) *exec.Cmd {
	if found, err := exec.LookPath("nice"); err == nil {
		program, args = found, append([]string{"-n", strconv.Itoa(nice), program}, args...)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.WaitDelay = dir, killGrace
	dieWithUs(cmd)
	return cmd
}

// ffmpeg runs ffmpeg in dir, tells onProgress how far it is, and copies its
// log to log. The error is ctx's own, or a *recording.Error in one line.
func (c Composer) ffmpeg(ctx context.Context, dir string, log io.Writer, args []string, onProgress func(progress)) error {
	cmd := command(ctx, or(c.Niceness, niceness), dir, c.FFmpeg, args)
	var stderr tail
	cmd.Stderr = io.MultiWriter(&stderr, log)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return recording.Errorf(recording.CodeComposeFailed, "start ffmpeg: %w", err)
	}
	var now progress
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		switch {
		case key == "frame" && err == nil:
			now.frames = int(n)
		case key == "out_time_us" && err == nil:
			now.time = time.Duration(n) * time.Microsecond
		case key == "progress" && onProgress != nil:
			onProgress(now)
		}
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		return nil
	}
	return exited(err, stderr)
}

// exited tells in one line why ffmpeg ended.
func exited(err error, stderr tail) error {
	line := stderr.cause()
	exit := (*exec.ExitError)(nil)
	switch {
	case bytes.Contains(stderr.buf, []byte("No space left on device")): // seldom in the last line
		return diskFull()
	case !errors.As(err, &exit):
		return recording.Errorf(recording.CodeComposeFailed, "run ffmpeg: %w", err)
	case exit.ExitCode() < 0:
		return recording.Errorf(recording.CodeComposeFailed,
			"ffmpeg was killed (%w), perhaps because the machine had no memory left: a retry goes on from what was encoded", err)
	case line == "":
		return recording.Errorf(recording.CodeComposeFailed, "run ffmpeg: %w", err)
	}
	return recording.Errorf(recording.CodeComposeFailed, "ffmpeg: %s", line)
}

func diskFull() *recording.Error {
	return recording.Errorf(recording.CodeDiskFull,
		"the disk is full: make room, about twice what the film takes, then try again; what was encoded is kept")
}

// fullOr returns err, or what to do about it where the disk is full.
func fullOr(err error) error {
	if recording.IsDiskFull(err) {
		return diskFull()
	}
	return err
}

// tail keeps the end of a log.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	const keep = 16 << 10
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*keep {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-keep:]...)
	}
	return len(p), nil
}

// cause picks the line that says why ffmpeg gave up: the last of the highest
// level, but for the one that only says that it did.
func (t *tail) cause() string {
	var fatal, failure string
	for line := range bytes.Lines(t.buf) {
		text := strings.TrimSpace(string(line))
		if i := strings.LastIndex(text, "[fatal] "); i >= 0 {
			fatal = text[i+len("[fatal] "):]
		}
		if i := strings.LastIndex(text, "[error] "); i >= 0 && !strings.Contains(text, "Conversion failed") {
			failure = text[i+len("[error] "):]
		}
	}
	return or(fatal, failure)
}

// sharedLog is a log that several processes write to. On a full disk it is cut
// short: what it is about goes on to its own end.
type sharedLog struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *sharedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.w.Write(p)
	return len(p), nil
}
