package compose

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roomreel/roomreel/recording"
)

var update = flag.Bool("update", false, "write the golden files anew")

// track makes a track whose file time zero lies at start.
func track(kind recording.Kind, number int, from, to float64, more ...recording.SyncPoint) recording.Track {
	return recording.Track{
		Number: number, Kind: kind, Start: sec(from), End: sec(to),
		Sync: append([]recording.SyncPoint{{File: 0, Timeline: sec(from)}}, more...),
	}
}

func muted(t recording.Track, from, to float64) recording.Track {
	t.Muted = append(t.Muted, interval{From: sec(from), To: sec(to)})
	return t
}

func partOf(id, who, stream string, tracks ...recording.Track) recording.Part {
	return recording.Part{ID: id, File: id + ".webm", Participant: who, Stream: stream, Tracks: tracks}
}

func present(who, name string, times ...float64) recording.Participant {
	p := recording.Participant{Identity: who, Name: name}
	for i := 0; i < len(times); i += 2 {
		p.Present = append(p.Present, recording.Presence{SID: "PA", From: sec(times[i]), To: sec(times[i+1])})
	}
	return p
}

func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		manifest recording.Manifest
		spec     recording.CompositionSpec
	}{
		"late-join-and-early-leave": {manifest: recording.Manifest{
			ID:           "rec_1",
			Participants: []recording.Participant{present("a", "Ann", 0, 60), present("b", "Bob", 10, 60), present("c", "", 0, 40)},
			Parts: []recording.Part{
				partOf("p1", "a", "camera", track("video", 1, 1, 60), track("audio", 2, 1.02, 60)),
				partOf("p2", "b", "camera", track("audio", 1, 10.5, 60), track("video", 2, 10.4, 60)),
				partOf("p3", "c", "camera", track("audio", 1, 1, 39.9)),
			},
		}},
		"shared-screen-mute-and-drift": {manifest: recording.Manifest{
			ID:           "rec_2",
			Participants: []recording.Participant{present("a", "Ann", 0, 300), present("b", "Bob", 0, 300)},
			Parts: []recording.Part{
				partOf("p1", "a", "camera",
					muted(track("video", 1, 0, 300, recording.SyncPoint{File: sec(100), Timeline: sec(100.02)}, recording.SyncPoint{File: sec(200), Timeline: sec(200.01)}), 50, 80),
					muted(track("audio", 2, 0, 300), 100, 140)),
				partOf("p2", "b", "camera", track("audio", 1, 0, 300), track("video", 2, 20, 300)),
				partOf("p3", "b", "screen_share", track("video", 1, 120, 180), track("audio", 2, 120, 180)),
			},
		}},
		"short-changes-merge": {manifest: recording.Manifest{
			ID:           "rec_3",
			Participants: []recording.Participant{present("a", "Ann", 0, 10), present("b", "Bob", 2, 10), present("c", "Cyd", 2.1, 10)},
			Parts: []recording.Part{
				partOf("p1", "a", "camera", track("video", 1, 0, 5)),
				partOf("p4", "a", "camera", track("video", 1, 5.3, 9.9)),
				partOf("p2", "b", "camera", track("video", 1, 2, 10)),
				partOf("p3", "c", "camera", track("video", 1, 2.1, 10)),
			},
		}},
		"range-and-take-over": {
			manifest: recording.Manifest{
				ID:           "rec_4",
				Participants: []recording.Participant{present("a", "Ann", 0, 60)},
				Parts: []recording.Part{
					partOf("p1", "a", "camera", track("video", 1, 0, 31), track("audio", 2, 0, 31)),
					{ID: "p2", File: "p2.webm", Participant: "a", Stream: "camera", Epoch: 2, Tracks: []recording.Track{track("video", 1, 30, 60), track("audio", 2, 30, 60)}},
				},
			},
			spec: recording.CompositionSpec{From: sec(20), To: sec(50), Format: "webm", Width: 640, Height: 480, FrameRate: 25},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := NewPlan(&c.manifest, c.spec)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(plan, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
				t.Error(diff)
			}
			next := 0
			for _, s := range plan.Segments {
				if s.First != next || s.Frames <= 0 {
					t.Errorf("segment begins at frame %d, not %d", s.First, next)
				}
				next += s.Frames
			}
			if next != plan.Frames {
				t.Errorf("segments have %d frames, the film has %d", next, plan.Frames)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	parts := func(p ...recording.Part) *recording.Manifest { return &recording.Manifest{ID: "rec", Parts: p} }
	good := partOf("p", "a", "camera", track("video", 1, 5, 10))
	outside := good
	outside.File = "../../etc/passwd"
	for name, c := range map[string]struct {
		manifest *recording.Manifest
		spec     recording.CompositionSpec
		code     recording.Code
	}{
		"no parts":        {parts(), recording.CompositionSpec{}, recording.CodeNoMedia},
		"empty track":     {parts(partOf("p", "a", "camera", track("video", 1, 5, 5))), recording.CompositionSpec{}, recording.CodeNoMedia},
		"range after end": {parts(good), recording.CompositionSpec{From: sec(11)}, recording.CodeInvalidRequest},
		"range reversed":  {parts(good), recording.CompositionSpec{From: sec(7), To: sec(6)}, recording.CodeInvalidRequest},
		"layout":          {parts(good), recording.CompositionSpec{Layout: "mosaic'\n"}, recording.CodeInvalidRequest},
		"format":          {parts(good), recording.CompositionSpec{Format: "avi"}, recording.CodeInvalidRequest},
		"odd size":        {parts(good), recording.CompositionSpec{Width: 641, Height: 480}, recording.CodeInvalidRequest},
		"one side":        {parts(good), recording.CompositionSpec{Width: 640}, recording.CodeInvalidRequest},
		"huge":            {parts(good), recording.CompositionSpec{Width: 1 << 40, Height: 1 << 40}, recording.CodeInvalidRequest},
		"frame rate":      {parts(good), recording.CompositionSpec{FrameRate: -1}, recording.CodeInvalidRequest},
		"negative range":  {parts(good), recording.CompositionSpec{From: -1}, recording.CodeInvalidRequest},
		"too long":        {parts(partOf("p", "a", "camera", track("video", 1, 0, 1e6))), recording.CompositionSpec{}, recording.CodeInvalidRequest},
		"file outside":    {parts(outside), recording.CompositionSpec{}, recording.CodeComposeFailed},
		"no drift": {parts(good), recording.CompositionSpec{External: []recording.ExternalVideo{
			{File: "a.mp4", Participant: "a", At: sec(5), End: sec(8), Duration: sec(1), Width: 2, Height: 2},
		}}, recording.CodeInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewPlan(c.manifest, c.spec)
			if !errors.Is(err, &recording.Error{Code: c.code}) {
				t.Errorf("got %v, want code %s", err, c.code)
			}
		})
	}
}

// The loop filter is left out of VP8 alone, only while the picture is much larger
// than its tile, and not of films that are kept.
func TestPlanSkipsTheLoopFilter(t *testing.T) {
	picture := func(codec string) recording.Track {
		p := sized(sized(track("video", 1, 0, 40), 0, 640, 360), 10, 1280, 720)
		p.Codec = codec
		return p
	}
	for _, c := range []struct {
		codec  string
		people int
		spec   recording.CompositionSpec
		want   bool
	}{
		{"vp8", 4, recording.CompositionSpec{From: sec(10)}, true},
		{"vp8", 4, recording.CompositionSpec{From: sec(10), Quality: QualityDraft}, true},
		{"vp8", 4, recording.CompositionSpec{From: sec(10), Quality: QualityArchive}, false},
		{"vp8", 4, recording.CompositionSpec{From: sec(9)}, false}, // 640x360 for a second
		{"vp8", 9, recording.CompositionSpec{To: sec(9)}, false},   // 640x360 in 416x236
		{"vp8", 16, recording.CompositionSpec{To: sec(9)}, true},
		{"vp8", 1, recording.CompositionSpec{From: sec(10)}, false},
		{"vp8", 4, recording.CompositionSpec{From: sec(10), Width: 1920, Height: 1080}, false},
		{"vp9", 4, recording.CompositionSpec{From: sec(10)}, false},
		{"", 4, recording.CompositionSpec{From: sec(10)}, false},
	} {
		m := &recording.Manifest{ID: "rec", Duration: sec(40)}
		for i := range c.people {
			id := fmt.Sprintf("p%02d", i)
			m.Participants = append(m.Participants, present(id, id, 0, 40))
			m.Parts = append(m.Parts, partOf(id, id, "camera", picture(c.codec)))
		}
		plan, err := NewPlan(m, c.spec)
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Segments[0].Tiles[0].Picture.SkipLoopFilter; got != c.want {
			t.Errorf("%d people's %s, %+v: skipped is %v", c.people, c.codec, c.spec, got)
		}
	}
}

func TestClock(t *testing.T) {
	c := clock{{File: 0, Timeline: sec(10)}, {File: sec(100), Timeline: sec(111)}, {File: sec(100), Timeline: sec(115)}, {File: sec(200), Timeline: sec(215)}}
	for _, p := range []struct{ file, film float64 }{{-1, 8.99}, {0, 10}, {50, 60.5}, {101, 116}, {200, 215}, {300, 315}} {
		if got := c.film(sec(p.file)); !near(got, sec(p.film)) {
			t.Errorf("file %v is at %v, not %v", p.file, got, p.film)
		}
		if got := c.file(sec(p.film)); !near(got, sec(p.file)) {
			t.Errorf("film %v is file %v, not %v", p.film, got, p.file)
		}
	}
	if got := c.file(sec(113)); got != sec(100) {
		t.Errorf("film time within the step is file %v, not 100", got)
	}
	// A thousand points on two lines are three.
	var many clock
	for i := range 1001 {
		f := recording.Seconds(i) * sec(1)
		at := f
		if i > 500 {
			at += (f - sec(500)) / 1000
		}
		many = append(many, recording.SyncPoint{File: f, Timeline: at})
	}
	want := clock{many[0], many[500], many[1000]}
	if diff := cmp.Diff(want, many.simplify()); diff != "" {
		t.Error(diff)
	}
}

// near allows for a microsecond of rounding.
func near(a, b recording.Seconds) bool { return max(a-b, b-a) <= 1e3 }

func TestGrid(t *testing.T) {
	// Columns and the least share of the canvas that the tiles cover.
	want := map[int]struct {
		cols  int
		cover float64
	}{1: {1, 1}, 2: {2, 0.63}, 3: {2, 0.70}, 4: {2, 0.93}, 5: {3, 0.69}, 6: {3, 0.83}, 9: {3, 0.90}, 12: {4, 0.90}, 16: {4, 0.89}, 25: {5, 0.86}, 36: {6, 0.83}, 49: {7, 0.80}}
	for _, canvas := range [][2]int{{1280, 720}, {720, 1280}, {1920, 1080}, {320, 180}, {640, 480}} {
		for n := range 60 {
			boxes := gridBoxes(canvas[0], canvas[1], n)
			if len(boxes) != min(n, gridMost) {
				t.Fatalf("%d seats have %d boxes", n, len(boxes))
			}
			rows, area := map[int]int{}, 0
			for i, b := range boxes {
				rows[b.Y]++
				area += b.Width * b.Height
				if b.X < 0 || b.Y < 0 || b.X+b.Width > canvas[0] || b.Y+b.Height > canvas[1] || (b.X|b.Y|b.Width|b.Height)&1 != 0 || b.Width < 2 || b.Height < 2 {
					t.Fatalf("%v: box %d of %d is %+v", canvas, i, n, b)
				}
				for _, o := range boxes[:i] {
					if b.X < o.X+o.Width && o.X < b.X+b.Width && b.Y < o.Y+o.Height && o.Y < b.Y+b.Height {
						t.Fatalf("%v: of %d boxes %+v and %+v overlap", canvas, n, b, o)
					}
				}
			}
			if w, has := want[n]; has && canvas[0] == 1280 {
				cover := float64(area) / float64(canvas[0]*canvas[1])
				if got := rows[boxes[0].Y]; got != w.cols || cover < w.cover {
					t.Errorf("%d tiles stand in %d columns and cover %.3f, want %d and %.2f", n, got, cover, w.cols, w.cover)
				}
			}
		}
	}
}
