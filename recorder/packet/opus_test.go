package packet

import (
	"testing"
)

func TestOpusPacketOfNothingIsDropped(t *testing.T) {
	s := sounds(1, 3)
	s[1].payload = []byte{31<<3 | 3, 0} // says it has no frames
	r := NewReceiver(Opus)
	equal(t, "events", []string{"K1 @960", "K3 @2880"}, story(run(t, r, s)))
	equal(t, "stats", Stats{Accepted: 3, Bytes: 8, Frames: 2, Keyframes: 2, Incomplete: 1}, r.Stats())
}
