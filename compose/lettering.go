package compose

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log"
	"slices"
	"strings"
	"sync"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/fontscan"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/draw"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
	"golang.org/x/text/unicode/bidi"
)

// capHeight is how tall a capital of the built-in typeface is, in sizes.
const capHeight = 0.723

// families are looked through, in this order, for what the built-in typeface
// lacks. After them comes whatever font has the rune.
var families = []string{
	"Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans Arabic", "Noto Sans Hebrew",
	"Noto Sans Devanagari", "Noto Sans Thai", "Noto Color Emoji", "DejaVu Sans",
}

// lettering draws text in every script that the built-in typeface or a font of
// this machine has: shaped, in the direction in which it is read, in colour
// where the font has colours.
type lettering struct {
	mu           sync.Mutex
	medium, bold *font.Face
	// system holds the machine's fonts. It is filled when a rune first needs it,
	// for to look through them takes long the first time.
	system  func() *fontscan.FontMap
	weight  *font.Face
	script  language.Script
	split   shaping.Segmenter
	shaper  shaping.HarfbuzzShaper
	wrapper shaping.LineWrapper
}

var letters = sync.OnceValue(func() *lettering {
	l := &lettering{medium: builtIn(gomedium.TTF), bold: builtIn(gobold.TTF)}
	l.weight = l.medium
	l.system = sync.OnceValue(func() *fontscan.FontMap {
		fonts := fontscan.NewFontMap(log.New(io.Discard, "", 0))
		_ = fonts.UseSystemFonts("") // without any, the built-in typeface has to do
		return fonts
	})
	return l
})

func builtIn(ttf []byte) *font.Face {
	face, err := font.ParseTTF(bytes.NewReader(ttf))
	if err != nil {
		panic(fmt.Sprintf("compose: the built-in typeface does not parse: %v", err))
	}
	return face
}

// ResolveFace returns the font that draws r. It is for shaping.Segmenter.
func (l *lettering) ResolveFace(r rune) *font.Face {
	if _, has := l.weight.NominalGlyph(r); has || r <= ' ' {
		return l.weight
	}
	fonts := l.system()
	aspect := font.Aspect{Weight: font.WeightMedium}
	if l.weight == l.bold {
		aspect.Weight = font.WeightBold
	}
	fonts.SetQuery(fontscan.Query{Families: families, Aspect: aspect})
	fonts.SetScript(l.script)
	if face := fonts.ResolveFace(r); face != nil {
		return face
	}
	return l.weight
}

// SetScript tells which script the next runes are of. It is for
// shaping.Segmenter.
func (l *lettering) SetScript(s language.Script) { l.script = s }

// text is one line, shaped.
type text struct {
	runs  []shaping.Output // from left to right
	size  float64
	width int
}

// line shapes text for a font size in pixels, without the runes that no font
// has. What is wider than width is cut, with an ellipsis in its place.
func (l *lettering) line(s string, size float64, width int, bold bool) text {
	if lines := l.lines(s, size, width, bold, 1); len(lines) > 0 {
		return lines[0]
	}
	return text{size: size}
}

// lines is line for a text that may take several, broken between words.
func (l *lettering) lines(s string, size float64, width int, bold bool, most int) []text {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.weight = l.medium
	if bold {
		l.weight = l.bold
	}
	runes := slices.DeleteFunc([]rune(s), func(r rune) bool { return !l.draws(r) })
	if len(runes) == 0 || width <= 0 {
		return nil
	}
	in := shaping.Input{Text: runes, RunEnd: len(runes), Direction: direction(runes), Size: fixed.Int26_6(size * 64), Language: language.DefaultLanguage()}
	var shaped []shaping.Output
	for _, run := range l.split.Split(in, l) {
		out := l.shaper.Shape(run)
		l.space(&out, runes, size)
		shaped = append(shaped, out)
	}
	ellipsis, policy := []rune("…"), shaping.WhenNecessary
	if most == 1 {
		policy = shaping.Always
	}
	wrap := shaping.WrapConfig{Direction: in.Direction, TruncateAfterLines: most, BreakPolicy: policy}.WithTruncator(&l.shaper, shaping.Input{
		Text: ellipsis, RunEnd: 1, Direction: in.Direction, Face: l.weight, Size: in.Size, Script: language.Common, Language: in.Language,
	})
	wrapped, _ := l.wrapper.WrapParagraph(wrap, width, runes, shaping.NewSliceIterator(shaped))
	var lines []text
	for _, line := range wrapped {
		out := text{size: size, runs: slices.Clone(line)}
		slices.SortFunc(out.runs, func(a, b shaping.Output) int { return int(a.VisualIndex - b.VisualIndex) })
		var advance fixed.Int26_6
		for _, r := range out.runs {
			advance += r.Advance
		}
		if out.width = advance.Ceil(); out.width > width {
			return nil // not even the ellipsis has room
		}
		lines = append(lines, out)
	}
	return lines
}

// space gives spaces their width in fonts that have none for them, as those of
// emoji do.
func (l *lettering) space(run *shaping.Output, runes []rune, size float64) {
	const usual, least = 0.28, 0.15
	for i := range run.Glyphs {
		g := &run.Glyphs[i]
		if runes[g.TextIndex()] == ' ' && float(g.Advance) < least*size {
			more := fixed.Int26_6(usual*size*64) - g.Advance
			g.Advance += more
			run.Advance += more
		}
	}
}

// middle is how far above the line the middle of the letters lies: of capitals,
// for scripts that have them, else of what is drawn.
func (l *lettering) middle(t text) float64 {
	top, bottom := 0.0, 0.0
	for _, run := range t.runs {
		if run.Face == l.medium || run.Face == l.bold {
			return t.size * capHeight / 2
		}
		for i, g := range run.Glyphs {
			high := float(g.YBearing) + float(g.YOffset)
			low := high + float(g.Height)
			if i == 0 {
				top, bottom = high, low
			}
			top, bottom = max(top, high), min(bottom, low)
		}
	}
	return (top + bottom) / 2
}

// draws reports whether some font has r, or whether it only steers others.
func (l *lettering) draws(r rune) bool {
	if r == ' ' || steers(r) {
		return true
	}
	_, has := l.ResolveFace(r).NominalGlyph(r)
	return has
}

// direction is that of the first letter that has one.
func direction(runes []rune) di.Direction {
	for _, r := range runes {
		p, _ := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.L:
			return di.DirectionLTR
		case bidi.R, bidi.AL:
			return di.DirectionRTL
		}
	}
	return di.DirectionLTR
}

// write draws a line with its left end at x and its letters standing on y.
func (l *lettering) write(dst draw.Image, t text, x, y float64, c color.Color) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, run := range t.runs {
		z := vector.NewRasterizer(dst.Bounds().Dx(), dst.Bounds().Dy())
		scale := t.size / float64(run.Face.Upem())
		for _, g := range run.Glyphs {
			gx, gy := x+float(g.XOffset), y-float(g.YOffset)
			switch data := run.Face.GlyphData(g.GlyphID).(type) {
			case font.GlyphOutline:
				outline(z, data, scale, gx, gy)
			case font.GlyphSVG:
				outline(z, data.Outline, scale, gx, gy)
			case font.GlyphBitmap:
				stampGlyph(dst, data, g, gx, gy)
			}
			x += float(g.Advance)
		}
		z.Draw(dst, dst.Bounds(), image.NewUniform(c), image.Point{})
	}
}

// centre draws a line in the middle of a width.
func (l *lettering) centre(dst draw.Image, t text, width int, y float64, c color.Color) {
	l.write(dst, t, float64(width-t.width)/2, y, c)
}

func float(v fixed.Int26_6) float64 { return float64(v) / 64 }

func outline(z *vector.Rasterizer, o font.GlyphOutline, scale, x, y float64) {
	at := func(p opentype.SegmentPoint) (float32, float32) {
		return float32(x + float64(p.X)*scale), float32(y - float64(p.Y)*scale)
	}
	for _, s := range o.Segments {
		ax, ay := at(s.Args[0])
		bx, by := at(s.Args[1])
		cx, cy := at(s.Args[2])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			z.ClosePath()
			z.MoveTo(ax, ay)
		case opentype.SegmentOpLineTo:
			z.LineTo(ax, ay)
		case opentype.SegmentOpQuadTo:
			z.QuadTo(ax, ay, bx, by)
		case opentype.SegmentOpCubeTo:
			z.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	z.ClosePath()
}

// stampGlyph draws a glyph that is a picture, as those of emoji are.
func stampGlyph(dst draw.Image, b font.GlyphBitmap, g shaping.Glyph, x, y float64) {
	if b.Format != font.PNG {
		return
	}
	img, err := png.Decode(bytes.NewReader(b.Data))
	if err != nil {
		return
	}
	left, top := x+float(g.XBearing), y-float(g.YBearing)
	place := image.Rect(int(left+0.5), int(top+0.5), int(left+float(g.Width)+0.5), int(top-float(g.Height)+0.5))
	draw.CatmullRom.Scale(dst, place, img, img.Bounds(), draw.Over, nil)
}

// drawn returns s without what no font has, or "?".
func (l *lettering) drawn(s string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return or(strings.TrimSpace(strings.Map(func(r rune) rune {
		if l.draws(r) {
			return r
		}
		return -1
	}, s)), "?")
}

// MissingScripts lists the scripts that no font of this machine has.
func MissingScripts() []string {
	var missing []string
	for _, script := range []struct{ name, sample string }{
		{"Chinese", "王"}, {"Japanese", "は"}, {"Korean", "홍"}, {"Arabic", "م"}, {"Hebrew", "ד"}, {"Devanagari", "र"}, {"Thai", "ส"}, {"emoji", "🎉"},
	} {
		if letters().drawn(script.sample) != script.sample {
			missing = append(missing, script.name)
		}
	}
	return missing
}
