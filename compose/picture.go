package compose

import (
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"os"

	"golang.org/x/image/draw"
	"golang.org/x/image/vector"
)

func hexText(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// The colours of a film. Text stays readable on a plate over any picture.
var (
	canvasColour = color.NRGBA{0x12, 0x14, 0x18, 0xff}
	tileColour   = color.NRGBA{0x22, 0x25, 0x2b, 0xff}
	plateColour  = color.NRGBA{0x0b, 0x0c, 0x0f, 0xc4}
	textColour   = color.NRGBA{0xf2, 0xf3, 0xf5, 0xff}

	avatarColours = []color.NRGBA{
		{0x3d, 0x6f, 0xb6, 0xff},
		{0x2f, 0x85, 0x7a, 0xff},
		{0x8a, 0x5a, 0xb0, 0xff},
		{0xb0, 0x5f, 0x4a, 0xff},
		{0x5c, 0x7f, 0x3f, 0xff},
		{0xa8, 0x4f, 0x7c, 0xff},
		{0x97, 0x78, 0x2e, 0xff},
		{0x4f, 0x64, 0x7d, 0xff},
	}
)

// drawCard draws what a tile shows in place of a picture: on a disc whose
// colour is the participant's, their initials, or else their avatar.
func drawCard(b Box, identity, initials string, avatar image.Image) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, b.Width, b.Height))
	draw.Draw(img, img.Bounds(), image.NewUniform(tileColour), image.Point{}, draw.Src)
	radius := float32(min(b.Width, b.Height)) * 0.23
	cx, cy := float32(b.Width)/2, float32(b.Height)/2
	if avatar != nil {
		disc(img, avatar, cx, cy, radius*1.2)
		return img
	}
	fill(img, cx-radius, cy-radius, 2*radius, 2*radius, radius, avatarColour(identity))
	size := float64(radius) * 0.84
	letters := letters()
	line := letters.line(letters.drawn(initials), size, int(1.8*radius), false)
	letters.centre(img, line, b.Width, float64(cy)+letters.middle(line), textColour)
	return img
}

func avatarColour(identity string) color.NRGBA {
	h := fnv.New32a()
	h.Write([]byte(identity))
	return avatarColours[h.Sum32()%uint32(len(avatarColours))]
}

// disc draws the middle of a picture as a disc.
func disc(dst draw.Image, src image.Image, cx, cy, radius float32) {
	side := max(1, int(2*radius))
	b := src.Bounds()
	square := min(b.Dx(), b.Dy())
	from := image.Rect(0, 0, square, square).Add(b.Min).Add(image.Pt((b.Dx()-square)/2, (b.Dy()-square)/2))
	scaled := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.CatmullRom.Scale(scaled, scaled.Bounds(), src, from, draw.Src, nil)
	mask := image.NewAlpha(scaled.Bounds())
	fill(mask, 0, 0, float32(side), float32(side), float32(side)/2, color.Opaque)
	at := image.Pt(int(cx-radius), int(cy-radius))
	draw.DrawMask(dst, scaled.Bounds().Add(at), scaled, image.Point{}, mask, image.Point{}, draw.Over)
}

// drawPlate draws a name plate for a tile, and says where on the tile it
// belongs. The plate is nil where there is nothing to read or no room for text.
func drawPlate(b Box, label string, screen bool) (plate image.Image, x, y int) {
	const smallest = 9
	if label == "" || b.Height < 5*smallest {
		return nil, 0, 0
	}
	size := plateSize(b, screen)
	letters := letters()
	margin, pad := even(int(size*0.6)), int(size*0.6)
	line := letters.line(letters.drawn(label), size, b.Width*3/4-2*pad, false)
	if line.width == 0 {
		return nil, 0, 0
	}
	img := drawLabel(line)
	return img, margin, b.Height - margin - img.Bounds().Dy()
}

// plateSize is the font size of a tile's name plate. It grows with the tile, in
// large ones less so; on a screen it hides as little as it can.
func plateSize(b Box, screen bool) float64 {
	const large = 360
	h := float64(b.Height)
	size := min(h, large)*0.05 + max(0, h-large)*0.0155
	if screen {
		size = h * 0.024
	}
	return max(size, min(13, h*0.11))
}

// drawLabel draws a line of text on a plate with round corners.
func drawLabel(line text) image.Image {
	pad := int(line.size * 0.6)
	height := even(int(line.size*1.75) + 1)
	width := even(line.width + 2*pad + 1)
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	fill(img, 0, 0, float32(width), float32(height), float32(height)*0.3, plateColour)
	letters().write(img, line, float64(pad), (float64(height)+line.size*capHeight)/2, textColour)
	return img
}

// drawTextCard draws a card over the whole canvas: a title, or what stands in
// place of a pause.
func drawTextCard(width, height int, c Card, background color.NRGBA) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	ink := textColour
	if luminance(background) > 0x90 {
		ink = canvasColour
	}
	soft := ink
	soft.A = 0xb0
	side, room := float64(min(width, height)), width*84/100
	const mostLines, leading = 3, 1.3
	letters := letters()
	size := fitted(letters, c.Text, side*0.085, room)
	title := letters.lines(letters.drawn(c.Text), size, room, true, mostLines)
	y := float64(height)/2 + size*capHeight/2 - float64(len(title)-1)*size*leading/2
	if c.Subtitle != "" {
		y -= side * 0.05
	}
	for i, line := range title {
		if i > 0 {
			y += size * leading
		}
		letters.centre(img, line, width, y, ink)
	}
	if c.Subtitle == "" {
		return img
	}
	subtitle := letters.line(letters.drawn(c.Subtitle), side*0.045, room, false)
	rule := float32(side) * 0.12
	thick := max(2, float32(side)*0.005)
	fill(img, float32(width)/2-rule/2, float32(y+side*0.048), rule, thick, thick/2, soft)
	letters.centre(img, subtitle, width, y+side*0.13, soft)
	return img
}

// fitted shrinks a font size a little, if that gives a text room on one line.
func fitted(l *lettering, s string, size float64, width int) float64 {
	const endless, least = 1 << 20, 0.7
	if whole := l.line(l.drawn(s), size, endless, true).width; whole > width {
		return size * max(least, float64(width)/float64(whole))
	}
	return size
}

func luminance(c color.NRGBA) int { return (299*int(c.R) + 587*int(c.G) + 114*int(c.B)) / 1000 }

// fill paints a rectangle with rounded corners.
func fill(dst draw.Image, x, y, w, h, radius float32, c color.Color) {
	const k = 0.5523 // a cubic's handle that makes a quarter of a circle
	r, q := radius, radius*(1-k)
	z := vector.NewRasterizer(dst.Bounds().Dx(), dst.Bounds().Dy())
	z.MoveTo(x+r, y)
	z.LineTo(x+w-r, y)
	z.CubeTo(x+w-q, y, x+w, y+q, x+w, y+r)
	z.LineTo(x+w, y+h-r)
	z.CubeTo(x+w, y+h-q, x+w-q, y+h, x+w-r, y+h)
	z.LineTo(x+r, y+h)
	z.CubeTo(x+q, y+h, x, y+h-q, x, y+h-r)
	z.LineTo(x, y+r)
	z.CubeTo(x, y+q, x+q, y, x+r, y)
	z.ClosePath()
	z.Draw(dst, dst.Bounds(), image.NewUniform(c), image.Point{})
}

// writePNG writes an image quickly: these files live for one composition.
func writePNG(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create picture: %w", err)
	}
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(f, img); err != nil {
		_ = f.Close()
		return fmt.Errorf("write picture: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close picture: %w", err)
	}
	return nil
}
