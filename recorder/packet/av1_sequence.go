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
		skipOperatingPoints(&r)
	}
	widthBits, heightBits := int(r.U(4))+1, int(r.U(4))+1
	s.width, s.height = int(r.U(widthBits))+1, int(r.U(heightBits))+1
	return s, !r.Short()
}

// skipOperatingPoints reads from timing_info_present_flag to the last operating
// point.
func skipOperatingPoints(r *codec.Bits) {
	decoderModel, delayBits := false, 0
	if r.Flag() { // timing_info_present_flag
		r.Skip(32 + 32)
		if r.Flag() { // equal_picture_interval
			r.UE()
		}
		if decoderModel = r.Flag(); decoderModel {
			delayBits = int(r.U(5)) + 1
			r.Skip(32 + 5 + 5)
		}
	}
	initialDelay := r.Flag()
	for n := int(r.U(5)) + 1; n > 0; n-- {
		r.Skip(12)      // operating_point_idc
		if r.U(5) > 7 { // seq_level_idx
			r.Skip(1) // seq_tier
		}
		if decoderModel && r.Flag() {
			r.Skip(2*delayBits + 1)
		}
		if initialDelay && r.Flag() {
			r.Skip(4)
		}
	}
}
