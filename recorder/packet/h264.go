package packet

import "github.com/roomreel/roomreel/recorder/codec"

// The types of NAL unit that matter here (H.264 table 7-1, RFC 6184 table 1).
const (
	h264IDR    = 5
	h264SPS    = 7
	h264PPS    = 8
	h264AUD    = 9
	h264Filler = 12
	h264STAPA  = 24
	h264FUA    = 28
)

// h264 takes the payload of RFC 6184 in single NAL unit and non-interleaved
// mode. A frame is an access unit: all packets of one timestamp.
type h264 struct {
	nals nalFrame
	sets nalSets
}

func (h *h264) reset() { h.nals = nalFrame{} }

// starts trusts an access unit delimiter or an SPS: what may go before them in an
// access unit is nothing that a decoder needs (H.264 section 7.4.1.2.3).
func (h *h264) starts(payload []byte) bool {
	if len(payload) == 0 {
		return false
	}
	kind := payload[0] & 0x1F
	if kind == h264STAPA && len(payload) > 3 {
		kind = payload[3] & 0x1F
	}
	return kind == h264AUD || kind == h264SPS
}

func (h *h264) add(frame, payload []byte) ([]byte, error) {
	kind := payload[0] & 0x1F
	ok := false
	switch {
	case kind > 0 && kind < h264STAPA:
		frame, ok = h.append(frame, payload)
	case kind == h264STAPA: // RFC 6184 section 5.7.1
		for rest := payload[1:]; len(rest) > 0; {
			if len(rest) < 2 {
				return nil, errPayload
			}
			size := int(rest[0])<<8 | int(rest[1])
			if rest = rest[2:]; size == 0 || size > len(rest) {
				return nil, errPayload
			}
			if nested := rest[0] & 0x1F; nested == 0 || nested >= h264STAPA {
				return nil, errPayload
			}
			if frame, ok = h.append(frame, rest[:size]); !ok {
				return nil, errPayload
			}
			rest = rest[size:]
		}
	case kind == h264FUA && len(payload) > 2: // RFC 6184 section 5.8
		first, last := payload[1]&0x80 != 0, payload[1]&0x40 != 0
		if first {
			if frame, ok = h.nals.begin(frame, payload[0]&0xE0|payload[1]&0x1F); !ok {
				return nil, errPayload
			}
		}
		frame, ok = h.nals.extend(frame, payload[2:], last)
	}
	if !ok {
		return nil, errPayload
	}
	return frame, nil
}

// append appends a NAL unit unless it is one that files do without.
func (h *h264) append(frame, nal []byte) ([]byte, bool) {
	if kind := nal[0] & 0x1F; kind == h264AUD || kind == h264Filler {
		return frame, !h.nals.fragment
	}
	return h.nals.appendNAL(frame, nal)
}

func (h *h264) finish(frame []byte, f *Frame) ([]byte, error) {
	if h.nals.fragment {
		return nil, errPayload
	}
	sets := h.sets
	idr, picture := false, false
	f.Discardable = true
	for rest := frame; len(rest) > 0; {
		var nal []byte
		nal, rest = nextNAL(rest)
		switch kind := nal[0] & 0x1F; kind {
		case 1, 2, 3, 4, h264IDR:
			picture = true
			idr = idr || kind == h264IDR
			f.Discardable = f.Discardable && nal[0]&0x60 == 0 // nal_ref_idc
		case h264SPS:
			s, ok := parseH264SPS(nal)
			if !ok {
				return nil, errPayload
			}
			sets.sps, sets.width, sets.height = sets.sps.with(s), s.width, s.height
		case h264PPS:
			r := codec.NewBits(nal[1:])
			id := r.UE()
			if id > 255 {
				return nil, errPayload
			}
			sets.pps = sets.pps.with(parameterSet{id: id, nal: nal})
		}
	}
	if idr && len(sets.sps) > 0 && len(sets.pps) > 0 {
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
