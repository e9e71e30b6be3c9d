//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/recorder/webm"
	"github.com/roomreel/roomreel/recording"
)

// sample is what a process says of itself in /metrics. Memory is that by which the
// next garbage collection begins, twice what the last one left: resident memory goes
// up and down with what was garbage at the time.
type sample struct {
	at                        time.Time
	goroutines, files, memory float64
}

const sampleEvery = 5 * time.Second

// samples are taken over a run, in order.
type samples []sample

// collect takes samples until ctx ends.
func (s *samples) collect(ctx context.Context, c client.Client) {
	for wait(ctx, sampleEvery) == nil {
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
		"go_goroutines": &s.goroutines, "process_open_fds": &s.files, "go_memstats_next_gc_bytes": &s.memory,
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

// rest waits until the process is as it was before anybody came, and tells what is
// left after two minutes. What may stay are the pools of connections to Redis; what each
// second recording left would be more.
func (r *soakResult) rest(ctx context.Context, c client.Client, before sample) error {
	const patience, goroutines, files = 2 * time.Minute, 100, 75
	for deadline := time.Now().Add(patience); ; {
		now, err := take(ctx, c)
		if err != nil {
			return err
		}
		r.GoroutinesLeft, r.FilesLeft = now.goroutines-before.goroutines, now.files-before.files
		leaks := r.GoroutinesLeft > goroutines || r.FilesLeft > files
		if leaks && time.Now().After(deadline) {
			r.Leaks++
		}
		if !leaks || time.Now().After(deadline) {
			return nil
		}
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
}

// judge fits the slopes to the second half of the samples, when caches and pools
// have filled, and counts what leaks: what would double the process within a day, if
// it rises by more than twice the error of its slope. People come and go by chance,
// each with dozens of goroutines.
func (s samples) judge(r *soakResult) {
	half := s[len(s)/2:].means()
	const goroutines, files, memory = 60, 10, 30
	for _, kind := range []struct {
		limit    float64
		of       func(sample) float64
		per, err *float64
	}{
		{goroutines, func(s sample) float64 { return s.goroutines }, &r.Goroutines, &r.GoroutinesError},
		{files, func(s sample) float64 { return s.files }, &r.Files, &r.FilesError},
		{memory, func(s sample) float64 { return s.memory / (1 << 20) }, &r.MemoryMiB, &r.MemoryMiBError},
	} {
		slope, off := half.slope(kind.of)
		*kind.per, *kind.err = rounded(slope, 10), rounded(off, 10)
		if slope > kind.limit && slope > 2*off {
			r.Leaks++
		}
	}
}

// means are those of a minute each: samples that follow each other closely are alike
// and would make the error of a slope look small.
func (s samples) means() (means samples) {
	const minute = int(time.Minute / sampleEvery)
	for chunk := range slices.Chunk(s, minute) {
		m := sample{at: chunk[0].at}
		for _, v := range chunk {
			n := float64(len(chunk))
			m.goroutines, m.files, m.memory = m.goroutines+v.goroutines/n, m.files+v.files/n, m.memory+v.memory/n
		}
		means = append(means, m)
	}
	return means
}

// slope is that of the line with the least squares, per hour, and its standard error.
func (s samples) slope(of func(sample) float64) (slope, off float64) {
	var n, x, y, xx, xy float64
	at := func(v sample) float64 { return v.at.Sub(s[0].at).Hours() }
	for _, v := range s {
		n, x, y, xx, xy = n+1, x+at(v), y+of(v), xx+at(v)*at(v), xy+at(v)*of(v)
	}
	spread := n*xx - x*x
	if spread <= 0 {
		return 0, 0
	}
	slope = (n*xy - x*y) / spread
	var squares float64
	for _, v := range s {
		d := of(v) - y/n - slope*(at(v)-x/n)
		squares += d * d
	}
	return slope, math.Sqrt(squares / max(1, n-2) * n / spread)
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
