package packet

import "github.com/roomreel/roomreel/recorder/codec"

// parseH264SPS reads a sequence parameter set as far as its size (H.264 section
// 7.3.2.1.1).
func parseH264SPS(nal []byte) (s parameterSet, ok bool) {
	if len(nal) < 4 {
		return s, false
	}
	s.nal = nal
	r := codec.NewBits(codec.Unescape(nal[4:])) // after profile_idc, constraints, level_idc
	s.id = r.UE()
	chroma := uint32(1)
	if hasChromaFormat(nal[1]) {
		if chroma = r.UE(); chroma == 3 && r.Flag() { // separate_colour_plane_flag
			chroma = 0
		}
		r.UE()        // bit_depth_luma_minus8
		r.UE()        // bit_depth_chroma_minus8
		r.Skip(1)     // qpprime_y_zero_transform_bypass_flag
		if r.Flag() { // seq_scaling_matrix_present_flag
			skipScalingLists(&r, chroma)
		}
	}
	r.UE()          // log2_max_frame_num_minus4
	switch r.UE() { // pic_order_cnt_type
	case 0:
		r.UE()
	case 1:
		r.Skip(1)
		r.UE()
		r.UE()
		for n := r.UE(); n > 0 && !r.Short(); n-- {
			r.UE()
		}
	}
	r.UE()    // max_num_ref_frames
	r.Skip(1) // gaps_in_frame_num_value_allowed_flag
	widthMBs, heightUnits := r.UE(), r.UE()
	const maxMBs = 1 << 12 // far beyond any level of table A-1
	if r.Short() || s.id > 31 || chroma > 3 || widthMBs >= maxMBs || heightUnits >= maxMBs {
		return s, false
	}
	s.width, s.height = int(widthMBs+1)*16, int(heightUnits+1)*16
	fieldUnits := 1
	if !r.Flag() { // frame_mbs_only_flag
		fieldUnits = 2
		r.Skip(1) // mb_adaptive_frame_field_flag
	}
	s.height *= fieldUnits
	r.Skip(1)     // direct_8x8_inference_flag
	if r.Flag() { // frame_cropping_flag
		left, right, top, bottom := r.UE(), r.UE(), r.UE(), r.UE()
		unitX, unitY := 1, fieldUnits
		if chroma == 1 || chroma == 2 {
			unitX = 2
		}
		if chroma == 1 {
			unitY *= 2
		}
		s.width = crop(s.width, unitX, left, right)
		s.height = crop(s.height, unitY, top, bottom)
	}
	return s, !r.Short() && s.width > 0 && s.height > 0
}

// crop returns size less both borders, counted in units, and 0 if nothing is
// left.
func crop(size, unit int, a, b uint32) int {
	return int(max(int64(size)-int64(unit)*(int64(a)+int64(b)), 0))
}

// hasChromaFormat reports whether an SPS of the profile tells its chroma format.
func hasChromaFormat(profile byte) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

// skipScalingLists skips the scaling lists of an SPS (H.264 section 7.3.2.1.1.1).
func skipScalingLists(r *codec.Bits, chroma uint32) {
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if !r.Flag() {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := int32(8), int32(8)
		for range size {
			if next != 0 {
				next = (last + r.SE() + 256) % 256
			}
			if next != 0 {
				last = next
			}
		}
	}
}
