package packet

import "github.com/roomreel/roomreel/recorder/codec"

// vp8 takes the payload of RFC 7741. A frame's packets follow each other; their
// payloads, without the descriptor, are the frame (section 4.1).
type vp8 struct {
	d vp8Descriptor // of the frame's first packet
}

// vp8Descriptor is the VP8 payload descriptor (RFC 7741 section 4.2).
type vp8Descriptor struct {
	start, discardable bool
	layer              layer
	size               int
}

// parseVP8Descriptor reports false if the descriptor is cut or if nothing
// follows it.
func parseVP8Descriptor(b []byte) (vp8Descriptor, bool) {
	if len(b) == 0 {
		return vp8Descriptor{}, false
	}
	d := vp8Descriptor{start: startsVP8(b[0]), discardable: b[0]&0x20 != 0, size: 1}
	if b[0]&0x80 == 0 {
		return d, len(b) > d.size
	}
	r := codec.NewBits(b[1:])
	hasPicture, hasBase, hasID, hasKeyIndex := r.Flag(), r.Flag(), r.Flag(), r.Flag()
	r.Skip(4)
	if hasPicture {
		d.layer.hasPicture = true
		long := r.Flag()
		d.layer.picture = uint16(r.U(7))
		if long {
			d.layer.picture = d.layer.picture<<8 | uint16(r.U(8))
		}
	}
	if hasBase {
		d.layer.base = uint8(r.U(8))
	}
	if hasID || hasKeyIndex {
		d.layer.id = uint8(r.U(2))
		d.layer.sync = r.Flag()
		r.Skip(5)
	}
	if d.layer.temporal = hasBase && hasID; !d.layer.temporal {
		d.layer.base, d.layer.id, d.layer.sync = 0, 0, false
	}
	d.size += r.Pos() / 8
	return d, !r.Short() && len(b) > d.size
}

func (v *vp8) reset() { v.d = vp8Descriptor{} }

func (v *vp8) starts(payload []byte) bool {
	return len(payload) > 0 && startsVP8(payload[0])
}

// startsVP8 reports whether the first byte of a descriptor is that of a frame's
// first packet: one that starts partition 0.
func startsVP8(b byte) bool { return b&0x10 != 0 && b&0x07 == 0 }

func (v *vp8) add(frame, payload []byte) ([]byte, error) {
	d, ok := parseVP8Descriptor(payload)
	if !ok || d.start != (len(frame) == 0) {
		return nil, errPayload
	}
	if d.start {
		v.d = d
	}
	return append(frame, payload[d.size:]...), nil
}

func (v *vp8) finish(frame []byte, f *Frame) ([]byte, error) {
	f.Discardable, f.layer = v.d.discardable, v.d.layer
	if len(frame) < 3 {
		return nil, errPayload
	}
	if frame[0]&1 != 0 {
		return frame, nil
	}
	var ok bool
	f.Keyframe = true
	f.Width, f.Height, ok = parseVP8Keyframe(frame)
	if !ok {
		return nil, errPayload
	}
	return frame, nil
}

// parseVP8Keyframe returns the size in the header of a keyframe (RFC 6386
// section 9.1).
func parseVP8Keyframe(b []byte) (width, height int, ok bool) {
	if len(b) < 10 || b[0]&1 != 0 || b[3] != 0x9D || b[4] != 0x01 || b[5] != 0x2A {
		return 0, 0, false
	}
	width = int(b[6]) | int(b[7]&0x3F)<<8
	height = int(b[8]) | int(b[9]&0x3F)<<8
	return width, height, width > 0 && height > 0
}
