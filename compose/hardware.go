package compose

import (
	"context"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// CheckEncoder encodes a few frames with the hardware that a film asks for. The
// error is CodeInvalidRequest with what ffmpeg says, where this machine cannot.
func (c Composer) CheckEncoder(ctx context.Context, spec recording.CompositionSpec) error {
	if spec.Encoder == "" || spec.Encoder == EncoderSoftware {
		return nil
	}
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c = c.withDefaults()
	out, err := command(ctx, niceness, "", c.FFmpeg, encoderCheck(spec)).CombinedOutput()
	if err == nil {
		return nil
	}
	why := (&tail{buf: out}).cause()
	return recording.Errorf(recording.CodeInvalidRequest, "encoder: this machine cannot encode %s with %s: %s; use software",
		spec.VideoCodec, spec.Encoder, or(strings.TrimSpace(why), err.Error()))
}

// Hardware lists the hardware encoders that work on this machine, as
// "encoder codec".
func (c Composer) Hardware(ctx context.Context) []string {
	var works []string
	for _, encoder := range Encoders()[1:] {
		for _, codec := range []string{"h264", "vp8", "vp9", "av1"} {
			spec := recording.CompositionSpec{Encoder: encoder, VideoCodec: codec}
			if hardware[encoder][codec] != "" && c.CheckEncoder(ctx, spec) == nil {
				works = append(works, encoder+" "+codec)
			}
		}
	}
	return works
}
