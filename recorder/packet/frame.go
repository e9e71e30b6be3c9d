package packet

import (
	"bytes"
	"slices"
	"time"
)

// A Frame is one whole picture, or one packet of sound.
type Frame struct {
	Codec     Codec
	Timestamp Timestamp

	// Arrival is when the first of its packets came, and LastArrival when it was
	// whole.
	Arrival, LastArrival time.Duration

	// Duration is how long a packet of sound plays; 0 for pictures.
	Duration time.Duration

	// Channels are how many a packet of sound codes, 1 or 2, whatever was
	// negotiated; 0 for pictures.
	Channels int

	// Lost is how many packets were lost since the frame given out before.
	Lost int64

	// Keyframe: decoding can begin with this picture. Every packet of sound is
	// one. A picture that needs parameter sets which have not been seen is not.
	Keyframe bool
	// Discardable: no other picture leans on this one. Known of VP8 and H.264 only.
	Discardable bool
	// Silence: LiveKit's server made this sound, because the microphone is muted
	// or nothing flows yet. A publisher may send the same bytes.
	Silence bool

	// Width and Height in pixels as displayed, after cropping, of keyframes; 0 of
	// others, except of VP9's, which may change its size without a keyframe, where
	// known. With several spatial layers, those of the highest; for AV1 of the
	// highest that the sequence may have.
	Width, Height int

	// Parameters are what the decoder needs besides; of keyframes only, and nil
	// for codecs that need none.
	Parameters *Parameters

	// Payload is the frame as Matroska blocks hold it: for VP9 one superframe of
	// all spatial layers, for AV1 OBUs with size fields and without temporal
	// delimiters, for H.264 and H.265 NAL units that follow a length of 4 bytes,
	// without access unit delimiters and filler. Parameter sets stay where they
	// came.
	//
	// It is borrowed until the next call of [Receiver.Next].
	Payload []byte

	layer layer
}

// Parameters are the parameter sets in force at a keyframe: what the codec's
// CodecPrivate is made of. They never change and may be kept; as long as a
// stream's parameter sets stay the same its keyframes share one value.
type Parameters struct {
	// VPS (H.265), SPS and PPS (H.264, H.265) are NAL units, in order of their
	// numbers.
	VPS, SPS, PPS [][]byte
	// SequenceHeader is AV1's, an OBU with its size field.
	SequenceHeader []byte
}

// Equal reports whether both hold the same parameter sets.
func (p *Parameters) Equal(q *Parameters) bool {
	if p == nil || q == nil {
		return p == q
	}
	return slices.EqualFunc(p.VPS, q.VPS, bytes.Equal) &&
		slices.EqualFunc(p.SPS, q.SPS, bytes.Equal) &&
		slices.EqualFunc(p.PPS, q.PPS, bytes.Equal) &&
		bytes.Equal(p.SequenceHeader, q.SequenceHeader)
}

// layer is what a VP8 or VP9 payload descriptor says about which pictures the
// picture leans on.
type layer struct {
	hasPicture bool
	picture    uint16 // PictureID, of 15 bits

	temporal bool  // the rest is known
	base     uint8 // TL0PICIDX
	id       uint8 // TID
	sync     bool  // leans on the base layer only
}
