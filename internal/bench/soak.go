//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

func soakCommand() *cli.Command {
	return &cli.Command{
		Name:  "soak",
		Usage: "many rooms in which people come, go, mute and share, recorded again and again by one `roomreel serve`",
		Description: "  recordings  that were made\n" +
			"  broken      of those: not stopped, an unfinished file, one that cannot be read to its end\n" +
			"  *_left      how many more goroutines and open files there are, once the rooms are empty, than before\n" +
			"  leaks       of goroutines, open files and the heap's goal, which is twice what is in use: how many grew by\n" +
			"              more than tolerated, and by more than chance has them grow\n" +
			"  *_per_hour  the slopes, fitted to samples of the second half, while the load is steady; *_error is\n" +
			"              the standard error of each",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "roomreel", Value: "bin/roomreel", Usage: "the `PROGRAM` to measure"},
			&cli.IntFlag{Name: "rooms", Value: 20, Usage: "at the same time"},
			&cli.IntFlag{Name: "participants", Value: 3, Usage: "in each room"},
			&cli.DurationFlag{Name: "for", Value: 30 * time.Minute, Usage: "how long"},
			&cli.DurationFlag{Name: "longest", Value: 100 * time.Second, Usage: "of a recording; the shortest takes a quarter of that"},
			dataFlag(),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			data, remove, err := dataFolder(cmd)
			if err != nil {
				return err
			}
			defer remove()
			s := soak{
				program: cmd.String("roomreel"), data: data, rooms: cmd.Int("rooms"), participants: cmd.Int("participants"),
				lasts: cmd.Duration("for"), longest: cmd.Duration("longest"),
			}
			result, err := s.run(ctx)
			if err != nil {
				return err
			}
			return conclude(cmd.Root().Writer, result)
		},
	}
}

// soakResult is what [soakCommand] describes.
type soakResult struct {
	Recordings int     `json:"recordings"`
	Broken     int     `json:"broken"`
	Leaks      int     `json:"leaks"`
	Goroutines float64 `json:"goroutines_per_hour"`
	Files      float64 `json:"open_files_per_hour"`
	MemoryMiB  float64 `json:"memory_mib_per_hour"`

	GoroutinesLeft float64 `json:"goroutines_left"`
	FilesLeft      float64 `json:"open_files_left"`

	GoroutinesError float64 `json:"goroutines_per_hour_error"`
	FilesError      float64 `json:"open_files_per_hour_error"`
	MemoryMiBError  float64 `json:"memory_mib_per_hour_error"`
}

// soak is a long run of many rooms.
type soak struct {
	program, data       string
	rooms, participants int
	lasts, longest      time.Duration

	mu     sync.Mutex
	result soakResult
}

func (s *soak) run(ctx context.Context) (result soakResult, err error) {
	d, err := startServe(ctx, s.program, s.data)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := meeting.Prepare(ctx, s.person(0, 0)); err != nil {
		return result, err
	}
	before, err := take(ctx, d.api)
	if err != nil {
		return result, err
	}
	steady, stop := context.WithTimeout(ctx, s.lasts)
	defer stop()
	var samples samples
	group, steady := errgroup.WithContext(steady)
	group.Go(func() error { samples.collect(steady, d.api); return nil })
	for room := range s.rooms {
		for i := range s.participants {
			group.Go(func() error { s.attend(steady, d.server, room, i); return nil })
		}
		group.Go(func() error { s.record(ctx, steady, d, room); return nil })
	}
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return result, err
	}
	result = s.result
	if err := result.rest(ctx, d.api, before); err != nil {
		return result, err
	}
	samples.judge(&result)
	return result, ctx.Err()
}

// until returns err, unless it only comes of the soak's end.
func until(steady context.Context, err error) error {
	select {
	case <-steady.Done():
		return nil
	default:
		return err
	}
}

func (s *soak) person(room, i int) meeting.Options {
	return meeting.Options{
		Room: fmt.Sprintf("soak-%02d", room), Identity: identity(i), Name: "Participant",
		Publish: []livekit.TrackSource{meeting.Camera, meeting.Microphone},
		Width:   320, Height: 180, FPS: 25,
	}
}

// attend is a restless participant: it comes, mutes, shares, and leaves, over
// and over. The first one of a room stays, so that the room does. What fails for
// it in a busy machine is told, and it comes again: it is not what is measured.
func (s *soak) attend(ctx context.Context, server meeting.Server, room, i int) {
	for ctx.Err() == nil {
		if err := s.visit(ctx, server, room, i); until(ctx, err) != nil {
			tell("%s in room %d: %v", identity(i), room, err)
		}
		_ = wait(ctx, moment(10*time.Second))
	}
}

func moment(most time.Duration) time.Duration { return time.Second + rand.N(most) }

// visit is one stay in a room.
func (s *soak) visit(ctx context.Context, server meeting.Server, room, i int) (err error) {
	const pause = 20 * time.Second
	p, err := meeting.Join(ctx, server, s.person(room, i))
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	for n := 3 + rand.IntN(5); (n > 0 || i == 0) && wait(ctx, moment(pause)) == nil; n-- {
		if err := s.fidget(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// fidget does one of the things that people do in a meeting.
func (s *soak) fidget(ctx context.Context, p *meeting.Participant) error {
	const while = 3 * time.Second
	source := []livekit.TrackSource{meeting.Camera, meeting.Microphone}[rand.IntN(2)]
	switch rand.IntN(3) {
	case 0:
		if err := p.Mute(source, true); err != nil {
			return err
		}
		_ = wait(ctx, while)
		return p.Mute(source, false)
	case 1:
		if err := p.Publish(ctx, meeting.Screen); err != nil {
			return err
		}
		_ = wait(ctx, while)
		return p.Unpublish(meeting.Screen)
	}
	if err := p.Unpublish(source); err != nil {
		return err
	}
	_ = wait(ctx, while)
	return p.Publish(ctx, source)
}

// record makes recordings of a room, one after another, and looks at each.
func (s *soak) record(ctx, steady context.Context, d *instance, room int) {
	name := s.person(room, 0).Room
	for steady.Err() == nil {
		r, err := d.api.Start(steady, api.StartRecording{Room: name})
		var p *api.Problem
		switch {
		case errors.As(err, &p) && p.Code == string(recording.CodeRoomNotFound):
			_ = wait(steady, time.Second) // nobody has joined yet
			continue
		case err != nil:
			if until(steady, err) != nil {
				tell("%s is not recorded: %v", name, err)
			}
			_ = wait(steady, time.Second)
			continue
		}
		_ = wait(steady, s.longest/4+rand.N(s.longest*3/4))
		fault := s.finish(ctx, d, r.ID)
		s.mu.Lock()
		s.result.Recordings++
		if fault != nil {
			s.result.Broken++
			tell("%s is broken: %v", r.ID, fault)
		}
		s.mu.Unlock()
		_ = wait(steady, rand.N(2*time.Second))
	}
}

// stop asks again while the answer is that a busy server could not, as clients do.
func (s *soak) stop(ctx context.Context, d *instance, id string) (r api.Recording, err error) {
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		r, err = d.api.Stop(ctx, id)
		var p *api.Problem
		if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || wait(ctx, time.Second) != nil {
			return r, err
		}
	}
}

// finish stops a recording and reads every part of it to its end.
func (s *soak) finish(ctx context.Context, d *instance, id string) error {
	r, err := s.stop(ctx, d, id)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.data, "recordings", id)
	m, err := recording.ReadManifest(dir)
	if err != nil {
		return err
	}
	if err := complete(dir, r, len(m.Parts)); err != nil {
		return err
	}
	if len(m.Parts) == 0 {
		return errors.New("it has no part")
	}
	for _, p := range m.Parts {
		if err := readsWell(filepath.Join(dir, p.File), p); err != nil {
			return err
		}
	}
	return nil
}
