package compose

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-text/typesetting/font"
	"golang.org/x/image/draw"

	"github.com/roomreel/roomreel/recording"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ name, identity, label, initials string }{
		{"Ann Smith-Jones", "a", "Ann Smith-Jones", "AS"},
		{"", "user-1", "user-1", "U"},
		{"  \n\t ", "x:y%z", "x:y%z", "X"},
		{"Zoë\nÅngström 🎉", "", "Zoë Ångström 🎉", "ZÅ"},
		{"🎉🎉", "", "🎉🎉", "🎉"},
		{"👩🏽‍🚀 crew", "", "👩🏽‍🚀 crew", "C"},
		{"王小明", "", "王小明", "王"},
		{"محمد علي", "", "محمد علي", "م"},
		{"राम कुमार", "", "राम कुमार", "राकु"},
		{"\x00\xff'", "", "'", "?"},
		{"%{pts}:'\\", "", "%{pts}:'\\", "P"},
		{"ev\u202eil\u200b", "", "evil", "E"},
		{"z\u0300\u0301\u0302\u0303\u0304\u0305algo", "", "z\u0300\u0301\u0302algo", "Z\u0300\u0301\u0302"},
		{"", "", "?", "?"},
		{strings.Repeat("x", 300), "", strings.Repeat("x", mostRunes), "X"},
	} {
		label, initials := nameFor(c.name, c.identity)
		if label != c.label || initials != c.initials {
			t.Errorf("%q, %q is called %q (%q), not %q (%q)", c.name, c.identity, label, initials, c.label, c.initials)
		}
	}
}

// ink counts the pixels that are near a colour.
func ink(img image.Image, c color.NRGBA) int {
	n := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			p := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if p.A > 0x80 && abs(int(p.R)-int(c.R))+abs(int(p.G)-int(c.G))+abs(int(p.B)-int(c.B)) < 60 {
				n++
			}
		}
	}
	return n
}

// Every script that this machine has a font for is drawn, and shaped: letters
// of one script are not those of another, and joined ones not the sum of single ones.
func TestScripts(t *testing.T) {
	l := letters()
	for _, s := range []string{"Ann", "Ωμέγα", "Дмитрий", "王小明", "はなこ", "홍길동", "محمد", "דוד", "राम", "สมชาย"} {
		if l.drawn(s) != s {
			t.Logf("no font here has %s", s)
			continue
		}
		plate, _, _ := drawPlate(Box{Width: 640, Height: 360}, s, false)
		if plate == nil || ink(plate, textColour) < 20 {
			t.Errorf("the plate of %s is empty", s)
		}
	}
	if s := "محمد"; l.drawn(s) == s {
		glyphs := func(s string) (ids []font.GID) {
			for _, run := range l.line(s, 40, 1000, false).runs {
				for _, g := range run.Glyphs {
					ids = append(ids, g.GlyphID)
				}
			}
			return ids
		}
		var apart []font.GID
		for _, r := range s {
			apart = append(apart, glyphs(string(r))...)
		}
		slices.Reverse(apart) // it is read from right to left
		if joined := glyphs(s); slices.Equal(joined, apart) {
			t.Errorf("%s is written in single letters", s)
		}
	}
	if s := "🎉"; l.drawn(s) == s {
		if plate, _, _ := drawPlate(Box{Width: 1280, Height: 720}, s, false); plate == nil || coloured(plate) == 0 {
			t.Error("the emoji has no colour")
		}
	}
}

// coloured counts the pixels that are far from grey.
func coloured(img image.Image) int {
	n := 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			if max(r, g, b)-min(r, g, b) > 0x4000 {
				n++
			}
		}
	}
	return n
}

func TestLongNamesAreCut(t *testing.T) {
	b := Box{Width: 320, Height: 180}
	for _, name := range append(hostile, strings.Repeat("W", 300), strings.Repeat("محمد ", 60), strings.Repeat("王", 300)) {
		label, _ := nameFor(name, "x")
		plate, x, y := drawPlate(b, label, false)
		if plate != nil && (x < 0 || y < 0 || x+plate.Bounds().Dx() > b.Width || y+plate.Bounds().Dy() > b.Height) {
			t.Errorf("the plate of %.20q leaves its tile: %v at %d,%d", name, plate.Bounds(), x, y)
		}
	}
}

func TestAssets(t *testing.T) {
	dir, shared := t.TempDir(), t.TempDir()
	assets := filepath.Join(dir, AssetsFolder)
	if err := os.Mkdir(assets, 0o755); err != nil {
		t.Fatal(err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, 40, 20))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(color.NRGBA{0xff, 0, 0, 0xff}), image.Point{}, draw.Src)
	for _, file := range []string{filepath.Join(assets, "own.png"), filepath.Join(shared, "shared.png"), filepath.Join(dir, "outside.png")} {
		if err := writePNG(file, picture); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(assets, "text.png"), []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "outside.png"), filepath.Join(assets, "link.png")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"own.png", "shared.png"} {
		if got, err := readAsset(dir, shared, file); err != nil || got.picture.Bounds() != picture.Bounds() {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, file := range []string{"none.png", "text.png", "link.png", "../outside.png"} {
		if _, err := readAsset(dir, shared, file); recording.CodeOf(err) != recording.CodeInvalidRequest {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range hostile {
		f.Add(name, name+"!")
	}
	f.Fuzz(func(t *testing.T, name, identity string) {
		label, initials := nameFor(name, identity)
		if label == "" || initials == "" || strings.ContainsAny(label, "\x00\n\r\t") {
			t.Fatalf("%q, %q is called %q (%q)", name, identity, label, initials)
		}
		b := Box{Width: 320, Height: 180}
		plate, x, y := drawPlate(b, label, false)
		if plate != nil && (x < 0 || y < 0 || x+plate.Bounds().Dx() > b.Width || y+plate.Bounds().Dy() > b.Height) {
			t.Fatalf("the plate of %q leaves its tile: %v at %d,%d", label, plate.Bounds(), x, y)
		}
		drawCard(b, identity, initials, nil)
		drawTextCard(320, 180, Card{Text: label, Subtitle: identity}, canvasColour)
	})
}

// A name plate is never under the logo or the clock.
func TestPlatesStandAside(t *testing.T) {
	plate := sprite{file: "p", x: 10, y: 150, width: 60, height: 20}
	tile := Box{X: 0, Y: 540, Width: 320, Height: 180}
	for name, c := range map[string]struct {
		over sprite
		x, y int
	}{
		"none":            {sprite{}, 10, 150},
		"elsewhere":       {sprite{file: "l", x: 1000, y: 20, width: 100, height: 50}, 10, 150},
		"beside it":       {sprite{file: "l", x: 20, y: 660, width: 100, height: 50}, 130, 150},
		"above it":        {sprite{file: "l", x: 20, y: 660, width: 280, height: 50}, 10, 90},
		"no room for it":  {sprite{file: "l", x: 20, y: 500, width: 280, height: 210}, 10, 150},
		"nothing to move": {sprite{file: "l", x: 0, y: 540, width: 320, height: 20}, 10, 150},
	} {
		if got := plate.aside(tile, c.over); got.x != c.x || got.y != c.y {
			t.Errorf("%s: at %d,%d, not %d,%d", name, got.x, got.y, c.x, c.y)
		}
	}
}

// A title that is too long for a line takes up to three, within the canvas.
func TestTitlesWrap(t *testing.T) {
	l := letters()
	for _, c := range []struct {
		text  string
		lines int
	}{
		{"Review", 1},
		{"A review of all that happened in the third quarter and of what is to come", 2},
		{strings.Repeat("many words ", 27), 3},
		{strings.Repeat("王", 100), 3},
		{strings.Repeat("محمد ", 30), 3},
		{strings.Repeat("W", 300), 3},
	} {
		const width = 1075
		title := cleanUpTo(c.text, mostText)
		lines := l.lines(title, fitted(l, title, 61, width), width, true, 3)
		if len(lines) != c.lines {
			t.Errorf("%.20q takes %d lines, not %d", c.text, len(lines), c.lines)
		}
		for _, line := range lines {
			if line.width > width || line.width == 0 {
				t.Errorf("a line of %.20q is %d wide", c.text, line.width)
			}
		}
	}
}
