package recorder

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/rtpdump"
)

// A dump holds the packets of one track as they came, in the rtpdump format of
// rtptools: what a test needs to replay a recording that went wrong. It belongs
// to the stream's goroutine.
type dump struct {
	file  *os.File
	buf   *bufio.Writer
	w     *rtpdump.Writer
	start time.Duration
}

// dumpKey names a dump: one for each track in each recording.
type dumpKey struct {
	c *capture
	t *track
}

func openDump(c *capture, t *track, wall time.Time, now time.Duration) (*dump, error) {
	f, err := createDump(filepath.Join(c.dir, t.sid))
	if err != nil {
		return nil, fmt.Errorf("open dump: %w", err)
	}
	buf := bufio.NewWriter(f)
	w, err := rtpdump.NewWriter(buf, rtpdump.Header{Start: wall, Source: net.IPv4zero})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open dump: %w", err), f.Close())
	}
	return &dump{f, buf, w, now}, nil
}

// createDump creates the first file of its name, or name-2 and so on, that is not there:
// a track can be sent again under its SID.
func createDump(name string) (*os.File, error) {
	for path, n := name+".rtpdump", 2; ; path, n = fmt.Sprintf("%s-%d.rtpdump", name, n), n+1 {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

func (d *dump) write(packet []byte, arrival time.Duration) error {
	return d.w.WritePacket(rtpdump.Packet{Offset: max(arrival-d.start, 0), Payload: packet})
}

func (d *dump) close() error { return errors.Join(d.buf.Flush(), d.file.Close()) }

// dump writes a packet to the dump of every recording that takes the track. A dump that fails is given up: it must not cost media.
func (s *stream) dump(it *item) {
	for _, c := range s.captures {
		if !c.terms.writes(s.key, it.track.kind) {
			continue
		}
		key := dumpKey{c.capture, it.track}
		d, known := s.dumps[key]
		var err error
		if !known {
			d, err = openDump(c.capture, it.track, s.bot.origin.Add(it.arrival), it.arrival)
			s.dumps[key] = d
		}
		if d != nil && err == nil {
			err = d.write(it.packet, it.arrival)
		}
		if err != nil {
			s.log.Warn("dump is given up", "track", it.track.sid, "error", err)
			s.closeDump(key)
			s.dumps[key] = nil
		}
	}
}

// closeDumps ends those dumps to which nothing comes any more.
func (s *stream) closeDumps(over func(dumpKey) bool) {
	for key := range s.dumps {
		if over(key) {
			s.closeDump(key)
			delete(s.dumps, key)
		}
	}
}

func (s *stream) closeDump(key dumpKey) {
	if d := s.dumps[key]; d != nil {
		if err := d.close(); err != nil {
			s.log.Warn("dump is not complete", "track", key.t.sid, "error", err)
		}
	}
}
