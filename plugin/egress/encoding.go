package egress

import (
	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/recording"
)

// presets are the pictures of LiveKit's EncodingOptionsPreset.
var presets = map[livekit.EncodingOptionsPreset]recording.CompositionSpec{
	livekit.EncodingOptionsPreset_H264_720P_30:           {Width: 1280, Height: 720, FrameRate: 30},
	livekit.EncodingOptionsPreset_H264_720P_60:           {Width: 1280, Height: 720, FrameRate: 60},
	livekit.EncodingOptionsPreset_H264_1080P_30:          {Width: 1920, Height: 1080, FrameRate: 30},
	livekit.EncodingOptionsPreset_H264_1080P_60:          {Width: 1920, Height: 1080, FrameRate: 60},
	livekit.EncodingOptionsPreset_PORTRAIT_H264_720P_30:  {Width: 720, Height: 1280, FrameRate: 30},
	livekit.EncodingOptionsPreset_PORTRAIT_H264_720P_60:  {Width: 720, Height: 1280, FrameRate: 60},
	livekit.EncodingOptionsPreset_PORTRAIT_H264_1080P_30: {Width: 1080, Height: 1920, FrameRate: 30},
	livekit.EncodingOptionsPreset_PORTRAIT_H264_1080P_60: {Width: 1080, Height: 1920, FrameRate: 60},
}

// encoding is how a request wants its files encoded.
type encoding interface {
	GetPreset() livekit.EncodingOptionsPreset
	GetAdvanced() *livekit.EncodingOptions
}

// encoding reads the picture's size, rate and codec. Rates in bits are the
// composer's to choose.
func (o *order) encoding(e encoding) error {
	a := e.GetAdvanced()
	if a == nil {
		canvas, known := presets[e.GetPreset()]
		if !known {
			return invalid("request has missing or invalid field: preset")
		}
		o.canvas = canvas
		return nil
	}
	o.canvas = recording.CompositionSpec{Width: 1920, Height: 1080, FrameRate: 30} // the defaults that the protocol documents
	if a.Width != 0 || a.Height != 0 {
		o.canvas.Width, o.canvas.Height = int(a.Width), int(a.Height)
	}
	if a.Framerate != 0 {
		o.canvas.FrameRate = int(a.Framerate)
	}
	switch a.VideoCodec {
	case livekit.VideoCodec_DEFAULT_VC, livekit.VideoCodec_H264_BASELINE, livekit.VideoCodec_H264_MAIN, livekit.VideoCodec_H264_HIGH:
	case livekit.VideoCodec_VP8:
		o.canvas.Format = "webm"
	default:
		return invalid("%s is not yet supported: video_codec is H264_* or VP8", a.VideoCodec)
	}
	return nil
}
