package packet

import "github.com/roomreel/roomreel/recorder/codec"

// The types of NAL unit that matter here (H.265 table 7-1, RFC 7798 section
// 4.4).
const (
	h265VCL    = 32 // below it
	h265BLA    = 16 // the first of the types where decoding can begin
	h265CRA    = 21 // the last of them
	h265VPS    = 32
	h265SPS    = 33
	h265PPS    = 34
	h265AUD    = 35
	h265Filler = 38
	h265AP     = 48
	h265FU     = 49
)

// h265 takes the payload of RFC 7798 without decoding order numbers
// (sprop-max-don-diff 0, as in WebRTC). A frame is an access unit: all packets of
// one timestamp.
type h265 struct {
	nals nalFrame
	sets nalSets
}

func h265Type(b byte) byte { return b >> 1 & 0x3F }

func (h *h265) reset() { h.nals = nalFrame{} }

// starts trusts an access unit delimiter, or a VPS: only a delimiter may go
// before it (H.265 section 7.4.2.4.4).
func (h *h265) starts(payload []byte) bool {
	if len(payload) == 0 {
		return false
	}
	kind := h265Type(payload[0])
	if kind == h265AP && len(payload) > 4 {
		kind = h265Type(payload[4])
	}
	return kind == h265AUD || kind == h265VPS
}

func (h *h265) add(frame, payload []byte) ([]byte, error) {
	if len(payload) < 3 {
		return nil, errPayload
	}
	ok := false
	switch kind := h265Type(payload[0]); {
	case kind < h265AP:
		frame, ok = h.append(frame, payload)
	case kind == h265AP: // RFC 7798 section 4.4.2
		for rest := payload[2:]; len(rest) > 0; {
			if len(rest) < 2 {
				return nil, errPayload
			}
			size := int(rest[0])<<8 | int(rest[1])
			if rest = rest[2:]; size < 2 || size > len(rest) || h265Type(rest[0]) >= h265AP {
				return nil, errPayload
			}
			if frame, ok = h.append(frame, rest[:size]); !ok {
				return nil, errPayload
			}
			rest = rest[size:]
		}
	case kind == h265FU && len(payload) > 3: // RFC 7798 section 4.4.3
		first, last := payload[2]&0x80 != 0, payload[2]&0x40 != 0
		if first {
			if frame, ok = h.nals.begin(frame, payload[0]&0x81|payload[2]&0x3F<<1, payload[1]); !ok {
				return nil, errPayload
			}
		}
		frame, ok = h.nals.extend(frame, payload[3:], last)
	}
	if !ok {
		return nil, errPayload
	}
	return frame, nil
}

// append appends a NAL unit unless it is one that files do without.
func (h *h265) append(frame, nal []byte) ([]byte, bool) {
	if kind := h265Type(nal[0]); kind == h265AUD || kind == h265Filler {
		return frame, !h.nals.fragment
	}
	return h.nals.appendNAL(frame, nal)
}

func (h *h265) finish(frame []byte, f *Frame) ([]byte, error) {
	if h.nals.fragment {
		return nil, errPayload
	}
	sets := h.sets
	random, picture := false, false
	for rest := frame; len(rest) > 0; {
		var nal []byte
		nal, rest = nextNAL(rest)
		switch kind := h265Type(nal[0]); {
		case kind < h265VCL:
			picture = true
			random = random || kind >= h265BLA && kind <= h265CRA
		case kind == h265VPS:
			r := codec.NewBits(nal[2:])
			sets.vps = sets.vps.with(parameterSet{id: r.U(4), nal: nal})
		case kind == h265SPS:
			s, ok := parseH265SPS(nal)
			if !ok {
				return nil, errPayload
			}
			sets.sps, sets.width, sets.height = sets.sps.with(s), s.width, s.height
		case kind == h265PPS:
			r := codec.NewBits(nal[2:])
			id := r.UE()
			if id > 63 {
				return nil, errPayload
			}
			sets.pps = sets.pps.with(parameterSet{id: id, nal: nal})
		}
	}
	if random && len(sets.vps) > 0 && len(sets.sps) > 0 && len(sets.pps) > 0 {
		f.Keyframe, f.Width, f.Height = true, sets.width, sets.height
	}
	if f.blank() {
		return frame, nil // and its parameter sets go no further
	}
	sets.update(&h.sets)
	h.sets = sets
	if !picture {
		return nil, errNoPicture
	}
	if f.Keyframe {
		f.Parameters = sets.parameters
	}
	return frame, nil
}

// parseH265SPS reads a sequence parameter set as far as its size (H.265 section
// 7.3.2.2.1).
func parseH265SPS(nal []byte) (s parameterSet, ok bool) {
	if len(nal) < 4 {
		return s, false
	}
	s.nal = nal
	r := codec.NewBits(codec.Unescape(nal[2:]))
	r.Skip(4) // sps_video_parameter_set_id
	subLayers := int(r.U(3))
	r.Skip(1)
	skipProfileTierLevel(&r, subLayers)
	s.id = r.UE()
	chroma := r.UE()
	if chroma == 3 && r.Flag() { // separate_colour_plane_flag
		chroma = 0
	}
	width, height := r.UE(), r.UE()
	const maxSize = 1 << 16 // far beyond any level of table A.8
	if r.Short() || s.id > 15 || chroma > 3 || width >= maxSize || height >= maxSize {
		return s, false
	}
	s.width, s.height = int(width), int(height)
	if r.Flag() { // conformance_window_flag
		left, right, top, bottom := r.UE(), r.UE(), r.UE(), r.UE()
		unitX, unitY := 1, 1
		if chroma == 1 || chroma == 2 {
			unitX = 2
		}
		if chroma == 1 {
			unitY = 2
		}
		s.width = crop(s.width, unitX, left, right)
		s.height = crop(s.height, unitY, top, bottom)
	}
	return s, !r.Short() && s.width > 0 && s.height > 0
}

// skipProfileTierLevel skips profile_tier_level (H.265 section 7.3.3).
func skipProfileTierLevel(r *codec.Bits, subLayers int) {
	r.Skip(88 + 8)
	if subLayers == 0 {
		return
	}
	profiles, levels := 0, 0
	for range subLayers {
		profiles += int(r.U(1))
		levels += int(r.U(1))
	}
	r.Skip(2 * (8 - subLayers))
	r.Skip(88*profiles + 8*levels)
}
