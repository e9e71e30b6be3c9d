package compose

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/image/draw"

	"github.com/roomreel/roomreel/recording"
)

// One film with everything that can lie in, over and between its pictures: a
// title, a marked pause, a box over others, a withdrawn participant, a video
// from outside, a logo and a timestamp.
func TestLooks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann", colour: "red", to: 6, tone: 400, steady: true},
		person{identity: "bob", colour: "green", to: 6, tone: 1000, steady: true},
		person{identity: "eve", colour: "blue", to: 6, noAudio: true, steady: true, size: "90x160"},
	)
	m.Pauses = []interval{{From: sec(2), To: sec(3)}}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	// Bob has stripes, to see that he is blurred.
	tool(t, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "color=c=green:s=160x90:r=25:d=6,drawgrid=w=8:h=90:t=4:c=white",
		"-f", "lavfi", "-i", "sine=f=1000:d=6", "-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M", "-c:a", "libopus", filepath.Join(dir, m.Parts[1].File))
	assets := filepath.Join(dir, AssetsFolder)
	if err := os.Mkdir(assets, 0o755); err != nil {
		t.Fatal(err)
	}
	logo := image.NewRGBA(image.Rect(0, 0, 30, 30))
	draw.Draw(logo, logo.Bounds(), image.NewUniform(color.NRGBA{0xff, 0xff, 0, 0xff}), image.Point{}, draw.Src)
	if err := writePNG(filepath.Join(assets, "logo.png"), logo); err != nil {
		t.Fatal(err)
	}
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=blue:s=320x180:r=30:d=2", "-c:v", "libx264", "-preset", "ultrafast", filepath.Join(assets, "ann.mp4"))

	spec := testSpec("mp4")
	spec.Layout = "custom"
	spec.Boxes = []recording.LayoutBox{
		{X: 0, Y: 0, Width: 160, Height: 90, Participant: "ann"},
		{X: 160, Y: 0, Width: 160, Height: 90, Participant: "bob"},
		{X: 80, Y: 60, Width: 160, Height: 90, Participant: "eve", Fit: recording.FitCover},
	}
	spec.Background = "#ffffff"
	spec.Title = &recording.TitleCard{Text: "Title", Duration: sec(1)}
	spec.Pauses = recording.PausesMark
	spec.Withdrawn = &recording.Withdrawal{Participants: []string{"bob"}}
	spec.External = []recording.ExternalVideo{{File: "assets/ann.mp4", Participant: "ann", At: sec(3.5)}}
	spec.Logo = &recording.Logo{File: "logo.png", Corner: recording.BottomRight, Height: 20}
	spec.Timestamp = recording.TimestampElapsed
	d := made(t, dir, spec, 9)

	const red, blue = "red", "blue"
	for _, want := range []struct {
		at     float64
		x, y   int
		colour string
	}{
		// The title, from 0 to 1 s.
		{0.1, 40, 45, "white"},
		{0.9, 160, 160, "white"},
		{0.5, 300, 160, "yellow"},
		// 0 to 2 s of the timeline.
		{1.1, 40, 70, red},
		{1.1, 160, 100, blue},
		{1.1, 84, 100, blue}, // cover leaves no bars
		{1.1, 236, 70, blue}, // over bob
		{1.1, 20, 160, "white"},
		{1.1, 300, 160, "yellow"},
		{2.9, 40, 70, red},
		// The pause, 3 s of card.
		{3.1, 40, 70, "white"},
		{5.9, 160, 20, "white"},
		// 3 to 6 s of the timeline, with the other video of Ann from 3.5 to 5.5 s.
		{6.2, 40, 70, red},
		{6.8, 40, 70, blue},
		{8.2, 40, 70, blue},
		{8.8, 40, 70, red},
	} {
		if got := d.colour(want.at, want.x, want.y); got != want.colour {
			t.Errorf("at %v s (%d,%d) is %s, not %s", want.at, want.x, want.y, got, want.colour)
		}
	}
	steepest := 0
	for x := 245; x < 315; x++ {
		at := func(x int) int { return int(d.frames[90][3*(45*testWidth+x)]) }
		steepest = max(steepest, abs(at(x)-at(x+1)))
	}
	if steepest > 12 {
		t.Errorf("bob's stripes are to be seen: a step of %d", steepest)
	}
	for _, want := range []struct {
		from, to float64
		heard    bool
	}{{0.1, 0.9, false}, {1.2, 2.8, true}, {3.2, 5.8, false}, {6.2, 8.8, true}} {
		if got := d.level(400, want.from, want.to); got > -20 != want.heard {
			t.Errorf("from %v to %v s ann has %.1f dB", want.from, want.to, got)
		}
		if got := d.level(1000, want.from, want.to); got > -40 {
			t.Errorf("from %v to %v s bob, who withdrew, has %.1f dB", want.from, want.to, got)
		}
	}
	// The clock has another face each second, and none on cards.
	face := func(at float64) string {
		var b strings.Builder
		for y := 4; y < 30; y++ {
			for x := 4; x < 100; x++ {
				b.WriteByte("x."[btoi(d.frames[int(at*testRate)][3*(y*testWidth+x)] > 0x80 && d.frames[int(at*testRate)][3*(y*testWidth+x)+1] > 0x80)])
			}
		}
		return b.String()
	}
	if face(1.2) != face(1.8) || face(1.8) == face(2.2) {
		t.Error("the clock does not tick on the full second")
	}
	if strings.Contains(face(0.5), "x") {
		t.Error("there is a clock on the title")
	}
}

// Pauses are cut out without a trace, unless they are to be seen.
func TestPauses(t *testing.T) {
	m := &recording.Manifest{
		ID: "rec", Participants: []recording.Participant{present("a", "Ann", 0, 100)},
		Pauses: []interval{{From: sec(10), To: sec(30)}, {From: sec(50), To: sec(50.1)}, {From: sec(90), To: sec(100)}},
		Parts:  []recording.Part{partOf("p1", "a", "camera", track("video", 1, 0, 90), track("audio", 2, 0, 90))},
	}
	for mode, want := range map[recording.PauseMode]string{
		recording.PausesCut: `0 to 10, from 0 on the timeline
  1280x720 at 0,0: Ann, contain p1
10 to 70, from 30 on the timeline
  1280x720 at 0,0: Ann, contain p1
`,
		recording.PausesMark: `0 to 10, from 0 on the timeline
  1280x720 at 0,0: Ann, contain p1
10 to 13, from 10 on the timeline
  card "Recording paused", "for 20 s"
13 to 73, from 30 on the timeline
  1280x720 at 0,0: Ann, contain p1
`,
		recording.PausesKeep: `0 to 10, from 0 on the timeline
  1280x720 at 0,0: Ann, contain p1
10 to 30, from 10 on the timeline
  card "Recording paused", ""
30 to 90, from 30 on the timeline
  1280x720 at 0,0: Ann, contain p1
`,
	} {
		p, err := NewPlan(m, recording.CompositionSpec{Pauses: mode})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, scenes(p)); diff != "" {
			t.Errorf("%s: %s", mode, diff)
		}
		checkPlan(t, p)
		for _, take := range p.Takes {
			if mid := (take.At + take.film().To) / 2; p.At(p.timeline(mid)) != mid {
				t.Errorf("%s: %v s is at %v on the timeline, and that at %v", mode, mid, p.timeline(mid), p.At(p.timeline(mid)))
			}
		}
	}
}

// Speakers change neither for a cough nor for a blink.
func TestTurns(t *testing.T) {
	for name, c := range map[string]struct {
		people []recording.Participant
		want   []turn
	}{
		"nobody":          {[]recording.Participant{present("a", "", 0, 60)}, nil},
		"one after other": {[]recording.Participant{speaking(present("a", ""), 1, 10), speaking(present("b", ""), 12, 20)}, []turn{{sec(1), "a"}, {sec(12), "b"}}},
		"cough":           {[]recording.Participant{speaking(present("a", ""), 1, 10), speaking(present("b", ""), 12, 12.5)}, []turn{{sec(1), "a"}}},
		"breath":          {[]recording.Participant{speaking(present("a", ""), 1, 3, 3.5, 6), speaking(present("b", ""), 2.5, 5)}, []turn{{sec(1), "a"}}},
		"talked over":     {[]recording.Participant{speaking(present("a", ""), 1, 10), speaking(present("b", ""), 4, 20)}, []turn{{sec(1), "a"}, {sec(10), "b"}}},
		"who began first": {[]recording.Participant{speaking(present("a", ""), 0, 10), speaking(present("b", ""), 5, 30), speaking(present("c", ""), 4, 30)}, []turn{{sec(0), "a"}, {sec(10), "c"}}},
		"dwell":           {[]recording.Participant{speaking(present("a", ""), 0, 10), speaking(present("b", ""), 10, 11.2), speaking(present("c", ""), 11.2, 20)}, []turn{{sec(0), "a"}, {sec(10), "b"}, {sec(12), "c"}}},
		"silenced":        {[]recording.Participant{speaking(present("a", ""), 0, 5), speaking(present("gone", ""), 6, 20)}, []turn{{sec(0), "a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &recording.Manifest{Participants: c.people}
			p := Plan{
				Takes: []Take{{To: sec(60)}},
				Spec:  recording.CompositionSpec{Withdrawn: &recording.Withdrawal{Participants: []string{"gone"}, Mode: recording.WithdrawalSilence}},
			}
			var seats []*seat
			for _, who := range c.people {
				seats = append(seats, &seat{participant: who.Identity, main: true})
			}
			if diff := cmp.Diff(c.want, p.turns(m, seats), cmp.AllowUnexported(turn{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLooksRefuses(t *testing.T) {
	dir := t.TempDir()
	meeting(t, dir, person{identity: "ann", colour: "red", to: 1, noAudio: true})
	box := func(x, y, w, h int) recording.CompositionSpec {
		return recording.CompositionSpec{Layout: "custom", Boxes: []recording.LayoutBox{{X: x, Y: y, Width: w, Height: h}}}
	}
	with := func(change func(b *recording.LayoutBox)) recording.CompositionSpec {
		s := box(0, 0, 100, 100)
		change(&s.Boxes[0])
		return s
	}
	for name, spec := range map[string]recording.CompositionSpec{
		"boxes":                          {Layout: "custom"},
		"boxes[0]: 100x100":              box(1200, 0, 100, 100),
		"boxes[0]: 9223":                 box(0, 0, math.MaxInt, math.MaxInt),
		"boxes[0]: -5x10":                box(0, 0, -5, 10),
		"boxes[0]: 20x20":                box(math.MinInt, math.MaxInt, 20, 20),
		"boxes[0].role":                  with(func(b *recording.LayoutBox) { b.Role = "king" }),
		"boxes[0].fit":                   with(func(b *recording.LayoutBox) { b.Fit = "stretch" }),
		"boxes[0].order":                 with(func(b *recording.LayoutBox) { b.Order = -1 }),
		"boxes[0]: only one":             with(func(b *recording.LayoutBox) { b.Order, b.Role = 1, "host" }),
		"640x0: give both, or neither":   {Width: 640},
		"background":                     {Background: "red'"},
		"pauses":                         {Pauses: "skip"},
		"timestamp":                      {Timestamp: "clock"},
		"time_zone":                      {TimeZone: "../../etc/passwd"},
		"title":                          {Title: &recording.TitleCard{}},
		"title.duration_s":               {Title: &recording.TitleCard{Text: "x", Duration: sec(61)}},
		"logo.file":                      {Logo: &recording.Logo{File: "../logo.png"}},
		"logo.corner":                    {Logo: &recording.Logo{File: "logo.png", Corner: "middle"}},
		"there is no picture":            {Logo: &recording.Logo{File: "logo.png"}},
		"avatars":                        {Avatars: map[string]string{"ann": "/etc/passwd"}},
		"withdrawn.mode":                 {Withdrawn: &recording.Withdrawal{Participants: []string{"ann"}, Mode: "burn"}},
		"withdrawn.participants: give":   {Withdrawn: &recording.Withdrawal{}},
		"withdrawn.participants: nobody": {Withdrawn: &recording.Withdrawal{Participants: []string{"Ann"}}},
		"include, exclude":               {Exclude: []string{"ann"}},
		"external[0].file: \"x.avi\"":    {External: []recording.ExternalVideo{{File: "x.avi", Participant: "ann"}}},
		"external[0].file: \"x.mp4\"":    {External: []recording.ExternalVideo{{File: "x.mp4", Participant: "ann"}}},
		"external[0].participant":        {External: []recording.ExternalVideo{{File: "x.mp4"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Composer{}.Plan(context.Background(), dir, spec)
			if !errors.Is(err, &recording.Error{Code: recording.CodeInvalidRequest}) || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Whatever boxes say, they are refused or stand on the canvas.
func FuzzBoxes(f *testing.F) {
	f.Add(0, 0, 640, 360, "cover", "", "host", 0)
	f.Add(-1, 7, 33, 1<<40, "x", "ann", "", -3)
	f.Fuzz(func(t *testing.T, x, y, w, h int, fit, who, role string, order int) {
		p, err := NewPlan(party(), recording.CompositionSpec{Layout: "custom", Boxes: []recording.LayoutBox{
			{X: x, Y: y, Width: w, Height: h, Fit: recording.Fit(fit), Participant: who, Role: recording.Role(role), Order: order},
			{X: 0, Y: 0, Width: 100, Height: 100},
		}})
		if err != nil {
			if recording.CodeOf(err) != recording.CodeInvalidRequest {
				t.Fatal(err)
			}
			return
		}
		checkPlan(t, p)
	})
}
