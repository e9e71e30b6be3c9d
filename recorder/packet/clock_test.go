package packet

import (
	"math"
	"math/big"
	"testing"
	"time"
)

// FuzzUnwrap compares with a search through every number that has the bits.
func FuzzUnwrap(f *testing.F) {
	f.Add(int64(0), uint32(0))
	f.Add(int64(65535), uint32(0))
	f.Add(int64(65536), uint32(65535))
	f.Add(int64(1)<<32-1, uint32(0))
	f.Add(int64(1)<<31, uint32(0))
	f.Add(int64(-5), uint32(1))
	f.Add(int64(32768), uint32(0))
	f.Fuzz(func(t *testing.T, at int64, raw uint32) {
		const bound = 1 << 50 // numbers do not come near the ends of int64
		at %= bound
		if got, want := Seq(at).Unwrap(uint16(raw)), nearest(at, int64(uint16(raw)), 1<<16); int64(got) != want {
			t.Errorf("Seq(%d).Unwrap(%d) = %d, want %d", at, uint16(raw), got, want)
		}
		if got, want := Timestamp(at).Unwrap(raw), nearest(at, int64(raw), 1<<32); int64(got) != want {
			t.Errorf("Timestamp(%d).Unwrap(%d) = %d, want %d", at, raw, got, want)
		}
	})
}

// nearest returns the number closest to at that leaves the remainder, the
// earlier of two.
func nearest(at, remainder, modulus int64) int64 {
	first := at/modulus*modulus - 2*modulus + remainder
	best := first
	for n := first; n <= first+4*modulus; n += modulus {
		if abs(n-at) < abs(best-at) {
			best = n
		}
	}
	return best
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// FuzzClockRate compares with arithmetic that knows no bounds.
func FuzzClockRate(f *testing.F) {
	f.Add(int64(30*3600*90000), int64(90000))
	f.Add(int64(-30*3600*48000), int64(48000))
	f.Add(int64(math.MaxInt64), int64(90000))
	f.Add(int64(math.MinInt64), int64(48000))
	f.Add(int64(1), int64(1))
	f.Fuzz(func(t *testing.T, n, rate int64) {
		if rate <= 0 || rate > 1e9 {
			return
		}
		r := ClockRate(rate)
		d := r.Duration(n)
		if want := exact(n, int64(time.Second), rate); int64(d) != want {
			t.Errorf("ClockRate(%d).Duration(%d) = %d, want %d", rate, n, d, want)
		}
		if got, want := r.Ticks(time.Duration(n)), exact(n, rate, int64(time.Second)); got != want {
			t.Errorf("ClockRate(%d).Ticks(%d) = %d, want %d", rate, n, got, want)
		}
		if d == math.MaxInt64 || d == math.MinInt64 {
			return // did not fit
		}
		if back := r.Ticks(d); back != n {
			t.Errorf("ClockRate(%d): %d ticks are %d, which is %d ticks", rate, n, d, back)
		}
	})
}

// exact returns n·mul/div rounded to the nearest, halves away from zero, within
// the bounds of int64.
func exact(n, mul, div int64) int64 {
	p := new(big.Int).Mul(big.NewInt(n), big.NewInt(mul))
	half := big.NewInt(div / 2)
	if n < 0 {
		half.Neg(half)
	}
	q := p.Add(p, half).Quo(p, big.NewInt(div))
	switch {
	case q.IsInt64():
		return q.Int64()
	case q.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

func TestClockRateOverThirtyHours(t *testing.T) {
	for _, c := range []struct {
		rate  ClockRate
		ticks int64
		want  time.Duration
	}{
		{VideoClock, 30 * 3600 * 90000, 30 * time.Hour},
		{VideoClock, -30 * 3600 * 90000, -30 * time.Hour},
		{OpusClock, 30*3600*48000 + 960, 30*time.Hour + 20*time.Millisecond},
		{OpusClock, -960, -20 * time.Millisecond},
		{VideoClock, 1, 11111},
		{VideoClock, 5, 55556},
		{OpusClock, 3, 62500},
		{VideoClock, math.MaxInt64, math.MaxInt64},
		{OpusClock, math.MinInt64, math.MinInt64},
	} {
		if got := c.rate.Duration(c.ticks); got != c.want {
			t.Errorf("%d ticks of %d: %v, want %v", c.ticks, c.rate, got, c.want)
		}
	}
}

func TestRow25UnsupportedCodecsAreRefused(t *testing.T) {
	for mime, want := range map[string]Codec{
		"audio/opus": Opus, "video/VP8": VP8, "video/vp9": VP9, "video/AV1": AV1, "VIDEO/H264": H264, "video/H265": H265,
		"audio/red": 0, "video/rtx": 0, "": 0, "VP8": 0,
	} {
		if got, err := ParseMIME(mime); got != want || (err != nil) != (want == 0) {
			t.Errorf("ParseMIME(%q) = %v, %v, want %v", mime, got, err, want)
		}
	}
	if got := Codec(77).String(); got != "Codec(77)" {
		t.Errorf("unknown codec: %q", got)
	}
}
