package movie

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/Eyevinn/mp4ff/aac"
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
	if err := t.box.SetAACDescriptor(aac.AAClc, soundScale); err != nil {
		return nil, fmt.Errorf("describe sound: %w", err)
	}
	f, err := os.Open(s.File)
	if err != nil {
		return nil, fmt.Errorf("read sound: %w", err)
	}
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		size, err := nextPacket(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			_, err = r.Discard(size)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("read sound at packet %d: %w", t.samples().Stsz.SampleNumber, torn(err))
		}
		t.add(uint32(size), packetSamples, 0, 1)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("read sound: %w", err)
	}
	r.Reset(f)
	t.close = func() { f.Close() }
	t.copy = func(w io.Writer, c *chunk) error {
		for range c.samples {
			size, err := nextPacket(r)
			if err == nil {
				_, err = io.CopyN(w, r, int64(size))
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

// nextPacket reads a header of ADTS and returns how many bytes its packet has.
// io.EOF is the end.
func nextPacket(r io.Reader) (int, error) {
	var b [adtsHeader]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, err
	}
	const lowComplexity, rate48k, stereo = 1, 3, 2
	profile, rate, channels := b[2]>>6, b[2]>>2&15, b[2]&1<<2|b[3]>>6
	size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if b[0] != 0xff || b[1]&0xf7 != 0xf1 || profile != lowComplexity || rate != rate48k || channels != stereo || b[6]&3 != 0 || size <= adtsHeader {
		return 0, fmt.Errorf("%w: it is not AAC in stereo at 48 kHz", ErrInvalid)
	}
	return size - adtsHeader, nil
}
