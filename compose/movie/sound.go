package movie

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/mp4"
)

const (
	soundScale = 48000
	// packetSamples is how many samples a packet of AAC holds.
	packetSamples = 1024
	// adtsHeader is how long the header of a frame is that has no checksum.
	adtsHeader = 7
)

// openSound reads how long every packet is. The packets are read again when they
// are copied.
func openSound(s Sound) (*track, error) {
	t := newTrack("audio", soundScale)
	t.box.Mdia.Hdlr.Name, t.box.Tkhd.AlternateGroup = "SoundHandler", 1
	t.skip = uint64(s.Delay)
	f, err := os.Open(s.File)
	if err != nil {
		return nil, fmt.Errorf("read sound: %w", err)
	}
	r := bufio.NewReaderSize(f, 1<<20)
	channels := 0
	for {
		p, err := nextPacket(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if channels == 0 {
			channels = p.channels
		}
		if err == nil && p.channels != channels {
			err = fmt.Errorf("%w: it has %d channels, and had %d before", ErrInvalid, p.channels, channels)
		}
		if err == nil {
			_, err = r.Discard(p.size)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("read sound at packet %d: %w", t.samples().Stsz.SampleNumber, torn(err))
		}
		t.add(uint32(p.size), packetSamples, 0, 1)
	}
	if err := t.describeSound(channels); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("read sound: %w", err)
	}
	r.Reset(f)
	t.close = func() { f.Close() }
	t.copy = func(w io.Writer, c *chunk) error {
		for range c.samples {
			p, err := nextPacket(r)
			if err == nil {
				_, err = io.CopyN(w, r, int64(p.size))
			}
			if err != nil {
				return fmt.Errorf("copy sound: %w", torn(err))
			}
		}
		return nil
	}
	return t, nil
}

func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is torn", ErrInvalid)
	}
	return err
}

// describeSound adds the sample description of AAC (ISO/IEC 14496-14 §5.6).
func (t *track) describeSound(channels int) error {
	config := aac.AudioSpecificConfig{ObjectType: aac.AAClc, ChannelConfiguration: byte(max(1, channels)), SamplingFrequency: soundScale}
	var b bytes.Buffer
	if err := config.Encode(&b); err != nil {
		return fmt.Errorf("describe sound: %w", err)
	}
	const bits = 16
	t.samples().Stsd.AddChild(mp4.CreateAudioSampleEntryBox("mp4a", uint16(config.ChannelConfiguration), bits, soundScale, mp4.CreateEsdsBox(b.Bytes())))
	return nil
}

// packet is what a header of ADTS tells.
type packet struct{ size, channels int }

// nextPacket reads a header of ADTS. io.EOF is the end.
func nextPacket(r io.Reader) (packet, error) {
	var b [adtsHeader]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return packet{}, err
	}
	const lowComplexity, rate48k, stereo = 1, 3, 2
	profile, rate, channels := b[2]>>6, b[2]>>2&15, b[2]&1<<2|b[3]>>6
	size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if b[0] != 0xff || b[1]&0xf7 != 0xf1 || profile != lowComplexity || rate != rate48k || channels < 1 || channels > stereo || b[6]&3 != 0 || size <= adtsHeader {
		return packet{}, fmt.Errorf("%w: it is not AAC in mono or stereo at 48 kHz", ErrInvalid)
	}
	return packet{size: size - adtsHeader, channels: int(channels)}, nil
}
