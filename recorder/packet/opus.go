package packet

import (
	"bytes"
)

// serverSilence is the Opus packet that LiveKit's server sends while a microphone
// is muted, and before anything flows (OpusSilenceFrame in its pkg/sfu): 20 ms of
// silence in three bytes, with padding to 80.
var serverSilence = append([]byte{0xF8, 0xFF, 0xFE}, make([]byte, 77)...)

func isServerSilence(payload []byte) bool {
	return bytes.Equal(payload, serverSilence) || bytes.Equal(payload, serverSilence[:3])
}
