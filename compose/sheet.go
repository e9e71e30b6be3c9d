package compose

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"path/filepath"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// ContactSheet draws a contact sheet with ffmpeg from PATH; see
// Composer.ContactSheet.
func ContactSheet(ctx context.Context, film, png string, cols, rows int) error {
	return Composer{}.ContactSheet(ctx, film, png, cols, rows)
}

// ContactSheet draws cols×rows pictures of a film, evenly spread over its
// length and each with its time, into a PNG file. Sheets go from 1×1 to 12×12.
func (c Composer) ContactSheet(ctx context.Context, film, file string, cols, rows int) error {
	const most, pictureWidth, gutter = 12, 320, 8
	if cols < 1 || rows < 1 || cols > most || rows > most {
		return recording.Errorf(recording.CodeInvalidRequest, "contact sheet: %d×%d pictures is out of range, each goes from 1 to %d", cols, rows, most)
	}
	c = c.withDefaults()
	film, err := filepath.Abs(film)
	if err != nil {
		return fmt.Errorf("find film: %w", err)
	}
	duration, width, height, _, err := c.probe(ctx, film)
	if err != nil {
		return err
	}
	if width <= 0 || height <= 0 {
		return recording.Errorf(recording.CodeNoMedia, "contact sheet: the film has no picture")
	}
	w, h := pictureWidth, max(2, even(pictureWidth*height/width))
	sheet := image.NewRGBA(image.Rect(0, 0, cols*(w+gutter)+gutter, rows*(h+gutter)+gutter))
	draw.Draw(sheet, sheet.Bounds(), image.NewUniform(canvasColour), image.Point{}, draw.Src)
	n := cols * rows
	for i := range n {
		at := duration * recording.Seconds(2*i+1) / recording.Seconds(2*n)
		out, err := command(ctx, niceness, "", c.FFmpeg, stillArgs(film, at, w, h)).Output()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return recording.Errorf(recording.CodeComposeFailed, "read picture at %v s: %w", at, err)
		}
		img, err := png.Decode(bytes.NewReader(out))
		if err != nil {
			return recording.Errorf(recording.CodeComposeFailed, "read picture at %v s: %w", at, err)
		}
		place := image.Rect(0, 0, w, h).Add(image.Pt(gutter+i%cols*(w+gutter), gutter+i/cols*(h+gutter)))
		draw.Draw(sheet, place, img, img.Bounds().Min, draw.Src)
		stamp(sheet, place, at)
	}
	return writePNG(file, sheet)
}

// stamp writes a picture's time into its upper right corner.
func stamp(sheet draw.Image, place image.Rectangle, at recording.Seconds) {
	const size = 13
	line := letters().line(clockText(at.Duration()), size, place.Dx(), false)
	x, y := place.Max.X-line.width-18, place.Min.Y+6
	fill(sheet, float32(x), float32(y), float32(line.width+12), 20, 5, color.NRGBA{A: 0xa0})
	letters().write(sheet, line, float64(x+6), float64(y+15), textColour)
}

func clockText(d time.Duration) string {
	d = d.Truncate(100 * time.Millisecond)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, d.Seconds()-60*float64(int(d.Minutes()))
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, m, int(s))
	}
	return fmt.Sprintf("%d:%04.1f", m, s)
}
