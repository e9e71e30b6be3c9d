package packet

import (
	"bytes"

	"github.com/roomreel/roomreel/recorder/codec"
)

// The types of OBU that matter here (AV1 section 6.2.2).
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrameHeader       = 3
	obuFrame             = 6
	obuTileList          = 8
)

// av1 takes AOMedia's RTP payload. A frame is a temporal unit: its OBUs without
// the temporal delimiter, each with its size field.
type av1 struct {
	// fragment is the beginning of an OBU that goes on in the next packet.
	fragment []byte
	// cut says that there is one, even if it is empty.
	cut bool

	parameters *Parameters
}

func (a *av1) reset() { a.fragment, a.cut = a.fragment[:0], false }

// starts trusts the N bit, which is set on the first packet of a coded video
// sequence only (RTP Payload Format For AV1, section 4.4).
func (a *av1) starts(payload []byte) bool { return len(payload) > 0 && payload[0]&0x88 == 0x08 }

// add reads the aggregation header and the OBU elements that follow it (RTP
// Payload Format For AV1, sections 4.3 and 4.4).
func (a *av1) add(frame, payload []byte) ([]byte, error) {
	if len(payload) < 2 {
		return nil, errPayload
	}
	continues, goesOn := payload[0]&0x80 != 0, payload[0]&0x40 != 0 // Z, Y
	count := int(payload[0] >> 4 & 3)                               // W
	if continues != a.cut {
		return nil, errPayload
	}
	rest, n := payload[1:], 0
	for len(rest) > 0 {
		size := len(rest)
		if n++; n != count {
			var width int
			if size, width = codec.ParseLEB128(rest); width == 0 || size > len(rest)-width {
				return nil, errPayload
			}
			rest = rest[width:]
		}
		element := rest[:size]
		rest = rest[size:]
		if a.cut {
			a.fragment = append(a.fragment, element...)
			element = a.fragment
		}
		if goesOn && len(rest) == 0 {
			if !a.cut {
				a.fragment = append(a.fragment[:0], element...)
			}
			a.cut = true
			break
		}
		a.cut = false
		var ok bool
		if frame, ok = appendOBU(frame, element); !ok {
			return nil, errPayload
		}
	}
	if count > 0 && n != count {
		return nil, errPayload
	}
	return frame, nil
}

// appendOBU appends an OBU with its size field, unless it is one that receivers
// must ignore (RTP Payload Format For AV1, section 5).
func appendOBU(frame, obu []byte) ([]byte, bool) {
	if len(obu) == 0 {
		return frame, true
	}
	header := obu[0]
	kind, hasExtension, hasSize := header>>3&0xF, header&4 != 0, header&2 != 0
	n := 1
	if hasExtension {
		n++
	}
	if header&0x80 != 0 || len(obu) < n { // forbidden bit
		return frame, false
	}
	body := obu[n:]
	if hasSize {
		size, width := codec.ParseLEB128(body)
		if width == 0 || size != len(body)-width {
			return frame, false
		}
		body = body[width:]
	}
	if kind == obuTemporalDelimiter || kind == obuTileList {
		return frame, true
	}
	frame = append(frame, header|2)
	frame = append(frame, obu[1:n]...)
	frame = codec.AppendLEB128(frame, len(body))
	return append(frame, body...), true
}

// finish looks for a sequence header and at the first frame header. Decoding can
// begin with a shown keyframe that a sequence header goes before (AV1 section
// 7.6.2).
func (a *av1) finish(frame []byte, f *Frame) ([]byte, error) {
	if a.cut {
		return nil, errPayload
	}
	var sequence []byte
	var header av1Sequence
	for rest := frame; len(rest) > 0; {
		obu, kind, body := nextOBU(rest)
		rest = rest[len(obu):]
		switch kind {
		case obuSequenceHeader:
			var ok bool
			if header, ok = parseAV1Sequence(body); !ok {
				return nil, errPayload
			}
			sequence = obu
		case obuFrameHeader, obuFrame:
			if sequence != nil && (header.reduced || isAV1Keyframe(body)) {
				f.Keyframe, f.Width, f.Height = true, header.width, header.height
				f.Parameters = a.keep(sequence)
			}
			return frame, nil
		}
	}
	return nil, errNoPicture
}

// isAV1Keyframe reports whether a frame header is that of a shown keyframe (AV1
// section 5.9.2).
func isAV1Keyframe(header []byte) bool {
	r := codec.NewBits(header)
	existing, frameType, shown := r.Flag(), r.U(2), r.Flag()
	return !existing && frameType == 0 && shown && !r.Short()
}

// keep returns the parameters for a sequence header.
func (a *av1) keep(sequence []byte) *Parameters {
	if a.parameters == nil || !bytes.Equal(a.parameters.SequenceHeader, sequence) {
		a.parameters = &Parameters{SequenceHeader: bytes.Clone(sequence)}
	}
	return a.parameters
}

// nextOBU returns the OBU at the beginning of b, which appendOBU has written.
func nextOBU(b []byte) (obu []byte, kind byte, body []byte) {
	n := 1
	if b[0]&4 != 0 {
		n++
	}
	size, width := codec.ParseLEB128(b[n:])
	end := n + width + size
	return b[:end], b[0] >> 3 & 0xF, b[n+width : end]
}
