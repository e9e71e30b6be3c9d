package packet

import "github.com/roomreel/roomreel/recorder/codec"

// av1Sequence is what is needed of a sequence header OBU.
type av1Sequence struct {
	// reduced: every frame is a still picture, and so a keyframe.
	reduced bool
	// The largest size of a frame of the sequence.
	width, height int
}

// parseAV1Sequence reads sequence_header_obu as far as the frame size (AV1
// section 5.5.1).
func parseAV1Sequence(body []byte) (s av1Sequence, ok bool) {
	r := codec.NewBits(body)
	r.Skip(3 + 1) // seq_profile, still_picture
	if s.reduced = r.Flag(); s.reduced {
		r.Skip(5) // seq_level_idx
	} else {
		codec.AV1OperatingPoints(&r)
	}
	widthBits, heightBits := int(r.U(4))+1, int(r.U(4))+1
	s.width, s.height = int(r.U(widthBits))+1, int(r.U(heightBits))+1
	return s, !r.Short()
}
