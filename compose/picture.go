package compose

import (
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

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

// typeface is parsed once. The Go fonts have Latin, Greek and Cyrillic.
var typeface = sync.OnceValue(func() *sfnt.Font {
	f, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		panic(fmt.Sprintf("compose: the built-in font does not parse: %v", err))
	}
	return f
})

func drawable(r rune) bool {
	var buf sfnt.Buffer
	i, err := typeface().GlyphIndex(&buf, r)
	return err == nil && i != 0 && r >= ' '
}

func newFace(pixels float64) (font.Face, error) {
	const pixelsPerPoint = 72 // at 72 dots per inch a point is a pixel
	return opentype.NewFace(typeface(), &opentype.FaceOptions{Size: pixels, DPI: pixelsPerPoint, Hinting: font.HintingNone})
}

// drawCard draws what a tile shows in place of a picture: the participant's
// initials on a disc whose colour is theirs.
func drawCard(b Box, identity, initials string) (image.Image, error) {
	img := image.NewRGBA(image.Rect(0, 0, b.Width, b.Height))
	draw.Draw(img, img.Bounds(), image.NewUniform(tileColour), image.Point{}, draw.Src)
	radius := float32(min(b.Width, b.Height)) * 0.22
	face, err := newFace(float64(radius) * 0.85)
	if err != nil {
		return nil, fmt.Errorf("draw card: %w", err)
	}
	defer face.Close()
	h := fnv.New32a()
	h.Write([]byte(identity))
	cx, cy := float32(b.Width)/2, float32(b.Height)/2
	fill(img, cx-radius, cy-radius, 2*radius, 2*radius, radius, avatarColours[h.Sum32()%uint32(len(avatarColours))])
	m := face.Metrics()
	d := font.Drawer{Dst: img, Src: image.NewUniform(textColour), Face: face}
	d.Dot = fixed.Point26_6{
		X: (fixed.I(b.Width) - d.MeasureString(initials)) / 2,
		Y: (fixed.I(b.Height) + m.CapHeight) / 2,
	}
	d.DrawString(initials)
	return img, nil
}

// drawPlate draws a name plate for a tile, and says where on the tile it
// belongs. The plate is nil where the tile has no room for text.
func drawPlate(b Box, label string) (plate image.Image, x, y int, err error) {
	const smallest = 9
	size := min(max(float64(b.Height)*0.055, 11), 30)
	if float64(b.Height) < 5*smallest {
		return nil, 0, 0, nil
	}
	face, err := newFace(size)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("draw name plate: %w", err)
	}
	defer face.Close()
	margin, pad := even(int(size*0.6)), int(size*0.55)
	text := shorten(face, label, b.Width*3/4-2*pad)
	if text == "" {
		return nil, 0, 0, nil
	}
	height := even(int(size*1.7) + 1)
	width := even(font.MeasureString(face, text).Ceil() + 2*pad + 1)
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	fill(img, 0, 0, float32(width), float32(height), float32(height)*0.28, plateColour)
	d := font.Drawer{Dst: img, Src: image.NewUniform(textColour), Face: face}
	d.Dot = fixed.Point26_6{X: fixed.I(pad), Y: (fixed.I(height) + face.Metrics().CapHeight) / 2}
	d.DrawString(text)
	return img, margin, b.Height - margin - height, nil
}

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
