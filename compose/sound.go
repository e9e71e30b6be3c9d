package compose

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Sound is encoded in stretches, side by side and while a meeting runs, that
// fit together packet by packet: each is encoded from a second earlier to a
// little later than it is used, on one grid of packets, so that encoder and
// decoder have the same past at the seam as if there were none.

// The ways to have sound in a film without pictures.
const (
	AudioMixed      = "mixed"
	AudioMultitrack = "multitrack"
)

const (
	// soundCell is how much sound one process encodes, liveCell how much of
	// sound and pictures while a meeting runs.
	soundCell = 10 * time.Minute
	liveCell  = 15 * time.Second
	// runUp is how much earlier a stretch is encoded than used, runOut how many
	// packets longer.
	runUp  = time.Second
	runOut = 4
)

// soundTrack is one track of sound in a film.
type soundTrack struct {
	title string
	lanes [][]Clip
}

// soundTracks are the mix of all voices, or one for each participant. Where nobody
// is heard there is one of silence.
func (p *Plan) soundTracks() []soundTrack {
	if p.Spec.Audio != AudioMultitrack || len(p.Voices) == 0 {
		return []soundTrack{{lanes: p.Voices}}
	}
	byName := map[string][]Clip{}
	var order []string
	for _, lane := range p.Voices {
		for _, c := range lane {
			who := p.Sources[c.Source].Participant
			if _, known := byName[who]; !known {
				order = append(order, who)
			}
			byName[who] = append(byName[who], c)
		}
	}
	slices.Sort(order)
	tracks := make([]soundTrack, len(order))
	for i, who := range order {
		tracks[i].title = p.called(recording.Participant{Identity: who})
		tracks[i].lanes = lay(byName[who])
	}
	return tracks
}

// lay puts clips into as few lanes as they need.
func lay(clips []Clip) [][]Clip {
	slices.SortStableFunc(clips, func(a, b Clip) int { return cmp.Compare(a.From, b.From) })
	lanes := [][]Clip{}
	for _, c := range clips {
		i := slices.IndexFunc(lanes, func(l []Clip) bool { return l[len(l)-1].To <= c.From })
		if i < 0 {
			i, lanes = len(lanes), append(lanes, nil)
		}
		lanes[i] = append(lanes[i], c)
	}
	return lanes
}

// stretch is a run of packets of one track. Positions are in samples of the film.
type stretch struct {
	track    int
	from, to int64 // what is used
	begin    int64 // where the encoder begins
	end      int64 // where it ends
	keep     int64 // packets, all that there are if negative
	lanes    [][]Clip
}

// stretches divide a track on the grid of its codec's packets.
func (p *Plan) stretches(track int, t soundTrack, c *soundCodec, length time.Duration) []stretch {
	total := samples(p.Duration)
	grid := func(n int64) int64 { return n / c.frame * c.frame }
	cell := grid(int64(length.Seconds() * sampleRate))
	// Cells lie on a grid of the timeline, not of the film: another range has
	// the same ones.
	first := cell - grid(samples(max(0, p.timeline(0))))%cell
	var out []stretch
	for from := int64(0); from < total; {
		to := first
		if from > 0 {
			to = from + cell
		}
		s := stretch{track: track, from: from, to: to, begin: max(0, from-grid(sampleRate*int64(runUp/time.Second))), end: to + runOut*c.frame}
		s.keep = (to - from) / c.frame
		if s.end >= total {
			s.to, s.end, s.keep = total, total, -1
		}
		s.lanes = cutLanes(p, t.lanes, at(s.begin), at(s.end))
		out = append(out, s)
		from = s.to
	}
	return out
}

// at is where a sample lies in the film.
func at(sample int64) recording.Seconds {
	return recording.Seconds(float64(sample) * 1e9 / sampleRate)
}

// cutLanes leaves what is heard in from..to, moved to begin at zero.
func cutLanes(p *Plan, lanes [][]Clip, from, to recording.Seconds) [][]Clip {
	var clips []Clip
	for _, lane := range lanes {
		for _, c := range lane {
			if c.To <= from || c.From >= to {
				continue
			}
			clock := p.Sources[c.Source].Clock
			if c.From < from {
				c.From, c.FileFrom = from, clock.file(from)
			}
			if c.To > to {
				c.To, c.FileTo = to, clock.file(to)
			}
			clips = append(clips, c)
		}
	}
	return lay(clips)
}

// soundFile is a file that stretches are joined into, packet by packet.
type soundFile struct {
	f       *os.File
	w       *bufio.Writer
	packets int64
	// last is the position, with the codec's delay, at which the sound ends.
	last int64
	open bool
}

// joinSound puts stretches together. Their files are read one at a time.
func joinSound(path string, c *soundCodec, stretches []stretch, file func(int) string, total int64) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create sound: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := &soundFile{f: f, w: bufio.NewWriterSize(f, 1<<20), last: total + c.delay}
	for i, s := range stretches {
		b, err := os.ReadFile(file(i))
		if err != nil {
			return fmt.Errorf("read sound: %w", err)
		}
		if err := c.join(out, b, (s.from-s.begin)/c.frame, s.keep); err != nil {
			return recording.Errorf(recording.CodeComposeFailed, "join sound at %v s: %w", at(s.from), err)
		}
	}
	if err := out.w.Flush(); err != nil {
		return fmt.Errorf("write sound: %w", err)
	}
	return nil
}

var errTorn = errors.New("the stretch ends too early or is torn")

// joinADTS appends the packets of an AAC stream in ADTS (ISO/IEC 14496-3
// §1.A.2.2): a header of seven bytes holds each one's length.
func joinADTS(out *soundFile, b []byte, drop, keep int64) error {
	const header = 7
	for n := int64(0); len(b) > 0 && (keep < 0 || n < drop+keep); n++ {
		if len(b) < header || b[0] != 0xff || b[1]&0xf0 != 0xf0 {
			return errTorn
		}
		size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
		if size < header || size > len(b) {
			return errTorn
		}
		if n >= drop {
			if _, err := out.w.Write(b[:size]); err != nil {
				return fmt.Errorf("write sound: %w", err)
			}
			out.packets++
		}
		b = b[size:]
		if keep >= 0 && len(b) == 0 && n+1 < drop+keep {
			return errTorn
		}
	}
	return nil
}

// joinOgg appends the pages of an Opus stream in Ogg (RFC 3533, RFC 7845)
// that has one packet a page. The first stretch's two header pages are kept.
func joinOgg(out *soundFile, b []byte, drop, keep int64) error {
	const headers = 2
	all := keep < 0
	for n := int64(-headers); len(b) > 0 && (all || n < drop+keep); n++ {
		page, rest, err := oggPage(b)
		if err != nil {
			return err
		}
		last := all && len(rest) == 0
		if n < 0 && !out.open || n >= drop {
			granule := uint64(0)
			if n >= 0 {
				out.packets++
				granule = uint64(min(out.packets*opusFrame, out.last))
			}
			if err := out.page(page, n, granule, last); err != nil {
				return err
			}
		}
		b = rest
		if !all && len(b) == 0 && n+1 < drop+keep {
			return errTorn
		}
	}
	out.open = true
	return nil
}

const oggHeader = 27

func oggPage(b []byte) (page, rest []byte, err error) {
	if len(b) < oggHeader || string(b[:4]) != "OggS" {
		return nil, nil, errTorn
	}
	size := oggHeader + int(b[oggHeader-1])
	if size > len(b) {
		return nil, nil, errTorn
	}
	for _, lacing := range b[oggHeader:size] {
		size += int(lacing)
	}
	if size > len(b) {
		return nil, nil, errTorn
	}
	return b[:size], b[size:], nil
}

// page writes a page under the serial number, sequence and position that it
// has in the joined stream.
func (s *soundFile) page(page []byte, n int64, granule uint64, last bool) error {
	const firstPage, lastPage = 2, 4
	sequence := uint32(s.packets) + 1 // two pages of headers, and the packet counts already
	page[5] = 0
	if n < 0 {
		sequence = uint32(n + 2)
		if sequence == 0 {
			page[5] = firstPage
		}
	}
	if last {
		page[5] |= lastPage
	}
	binary.LittleEndian.PutUint64(page[6:], granule)
	binary.LittleEndian.PutUint32(page[14:], 1)
	binary.LittleEndian.PutUint32(page[18:], sequence)
	binary.LittleEndian.PutUint32(page[22:], 0)
	binary.LittleEndian.PutUint32(page[22:], oggChecksum(page))
	if _, err := s.w.Write(page); err != nil {
		return fmt.Errorf("write sound: %w", err)
	}
	return nil
}

// oggTable is for Ogg's checksum: CRC-32 unreflected, with neither start nor
// end value, unlike the standard library's (RFC 3533 §6).
var oggTable = func() (table [256]uint32) {
	const polynomial = 0x04c11db7
	for i := range table {
		r := uint32(i) << 24
		for range 8 {
			if r&(1<<31) != 0 {
				r = r<<1 ^ polynomial
			} else {
				r <<= 1
			}
		}
		table[i] = r
	}
	return table
}()

func oggChecksum(b []byte) (crc uint32) {
	for _, v := range b {
		crc = crc<<8 ^ oggTable[byte(crc>>24)^v]
	}
	return crc
}
