package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

// speaking adds what a participant says.
func speaking(p recording.Participant, times ...float64) recording.Participant {
	for i := 0; i < len(times); i += 2 {
		p.Speaking = append(p.Speaking, interval{From: sec(times[i]), To: sec(times[i+1])})
	}
	return p
}

// sized gives a track the sizes of its picture.
func sized(t recording.Track, at float64, width, height int) recording.Track {
	t.Sizes = append(t.Sizes, recording.Size{At: sec(at), Width: width, Height: height})
	return t
}

// party is a meeting in which everything happens: Ann hosts, Bob comes late and
// mutes his camera, Cyd has no camera, Dee holds her phone upright and turns
// it, Bob shares his screen, and people talk.
func party() *recording.Manifest {
	screen := sized(track(recording.Video, 1, 40, 60), 40, 1600, 1000)
	screen.Source = screenSource
	return &recording.Manifest{
		ID: "rec_party", Subject: recording.Subject{Host: "ann"},
		Participants: []recording.Participant{
			speaking(present("ann", "Ann", 0, 80), 1, 8, 30, 30.4, 45, 52),
			speaking(present("bob", "Bob", 10, 80), 12, 20, 21, 25, 70, 78),
			speaking(present("cyd", "Cyd", 0, 70), 24, 34),
			speaking(present("dee", "Dee", 20, 80), 34.5, 40),
		},
		Parts: []recording.Part{
			partOf("p1", "ann", "camera", sized(track("video", 1, 0, 80), 0, 1280, 720), track("audio", 2, 0, 80)),
			partOf("p2", "bob", "camera", sized(muted(track("video", 1, 10, 80), 30, 40), 10, 640, 480), track("audio", 2, 10, 80)),
			partOf("p3", "cyd", "camera", track("audio", 1, 0, 70)),
			partOf("p4", "dee", "camera", sized(sized(track("video", 1, 20, 80), 20, 720, 1280), 50, 1280, 720), track("audio", 2, 20, 80)),
			partOf("p5", "bob", "screen", screen),
		},
		Layouts: []recording.LayoutChange{{At: sec(15), Layout: "speaker-light"}, {At: sec(35), Layout: "mosaic"}, {At: sec(65), Layout: "single-speaker"}},
	}
}

// scenes tells a plan's pictures in lines that people can check.
func scenes(p Plan) string {
	var b strings.Builder
	for _, s := range p.Segments {
		fmt.Fprintf(&b, "%v to %v, from %v on the timeline\n", s.From, s.To, s.At)
		if s.Card != nil {
			fmt.Fprintf(&b, "  card %q, %q\n", s.Card.Text, s.Card.Subtitle)
		}
		for _, t := range s.Tiles {
			what := "card"
			if t.Picture != nil {
				what = string(t.Fit) + " " + p.Sources[t.Picture.Source].Part
			}
			if t.Blur {
				what += ", blurred"
			}
			fmt.Fprintf(&b, "  %dx%d at %d,%d: %s, %s\n", t.Box.Width, t.Box.Height, t.Box.X, t.Box.Y, t.Label, what)
		}
	}
	return b.String()
}

func TestLayouts(t *testing.T) {
	box := func(x, y, w, h int) recording.LayoutBox { return recording.LayoutBox{X: x, Y: y, Width: w, Height: h} }
	with := func(b recording.LayoutBox, change func(*recording.LayoutBox)) recording.LayoutBox {
		change(&b)
		return b
	}
	for name, spec := range map[string]recording.CompositionSpec{
		"grid": {Layout: "grid"}, "speaker": {Layout: "speaker"}, "host-bottom": {Layout: "host-bottom"}, "host-only": {Layout: "host-only"},
		"single": {Layout: "single"}, "pip": {Layout: "pip"}, "share": {Layout: "share"}, "recorded": {},
		"speaker-upright":    {Layout: "speaker", Width: 720, Height: 1280},
		"host-bottom-of-bob": {Layout: "host-bottom", Host: "bob", Width: 1920, Height: 1080},
		"single-focus":       {Layout: "single", Focus: "bob"},
		"custom": {Layout: "custom", Boxes: []recording.LayoutBox{
			with(box(0, 0, 1280, 720), func(b *recording.LayoutBox) { b.Role = recording.RoleScreen }),
			with(box(0, 540, 320, 180), func(b *recording.LayoutBox) { b.Role = recording.RoleSpeaker }),
			with(box(400, 540, 180, 180), func(b *recording.LayoutBox) { b.Participant, b.Fit = "dee", recording.FitCover }),
			with(box(600, 540, 320, 180), func(b *recording.LayoutBox) { b.Order, b.Fit = 2, recording.FitContain }),
			box(960, 540, 320, 180),
			box(961, 1, 317, 177),
		}},
		"people": {
			Layout: "grid", Exclude: []string{"cyd"}, HideNames: false,
			Withdrawn: &recording.Withdrawal{Participants: []string{"bob"}},
			External:  []recording.ExternalVideo{{File: "assets/dee.mp4", Participant: "dee", At: sec(25), End: sec(35.5), Duration: sec(10), Width: 1280, Height: 720}},
			Title:     &recording.TitleCard{Text: "All\nhands", Subtitle: "%{pts}"},
			From:      sec(5), To: sec(45),
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := NewPlan(party(), spec)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", scenes(plan))
			checkPlan(t, plan)
		})
	}
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the plan changed; if that is meant, run go test ./compose -update (-want +got):\n%s", diff)
	}
}

// checkPlan asserts what holds for every plan.
func checkPlan(t *testing.T, p Plan) {
	t.Helper()
	next := 0
	for _, s := range p.Segments {
		if s.First != next || s.Frames <= 0 {
			t.Errorf("segment begins at frame %d, not %d", s.First, next)
		}
		next += s.Frames
		for i, tile := range s.Tiles {
			b := tile.Box
			if b.X < 0 || b.Y < 0 || b.X+b.Width > p.Spec.Width || b.Y+b.Height > p.Spec.Height || (b.X|b.Y|b.Width|b.Height)&1 != 0 || b.Width < 2 || b.Height < 2 {
				t.Errorf("at %v: tile %d is %+v", s.From, i, b)
			}
			if c := tile.Picture; c != nil && (c.To <= s.From || c.To > s.To) {
				t.Errorf("at %v: tile %d shows %v to %v", s.From, i, c.From, c.To)
			}
		}
	}
	if next != p.Frames {
		t.Errorf("segments have %d frames, the film has %d", next, p.Frames)
	}
	for _, lane := range p.Voices {
		for i := 1; i < len(lane); i++ {
			if lane[i].From < lane[i-1].To {
				t.Errorf("voices of one lane overlap: %+v, %+v", lane[i-1], lane[i])
			}
		}
	}
}
