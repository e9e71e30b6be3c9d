package webm

import (
	"fmt"

	"github.com/roomreel/roomreel/recorder/codec"
)

// VP9CodecPrivate returns the codec features of WebM's VP9 mapping (profile, bit
// depth and chroma subsampling; the level, which a stream does not tell, is left
// out) from a keyframe, whose uncompressed header has them (VP9 section 6.2).
func VP9CodecPrivate(keyframe []byte) ([]byte, error) {
	r := codec.NewBits(keyframe)
	marker := r.U(2)
	profile := r.U(1) | r.U(1)<<1
	if profile == 3 {
		r.Skip(1)
	}
	existing, inter := r.Flag(), r.Flag()
	r.Skip(2) // show_frame, error_resilient_mode
	if marker != 2 || existing || inter || r.U(24) != 0x498342 {
		return nil, fmt.Errorf("%w: not a VP9 keyframe", ErrInvalidCodecData)
	}
	depth, chroma := vp9Colour(&r, profile)
	if r.Short() {
		return nil, fmt.Errorf("%w: VP9 header is cut", ErrInvalidCodecData)
	}
	return []byte{1, 1, byte(profile), 3, 1, depth, 4, 1, chroma}, nil
}

// vp9Colour reads color_config (VP9 section 6.2.2). The subsampling is the number
// that WebM gives it: 1 for 4:2:0 with chroma where luma is, 2 for 4:2:2, 3 for
// 4:4:4. WebM has none for 4:4:0, for which 4:2:2 has as many samples.
func vp9Colour(r *codec.Bits, profile uint32) (depth, chroma byte) {
	depth = 8
	if profile >= 2 {
		depth = 10
		if r.Flag() {
			depth = 12
		}
	}
	const rgb = 7
	if r.U(3) == rgb {
		return depth, 3
	}
	r.Skip(1) // color_range
	if profile&1 == 0 {
		return depth, 1
	}
	switch x, y := r.Flag(), r.Flag(); {
	case x && y:
		return depth, 1
	case x || y:
		return depth, 2
	}
	return depth, 3
}
