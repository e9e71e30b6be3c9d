package webm

import (
	"encoding/binary"
	"fmt"
	"time"
)

// OpusSeekPreRoll is how much Opus needs to hear before a place that was jumped
// to (RFC 7845 section 4.6).
const OpusSeekPreRoll = 80 * time.Millisecond

// OpusTrack returns the track of an Opus stream that was received over RTP, with
// a pre-skip, and so a CodecDelay, of 0.
//
// Pre-skip is for an encoder's look-ahead (312 samples, 6.5 ms, by libopus's
// default), but a recorder that joins a running stream has not got the samples that
// ought to be skipped. With a pre-skip of 0 a block's time is exactly the time at
// which its sound is played, whether a player honours CodecDelay or not. With 312
// FFmpeg takes 7 ms off the times, for want of half a tick, and where that makes
// the sound begin before 0 its tools move the whole file, picture included, by 7 ms.
//
// The look-ahead then stays in: sound is as late against picture, by those 6.5 ms,
// as it is for every subscriber of the room, since no WebRTC receiver takes it off.
func OpusTrack(number, channels int) (Track, error) {
	private, err := OpusHead(channels, 0)
	if err != nil {
		return Track{}, err
	}
	return Track{
		Number:       number,
		Kind:         Audio,
		Codec:        Opus,
		Channels:     channels,
		SampleRate:   48000,
		CodecPrivate: private,
		SeekPreRoll:  OpusSeekPreRoll,
	}, nil
}

// OpusHead returns the identification header of a mono or stereo Opus stream,
// which is its CodecPrivate (RFC 7845 section 5.1, channel mapping family 0).
// preSkip counts samples at 48 kHz; a track that has one needs the CodecDelay that
// OpusCodecDelay returns for it.
func OpusHead(channels, preSkip int) ([]byte, error) {
	if channels < 1 || channels > 2 || preSkip < 0 || preSkip > 0xFFFF {
		return nil, fmt.Errorf("%w: Opus with %d channels, pre-skip %d", ErrInvalidCodecData, channels, preSkip)
	}
	b := append([]byte("OpusHead"), 1, byte(channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(preSkip))
	b = binary.LittleEndian.AppendUint32(b, 48000)
	return append(b, 0, 0, 0), nil
}

// OpusCodecDelay returns the CodecDelay that goes with a pre-skip of so many
// samples at 48 kHz.
func OpusCodecDelay(preSkip int) time.Duration {
	return time.Duration(preSkip) * time.Second / 48000
}
