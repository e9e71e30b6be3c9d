package codec

import "time"

// OpusDuration returns how long an Opus packet plays, from its TOC byte and its
// frame count (RFC 6716 section 3.1 and 3.2). It reports false for a packet that
// is empty, says it has no frames, or would play longer than the 120 ms that a
// packet may.
func OpusDuration(payload []byte) (time.Duration, bool) {
	if len(payload) == 0 {
		return 0, false
	}
	toc := payload[0]
	frames := 1
	switch toc & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(payload) < 2 {
			return 0, false
		}
		frames = int(payload[1] & 0x3F)
	}
	d := time.Duration(frames) * opusFrame(toc>>3)
	return d, d > 0 && d <= 120*time.Millisecond
}

// OpusChannels returns how many channels are coded in an Opus packet, 1 or 2
// (the bit s of its TOC byte, RFC 6716 section 3.1); 0 if it is empty.
func OpusChannels(payload []byte) int {
	if len(payload) == 0 {
		return 0
	}
	return 1 + int(payload[0]>>2&1)
}

// opusFrame returns the frame size of a configuration (RFC 6716 table 2).
func opusFrame(config byte) time.Duration {
	switch {
	case config < 12: // SILK
		return [...]time.Duration{10, 20, 40, 60}[config&3] * time.Millisecond
	case config < 16: // hybrid
		return [...]time.Duration{10, 20}[config&1] * time.Millisecond
	default: // CELT
		return 2500 * time.Microsecond << (config & 3)
	}
}
