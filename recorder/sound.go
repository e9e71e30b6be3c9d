package recorder

import (
	"time"

	"github.com/roomreel/roomreel/recorder/codec"
	"github.com/roomreel/roomreel/recorder/packet"
)

// The packets that fill a hole in the sound.
const (
	// conceal is how much of a hole the decoder is left to conceal by itself
	// (RFC 6716 §4.4): a packet or a few that were lost.
	conceal = 100 * time.Millisecond
	// silenceLength is the length of one packet of silence.
	silenceLength = 20 * time.Millisecond
	// holeLimit is the smallest hole that is filled: less is the clock's jitter.
	holeLimit = 10 * time.Millisecond
)

// silence is 20 ms of it in CELT full band, as LiveKit sends it too.
var silence = []byte{0xf8, 0xff, 0xfe}

// writeSound adds a packet of sound. A hole before it is filled, so that the
// file's sound lasts as long as it lasted; sound that lies before the end of
// what is written, after a clock was set back, is left out.
func (p *part) writeSound(pt *partTrack, f *packet.Frame, to time.Duration) error {
	if pt.end > 0 {
		if to+f.Duration/2 < pt.end {
			return nil
		}
		if err := p.fill(pt, to, f.Payload[0]); err != nil {
			return err
		}
	}
	pt.end = to + f.Duration
	return p.block(pt, to, true, f.Payload)
}

// fill writes what stands for the missing sound before to. A short hole is
// left to the decoder, in the manner of the packet after it, whose first byte
// is toc; a long one becomes silence.
func (p *part) fill(pt *partTrack, to time.Duration, toc byte) error {
	block, length := silence, silenceLength
	if to-pt.end <= conceal {
		lost := []byte{toc &^ 3} // one frame without bytes (RFC 6716 §3.2.1)
		if d, ok := codec.OpusDuration(lost); ok {
			block, length = lost, d
		}
	}
	for at := pt.end; to-at >= max(holeLimit, length/2); at += length {
		if err := p.block(pt, at, true, block); err != nil {
			return err
		}
	}
	return nil
}
