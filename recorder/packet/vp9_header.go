package packet

// vp9Header is the beginning of a VP9 uncompressed header (bitstream section
// 6.2).
type vp9Header struct {
	key bool
	// The size of the frame; 0 if it is that of a reference, or if the frame only
	// shows another.
	width, height int
}

func parseVP9Header(b []byte) (h vp9Header, ok bool) {
	r := bitReader{b: b}
	if r.u(2) != 2 { // frame_marker
		return h, false
	}
	profile := r.u(1) | r.u(1)<<1
	if profile == 3 {
		r.skip(1)
	}
	if r.flag() { // show_existing_frame
		return h, !r.short
	}
	h.key = !r.flag()
	shown, resilient := r.flag(), r.flag()
	if h.key {
		if !parseVP9Sync(&r) {
			return h, false
		}
		parseVP9Colour(&r, profile)
		h.parseSize(&r)
		return h, !r.short
	}
	intraOnly := !shown && r.flag()
	if !resilient {
		r.skip(2) // reset_frame_context
	}
	if intraOnly {
		if !parseVP9Sync(&r) {
			return h, false
		}
		if profile > 0 {
			parseVP9Colour(&r, profile)
		}
	}
	r.skip(8) // refresh_frame_flags
	if intraOnly {
		h.parseSize(&r)
		return h, !r.short
	}
	r.skip(3 * (3 + 1)) // ref_frame_idx, ref_frame_sign_bias
	for range 3 {
		if r.flag() { // found_ref
			return h, !r.short
		}
	}
	h.parseSize(&r)
	return h, !r.short
}

func (h *vp9Header) parseSize(r *bitReader) {
	h.width, h.height = int(r.u(16))+1, int(r.u(16))+1
}

func parseVP9Sync(r *bitReader) bool { return r.u(24) == 0x498342 }

// parseVP9Colour skips color_config (bitstream section 6.2.2).
func parseVP9Colour(r *bitReader, profile uint32) {
	if profile >= 2 {
		r.skip(1) // ten_or_twelve_bit
	}
	const rgb = 7
	if space := r.u(3); space != rgb {
		r.skip(1) // color_range
		if profile == 1 || profile == 3 {
			r.skip(3) // subsampling, reserved
		}
	} else if profile == 1 || profile == 3 {
		r.skip(1) // reserved
	}
}
