package recorder

import (
	"fmt"
	"time"

	"github.com/roomreel/roomreel/recorder/packet"
	"github.com/roomreel/roomreel/recorder/webm"
)

// containers are the names that Matroska gives to the codecs.
var containers = map[packet.Codec]webm.Codec{
	packet.Opus: webm.Opus,
	packet.VP8:  webm.VP8, packet.VP9: webm.VP9, packet.AV1: webm.AV1,
	packet.H264: webm.H264, packet.H265: webm.H265,
}

// describe returns the track that the frame, a keyframe, begins.
func describe(number int, f *packet.Frame) (webm.Track, error) {
	if f.Codec.Audio() {
		const channels = 2 // what WebRTC's Opus always may carry (RFC 7587 §7)
		return webm.OpusTrack(number, channels)
	}
	t := webm.Track{Number: number, Kind: webm.Video, Codec: containers[f.Codec], Width: f.Width, Height: f.Height}
	var err error
	switch f.Codec {
	case packet.VP9:
		t.CodecPrivate, err = webm.VP9CodecPrivate(f.Payload)
	case packet.AV1:
		t.CodecPrivate, err = webm.AV1CodecPrivate(f.Parameters.SequenceHeader)
	case packet.H264:
		t.CodecPrivate, err = webm.AVCCodecPrivate(f.Parameters.SPS, f.Parameters.PPS)
	case packet.H265:
		t.CodecPrivate, err = webm.HEVCCodecPrivate(f.Parameters.VPS, f.Parameters.SPS, f.Parameters.PPS)
	}
	if err != nil {
		return t, fmt.Errorf("describe %s track: %w", f.Codec, err)
	}
	return t, nil
}

// settle is how long the parameters of H.264 and H.265 may still change at the
// beginning of a part: browsers begin with a smaller layer for a picture or two.
const settle = 500 * time.Millisecond

// adopts reports whether the part goes on with a keyframe's new parameters, because
// it has only begun: the few pictures before it carry theirs in themselves.
func (p *part) adopts(f *packet.Frame, at time.Duration) bool {
	pt := p.slots[slotOf(f.Codec)]
	return pt != nil && pt.codec == f.Codec && !f.Codec.Audio() && f.Keyframe &&
		at-p.zero-pt.first < settle && !p.fits(f)
}

// redescribe writes the keyframe's parameters into the head of the file.
func (p *part) redescribe(f *packet.Frame) error {
	pt := p.slots[slotOf(f.Codec)]
	head, err := describe(pt.number, f)
	if err != nil {
		return err
	}
	pt.parameters, pt.head = f.Parameters, head
	return p.w.SetTrack(head)
}

// fits reports whether the part can hold the frame: a file's codecs cannot
// change, nor what Matroska keeps outside the blocks of H.264 and H.265.
func (p *part) fits(f *packet.Frame) bool {
	pt := p.slots[slotOf(f.Codec)]
	if pt == nil {
		return p.matroska || containers[f.Codec].WebM()
	}
	if pt.codec != f.Codec {
		return false
	}
	if f.Parameters == nil || containers[f.Codec].WebM() {
		return true
	}
	return pt.parameters.Equal(f.Parameters)
}
