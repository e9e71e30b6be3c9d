package packet

import (
	"errors"
	"fmt"
	"strings"
)

// A Codec is how a track's media is encoded and put into RTP packets.
type Codec uint8

// The codecs that a [Receiver] takes, and where their RTP payload is described.
const (
	Opus Codec = iota + 1 // RFC 7587
	VP8                   // RFC 7741
	VP9                   // RFC 9628
	AV1                   // AOMedia, RTP Payload Format For AV1 (version 1.0)
	H264                  // RFC 6184, single NAL unit and non-interleaved mode
	H265                  // RFC 7798, without decoding order numbers
)

// ErrUnsupportedCodec is returned for a MIME type that no [Codec] stands for.
var ErrUnsupportedCodec = errors.New("unsupported codec")

var codecNames = [...]string{Opus: "opus", VP8: "VP8", VP9: "VP9", AV1: "AV1", H264: "H264", H265: "H265"}

// ParseMIME returns the codec of a media type as SDP and LiveKit write it,
// "video/VP8", in any case. Of others it returns [ErrUnsupportedCodec].
func ParseMIME(mime string) (Codec, error) {
	for c := Opus; c <= H265; c++ {
		if strings.EqualFold(mime, c.MIME()) {
			return c, nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrUnsupportedCodec, mime)
}

// MIME returns the codec's media type, "video/VP8".
func (c Codec) MIME() string {
	if c.Audio() {
		return "audio/" + c.String()
	}
	return "video/" + c.String()
}

// String returns the name of the codec's RTP payload format, "VP8".
func (c Codec) String() string {
	if int(c) < len(codecNames) && c > 0 {
		return codecNames[c]
	}
	return fmt.Sprintf("Codec(%d)", uint8(c))
}

// Audio reports whether the codec carries sound.
func (c Codec) Audio() bool { return c == Opus }

// ClockRate returns the rate of the codec's RTP timestamps.
func (c Codec) ClockRate() ClockRate {
	if c.Audio() {
		return OpusClock
	}
	return VideoClock
}
