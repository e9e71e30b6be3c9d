package packet

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
	r := bitReader{b: body}
	r.skip(3 + 1) // seq_profile, still_picture
	if s.reduced = r.flag(); s.reduced {
		r.skip(5) // seq_level_idx
	} else {
		skipOperatingPoints(&r)
	}
	widthBits, heightBits := int(r.u(4))+1, int(r.u(4))+1
	s.width, s.height = int(r.u(widthBits))+1, int(r.u(heightBits))+1
	return s, !r.short
}

// skipOperatingPoints reads from timing_info_present_flag to the last operating
// point.
func skipOperatingPoints(r *bitReader) {
	decoderModel, delayBits := false, 0
	if r.flag() { // timing_info_present_flag
		r.skip(32 + 32)
		if r.flag() { // equal_picture_interval
			r.ue()
		}
		if decoderModel = r.flag(); decoderModel {
			delayBits = int(r.u(5)) + 1
			r.skip(32 + 5 + 5)
		}
	}
	initialDelay := r.flag()
	for n := int(r.u(5)) + 1; n > 0; n-- {
		r.skip(12)      // operating_point_idc
		if r.u(5) > 7 { // seq_level_idx
			r.skip(1) // seq_tier
		}
		if decoderModel && r.flag() {
			r.skip(2*delayBits + 1)
		}
		if initialDelay && r.flag() {
			r.skip(4)
		}
	}
}
