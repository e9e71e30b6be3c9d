package packet

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// nalLength is the size of the length before each NAL unit of a frame (ISO/IEC
// 14496-15, lengthSizeMinusOne = 3).
const nalLength = 4

// nalFrame is an access unit under assembly: NAL units that each follow their
// length. At most the last one is a fragment that still grows.
type nalFrame struct {
	fragment bool
	start    int // of the fragment's length
}

// appendNAL appends a whole NAL unit. It reports false in the middle of a
// fragmented one, which nothing may interrupt.
func (n *nalFrame) appendNAL(frame, nal []byte) ([]byte, bool) {
	if n.fragment {
		return frame, false
	}
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(nal)))
	return append(frame, nal...), true
}

// begin appends the header of a NAL unit that comes in fragments.
func (n *nalFrame) begin(frame []byte, header ...byte) ([]byte, bool) {
	if n.fragment {
		return frame, false
	}
	n.fragment, n.start = true, len(frame)
	frame = append(frame, 0, 0, 0, 0)
	return append(frame, header...), true
}

// extend appends a fragment's payload, and after the last one the length.
func (n *nalFrame) extend(frame, payload []byte, last bool) ([]byte, bool) {
	if !n.fragment {
		return frame, false
	}
	frame = append(frame, payload...)
	if last {
		n.fragment = false
		binary.BigEndian.PutUint32(frame[n.start:], uint32(len(frame)-n.start-nalLength))
	}
	return frame, true
}

// nextNAL splits the first NAL unit off an access unit made by nalFrame.
func nextNAL(frame []byte) (nal, rest []byte) {
	end := nalLength + int(binary.BigEndian.Uint32(frame))
	return frame[nalLength:end], frame[end:]
}

// parameterSet is a VPS, SPS or PPS. Its nal may be borrowed from a frame.
type parameterSet struct {
	id            uint32
	nal           []byte
	width, height int // of an SPS
}

// parameterSets are those of one kind, in order of their numbers.
type parameterSets []parameterSet

// with returns the sets after one more was received, of which it takes a copy. It
// never changes p's elements: the frame may yet turn out not to count.
func (p parameterSets) with(s parameterSet) parameterSets {
	i, found := slices.BinarySearchFunc(p, s.id, func(e parameterSet, id uint32) int { return int(e.id) - int(id) })
	if found && bytes.Equal(p[i].nal, s.nal) {
		return p
	}
	s.nal = bytes.Clone(s.nal)
	q := slices.Clone(p)
	if found {
		q[i] = s
		return q
	}
	return slices.Insert(q, i, s)
}

func (p parameterSets) nals() [][]byte {
	var out [][]byte
	for _, s := range p {
		out = append(out, s.nal)
	}
	return out
}

// same reports whether p and q are the same sets, not only equal ones: with
// returns what it was given when nothing is new.
func (p parameterSets) same(q parameterSets) bool {
	return len(p) == len(q) && (len(p) == 0 || &p[0] == &q[0])
}

// nalSets are all parameter sets of a stream.
type nalSets struct {
	vps, sps, pps parameterSets
	// The size in the SPS that was received last.
	width, height int
	parameters    *Parameters
}

// update makes the Parameters of the sets, unless those of old still hold.
func (s *nalSets) update(old *nalSets) {
	if old.parameters != nil && s.vps.same(old.vps) && s.sps.same(old.sps) && s.pps.same(old.pps) {
		return
	}
	s.parameters = &Parameters{VPS: s.vps.nals(), SPS: s.sps.nals(), PPS: s.pps.nals()}
}

// Servers' blank frames are at most this wide and high: LiveKit's are 8x8 (VP8)
// and 2x2 (H.264, VP8KeyFrame8x8 and H264KeyFrame2x2 in its pkg/sfu).
const blankSize = 16

func (f *Frame) blank() bool {
	return f.Keyframe && f.Width <= blankSize && f.Height <= blankSize && !f.Codec.Audio()
}
