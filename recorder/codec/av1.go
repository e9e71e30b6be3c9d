package codec

// AV1OperatingPoints reads a sequence header from timing_info_present_flag to its last
// operating point, and returns the level and the tier of the first (AV1 section
// 5.5.1).
func AV1OperatingPoints(r *Bits) (level, tier uint32) {
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
	displayDelay := r.Flag()
	points := int(r.U(5)) + 1
	for i := range points {
		r.Skip(12) // operating_point_idc
		l, t := r.U(5), uint32(0)
		if l > 7 {
			t = r.U(1)
		}
		if i == 0 {
			level, tier = l, t
		}
		if decoderModel && r.Flag() {
			r.Skip(2*delayBits + 1)
		}
		if displayDelay && r.Flag() {
			r.Skip(4)
		}
	}
	return level, tier
}
