//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// sample is what a process says of itself in /metrics.
type sample struct {
	at                        time.Time
	goroutines, files, memory float64
}

// samples are taken over a run, in order.
type samples []sample

// collect takes samples until ctx ends.
func (s *samples) collect(ctx context.Context, c client.Client) {
	const every = 5 * time.Second
	for wait(ctx, every) == nil {
		taken, err := take(ctx, c)
		if err != nil {
			if until(ctx, err) != nil {
				tell("a sample was not taken: %v", err)
			}
			continue
		}
		*s = append(*s, taken)
		if len(*s)%12 == 0 {
			tell("%3.0f goroutines, %3.0f open files, %4.0f MiB", taken.goroutines, taken.files, taken.memory/(1<<20))
		}
	}
}

func take(ctx context.Context, c client.Client) (sample, error) {
	var body bytes.Buffer
	if err := c.Download(ctx, "/metrics", &body); err != nil {
		return sample{}, err
	}
	s := sample{at: time.Now()}
	want := map[string]*float64{
		"go_goroutines": &s.goroutines, "process_open_fds": &s.files, "process_resident_memory_bytes": &s.memory,
	}
	for lines := bufio.NewScanner(&body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		if to := want[name]; to != nil {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return s, fmt.Errorf("read metrics: %s: %w", name, err)
			}
			*to = v
			delete(want, name)
		}
	}
	if len(want) > 0 {
		return s, fmt.Errorf("read metrics: they lack %v", want)
	}
	return s, nil
}

// judge fits the slopes to the second half of the samples, when caches and pools
// have filled, and counts those that are steeper than chance allows.
func (s samples) judge(r *soakResult) {
	half := s[len(s)/2:]
	r.Goroutines = rounded(half.slope(func(s sample) float64 { return s.goroutines }), 10)
	r.Files = rounded(half.slope(func(s sample) float64 { return s.files }), 10)
	r.MemoryMiB = rounded(half.slope(func(s sample) float64 { return s.memory / (1 << 20) }), 10)
	// People come and go by chance, each with dozens of goroutines: what counts
	// as a leak would double the process within a day.
	const goroutines, files, memory = 60, 10, 30
	for _, steep := range []bool{r.Goroutines > goroutines, r.Files > files, r.MemoryMiB > memory} {
		if steep {
			r.Leaks++
		}
	}
}

// slope is that of the line with the least squares, per hour.
func (s samples) slope(of func(sample) float64) float64 {
	var n, x, y, xx, xy float64
	for _, v := range s {
		at := v.at.Sub(s[0].at).Hours()
		n, x, y, xx, xy = n+1, x+at, y+of(v), xx+at*at, xy+at*of(v)
	}
	if spread := n*xx - x*x; spread > 0 {
		return (n*xy - x*y) / spread
	}
	return 0
}

// readsWell reads a part to its end and holds it against the manifest.
func readsWell(path string, p recording.Part) error {
	blocks := map[int]int64{}
	if err := readBlocks(path, func(b webm.Block) { blocks[b.Track]++ }); err != nil {
		return err
	}
	for _, t := range p.Tracks {
		if t.Kind == recording.Video && blocks[t.Number] != t.Frames {
			return fmt.Errorf("%s: track %d holds %d frames, the manifest says %d", p.File, t.Number, blocks[t.Number], t.Frames)
		}
		if blocks[t.Number] == 0 && t.Frames > 0 {
			return fmt.Errorf("%s: track %d is empty", p.File, t.Number)
		}
	}
	return nil
}
