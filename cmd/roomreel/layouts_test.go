package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

const (
	layoutWidth, layoutHeight = 640, 360
	// stepLength is how long each state of the meeting lasts: LiveKit takes some
	// time to name a speaker, a muted camera some to come back.
	stepLength = 3500 * time.Millisecond
)

// spot is a place on the canvas, in fractions of it, and who must be seen there.
type spot struct {
	x, y float64
	who  string
}

// Somebody joins, talks, mutes a camera, shares a screen, leaves, and comes back
// with another camera, for real. Each layout shows at every moment who should be
// where; flashes, beeps and voices are in the film as they were.
func TestLayoutsFollowTheMeeting(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	options := map[string]meeting.Options{}
	for i, name := range []string{"anna", "ben", "cleo"} {
		o := meeting.Options{Room: "layouts", Identity: name, Name: name, Index: i, Publish: both, Talks: name != "cleo"}
		options[name] = o
		o.Publish = append([]livekit.TrackSource{meeting.Screen}, both...)
		if err := meeting.Prepare(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
	// Ben comes back with a camera of another shape.
	other := options["ben"]
	other.Width, other.Height = 480, 360
	if err := meeting.Prepare(ctx, other); err != nil {
		t.Fatal(err)
	}
	people := map[string]*meeting.Participant{}
	join := func(name string, muted bool) {
		p, err := meeting.Join(ctx, s.livekit, options[name])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		people[name] = p
		if err := p.Mute(meeting.Microphone, muted); err != nil {
			t.Fatal(err)
		}
	}
	join("anna", false)
	join("ben", true)
	rec, err := s.api.Start(ctx, api.StartRecording{Room: "layouts", Host: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	var ends []time.Time
	for _, change := range []func() error{
		func() error { return nil },
		func() error { join("cleo", false); return nil }, // her beeps are too short for a speaker
		func() error {
			return errorsOf(people["anna"].Mute(meeting.Microphone, true), people["cleo"].Mute(meeting.Microphone, true), people["ben"].Mute(meeting.Microphone, false))
		},
		func() error { return people["ben"].Mute(meeting.Camera, true) },
		func() error { return people["cleo"].Publish(ctx, meeting.Screen) },
		func() error {
			return errorsOf(people["cleo"].Unpublish(meeting.Screen), people["ben"].Mute(meeting.Camera, false), people["anna"].Close())
		},
		func() error {
			err := people["ben"].Close()
			options["ben"] = other
			join("ben", false)
			waitFor(ctx, t, stepLength) // until LiveKit has told the recorder, and his first picture is there
			return err
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		waitFor(ctx, t, stepLength) // the state lasts as long as it lasts
		ends = append(ends, time.Now())
	}
	m := s.stop(ctx, t, rec.ID)
	dir := s.dir(rec.ID)
	palette := paletteOf(ctx, t, dir, m)

	// Where the others stand in the strip beside something large.
	beside := func(large string, others ...string) []spot {
		spots := []spot{{0.34, 0.42, large}}
		for i, who := range others {
			spots = append(spots, spot{0.88, 0.5 + (float64(i)-float64(len(others)-1)/2)*0.211 - 0.03, who})
		}
		return spots
	}
	grid := [][]spot{
		{{0.2, 0.45, "anna"}, {0.7, 0.45, "ben"}},
		{{0.2, 0.2, "anna"}, {0.7, 0.2, "ben"}, {0.45, 0.7, "cleo"}},
		{{0.2, 0.2, "anna"}, {0.7, 0.2, "ben"}, {0.45, 0.7, "cleo"}},
		{{0.2, 0.2, "anna"}, {0.55, 0.08, "card"}, {0.45, 0.7, "cleo"}},
		{{0.34, 0.42, "cleo's screen"}, {0.88, 0.26, "anna"}, {0.85, 0.44, "card"}, {0.88, 0.68, "cleo"}},
		{{0.2, 0.45, "ben"}, {0.7, 0.45, "cleo"}},
		{{0.2, 0.45, "ben"}, {0.7, 0.45, "cleo"}},
	}
	speaker := [][]spot{
		beside("anna", "ben"), beside("anna", "ben", "cleo"), beside("ben", "anna", "cleo"),
		{{0.05, 0.2, "card"}, {0.88, 0.36, "anna"}, {0.88, 0.58, "cleo"}},
		grid[4], beside("ben", "cleo"), beside("ben", "cleo"),
	}
	for layout, want := range map[string][][]spot{
		"grid": grid, "speaker": speaker,
		"share": {speaker[0], speaker[1], speaker[2], speaker[3], {{0.34, 0.42, "cleo's screen"}, {0.82, 0.44, "card"}, {0.9, 0.2, "canvas"}}, speaker[5], speaker[6]},
		"host-bottom": {
			{{0.4, 0.3, "anna"}, {0.47, 0.85, "ben"}},
			{{0.4, 0.3, "anna"}, {0.35, 0.85, "ben"}, {0.6, 0.85, "cleo"}},
			{{0.4, 0.3, "anna"}, {0.35, 0.85, "ben"}, {0.6, 0.85, "cleo"}},
			{{0.4, 0.3, "anna"}, {0.27, 0.78, "card"}, {0.6, 0.85, "cleo"}},
			{{0.4, 0.3, "cleo's screen"}, {0.22, 0.85, "anna"}, {0.4, 0.78, "card"}, {0.72, 0.85, "cleo"}},
			grid[5],
			grid[6],
		},
		"host-only": {{{0.4, 0.4, "anna"}}, {{0.4, 0.4, "anna"}}, {{0.4, 0.4, "anna"}}, {{0.4, 0.4, "anna"}}, {{0.4, 0.4, "anna"}}, {{0.4, 0.4, "canvas"}}, {{0.4, 0.4, "canvas"}}},
		"single":    {{{0.4, 0.4, "anna"}}, {{0.4, 0.4, "anna"}}, {{0.4, 0.4, "ben"}}, {{0.2, 0.2, "card"}}, {{0.4, 0.4, "cleo's screen"}}, {{0.4, 0.4, "ben"}}, {{0.4, 0.4, "ben"}}},
		"pip": {
			{{0.3, 0.3, "anna"}, {0.84, 0.84, "ben"}},
			{{0.3, 0.3, "anna"}, {0.84, 0.84, "ben"}},
			{{0.3, 0.3, "ben"}, {0.84, 0.84, "anna"}},
			{{0.2, 0.2, "card"}, {0.84, 0.84, "anna"}},
			{{0.3, 0.3, "cleo's screen"}, {0.77, 0.77, "card"}},
			{{0.3, 0.3, "ben"}, {0.84, 0.84, "cleo"}},
			{{0.3, 0.3, "ben"}, {0.84, 0.84, "cleo"}},
		},
		"custom": {
			{{0.2, 0.2, "anna"}, {0.7, 0.2, "anna"}, {0.2, 0.7, "ben"}, {0.7, 0.7, "canvas"}},
			{{0.2, 0.2, "anna"}, {0.7, 0.2, "anna"}, {0.2, 0.7, "ben"}, {0.7, 0.7, "cleo"}},
			{{0.2, 0.2, "anna"}, {0.7, 0.2, "ben"}, {0.2, 0.7, "ben"}, {0.7, 0.7, "cleo"}},
			{{0.2, 0.2, "anna"}, {0.55, 0.1, "card"}, {0.05, 0.6, "card"}, {0.7, 0.7, "cleo"}},
			{{0.2, 0.2, "anna"}, {0.55, 0.1, "card"}, {0.05, 0.6, "card"}, {0.7, 0.7, "cleo's screen"}},
			{{0.2, 0.2, "canvas"}, {0.7, 0.2, "ben"}, {0.2, 0.7, "ben"}, {0.7, 0.7, "cleo"}},
			{{0.2, 0.2, "canvas"}, {0.7, 0.2, "ben"}, {0.2, 0.7, "ben"}, {0.7, 0.7, "cleo"}},
		},
	} {
		spec := api.FilmSpec{Layout: layout, Width: layoutWidth, Height: layoutHeight, FrameRate: 15}
		if layout == "custom" {
			box := func(x, y int) api.FilmBox {
				return api.FilmBox{LayoutBox: recording.LayoutBox{X: x, Y: y, Width: layoutWidth / 2, Height: layoutHeight / 2}}
			}
			spec.Boxes = []api.FilmBox{box(0, 0), box(320, 0), box(0, 180), box(320, 180)}
			spec.Boxes[0].Role, spec.Boxes[1].Role, spec.Boxes[2].Participant = recording.RoleHost, recording.RoleSpeaker, "ben"
		}
		_, film := s.compose(ctx, t, rec.ID, spec)
		playsCleanly(ctx, t, film)
		domain := recording.CompositionSpec{Layout: layout, Width: layoutWidth, Height: layoutHeight, FrameRate: 15}
		for _, b := range spec.Boxes {
			domain.Boxes = append(domain.Boxes, b.LayoutBox)
		}
		plan, err := compose.NewPlan(m, domain)
		if err != nil {
			t.Fatal(err)
		}
		for i, spots := range want {
			at := plan.At(recording.Seconds(ends[i].Sub(m.StartedAt) - 400*time.Millisecond))
			frame := frameOf(ctx, t, film, at, layoutWidth, layoutHeight)
			for _, w := range spots {
				if got := palette.nearest(frame.around(w.x, w.y, 10)); got != w.who {
					t.Errorf("%s, step %d, at %v s (%.2f, %.2f) is %s, want %s", layout, i+1, at, w.x, w.y, got, w.who)
				}
			}
		}
		if layout == "grid" {
			checkVoices(ctx, t, film, plan, ends, m.StartedAt)
		}
	}
	s.checkTimes(ctx, t, m, ends)
}

// checkVoices asserts whose beeps are heard in which steps.
func checkVoices(ctx context.Context, t *testing.T, film string, p compose.Plan, ends []time.Time, zero time.Time) {
	t.Helper()
	signals, err := meeting.Measure(ctx, film, meeting.Probe{Tone: meeting.Tone(0)}, meeting.Probe{Tone: meeting.Tone(1)}, meeting.Probe{Tone: meeting.Tone(2)})
	if err != nil {
		t.Fatal(err)
	}
	for i, end := range ends {
		to := p.At(recording.Seconds(end.Sub(zero))).Duration()
		from := to - stepLength + time.Second
		// What is unmuted at the edge may be heard a little before: people's clocks
		// are aligned by when their packets came.
		const edge = 200 * time.Millisecond
		var heard []bool
		for _, s := range signals {
			heard = append(heard, slices.ContainsFunc(s.Beeps, func(at time.Duration) bool { return at > from && at < to-edge }))
		}
		if want := []bool{i < 2, i >= 2, i == 1}; !slices.Equal(heard, want) {
			t.Errorf("step %d: anna, ben and cleo are heard: %v, want %v", i+1, heard, want)
		}
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// still is one picture of a film, in RGB.
type still struct {
	width, height int
	pixels        []byte
}

func frameOf(ctx context.Context, t *testing.T, file string, at recording.Seconds, width, height int) still {
	t.Helper()
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-ss", fmt.Sprint(at.Float()), "-i", file, "-map", "0:v:0", "-frames:v", "1",
		"-vf", fmt.Sprintf("scale=%d:%d", width, height), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1").Output()
	if err != nil || len(out) != 3*width*height {
		t.Fatalf("%s at %v s: %d bytes, %v", filepath.Base(file), at, len(out), err)
	}
	return still{width, height, out}
}

type colour [3]float64

// around is the mean colour of a square.
func (s still) around(x, y float64, radius int) (c colour) {
	cx, cy := int(x*float64(s.width)), int(y*float64(s.height))
	n := 0.0
	for py := max(0, cy-radius); py < min(s.height, cy+radius); py++ {
		for px := max(0, cx-radius); px < min(s.width, cx+radius); px++ {
			for k := range c {
				c[k] += float64(s.pixels[3*(py*s.width+px)+k])
			}
			n++
		}
	}
	for k := range c {
		c[k] /= n
	}
	return c
}

// palette knows what everyone looks like.
type palette map[string]colour

// paletteOf reads from the parts what everyone looks like, apart from the name
// below and the box on the right that flashes.
func paletteOf(ctx context.Context, t *testing.T, dir string, m *recording.Manifest) palette {
	t.Helper()
	colours := palette{"card": {0x22, 0x25, 0x2b}, "canvas": {0x12, 0x14, 0x18}}
	for _, p := range m.Parts {
		who := p.Participant
		i := slices.IndexFunc(p.Tracks, func(t recording.Track) bool { return t.Kind == recording.Video })
		if i < 0 {
			continue
		}
		if p.Tracks[i].Source == "screen_share" {
			who += "'s screen"
		}
		colours[who] = frameOf(ctx, t, filepath.Join(dir, p.File), p.Duration/4, 160, 90).around(0.35, 0.35, 30)
	}
	if len(colours) != 6 {
		t.Fatalf("there are %v, want three people, a screen, card and canvas", colours)
	}
	return colours
}

// nearest names who looks most like it, by hue first: brightness changes with
// the moment.
func (p palette) nearest(c colour) string {
	best, name := math.Inf(1), ""
	for who, k := range p {
		d := 0.0
		for i := range c {
			d += (c[i] - k[i]) * (c[i] - k[i])
		}
		if d < best {
			best, name = d, who
		}
	}
	return name
}
