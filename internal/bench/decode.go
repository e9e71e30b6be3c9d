//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// decodes reports whether ffmpeg decodes all of a file without a complaint.
func decodes(ctx context.Context, path string) (bool, error) {
	// Times stay in the file's ticks: counted in frames of a guessed rate, two
	// that lie half a frame off could become one, of which ffmpeg complains.
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-i", "file:"+path, "-enc_time_base", "-1", "-f", "null", "-")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return false, fmt.Errorf("decode: %w: is ffmpeg installed?", err)
	}
	if err != nil || len(out) > 0 {
		tell("%s does not decode cleanly: %s", filepath.Base(path), out)
		return false, ctx.Err()
	}
	return true, nil
}

// readBlocks calls see for each block of a file.
func readBlocks(path string, see func(webm.Block)) error {
	r, err := webm.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", filepath.Base(path), err)
		}
		see(b)
	}
}

// length adds up intervals.
func length(list []recording.Interval) (sum time.Duration) {
	for _, v := range list {
		sum += (v.To - v.From).Duration()
	}
	return sum
}
