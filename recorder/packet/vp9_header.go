package packet

import "github.com/roomreel/roomreel/recorder/codec"

// vp9Header is the beginning of a VP9 uncompressed header (bitstream section
// 6.2).
type vp9Header struct {
	key bool
	// The size of the frame; 0 if it is that of the frame in a slot for references.
	width, height int
	slot          uint32
	refresh       uint32 // a bit for each slot that takes the frame
}

func parseVP9Header(b []byte) (h vp9Header, ok bool) {
	r := codec.NewBits(b)
	if r.U(2) != 2 { // frame_marker
		return h, false
	}
	profile := r.U(1) | r.U(1)<<1
	if profile == 3 {
		r.Skip(1)
	}
	if r.Flag() { // show_existing_frame
		h.slot = r.U(3)
		return h, !r.Short()
	}
	h.key = !r.Flag()
	shown, resilient := r.Flag(), r.Flag()
	if h.key {
		if !parseVP9Sync(&r) {
			return h, false
		}
		parseVP9Colour(&r, profile)
		h.parseSize(&r)
		h.refresh = 1<<vp9Slots - 1
		return h, !r.Short()
	}
	intraOnly := !shown && r.Flag()
	if !resilient {
		r.Skip(2) // reset_frame_context
	}
	if intraOnly {
		if !parseVP9Sync(&r) {
			return h, false
		}
		if profile > 0 {
			parseVP9Colour(&r, profile)
		}
	}
	h.refresh = r.U(vp9Slots)
	if intraOnly {
		h.parseSize(&r)
		return h, !r.Short()
	}
	var references [3]uint32
	for i := range references {
		references[i] = r.U(3)
		r.Skip(1) // ref_frame_sign_bias
	}
	for _, slot := range references {
		if r.Flag() { // found_ref
			h.slot = slot
			return h, !r.Short()
		}
	}
	h.parseSize(&r)
	return h, !r.Short()
}

// vp9Slots is how many frames a decoder keeps to refer to (NUM_REF_FRAMES).
const vp9Slots = 8

func (h *vp9Header) parseSize(r *codec.Bits) {
	h.width, h.height = int(r.U(16))+1, int(r.U(16))+1
}

func parseVP9Sync(r *codec.Bits) bool { return r.U(24) == 0x498342 }

// parseVP9Colour skips color_config (bitstream section 6.2.2).
func parseVP9Colour(r *codec.Bits, profile uint32) {
	if profile >= 2 {
		r.Skip(1) // ten_or_twelve_bit
	}
	const rgb = 7
	if space := r.U(3); space != rgb {
		r.Skip(1) // color_range
		if profile == 1 || profile == 3 {
			r.Skip(3) // subsampling, reserved
		}
	} else if profile == 1 || profile == 3 {
		r.Skip(1) // reserved
	}
}
