package webm

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// Kind is a Matroska track type (RFC 9559 section 5.1.4.1.3).
type Kind uint8

// The kinds of track a recording has.
const (
	Video Kind = 1
	Audio Kind = 2
)

func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Codec is a Matroska codec ID. A Reader may yield others than these.
type Codec string

// The codecs a Writer takes.
const (
	VP8  Codec = "V_VP8"
	VP9  Codec = "V_VP9"
	AV1  Codec = "V_AV1"
	H264 Codec = "V_MPEG4/ISO/AVC"
	H265 Codec = "V_MPEGH/ISO/HEVC"
	Opus Codec = "A_OPUS"
)

// WebM reports whether WebM allows the codec. A file with any other one is
// Matroska, and is better named .mkv.
func (c Codec) WebM() bool { return c == VP8 || c == VP9 || c == AV1 || c == Opus }

// kind returns 0 for a codec that the Writer does not take.
func (c Codec) kind() Kind {
	switch c {
	case VP8, VP9, AV1, H264, H265:
		return Video
	case Opus:
		return Audio
	}
	return 0
}

// Track describes one track of a file.
type Track struct {
	// Number is what blocks refer to, from 1 to 126.
	Number int
	Kind   Kind
	Codec  Codec
	// Name is for people; it may be empty. A Writer cuts it to 128 bytes.
	Name string
	// Width and Height are the picture's, in pixels, of a video track.
	Width, Height int
	// Channels and SampleRate, in Hz, are those of an audio track.
	Channels, SampleRate int
	// CodecPrivate is what a decoder needs before the first block: see OpusHead,
	// AVCCodecPrivate, HEVCCodecPrivate, AV1CodecPrivate and VP9CodecPrivate. VP8
	// has none, and VP9 can do without.
	CodecPrivate []byte
	// CodecDelay is what a decoder drops at the very beginning, and by how much
	// players shift the track to make up for it. See OpusTrack for why ours is 0.
	CodecDelay time.Duration
	// SeekPreRoll is what a decoder needs before a place that was jumped to.
	SeekPreRoll time.Duration
}

func (t Track) validate() error {
	switch {
	case t.Number < 1 || t.Number > 126:
		return fmt.Errorf("%w: number %d", ErrInvalidTrack, t.Number)
	case t.Kind == 0 || t.Codec.kind() != t.Kind:
		return fmt.Errorf("%w: %v track with codec %q", ErrInvalidTrack, t.Kind, t.Codec)
	case t.Kind == Video && (t.Width < 1 || t.Height < 1 || t.Width > 65535 || t.Height > 65535):
		return fmt.Errorf("%w: size %dx%d", ErrInvalidTrack, t.Width, t.Height)
	case t.Kind == Audio && (t.Channels < 1 || t.Channels > 255 || t.SampleRate < 1):
		return fmt.Errorf("%w: %d channels at %d Hz", ErrInvalidTrack, t.Channels, t.SampleRate)
	case len(t.CodecPrivate) == 0 && t.Codec != VP8 && t.Codec != VP9:
		return fmt.Errorf("%w: %s without CodecPrivate", ErrInvalidTrack, t.Codec)
	case t.CodecDelay < 0 || t.SeekPreRoll < 0:
		return fmt.Errorf("%w: negative delay", ErrInvalidTrack)
	}
	return nil
}

// clone returns a Track that shares no memory with t.
func (t Track) clone() Track {
	t.CodecPrivate = slices.Clone(t.CodecPrivate)
	return t
}

// entry returns the TrackEntry (RFC 9559 section 5.1.4.1). Its UID is derived,
// so that Repair writes the same one again.
// frame is how long a picture is shown, or 0 if that is not known.
func (t Track) entry(segment [16]byte, frame time.Duration) []byte {
	uid := binary.BigEndian.Uint64(segment[:8]) ^ uint64(t.Number)
	if uid == 0 {
		uid = uint64(t.Number)
	}
	parts := [][]byte{
		uintElement(idTrackNumber, uint64(t.Number)),
		uintElement(idTrackUID, uid),
		uintElement(idTrackType, uint64(t.Kind)),
		uintElement(idFlagLacing, 0),
		stringElement(idLanguage, "und"),
		stringElement(idCodecID, string(t.Codec)),
	}
	if t.Name != "" {
		parts = append(parts, stringElement(idName, t.Name))
	}
	if len(t.CodecPrivate) > 0 {
		parts = append(parts, element(idCodecPrivate, t.CodecPrivate))
	}
	if frame > 0 {
		parts = append(parts, uintElement(idDefaultDuration, uint64(frame)))
	}
	switch t.Kind {
	case Video:
		parts = append(parts, element(idVideo,
			uintElement(idPixelWidth, uint64(t.Width)),
			uintElement(idPixelHeight, uint64(t.Height))))
	case Audio:
		parts = append(parts,
			uintElement(idCodecDelay, uint64(t.CodecDelay)),
			uintElement(idSeekPreRoll, uint64(t.SeekPreRoll)),
			element(idAudio,
				floatElement(idSamplingFrequency, float64(t.SampleRate)),
				uintElement(idChannels, uint64(t.Channels))))
	}
	return element(idTrackEntry, parts...)
}
