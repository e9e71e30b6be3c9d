package compose

import (
	"fmt"
	"image/color"
	"slices"
	"strconv"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// pieceGraph builds the filter graph of one piece, and the inputs that it
// takes.
type pieceGraph struct {
	plan *Plan
	path func(Source) string
	// zero and end bound the piece in the film, which has so many frames.
	zero, end recording.Seconds
	frames    int

	args   []string
	inputs int
	g      strings.Builder
}

func (b *pieceGraph) input(args ...string) int {
	b.args = append(b.args, args...)
	b.inputs++
	return b.inputs - 1
}

// batch lets a stream of pictures pass by so many at a time. ffmpeg otherwise
// decodes a frame of one participant, then one of the next, and so on to the
// encoder, and each finds the processor's caches full of the others' pictures,
// which costs a seventh of all time. The order of frames stays as it is.
func (b *pieceGraph) batch() string {
	const most = 15
	turns := (b.frames + most - 1) / most
	// As even as can be: what a turn makes beyond the piece is thrown away.
	same := make([]string, (b.frames+turns-1)/turns)
	for i := range same {
		same[i] = strconv.Itoa(i)
	}
	return "shuffleframes=" + strings.Join(same, " ")
}

func (b *pieceGraph) rate() int { return b.plan.Spec.FrameRate }

func (b *pieceGraph) background() color.NRGBA {
	c, _ := parseColour(b.plan.Spec.Background) // Normalize has read it
	return c
}

// still opens a drawn picture.
func (b *pieceGraph) still(s sprite) int {
	return b.input("-framerate", strconv.Itoa(b.rate()), "-f", "image2", "-pattern_type", "none", "-i", s.file)
}

// layer is a stream of pictures and where it stands on the canvas.
type layer struct {
	name string
	x, y int
}

// rim is the width of the rim around a tile that lies over another.
const rim = 2

// build lays side by side what does not overlap, which is cheapest, and the
// rest over it, one after the other. The output is called film.
func (b *pieceGraph) build(art sceneArt) string {
	spec := b.plan.Spec
	// A speck in the last corner gives the canvas its size and the film its
	// beat; another lets xstack, which wants two, do without tiles.
	speck := fmt.Sprintf("color=c=%s:s=2x2:r=%d,format=yuv420p", hex(b.background()), spec.FrameRate)
	fmt.Fprintf(&b.g, "%s[a];\n%s[b];\n", speck, speck)
	under := []layer{{"a", spec.Width - 2, spec.Height - 2}, {"b", 0, 0}}
	// What lies over others goes straight onto the canvas, also name plates: a
	// tile's picture belongs to filters that may show it again, so drawing on
	// it would copy it first.
	var plates, over []layer
	if art.whole.file != "" {
		fmt.Fprintf(&b.g, "[%d:v:0]format=yuv420p,setsar=1,loop=loop=-1:size=1,setpts=N[whole];\n", b.still(art.whole))
		under = append(under, layer{"whole", 0, 0})
	}
	for i, t := range art.tiles {
		l := layer{b.tile(i, t), t.Box.X, t.Box.Y}
		var plate []layer
		if s := t.plate; s.file != "" {
			fmt.Fprintf(&b.g, "[%d:v:0]format=yuva420p[plate%d];\n", b.still(s), i)
			plate = append(plate, layer{fmt.Sprintf("plate%d", i), l.x + s.x, l.y + s.y})
		}
		if slices.ContainsFunc(art.tiles[:i], func(o tileArt) bool { return t.Box.overlaps(o.Box) }) {
			// A rim sets it off from what is behind.
			fmt.Fprintf(&b.g, "[%s]pad=iw+%d:ih+%d:%d:%d:color=%s[over%d];\n", l.name, 2*rim, 2*rim, rim, rim, hex(b.background()), i)
			over = append(append(over, layer{fmt.Sprintf("over%d", i), l.x - rim, l.y - rim}), plate...)
		} else {
			under, plates = append(under, l), append(plates, plate...)
		}
	}
	if s := art.logo; s.file != "" {
		fmt.Fprintf(&b.g, "[%d:v:0]format=yuva420p[logo];\n", b.still(s))
		over = append(over, layer{"logo", s.x, s.y})
	}
	if s := art.clock; s.file != "" {
		in := b.input("-framerate", "1", "-f", "png_pipe", "-i", s.file)
		fmt.Fprintf(&b.g, "[%d:v:0]setpts='if(eq(N,0),0,%s+N-1)/TB',format=yuva420p[clock];\n", in, decimal(b.plan.clockTick(art.at)))
		over = append(over, layer{"clock", s.x, s.y})
	}

	var names string
	var places []string
	for _, l := range under {
		names += "[" + l.name + "]"
		places = append(places, fmt.Sprintf("%d_%d", l.x, l.y))
	}
	fmt.Fprintf(&b.g, "%sxstack=inputs=%d:layout=%s:fill=%s", names, len(under), strings.Join(places, "|"), hex(b.background()))
	for i, l := range append(plates, over...) {
		fmt.Fprintf(&b.g, "[under%d];\n[under%d][%s]overlay=%d:%d:format=yuv420", i, i, l.name, l.x, l.y)
	}
	fmt.Fprintf(&b.g, ",format=%s,%s%s[film]\n", pixels(spec), b.batch(), hardwareFilter(spec))
	return b.g.String()
}

// tile builds one tile: its picture, as long as there is one, then its card.
func (b *pieceGraph) tile(i int, t tileArt) string {
	fmt.Fprintf(&b.g, "[%d:v:0]format=yuv420p,setsar=1,loop=loop=-1:size=1,setpts=N[card%d];\n", b.still(t.card), i)
	if t.Picture == nil {
		return fmt.Sprintf("card%d", i)
	}
	b.picture(i, t)
	return fmt.Sprintf("tile%d", i)
}

func (b *pieceGraph) picture(i int, t tileArt) {
	c, w, h := t.Picture, t.Box.Width, t.Box.Height
	s := b.plan.Sources[c.Source]
	seek := seekable(s.Clock.file(max(b.zero, c.From)) + early)
	clock := s.Clock.window(seek, s.Clock.file(b.end))
	var decoding []string
	if c.SkipLoopFilter {
		decoding = []string{"-skip_loop_filter", "noref"}
	}
	in := b.input(inputArgs(b.path(s), seek, decoding...)...)
	fmt.Fprintf(&b.g, "[%d:v:%d]setpts='(%s)/TB',trim=start=%s,", in, s.Index, retime(clock, seek, b.zero), decimal(c.From-b.zero-early))
	if t.Fit == recording.FitCover {
		fmt.Fprintf(&b.g, "scale=w=%d:h=%d:force_original_aspect_ratio=increase:force_divisible_by=2:flags=area,crop=%d:%d:y=(ih-oh)/4,", w, h, w, h) // heads are above the middle
	} else {
		fmt.Fprintf(&b.g, "scale=w=%d:h=%d:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=area,", w, h)
		fmt.Fprintf(&b.g, "pad=%d:%d:(ow-iw)/2:(oh-ih)/2:color=%s:eval=frame,", w, h, hex(tileColour))
	}
	if t.Blur {
		// Twelve spots across show that somebody is there, and not who.
		fmt.Fprintf(&b.g, "scale=w=12:h=%d:flags=area,scale=w=%d:h=%d:flags=bicubic,", max(2, 12*h/w), w, h)
	}
	// Where the source ends too early, its last picture stays a moment, and
	// then the card takes its place.
	fmt.Fprintf(&b.g, "setsar=1,fps=%d:start_time=0,tpad=stop=%d:stop_mode=clone,format=yuv420p[video%d];\n", b.rate(), (b.rate()+1)/2, i)
	fmt.Fprintf(&b.g, "[video%d][card%d]concat=n=2:v=1:a=0,%s[tile%d];\n", i, i, b.batch(), i)
}
