package webm

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/roomreel/roomreel/recorder/codec"
)

// AVCCodecPrivate returns the AVCDecoderConfigurationRecord (ISO/IEC 14496-15
// section 5.3.3.1) for H.264 parameter sets: NAL units without start code or
// length. Blocks of the track hold NAL units that follow a length of 4 bytes.
func AVCCodecPrivate(sps, pps [][]byte) ([]byte, error) {
	if len(sps) == 0 || len(sps) > 31 || len(pps) == 0 || len(pps) > 255 {
		return nil, fmt.Errorf("%w: H.264 with %d SPS and %d PPS", ErrInvalidCodecData, len(sps), len(pps))
	}
	for _, nal := range slices.Concat(sps, pps) {
		if len(nal) < 2 || len(nal) > 0xFFFF {
			return nil, fmt.Errorf("%w: H.264 parameter set of %d bytes", ErrInvalidCodecData, len(nal))
		}
	}
	first := sps[0]
	if len(first) < 4 || first[0]&0x1F != 7 || pps[0][0]&0x1F != 8 {
		return nil, fmt.Errorf("%w: not an H.264 SPS and PPS", ErrInvalidCodecData)
	}
	// Version 1, profile, compatibility, level, lengths of 4 bytes.
	b := []byte{1, first[1], first[2], first[3], 0xFF, 0xE0 | byte(len(sps))}
	b = appendNALs(b, sps)
	b = append(b, byte(len(pps)))
	b = appendNALs(b, pps)
	if !highProfile(first[1]) {
		return b, nil
	}
	r := codec.NewBits(codec.Unescape(first[4:]))
	r.UE() // seq_parameter_set_id
	chroma := r.UE()
	if chroma == 3 {
		r.Skip(1) // separate_colour_plane_flag
	}
	luma, colour := r.UE(), r.UE()
	if r.Short() || chroma > 3 || luma > 6 || colour > 6 {
		return nil, fmt.Errorf("%w: H.264 SPS", ErrInvalidCodecData)
	}
	return append(b, 0xFC|byte(chroma), 0xF8|byte(luma), 0xF8|byte(colour), 0), nil
}

// highProfile reports whether an SPS of the profile tells its chroma format
// (H.264 section 7.3.2.1.1).
func highProfile(idc byte) bool {
	switch idc {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

// appendNALs appends NAL units after their 16-bit lengths.
func appendNALs(b []byte, nals [][]byte) []byte {
	for _, nal := range nals {
		b = binary.BigEndian.AppendUint16(b, uint16(len(nal)))
		b = append(b, nal...)
	}
	return b
}
