package webm

import (
	"fmt"

	"github.com/roomreel/roomreel/recorder/codec"
)

// AV1CodecPrivate returns the AV1CodecConfigurationRecord (AV1 in ISOBMFF section
// 2.3.3) for a sequence header OBU, with or without its size field. Blocks of the
// track hold OBUs with size fields and without temporal delimiters.
func AV1CodecPrivate(sequenceHeader []byte) ([]byte, error) {
	payload, err := sequencePayload(sequenceHeader)
	if err != nil {
		return nil, err
	}
	s := av1Sequence{Bits: codec.NewBits(payload)}
	s.parse()
	if s.Short() || s.profile > 2 {
		return nil, fmt.Errorf("%w: AV1 sequence header", ErrInvalidCodecData)
	}
	b := []byte{
		0x81, // marker and version
		byte(s.profile<<5 | s.level),
		byte(s.tier<<7 | s.high<<6 | s.twelve<<5 | s.mono<<4 | s.subX<<3 | s.subY<<2 | s.position),
		0, // no presentation delay
		1<<3 | 1<<1,
	}
	b = codec.AppendLEB128(b, len(payload))
	return append(b, payload...), nil
}

// sequencePayload returns the OBU without its header (AV1 section 5.3).
func sequencePayload(obu []byte) ([]byte, error) {
	invalid := fmt.Errorf("%w: not an AV1 sequence header", ErrInvalidCodecData)
	if len(obu) < 2 || obu[0]>>3 != 1 {
		return nil, invalid
	}
	body := obu[1:]
	if obu[0]&4 != 0 { // obu_extension_flag
		body = body[1:]
	}
	if obu[0]&2 != 0 { // obu_has_size_field
		size, n := codec.ParseLEB128(body)
		if n == 0 || size > len(body)-n {
			return nil, invalid
		}
		body = body[n : n+size]
	}
	return body, nil
}

// av1Sequence is what the record takes from a sequence header.
type av1Sequence struct {
	codec.Bits
	profile, level, tier uint32
	high, twelve, mono   uint32
	subX, subY, position uint32
}

// parse reads sequence_header_obu as far as its colours (AV1 section 5.5.1).
func (s *av1Sequence) parse() {
	s.profile = s.U(3)
	s.Skip(1) // still_picture
	reduced := s.Flag()
	if reduced {
		s.level = s.U(5)
	} else {
		s.level, s.tier = codec.AV1OperatingPoints(&s.Bits)
	}
	width, height := int(s.U(4))+1, int(s.U(4))+1
	s.Skip(width + height)
	if !reduced && s.Flag() { // frame_id_numbers_present_flag
		s.Skip(4 + 3)
	}
	s.Skip(3) // 128x128 superblocks, filter intra, intra edge filter
	if !reduced {
		s.tools()
	}
	s.Skip(3) // superres, cdef, restoration
	s.colours()
}

// tools passes over the coding tools of a sequence that is not a still picture.
func (s *av1Sequence) tools() {
	s.Skip(4) // interintra, masked, warped, dual filter
	orderHint := s.Flag()
	if orderHint {
		s.Skip(2)
	}
	screenContent := s.Flag() // seq_choose_screen_content_tools
	if !screenContent {
		screenContent = s.Flag() // seq_force_screen_content_tools
	}
	if screenContent && !s.Flag() { // seq_choose_integer_mv
		s.Skip(1)
	}
	if orderHint {
		s.Skip(3)
	}
}

// colours reads color_config (AV1 section 5.5.2).
func (s *av1Sequence) colours() {
	s.high = s.U(1)
	if s.profile == 2 && s.high == 1 {
		s.twelve = s.U(1)
	}
	if s.profile != 1 {
		s.mono = s.U(1)
	}
	var primaries, transfer, matrix uint32 = 2, 2, 2
	if s.Flag() {
		primaries, transfer, matrix = s.U(8), s.U(8), s.U(8)
	}
	switch {
	case s.mono == 1:
		s.subX, s.subY = 1, 1
		return
	case primaries == 1 && transfer == 13 && matrix == 0: // sRGB: 4:4:4
		return
	}
	s.Skip(1) // color_range
	switch {
	case s.profile == 0:
		s.subX, s.subY = 1, 1
	case s.profile == 2 && s.twelve == 1:
		if s.subX = s.U(1); s.subX == 1 {
			s.subY = s.U(1)
		}
	case s.profile == 2:
		s.subX = 1
	}
	if s.subX == 1 && s.subY == 1 {
		s.position = s.U(2)
	}
}
