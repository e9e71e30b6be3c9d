package meeting

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

const (
	sampleRate    = 48000
	opusLookahead = 312   // samples; libopus at 48 kHz, RFC 7845 section 4.2 calls it pre-skip
	beepLength    = 0.1   // seconds
	flashFrames   = 3     // 100 ms at 30 a second, 120 ms at 25
	beepLoudness  = 0.2   // of full scale: five voices mixed at full level do not clip
	hush          = 0.003 // keeps the encoder from falling silent between beeps
)

// Pitches lie at least 120 Hz apart, which the meter needs to tell voices apart that beep at once.
var (
	tones       = []float64{523, 659, 784, 988, 1175, 1397, 1661, 1976}
	screenTones = []float64{2349, 2794, 3322, 3951}
)

// Tone is the pitch in Hz of the beep in the microphone of the participant with this index. There
// are eight of them; then they repeat.
func Tone(index int) float64 { return tones[index%len(tones)] }

// ScreenTone is the pitch in Hz of the beep in the screen share audio of the participant with this
// index. There are four of them; then they repeat.
func ScreenTone(index int) float64 { return screenTones[index%len(screenTones)] }

// tonePCM is one loop of sound, 48 kHz 16-bit mono: a hush, and on every whole second a beep. The
// beep has half its loudness at the very instant, after a ramp that keeps the edge from clicking.
func tonePCM(tone float64) []byte {
	const ramp = 0.004
	noise := rand.New(rand.NewPCG(uint64(tone), 1))
	samples := int(LoopLength.Seconds() * sampleRate)
	pcm := make([]byte, 0, 2*samples)
	for n := range samples {
		t := float64(n) / sampleRate
		_, phase := math.Modf(t + 0.5)
		since := phase - 0.5 // of the nearest whole second, which may lie ahead
		edge := math.Min(since, beepLength-since)
		loudness := beepLoudness * math.Max(0, math.Min(1, 0.5+edge/ramp))
		pcm = appendPCM(pcm, loudness*math.Sin(2*math.Pi*tone*t)+hush*(2*noise.Float64()-1))
	}
	return pcm
}

// audioLevels measures each 20 ms of pcm as RFC 6464 wants it: -dBov, 0 loudest, 127 silence.
func audioLevels(pcm []byte) []uint8 {
	const packet = sampleRate / 50 * 2
	var levels []uint8
	for ; len(pcm) >= packet; pcm = pcm[packet:] {
		var power float64
		for i := 0; i < packet; i += 2 {
			s := float64(int16(binary.LittleEndian.Uint16(pcm[i:]))) / 32768
			power += s * s
		}
		db := -10 * math.Log10(power/(packet/2))
		levels = append(levels, uint8(math.Max(0, math.Min(127, db))))
	}
	return levels
}

// picture describes a moving picture: which one, whose name it bears, and its size and rate.
type picture struct {
	name               string
	index              int
	screen             bool
	width, height, fps int
}

func (p picture) frames() int { return p.fps * int(LoopLength/time.Second) }

// bitrate is that of a browser's camera: 1.5 Mbit/s for 720p, less for less.
func (p picture) bitrate() int { return max(150_000, p.width*p.height*5/3) }

// label draws the name on a clear ground, as PNG, so that no font need be installed.
func (p picture) label() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, p.width*3/4, p.height))
	band := image.Rect(0, p.height*3/4, p.width*3/4, p.height)
	draw.Draw(img, band, image.NewUniform(color.RGBA{A: 160}), image.Point{}, draw.Src)
	parsed, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("draw name: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: float64(p.height) / 6, DPI: 72})
	if err != nil {
		return nil, fmt.Errorf("draw name: %w", err)
	}
	defer face.Close()
	pen := font.Drawer{Dst: img, Src: image.White, Face: face, Dot: fixed.P(p.width*3/8, p.height*15/16)}
	pen.Dot.X -= pen.MeasureString(p.name) / 2 // in the middle, where no layout crops it
	pen.DrawString(p.name)
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("draw name: %w", err)
	}
	return out.Bytes(), nil
}

// sources are ffmpeg's moving pictures; each takes size WxH, frame rate R and nothing random.
var sources = []func(p picture) string{
	func(p picture) string { return fmt.Sprintf("testsrc2=s=%dx%d:r=%d", p.width, p.height, p.fps) },
	func(p picture) string {
		return fmt.Sprintf("gradients=s=%dx%d:r=%d:seed=%d:n=4:speed=0.03", p.width, p.height, p.fps, p.index)
	},
	func(p picture) string {
		return fmt.Sprintf("mandelbrot=s=%dx%d:r=%d:maxiter=200:end_pts=300", p.width, p.height, p.fps)
	},
	func(p picture) string {
		return fmt.Sprintf("life=s=64x36:r=%d:random_seed=%d:mold=10:life_color=#ffffff:death_color=#606060:"+
			"mold_color=#303030,scale=%d:%d:flags=neighbor", p.fps, p.index, p.width, p.height)
	},
}

func screenSource(p picture) string {
	return fmt.Sprintf("cellauto=s=160x90:r=%d:random_seed=%d:scroll=1,scale=%d:%d:flags=neighbor,negate", p.fps, p.index, p.width, p.height)
}

// graph is the ffmpeg filter graph whose input 0 is the label: the source tinted in the participant's
// own hue, a square going round, the name, and the box on the right that flashes on whole seconds.
func (p picture) graph() string {
	source := sources[p.index%len(sources)](p)
	if p.screen {
		source = screenSource(p)
	}
	hue := (30 + p.index*137) % 360 // steps by the golden angle: neighbours differ most
	side := p.height / 10 &^ 1
	box := "drawbox=x=iw-iw/4:y=0:w=iw/4:h=ih:t=fill:color="
	return fmt.Sprintf("%s,colorize=hue=%d:saturation=0.8:lightness=0.5:mix=0.65[ground];"+
		"color=yellow:s=%dx%d:r=%d[square];"+
		"[ground][square]overlay=x='W*3/8-w/2+W/4*sin(2*PI*t/5)':y='H*3/8-h/2-H/4*cos(2*PI*t/5)'[moving];"+
		"[moving][0:v]overlay,%s0x101018,%swhite:enable='lt(mod(n,%d),%d)'[picture]",
		source, hue, side, side, p.fps, box, box, p.fps, flashFrames)
}
