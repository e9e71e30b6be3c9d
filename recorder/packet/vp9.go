package packet

import "github.com/roomreel/roomreel/recorder/codec"

// vp9 takes the payload of RFC 9628. A picture is the frames of its spatial
// layers, lowest first; its last packet has the marker (section 4.1).
type vp9 struct {
	layer layer
	spans []vp9Span
	// slots are the sizes of the frames that a decoder keeps, 0 where not known.
	slots [vp9Slots][2]int
	// highest is the highest spatial layer since the last keyframe.
	highest uint8
}

// vp9Span is the frame of one spatial layer within the picture.
type vp9Span struct {
	spatial    uint8
	start, end int // end is 0 until the frame is whole
}

// vp9Descriptor is the VP9 payload descriptor (RFC 9628 section 4.2).
type vp9Descriptor struct {
	start, end bool // B and E
	spatial    uint8
	layer      layer
	size       int
}

// parseVP9Descriptor reports false if the descriptor is cut or if nothing
// follows it.
func parseVP9Descriptor(b []byte) (d vp9Descriptor, ok bool) {
	r := codec.NewBits(b)
	hasPicture, predicted, hasLayer, flexible := r.Flag(), r.Flag(), r.Flag(), r.Flag()
	d.start, d.end = r.Flag(), r.Flag()
	hasStructure := r.Flag()
	r.Skip(1)
	if hasPicture {
		d.layer.hasPicture = true
		long := r.Flag()
		d.layer.picture = uint16(r.U(7))
		if long {
			d.layer.picture = d.layer.picture<<8 | uint16(r.U(8))
		}
	}
	if hasLayer {
		r.Skip(4) // TID, U
		d.spatial = uint8(r.U(3))
		r.Skip(1) // D
		if !flexible {
			r.Skip(8) // TL0PICIDX
		}
	}
	if flexible && predicted {
		const most = 3 // reference indices
		for n := 1; ; n++ {
			r.Skip(7)
			if !r.Flag() {
				break
			}
			if n == most {
				return d, false
			}
		}
	}
	if hasStructure {
		skipVP9Structure(&r)
	}
	d.size = r.Pos() / 8
	return d, !r.Short() && len(b) > d.size
}

// skipVP9Structure skips the scalability structure (RFC 9628 section 4.2.1).
func skipVP9Structure(r *codec.Bits) {
	layers := int(r.U(3)) + 1
	hasSizes, hasGroup := r.Flag(), r.Flag()
	r.Skip(3)
	if hasSizes {
		r.Skip(2 * 16 * layers)
	}
	if hasGroup {
		for n := r.U(8); n > 0; n-- {
			r.Skip(4) // TID, U
			references := int(r.U(2))
			r.Skip(2 + 8*references)
		}
	}
}

func (v *vp9) reset() { v.layer, v.spans = layer{}, v.spans[:0] }

func (v *vp9) starts(payload []byte) bool {
	d, ok := parseVP9Descriptor(payload)
	return ok && d.start && d.spatial == 0
}

func (v *vp9) add(frame, payload []byte) ([]byte, error) {
	d, ok := parseVP9Descriptor(payload)
	if !ok {
		return nil, errPayload
	}
	if d.start != v.complete() {
		return nil, errPayload
	}
	if d.start {
		if n := len(v.spans); n > 0 && d.spatial <= v.spans[n-1].spatial {
			return nil, errPayload
		}
		v.spans = append(v.spans, vp9Span{spatial: d.spatial, start: len(frame)})
		v.layer = d.layer
	}
	span := &v.spans[len(v.spans)-1]
	if d.spatial != span.spatial {
		return nil, errPayload
	}
	frame = append(frame, payload[d.size:]...)
	if d.end {
		span.end = len(frame)
	}
	return frame, nil
}

// complete reports whether every spatial layer that has begun has ended.
func (v *vp9) complete() bool {
	n := len(v.spans)
	return n == 0 || v.spans[n-1].end > 0
}

func (v *vp9) finish(frame []byte, f *Frame) ([]byte, error) {
	if !v.complete() {
		return nil, errPayload
	}
	f.layer = v.layer
	var size [2]int
	for i, span := range v.spans {
		header, ok := parseVP9Header(frame[span.start:span.end])
		if i == 0 {
			f.Keyframe = header.key
		}
		if !ok && (i == 0 || f.Keyframe) {
			return nil, errPayload
		}
		size = v.keep(header)
	}
	// An encoder short of time leaves upper layers out, which is no change of size.
	if top := v.spans[len(v.spans)-1].spatial; f.Keyframe || top >= v.highest {
		v.highest = top
		f.Width, f.Height = size[0], size[1]
	}
	if len(v.spans) == 1 {
		return frame, nil
	}
	return v.appendIndex(frame), nil
}

// keep returns the size of a frame, 0 if it is not known, and remembers it as a
// decoder does, for those that refer to the frame.
func (v *vp9) keep(h vp9Header) [2]int {
	size := [2]int{h.width, h.height}
	if h.width == 0 {
		size = v.slots[h.slot]
	}
	for i := range v.slots {
		if h.refresh>>i&1 == 1 {
			v.slots[i] = size
		}
	}
	return size
}

// appendIndex makes a superframe of the spatial layers (VP9 bitstream annex B):
// decoders that are not told of the layers find them by it.
func (v *vp9) appendIndex(frame []byte) []byte {
	largest := 0
	for _, s := range v.spans {
		largest = max(largest, s.end-s.start)
	}
	width := 1
	for largest >= 1<<(8*width) {
		width++
	}
	marker := byte(0b110<<5 | (width-1)<<3 | (len(v.spans) - 1))
	frame = append(frame, marker)
	for _, s := range v.spans {
		for i := range width {
			frame = append(frame, byte((s.end-s.start)>>(8*i)))
		}
	}
	return append(frame, marker)
}
