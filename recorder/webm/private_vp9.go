package webm

import "fmt"

// VP9CodecPrivate returns the codec features of WebM's VP9 mapping (profile, bit
// depth and chroma subsampling; the level, which a stream does not tell, is left
// out) from a keyframe, whose uncompressed header has them (VP9 section 6.2).
func VP9CodecPrivate(keyframe []byte) ([]byte, error) {
	r := bitReader{b: keyframe}
	marker := r.u(2)
	profile := r.u(1) | r.u(1)<<1
	if profile == 3 {
		r.skip(1)
	}
	existing, inter := r.flag(), r.flag()
	r.skip(2) // show_frame, error_resilient_mode
	if marker != 2 || existing || inter || r.u(24) != 0x498342 {
		return nil, fmt.Errorf("%w: not a VP9 keyframe", ErrInvalidCodecData)
	}
	depth, chroma := vp9Colour(&r, profile)
	if r.short {
		return nil, fmt.Errorf("%w: VP9 header is cut", ErrInvalidCodecData)
	}
	return []byte{1, 1, byte(profile), 3, 1, depth, 4, 1, chroma}, nil
}

// vp9Colour reads color_config (VP9 section 6.2.2). The subsampling is the number
// that WebM gives it: 1 for 4:2:0 with chroma where luma is, 2 for 4:2:2, 3 for
// 4:4:4. WebM has none for 4:4:0, for which 4:2:2 has as many samples.
func vp9Colour(r *bitReader, profile uint32) (depth, chroma byte) {
	depth = 8
	if profile >= 2 {
		depth = 10
		if r.flag() {
			depth = 12
		}
	}
	const rgb = 7
	if r.u(3) == rgb {
		return depth, 3
	}
	r.skip(1) // color_range
	if profile&1 == 0 {
		return depth, 1
	}
	switch x, y := r.flag(), r.flag(); {
	case x && y:
		return depth, 1
	case x || y:
		return depth, 2
	}
	return depth, 3
}
