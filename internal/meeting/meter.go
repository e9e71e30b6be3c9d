package meeting

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"time"
)

// Tile is a rectangle of a picture in fractions of its width and height, from the top left corner.
type Tile struct{ X, Y, Width, Height float64 }

// WholePicture is the tile of a picture that shows one participant only.
var WholePicture = Tile{Width: 1, Height: 1}

// Probe says where in a file to look for one participant, and at which pitch to listen for it.
type Probe struct {
	Tile Tile    // where its picture is; zero: do not look
	Tone float64 // Hz, see [Tone]; 0: do not listen
}

// Signal is what was found of one participant: the moments at which a flash or a beep began, in the
// file's own presentation time, which need not begin at zero. Flashes are exact to the frame, beeps
// to about 2 ms. A flash already lit in the first frame has no beginning and is left out.
type Signal struct {
	Flashes []time.Duration
	Beeps   []time.Duration
}

// Skew is how much later (positive) or earlier than an event its counterpart came.
type Skew struct {
	At time.Duration // the event
	By time.Duration
}

// Measure decodes a media file with ffmpeg and finds the flashes and beeps of each probe. It honours
// the timestamps of both tracks: a track that begins late, pauses or has holes is measured where it
// plays. A file without a picture has no flashes, one without sound no beeps.
func Measure(ctx context.Context, file string, probes ...Probe) ([]Signal, error) {
	pictures, sounds, err := tracks(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("measure: %w", err)
	}
	signals := make([]Signal, len(probes))
	if pictures && slices.ContainsFunc(probes, func(p Probe) bool { return p.Tile != Tile{} }) {
		watchers := make([]flashWatcher, len(probes))
		err := decodePicture(ctx, file, func(at time.Duration, pixels []byte) {
			for i, p := range probes {
				if p.Tile != (Tile{}) {
					watchers[i].see(at, p.Tile.brightness(pixels))
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("measure picture: %w", err)
		}
		for i := range watchers {
			signals[i].Flashes = watchers[i].flashes
		}
	}
	if sounds && slices.ContainsFunc(probes, func(p Probe) bool { return p.Tone != 0 }) {
		listeners := make([]toneListener, len(probes))
		err := decodeSound(ctx, file, func(first int64, pcm []byte) {
			for i, p := range probes {
				if p.Tone != 0 {
					listeners[i].hear(p.Tone, first, pcm)
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("measure sound: %w", err)
		}
		for i := range listeners {
			signals[i].Beeps = listeners[i].beeps()
		}
	}
	return signals, nil
}

// Skews pairs each event with the nearest counterpart less than half a second away; events without
// one are left out. Skews(flashes, beeps) tells how late the sound is, and Skews of the flashes of
// two participants how far the second is behind the first.
func Skews(events, counterparts []time.Duration) []Skew {
	var skews []Skew
	for _, event := range events {
		best := Skew{At: event, By: 500 * time.Millisecond}
		for _, counterpart := range counterparts {
			if by := counterpart - event; by.Abs() < best.By.Abs() {
				best.By = by
			}
		}
		if best.By.Abs() < 500*time.Millisecond {
			skews = append(skews, best)
		}
	}
	return skews
}

// Worst is the skew furthest from zero; zero if there is none.
func Worst(skews []Skew) Skew {
	if len(skews) == 0 {
		return Skew{}
	}
	return slices.MaxFunc(skews, func(a, b Skew) int { return int(a.By.Abs() - b.By.Abs()) })
}

// brightness is the mean luma, 0 to 255, of the middle of the flash box, which is the right quarter
// of the tile. The margins allow for scaling, borders and some cropping.
func (t Tile) brightness(pixels []byte) float64 {
	left, right := int((t.X+t.Width*0.80)*lumaWidth), int((t.X+t.Width*0.95)*lumaWidth)
	top, bottom := int((t.Y+t.Height*0.30)*lumaHeight), int((t.Y+t.Height*0.70)*lumaHeight)
	left, top = max(0, min(left, lumaWidth-1)), max(0, min(top, lumaHeight-1))
	right, bottom = max(left+1, min(right, lumaWidth)), max(top+1, min(bottom, lumaHeight))
	var sum int
	for y := top; y < bottom; y++ {
		for _, pixel := range pixels[y*lumaWidth+left : y*lumaWidth+right] {
			sum += int(pixel)
		}
	}
	return float64(sum) / float64((right-left)*(bottom-top))
}

// flashWatcher finds flashes in the brightness of the flash box: it must be dark, then bright, and
// dark again within a quarter of a second, so that a bright picture is not taken for a flash.
type flashWatcher struct {
	flashes []time.Duration
	armed   bool
	lit     bool
	since   time.Duration
}

func (w *flashWatcher) see(at time.Duration, brightness float64) {
	const dark, bright, longest = 90, 140, 250 * time.Millisecond
	switch {
	case brightness <= dark:
		if w.lit && at-w.since <= longest {
			w.flashes = append(w.flashes, w.since)
		}
		w.armed, w.lit = true, false
	case brightness >= bright && w.armed:
		w.armed, w.lit, w.since = false, true, at
	}
}

// toneListener measures the loudness of one pitch over time. Each millisecond of sound is multiplied
// with a wave of that pitch and added up; a Hann window over 20 of these sums is the tone's envelope,
// deaf (-31 dB) to pitches 100 Hz away.
type toneListener struct {
	first int64        // millisecond of sums[0]
	sums  []complex128 // absent sound is silence
}

const (
	perMillisecond = sampleRate / 1000
	window         = 20   // milliseconds
	quietest       = 0.02 // of full scale: softer tones are not beeps
)

// hear takes 16-bit mono sound whose first sample has this number since presentation time zero.
func (l *toneListener) hear(tone float64, first int64, pcm []byte) {
	if l.sums == nil {
		l.first = floorDiv(first, perMillisecond)
	}
	turn := cmplx.Rect(1, -2*math.Pi*tone/sampleRate)
	_, phase := math.Modf(tone * float64(first) / sampleRate)
	wave := cmplx.Rect(1, -2*math.Pi*phase)
	for n := range len(pcm) / 2 {
		slot := floorDiv(first+int64(n), perMillisecond) - l.first
		if slot >= int64(len(l.sums)) {
			l.sums = append(l.sums, make([]complex128, slot+1-int64(len(l.sums)))...)
		}
		if slot >= 0 { // else sound from before the beginning: timestamps that run backwards
			l.sums[slot] += wave * complex(float64(int16(binary.LittleEndian.Uint16(pcm[2*n:])))/32768, 0)
		}
		wave *= turn
	}
}

// envelope is the amplitude of the tone, of full scale; entry i belongs to the end of millisecond
// i + window/2 - 1.
func (l *toneListener) envelope() []float64 {
	var hann [window]float64
	var weight float64
	for i := range hann {
		hann[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/window)
		weight += hann[i] * perMillisecond / 2
	}
	envelope := make([]float64, max(0, len(l.sums)-window+1))
	for i := range envelope {
		var sum complex128
		for j, w := range hann {
			sum += complex(w, 0) * l.sums[i+j]
		}
		envelope[i] = cmplx.Abs(sum) / weight
	}
	return envelope
}

// beeps finds where the tone sets in and stays for 70 ms, which the clicks of other voices do not.
// The onset is where the envelope passes half its height: there the window is half filled.
func (l *toneListener) beeps() []time.Duration {
	const stays, settled = 70, 20 // milliseconds
	// Silence before the beginning lets a beep that is the first sound be found.
	l.sums = append(make([]complex128, window), l.sums...)
	l.first -= window
	envelope := l.envelope()
	var beeps []time.Duration
	armed := true
	for i := 0; i+stays <= len(envelope); i++ {
		if envelope[i] < quietest {
			armed = true
			continue
		}
		if !armed || slices.Min(envelope[i+settled:i+stays]) < quietest {
			continue
		}
		armed = false
		half := slices.Max(envelope[i:i+stays]) / 2
		j := i
		for envelope[j] < half {
			j++
		}
		ms := float64(l.first) + float64(j) + window/2
		if j > 0 {
			ms -= (envelope[j] - half) / (envelope[j] - envelope[j-1])
		}
		beeps = append(beeps, time.Duration(ms*float64(time.Millisecond)).Round(100*time.Microsecond))
	}
	return beeps
}

func floorDiv(a, b int64) int64 {
	if a%b < 0 {
		return a/b - 1
	}
	return a / b
}
