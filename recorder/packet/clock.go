package packet

import (
	"math"
	"math/bits"
	"time"
)

// Seq is an RTP sequence number extended past its 16 bits. It grows by one with
// every packet the sender sends, for as long as the track lasts, and begins at
// the 16-bit number of the first packet. It may become negative where packets
// from before the first one arrive after it.
type Seq int64

// Unwrap returns the extended number closest to s whose lowest 16 bits are raw,
// and of two equally close ones the earlier (RFC 3550 section A.1, RFC 1982).
func (s Seq) Unwrap(raw uint16) Seq { return s + Seq(int16(raw-uint16(s))) }

// Timestamp is an RTP timestamp extended past its 32 bits, in ticks of the
// track's [ClockRate]. Only differences between timestamps of one track mean
// anything: where RTP time begins is the sender's choice.
type Timestamp int64

// Unwrap returns the extended timestamp closest to t whose lowest 32 bits are
// raw, and of two equally close ones the earlier.
func (t Timestamp) Unwrap(raw uint32) Timestamp { return t + Timestamp(int32(raw-uint32(t))) }

// ClockRate is the number of RTP ticks in a second.
type ClockRate int64

// The clock rates of the codecs that a [Receiver] takes.
const (
	// VideoClock is the rate of every video codec (RFC 3551 section 5).
	VideoClock ClockRate = 90000
	// OpusClock is the rate of Opus, whatever it was sampled at (RFC 7587
	// section 4.1).
	OpusClock ClockRate = 48000
)

// Duration returns how long so many ticks last, rounded to the nearest
// nanosecond. What does not fit a [time.Duration], 292 years, becomes the
// longest one there is.
func (r ClockRate) Duration(ticks int64) time.Duration {
	return time.Duration(scale(ticks, uint64(time.Second), uint64(r)))
}

// Ticks returns how many ticks last as long as d, rounded to the nearest one.
// For every d that [ClockRate.Duration] returned it gives the same ticks back.
func (r ClockRate) Ticks(d time.Duration) int64 {
	return scale(int64(d), uint64(r), uint64(time.Second))
}

// scale returns n·mul/div rounded to the nearest integer, halves away from zero,
// with a product of 128 bits: hours of RTP time do not fit 64.
func scale(n int64, mul, div uint64) int64 {
	magnitude, negative := uint64(n), n < 0
	if negative {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, mul)
	lo, carry := bits.Add64(lo, div/2, 0)
	hi += carry
	quotient := uint64(math.MaxUint64)
	if hi < div {
		quotient, _ = bits.Div64(hi, lo, div)
	}
	switch {
	case negative && quotient >= 1<<63:
		return math.MinInt64
	case negative:
		return -int64(quotient)
	case quotient >= 1<<63:
		return math.MaxInt64
	}
	return int64(quotient)
}
