package compose

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/image/draw"

	"github.com/roomreel/roomreel/recording"
)

// sprite is a drawn picture and where it stands: on its tile, or on the canvas.
// Without file it is none.
type sprite struct {
	file                string
	x, y, width, height int
}

// tileArt is a tile with what was drawn for it.
type tileArt struct {
	Tile
	card, plate sprite
}

// sceneArt is what was drawn for a segment.
type sceneArt struct {
	tiles []tileArt
	// whole covers the canvas, logo and clock lie over everything.
	whole, logo, clock sprite
	// at is where the clock begins on the timeline, lasts how long it runs.
	at, lasts recording.Seconds
	// assets are digests of the files that were drawn.
	assets []string
}

// artist draws each picture of a film once, into a folder.
type artist struct {
	plan *Plan
	// dir is where pictures go, recording and shared where assets are.
	dir, recording, shared string
	sprites                map[string]sprite
	assets                 map[string]asset
	clocks                 int
}

func newArtist(p *Plan, dir, recordingDir, shared string) *artist {
	return &artist{plan: p, dir: dir, recording: recordingDir, shared: shared, sprites: map[string]sprite{}, assets: map[string]asset{}}
}

// scene draws what some frames of a segment show besides moving pictures.
func (a *artist) scene(s *Segment, first, count int) (sceneArt, error) {
	var out sceneArt
	var err error
	spec := a.plan.Spec
	if s.Card != nil {
		background, _ := parseColour(spec.Background)
		out.whole, err = a.draw(fmt.Sprintf("whole %q", *s.Card), func() (image.Image, int, int, error) {
			return drawTextCard(spec.Width, spec.Height, *s.Card, background), 0, 0, nil
		})
		if err != nil {
			return out, err
		}
	}
	if l := spec.Logo; l != nil {
		logo, err := a.asset(l.File)
		if err != nil {
			return out, err
		}
		out.assets = append(out.assets, logo.digest)
		if out.logo, err = a.logo(l, logo.picture); err != nil {
			return out, err
		}
	}
	if spec.Timestamp != "" && s.Card == nil {
		begin := frameTime(first, spec.FrameRate)
		out.at, out.lasts = s.At+begin-s.From, frameTime(first+count, spec.FrameRate)-begin
		out.clock = a.clock(out.at)
	}
	for _, t := range s.Tiles {
		art := tileArt{Tile: t}
		who := fmt.Sprintf("%q %q %dx%d", t.Participant, t.Stream, t.Box.Width, t.Box.Height)
		var avatar asset
		if t.Avatar != "" {
			if avatar, err = a.asset(t.Avatar); err != nil {
				return out, err
			}
			out.assets = append(out.assets, avatar.digest)
		}
		art.card, err = a.draw("card "+who, func() (image.Image, int, int, error) {
			return drawCard(t.Box, t.Participant, t.Initials, avatar.picture), 0, 0, nil
		})
		if err != nil {
			return out, err
		}
		art.plate, err = a.draw("plate "+who, func() (image.Image, int, int, error) {
			plate, x, y := drawPlate(t.Box, t.Label, t.Screen)
			return plate, x, y, nil
		})
		if err != nil {
			return out, err
		}
		art.plate = art.plate.aside(t.Box, out.logo).aside(t.Box, out.clock)
		out.tiles = append(out.tiles, art)
	}
	return out, nil
}

// aside moves a sprite of a tile from under what lies over everything: to its
// right or, where that has no room, above it.
func (s sprite) aside(tile Box, over sprite) sprite {
	mine := Box{X: tile.X + s.x, Y: tile.Y + s.y, Width: s.width, Height: s.height}
	if s.file == "" || over.file == "" || !mine.overlaps(Box{X: over.x, Y: over.y, Width: over.width, Height: over.height}) {
		return s
	}
	gap := s.x
	if right := over.x + over.width + gap - tile.X; right+s.width+gap <= tile.Width {
		s.x = even(right)
	} else if above := over.y - gap - s.height - tile.Y; above >= 0 {
		s.y = even(above)
	}
	return s
}

func (a *artist) draw(key string, paint func() (image.Image, int, int, error)) (sprite, error) {
	if s, done := a.sprites[key]; done {
		return s, nil
	}
	img, x, y, err := paint()
	if err != nil {
		return sprite{}, err
	}
	var s sprite
	if img != nil {
		size := img.Bounds()
		s = sprite{file: fmt.Sprintf("sprite%04d.png", len(a.sprites)), x: even(x), y: even(y), width: size.Dx(), height: size.Dy()}
		if err := writePNG(filepath.Join(a.dir, s.file), img); err != nil {
			return sprite{}, err
		}
	}
	a.sprites[key] = s
	return s, nil
}

// asset reads a picture that the wish names.
func (a *artist) asset(file string) (asset, error) {
	if read, has := a.assets[file]; has {
		return read, nil
	}
	read, err := readAsset(a.recording, a.shared, file)
	if err == nil {
		a.assets[file] = read
	}
	return read, err
}

// margin is the room between the canvas' edge and what stands in its corner.
func (a *artist) margin() int {
	const share = 36
	return even(min(a.plan.Spec.Width, a.plan.Spec.Height) / share)
}

func (a *artist) logo(l *recording.Logo, img image.Image) (sprite, error) {
	return a.draw("logo", func() (image.Image, int, int, error) {
		b := img.Bounds()
		const percent = 100
		height := max(2, a.plan.Spec.Height*l.Height/percent)
		width := max(2, b.Dx()*height/max(1, b.Dy()))
		if most := a.plan.Spec.Width / 2; width > most {
			width, height = most, max(2, b.Dy()*most/b.Dx())
		}
		scaled := image.NewRGBA(image.Rect(0, 0, width, height))
		draw.CatmullRom.Scale(scaled, scaled.Bounds(), img, b, draw.Src, nil)
		x, y := a.corner(l.Corner, width, height)
		return scaled, x, y, nil
	})
}

func (a *artist) corner(c recording.Corner, width, height int) (x, y int) {
	x, y = a.margin(), a.margin()
	if c == recording.TopRight || c == recording.BottomRight {
		x = a.plan.Spec.Width - width - x
	}
	if c == recording.BottomLeft || c == recording.BottomRight {
		y = a.plan.Spec.Height - height - y
	}
	return x, y
}

// clockText is the timestamp of a moment of the timeline.
func (p *Plan) clockText(at recording.Seconds) string {
	if p.Spec.Timestamp == recording.TimestampElapsed {
		d := at.Duration()
		return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
	}
	zone, err := time.LoadLocation(p.Spec.TimeZone)
	if err != nil {
		zone = time.UTC // Normalize has refused it
	}
	return p.StartedAt.Add(at.Duration()).In(zone).Format("2006-01-02 15:04:05 MST")
}

// clockTick is how long after a moment of the timeline the timestamp changes.
func (p *Plan) clockTick(at recording.Seconds) recording.Seconds {
	second := recording.Seconds(time.Second)
	if p.Spec.Timestamp == recording.TimestampWall {
		at += recording.Seconds(p.StartedAt.Nanosecond())
	}
	return second - (at%second+second)%second
}

// clock is where the timestamps of a stretch of film stand, and the file that
// drawClock will draw them into.
func (a *artist) clock(at recording.Seconds) sprite {
	size := a.plan.clockFrame(at)
	s := sprite{file: fmt.Sprintf("clock%04d.pngs", a.clocks), width: size.X, height: size.Y}
	a.clocks++
	s.x, s.y = a.corner(a.plan.clockCorner(), s.width, s.height)
	s.x, s.y = even(s.x), even(s.y)
	return s
}

// clockCorner is the upper left one, or the right where the logo is left.
func (p *Plan) clockCorner() recording.Corner {
	if l := p.Spec.Logo; l != nil && l.Corner == recording.TopLeft {
		return recording.TopRight
	}
	return recording.TopLeft
}

// clockFace draws one timestamp.
func (p *Plan) clockFace(at recording.Seconds) image.Image {
	const endless = 1 << 20
	return drawLabel(letters().line(p.clockText(at), p.clockSize(), endless, false))
}

func (p *Plan) clockSize() float64 { return min(max(float64(p.Spec.Height)*0.028, 11), 30) }

// clockFrame is the size of the pictures of a clock that begins at a moment:
// all have one, with room for another zone's name.
func (p *Plan) clockFrame(at recording.Seconds) image.Point {
	return p.clockFace(at).Bounds().Max.Add(image.Pt(even(int(p.clockSize())), 0))
}

// drawClock draws the timestamps of a piece into dir, one PNG after the other in
// one file: the first for its beginning, the others from its first full second.
// A long film has many, so it is done only for pieces that are not there yet.
func (p *Plan) drawClock(dir string, art sceneArt) (err error) {
	if art.clock.file == "" {
		return nil
	}
	f, err := os.Create(filepath.Join(dir, art.clock.file))
	if err != nil {
		return fmt.Errorf("create timestamps: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = fmt.Errorf("write timestamps: %w", err)
		}
	}()
	w := bufio.NewWriter(f)
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	frame := image.NewRGBA(image.Rectangle{Max: p.clockFrame(art.at)})
	for t := art.at; t < art.at+art.lasts; t += p.clockTick(t) {
		draw.Draw(frame, frame.Bounds(), image.Transparent, image.Point{}, draw.Src)
		shown := p.clockFace(t)
		place := shown.Bounds()
		if p.clockCorner() == recording.TopRight {
			place = place.Add(image.Pt(art.clock.width-place.Dx(), 0))
		}
		draw.Draw(frame, place, shown, image.Point{}, draw.Src)
		if err := encoder.Encode(w, frame); err != nil {
			return err
		}
	}
	return w.Flush()
}
