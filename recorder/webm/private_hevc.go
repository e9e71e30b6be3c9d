package webm

import (
	"encoding/binary"
	"fmt"

	"github.com/roomreel/roomreel/recorder/codec"
)

// NAL unit types of H.265 (table 7-1).
const (
	hevcVPS = 32
	hevcSPS = 33
	hevcPPS = 34
)

// HEVCCodecPrivate returns the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15
// section 8.3.3.1) for H.265 parameter sets: NAL units without start code or
// length. Blocks of the track hold NAL units that follow a length of 4 bytes, and
// may repeat parameter sets. What only helps to plan the decoding (segmentation,
// parallelism, frame rate) is left as unspecified.
func HEVCCodecPrivate(vps, sps, pps [][]byte) ([]byte, error) {
	sets := []struct {
		kind byte
		nals [][]byte
	}{{hevcVPS, vps}, {hevcSPS, sps}, {hevcPPS, pps}}
	for _, set := range sets {
		if len(set.nals) == 0 || len(set.nals) > 64 {
			return nil, fmt.Errorf("%w: H.265 with %d NAL units of type %d", ErrInvalidCodecData, len(set.nals), set.kind)
		}
		for _, nal := range set.nals {
			if len(nal) < 3 || len(nal) > 0xFFFF || nal[0]>>1&0x3F != set.kind {
				return nil, fmt.Errorf("%w: not an H.265 NAL unit of type %d", ErrInvalidCodecData, set.kind)
			}
		}
	}
	s, err := parseHEVCSPS(codec.Unescape(sps[0][2:]))
	if err != nil {
		return nil, err
	}
	b := append([]byte{1}, s.profileTierLevel...)
	b = append(b, 0xF0, 0, 0xFC, 0xFC|s.chroma, 0xF8|s.luma, 0xF8|s.colour, 0, 0)
	b = append(b, s.layers<<3|s.nested<<2|3, byte(len(sets)))
	for _, set := range sets {
		b = append(b, set.kind)
		b = binary.BigEndian.AppendUint16(b, uint16(len(set.nals)))
		b = appendNALs(b, set.nals)
	}
	return b, nil
}

// hevcParams is what the record takes from an SPS.
type hevcParams struct {
	profileTierLevel     []byte // 12 bytes, as they stand in both
	layers, nested       byte
	chroma, luma, colour byte
}

// parseHEVCSPS reads an SPS as far as its bit depths (H.265 section 7.3.2.2).
func parseHEVCSPS(b []byte) (hevcParams, error) {
	invalid := fmt.Errorf("%w: H.265 SPS", ErrInvalidCodecData)
	if len(b) < 13 {
		return hevcParams{}, invalid
	}
	sub := int(b[0] >> 1 & 7)
	p := hevcParams{profileTierLevel: b[1:13], layers: byte(sub) + 1, nested: b[0] & 1}
	r := codec.NewBits(b[13:])
	skipSubLayers(&r, sub)

	r.UE() // sps_seq_parameter_set_id
	chroma := r.UE()
	if chroma == 3 {
		r.Skip(1) // separate_colour_plane_flag
	}
	r.UE() // width
	r.UE() // height
	if r.Flag() {
		for range 4 { // conformance window
			r.UE()
		}
	}
	luma, colour := r.UE(), r.UE()
	if r.Short() || sub > 6 || chroma > 3 || luma > 7 || colour > 7 {
		return hevcParams{}, invalid
	}
	p.chroma, p.luma, p.colour = byte(chroma), byte(luma), byte(colour)
	return p, nil
}

// skipSubLayers passes over what profile_tier_level says of n sub-layers (H.265
// section 7.3.3).
func skipSubLayers(r *codec.Bits, n int) {
	if n == 0 {
		return
	}
	bits := 0
	for i := range 8 {
		profile, level := r.Flag(), r.Flag()
		if i < n && profile {
			bits += 88
		}
		if i < n && level {
			bits += 8
		}
	}
	r.Skip(bits)
}
