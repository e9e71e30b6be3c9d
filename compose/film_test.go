package compose

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roomreel/roomreel/recording"
)

const testWidth, testHeight, testRate = 320, 180, 60

func testSpec(format string) recording.CompositionSpec {
	return recording.CompositionSpec{Format: format, Width: testWidth, Height: testHeight, FrameRate: testRate}
}

// made composes and decodes a film, and checks what holds for every film.
func made(t *testing.T, dir string, spec recording.CompositionSpec, length float64) decoded {
	t.Helper()
	film, err := Compose(context.Background(), dir, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	if film.State != recording.CompositionReady || film.Progress != 100 || film.Width != testWidth || film.Height != testHeight || film.Bytes == 0 {
		t.Fatalf("composition is %+v", film)
	}
	path := filepath.Join(recording.CompositionsDir(dir), film.File)
	if out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the film does not decode silently: %v\n%s", err, out)
	}
	if d := film.Duration.Float(); math.Abs(d-length) > 0.025 {
		t.Errorf("film lasts %v s, not %v", d, length)
	}
	d := decode(t, path, testWidth, testHeight, testRate)
	if want := int(math.Round(length * testRate)); len(d.frames) != want {
		t.Errorf("film has %d frames, not %d", len(d.frames), want)
	}
	if got := float64(len(d.sound)) / sampleRate; math.Abs(got-length) > 0.025 {
		t.Errorf("film has %v s of sound, not %v", got, length)
	}
	left, err := filepath.Glob(filepath.Join(recording.CompositionsDir(dir), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	return d
}

// Three people, one late and with a clock that runs 1 % slow, one leaving
// early; file clocks, sound and picture each begin somewhere else.
func TestFilmTellsTheTruth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir,
		person{identity: "ann", colour: "red", from: 0.5, to: 8, videoAt: 0.5, audioAt: 0.5},
		person{identity: "bob", colour: "green", from: 2.3, to: 8, fileZero: 3.2, videoAt: 2.3, audioAt: 2.34, rate: 1.01, phase: 0.33},
		person{identity: "eve", colour: "blue", from: 1, to: 5.5, videoAt: 1, audioAt: 1.02, phase: 0.66},
	)
	const zero = 0.5
	for _, format := range []string{"mp4", "webm"} {
		t.Run(format, func(t *testing.T) {
			d := made(t, dir, testSpec(format), 7.54)
			type place struct{ x, y int }
			all, left, right := place{160, 90}, place{80, 90}, place{240, 90}
			tl, tr, bottom := place{80, 46}, place{240, 46}, place{160, 134}
			for _, want := range []struct {
				at     float64
				place  place
				colour string
			}{
				{0.5, all, "red"},
				{1.4, left, "red"},
				{1.4, right, "blue"},
				{1.4, place{160, 10}, "canvas"},
				{2.8, tl, "red"},
				{2.8, tr, "blue"},
				{2.8, bottom, "green"},
				{2.8, place{20, 134}, "canvas"},
				{4.8, tl, "red"},
				{4.8, tr, "blue"},
				{4.8, bottom, "green"},
				{5.8, left, "red"},
				{5.8, right, "green"},
				{7.2, left, "red"},
				{7.2, right, "green"},
			} {
				if got := d.colour(want.at-zero+0.4, want.place.x, want.place.y); got != want.colour {
					t.Errorf("at %v s on the timeline (%d,%d) is %s, not %s", want.at+0.4, want.place.x, want.place.y, got, want.colour)
				}
			}
			for _, want := range []struct {
				at    float64
				place place
			}{
				{1, left},
				{2, left},
				{3, tl},
				{5, tl},
				{6, left},
				{7, left},
				{3.33, bottom},
				{5.33, bottom},
				{6.33, right},
				{7.33, right},
				{1.66, right},
				{2.66, tr},
				{4.66, tr},
			} {
				flash, beep := d.flash(want.at-zero-0.1, want.place.x, want.place.y), d.beep(want.at-zero-0.1)
				t.Logf("%v: flash %+.1f ms, beep %+.1f ms", want.at, 1000*(flash-want.at+zero), 1000*(beep-want.at+zero))
				const limit = 0.020
				if math.Abs(flash-want.at+zero) > limit || math.Abs(beep-want.at+zero) > limit || math.Abs(flash-beep) > limit {
					t.Errorf("at %v s on the timeline: flash %v, beep %v", want.at, flash+zero, beep+zero)
				}
			}
		})
	}
}

func TestVoicesKeepTheirLevel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir,
		person{identity: "ann", noVideo: true, to: 6, tone: 400, steady: true},
		person{identity: "bob", noVideo: true, from: 2, audioAt: 2, to: 4, tone: 1000, steady: true},
		person{identity: "eve", noVideo: true, from: 2, audioAt: 2, to: 4, tone: 2500, steady: true},
	)
	for _, format := range []string{"mp4", "webm"} {
		t.Run(format, func(t *testing.T) {
			d := made(t, dir, testSpec(format), 6)
			const spoken = -12.04 // 20 log10 0.25
			for _, want := range []struct{ tone, from, level float64 }{
				{400, 0.5, spoken}, {400, 2.5, spoken}, {400, 4.5, spoken}, {1000, 2.5, spoken}, {2500, 2.5, spoken},
			} {
				if got := d.level(want.tone, want.from, want.from+1); math.Abs(got-want.level) > 1 {
					t.Errorf("%v Hz from %v s has %.2f dB, not %.2f", want.tone, want.from, got, want.level)
				}
			}
			if got := d.level(1000, 0.5, 1.5); got > -50 {
				t.Errorf("bob is heard before he came: %.1f dB", got)
			}
			if got := d.colour(1, 20, 20); got != "card" {
				t.Errorf("one who is heard only shows %s, not a card", got)
			}
			if got := d.colour(1, 160, 90); got == "card" || got == "canvas" {
				t.Errorf("the card's middle is empty: %s", got)
			}
		})
	}
}

// Sizes change inside a track, a camera is muted, a phone stands upright, a
// file ends before its time: all of it stays in its tile.
func TestPicturesThatChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann", colour: "red", to: 6, noAudio: true, steady: true, size: "160x90", secondSize: "90x160"},
		person{identity: "bob", colour: "green", to: 6, noAudio: true, steady: true, muted: []interval{{From: sec(2), To: sec(4)}}},
		person{identity: "phone", colour: "blue", to: 6, noAudio: true, steady: true, size: "90x160"},
		person{identity: "short", colour: "yellow", to: 3, noAudio: true, steady: true},
	)
	m.Parts[3].Tracks[0].End, m.Participants[3].Present[0].To = sec(6), sec(6)
	m.Parts[3].Tracks[0].Sync = m.Parts[3].Tracks[0].Sync[:1]
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	d := made(t, dir, testSpec("mp4"), 6)
	for _, want := range []struct {
		at     float64
		x, y   int
		colour string
	}{
		{1, 80, 46, "red"},
		{1, 14, 46, "red"},
		{5, 80, 46, "red"},
		{5, 14, 46, "card"},
		{1, 200, 20, "green"},
		{3, 200, 20, "card"},
		{5, 200, 20, "green"},
		{1, 80, 134, "blue"},
		{1, 14, 134, "card"},
		{5, 80, 134, "blue"},
		{1, 200, 134, "yellow"},
		{2.9, 200, 134, "yellow"},
		{5, 200, 134, "card"},
	} {
		if got := d.colour(want.at, want.x, want.y); got != want.colour {
			t.Errorf("at %v s (%d,%d) is %s, not %s", want.at, want.x, want.y, got, want.colour)
		}
	}
}

// Nobody can spoil a film by a picture that is all but a line: where it would
// vanish there is a card, and nothing is enlarged beyond measure.
func TestLinesAreNoPictures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann", colour: "red", to: 1, steady: true},
		person{identity: "bob", colour: "green", to: 1, size: "2x1280", noAudio: true, steady: true},
		person{identity: "eve", colour: "blue", to: 1, size: "1280x2", noAudio: true, steady: true},
	)
	for i, size := range [][2]int{{160, 90}, {2, 1280}, {1280, 2}} {
		m.Parts[i].Tracks[0] = sized(m.Parts[i].Tracks[0], 0, size[0], size[1])
	}
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	d := made(t, dir, testSpec("mp4"), 1)
	if ann, bob, eve := d.colour(0.5, 80, 45), d.colour(0.5, 180, 20), d.colour(0.5, 100, 110); ann != "red" || bob != "card" || eve != "card" {
		t.Errorf("ann is %s, bob %s, eve %s", ann, bob, eve)
	}
	spec := testSpec("mp4")
	spec.Layout = "custom"
	for i, who := range []string{"ann", "bob", "eve"} {
		spec.Boxes = append(spec.Boxes, recording.LayoutBox{X: 100 * i, Width: 100, Height: 180, Fit: recording.FitCover, Participant: who})
	}
	plan, err := NewPlan(m, spec)
	if err != nil {
		t.Fatal(err)
	}
	var fits []recording.Fit
	for _, tile := range plan.Segments[0].Tiles {
		fits = append(fits, tile.Fit)
	}
	if want := []recording.Fit{recording.FitCover, recording.FitContain, recording.FitContain}; !slices.Equal(fits, want) {
		t.Errorf("they are shown as %q, not %q", fits, want)
	}
}

// Parts that follow one another make one person; between parts that lie
// apart, who left is gone and the grid closes.
func TestReconnect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann", colour: "red", to: 7, noAudio: true, steady: true},
		person{identity: "bob", colour: "green", to: 2, tone: 1000, steady: true},
		person{identity: "bob", colour: "blue", from: 4, videoAt: 4, audioAt: 4, to: 7, tone: 1000, steady: true},
	)
	m.Participants[1].Present = append(m.Participants[1].Present, m.Participants[2].Present...)
	m.Participants = m.Participants[:2]
	if err := recording.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	d := made(t, dir, testSpec("mp4"), 7)
	for _, want := range []struct {
		at     float64
		x      int
		colour string
	}{{1, 80, "red"}, {1, 240, "green"}, {3, 80, "red"}, {3, 240, "red"}, {5, 80, "red"}, {5, 240, "blue"}} {
		if got := d.colour(want.at, want.x, 90); got != want.colour {
			t.Errorf("at %v s x=%d is %s, not %s", want.at, want.x, got, want.colour)
		}
	}
	if gone, back := d.level(1000, 2.2, 3.8), d.level(1000, 4.2, 6); gone > -50 || math.Abs(back+12.04) > 1 {
		t.Errorf("bob is heard at %.1f dB while away and %.1f dB when back", gone, back)
	}
}

func TestBrokenParts(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(file string) error{
		"missing": os.Remove,
		"empty":   func(file string) error { return os.Truncate(file, 0) },
		"garbage": func(file string) error { return os.WriteFile(file, []byte("this is not a film"), 0o600) },
		"header":  func(file string) error { return os.Truncate(file, 300) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := meeting(t, dir, person{identity: "ann", colour: "red", to: 1})
			if err := spoil(filepath.Join(dir, m.Parts[0].File)); err != nil {
				t.Fatal(err)
			}
			film, err := Compose(context.Background(), dir, testSpec("mp4"), nil)
			if recording.CodeOf(err) != recording.CodeComposeFailed || film.State != recording.CompositionFailed {
				t.Fatalf("got %v, %+v", err, film)
			}
			if !strings.Contains(err.Error(), m.Parts[0].File) {
				t.Errorf("the error does not name the file: %v", err)
			}
			for _, pattern := range []string{".*", "*.mp4"} {
				if left, _ := filepath.Glob(filepath.Join(recording.CompositionsDir(dir), pattern)); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			}
			if _, err := os.Stat(filepath.Join(recording.CompositionsDir(dir), film.ID+".json")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCutShortAndDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir, person{identity: "ann", colour: "red", to: 4}, person{identity: "bob", colour: "green", to: 4})
	file := filepath.Join(dir, m.Parts[0].File)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	made(t, dir, testSpec("webm"), 4)
}

// A cut inside of a segment, between keyframes of the source, shows nowhere:
// no frame comes twice or is lost.
func TestSeam(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir, person{identity: "ann", colour: "red", to: 4}, person{identity: "bob", colour: "green", to: 4, fileZero: 1.5, phase: 0.5})
	for _, format := range []string{"mp4", "webm"} {
		t.Run(format, func(t *testing.T) {
			whole := made(t, dir, testSpec(format), 4)
			plan, err := NewPlan(m, testSpec(format))
			if err != nil {
				t.Fatal(err)
			}
			var cut []Segment
			for _, at := range [][2]int{{0, 33}, {33, 123}, {123, 240}} {
				s := plan.Segments[0]
				s.First, s.Frames = at[0], at[1]-at[0]
				s.From, s.To = frameTime(at[0], testRate), frameTime(at[1], testRate)
				cut = append(cut, s)
			}
			plan.Segments = cut
			film, err := Composer{}.make(context.Background(), dir, m, plan, newComposition(m.ID, plan.Spec), nil)
			if err != nil {
				t.Fatal(err)
			}
			pieces := decode(t, filepath.Join(recording.CompositionsDir(dir), film.File), testWidth, testHeight, testRate)
			if len(pieces.frames) != len(whole.frames) {
				t.Fatalf("%d frames, not %d", len(pieces.frames), len(whole.frames))
			}
			for n := range whole.frames {
				for _, x := range []int{80, 240} {
					if a, b := whole.colourOf(n, x, 90), pieces.colourOf(n, x, 90); a != b {
						t.Errorf("frame %d at %d is %s in one piece and %s in three", n, x, a, b)
					}
				}
			}
		})
	}
}

// Where sound was cut cannot be heard: films with seams in different places
// agree, sample by sample. The first cell is left out, for a file's beginning
// is decoded half a millisecond off: its times are in milliseconds, and the
// delay of this Opus encoder is 6.5.
func TestSoundSeam(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := meeting(t, dir,
		person{identity: "ann", noVideo: true, to: 12, tone: 440, steady: true},
		person{identity: "bob", noVideo: true, to: 11, tone: 1234, phase: 0.92},
	)
	for _, v := range []struct {
		format   string
		channels int
	}{{"m4a", 1}, {"m4a", 2}, {"opus", 1}, {"opus", 2}} {
		t.Run(fmt.Sprint(v.format, v.channels), func(t *testing.T) {
			sound := func(c Composer) []float64 {
				plan, err := NewPlan(m, recording.CompositionSpec{Format: v.format})
				if err != nil {
					t.Fatal(err)
				}
				plan.Channels = v.channels
				film, err := c.make(context.Background(), dir, m, plan, newComposition(m.ID, plan.Spec), nil)
				if err != nil {
					t.Fatal(err)
				}
				raw := tool(t, "ffmpeg", "-v", "error", "-i", filepath.Join(recording.CompositionsDir(dir), film.File), "-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "f32le", "-")
				var out []float64
				for ; len(raw) >= 4; raw = raw[4:] {
					out = append(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
				}
				return out
			}
			whole, cut := sound(Composer{soundCell: 4 * time.Second}), sound(Composer{soundCell: 3 * time.Second})
			if len(whole) != len(cut) || math.Abs(float64(len(whole))/sampleRate-12) > 0.045 {
				t.Fatalf("%d samples and %d", len(cut), len(whole))
			}
			const window = sampleRate / 200
			seams, elsewhere := 1e-9, 1e-9
			for n := 41 * sampleRate / 10; n+window <= 12*sampleRate; n += window {
				var noise float64
				for i := n; i < n+window; i++ {
					noise += (whole[i] - cut[i]) * (whole[i] - cut[i]) / window
				}
				at, near := float64(n)/sampleRate, 0.05
				if math.Abs(at-6) < near || math.Abs(at-8) < near || math.Abs(at-9) < near {
					seams = max(seams, noise)
				} else {
					elsewhere = max(elsewhere, noise)
				}
			}
			t.Logf("largest difference: %.1f dBFS at seams, %.1f elsewhere", 10*math.Log10(seams), 10*math.Log10(elsewhere))
			if seams > 1.26*elsewhere || elsewhere > 0.003 {
				t.Error("seams can be heard")
			}
		})
	}
}

func TestPieces(t *testing.T) {
	for _, minutes := range []int{1, 2, 7, 60, 600} {
		p := Plan{Spec: recording.CompositionSpec{FrameRate: 30, Format: "mp4"}, Frames: minutes * 1800}
		third := p.Frames / 3
		p.Segments = []Segment{{First: 0, Frames: 20}, {First: 20, Frames: third}, {First: 20 + third, Frames: p.Frames - third - 20}}
		next := 0
		for _, piece := range p.pieces(4) {
			if piece.first != next || piece.frames <= 0 || piece.frames > 2*1800*5 {
				t.Fatalf("%d minutes: piece from %d has %d frames, expected at %d", minutes, piece.first, piece.frames, next)
			}
			next += piece.frames
		}
		if next != p.Frames {
			t.Errorf("%d minutes: pieces have %d frames, not %d", minutes, next, p.Frames)
		}
	}
}

func TestNoFFmpeg(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir, person{identity: "ann", colour: "red", to: 1})
	film, err := Composer{FFmpeg: filepath.Join(dir, "none")}.Compose(context.Background(), dir, testSpec("mp4"), nil)
	if recording.CodeOf(err) != recording.CodeComposeFailed || film.Error == nil {
		t.Errorf("got %v, %+v", err, film)
	}
}

// What is told of a failure holds no path of this machine.
func TestFailureTellsNoPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir, person{identity: "ann", colour: "red", to: 1})
	program, _ := wrapper(t, "exit 0") // and makes nothing
	film, err := Composer{FFmpeg: program}.Compose(t.Context(), dir, testSpec("opus"), nil)
	if err == nil || film.Error == nil || strings.Contains(film.Error.Message, dir) {
		t.Errorf("it failed with %v", film.Error)
	}
}

// ffmpeg may be named by its place relative to where roomreel was started.
func TestRelativeFFmpeg(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	meeting(t, dir, person{identity: "ann", colour: "red", to: 1})
	program, _ := wrapper(t, "")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if program, err = filepath.Rel(here, program); err != nil {
		t.Fatal(err)
	}
	if _, err := (Composer{FFmpeg: program}).Compose(t.Context(), dir, testSpec("opus"), nil); err != nil {
		t.Error(err)
	}
}
