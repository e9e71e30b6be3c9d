package recording

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Entry is one line of a journal: when, by whom, and exactly one of the other
// fields.
type Entry struct {
	// At counts from the start of the epoch, on the monotonic clock.
	At Seconds `json:"at_s"`
	// Turn is the number of the epoch that the writer held. What a node writes
	// after its turn has passed to another does not count.
	Turn int64 `json:"turn,omitempty"`

	Epoch       *EpochEntry       `json:"epoch,omitempty"`
	Participant *ParticipantEntry `json:"participant,omitempty"`
	Part        *PartEntry        `json:"part,omitempty"`
	Track       *TrackEntry       `json:"track,omitempty"`
	Clock       *ClockEntry       `json:"clock,omitempty"`
	Report      *ReportEntry      `json:"sender_report,omitempty"`
	Mute        *MuteEntry        `json:"mute,omitempty"`
	Gap         *GapEntry         `json:"gap,omitempty"`
	Freeze      *FreezeEntry      `json:"freeze,omitempty"`
	Size        *SizeEntry        `json:"size,omitempty"`
	Speakers    *SpeakersEntry    `json:"speakers,omitempty"`
	Pause       *PauseEntry       `json:"pause,omitempty"`
	Selection   *Selection        `json:"selection,omitempty"`
	Layout      *LayoutEntry      `json:"layout,omitempty"`
	Stall       *StallEntry       `json:"stall,omitempty"`
	Disk        *DiskEntry        `json:"disk,omitempty"`
	Drops       *DropsEntry       `json:"drops,omitempty"`
	Refused     *RefusedEntry     `json:"refused,omitempty"`
	PartEnd     *PartEndEntry     `json:"part_end,omitempty"`
	End         *EndEntry         `json:"end,omitempty"`
}

// EpochEntry opens an epoch: one node's turn at the recording. The wall clock
// is read once here; everything after counts from it on the monotonic clock.
type EpochEntry struct {
	Number  int64     `json:"number"`
	Node    string    `json:"node"`
	Wall    time.Time `json:"wall"`
	Room    string    `json:"room"`
	RoomSID string    `json:"room_sid,omitempty"`
	// What the recording is, so that its directory tells all by itself.
	Recording string    `json:"recording"`
	Selection Selection `json:"selection,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	Subject
}

// ParticipantEntry tells that a participant came or went, or has a new name.
type ParticipantEntry struct {
	Identity string `json:"identity"`
	SID      string `json:"sid"`
	Name     string `json:"name,omitempty"`
	// Kind is LiveKit's, in lower case: standard, agent, sip, ingress, egress and so on.
	Kind    string `json:"kind,omitempty"`
	Present bool   `json:"present"`
}

// PartEntry opens a part.
type PartEntry struct {
	ID          string `json:"id"`
	File        string `json:"file"`
	Participant string `json:"participant"`
	Stream      string `json:"stream"`
	// Start is where the file's time zero lies in the epoch.
	Start Seconds `json:"start_s"`
}

// TrackEntry tells that a track got a number in a part.
type TrackEntry struct {
	Part      string `json:"part"`
	Number    int    `json:"number"`
	SID       string `json:"sid"`
	Source    string `json:"source"`
	Kind      Kind   `json:"kind"`
	Codec     string `json:"codec"`
	SSRC      uint32 `json:"ssrc"`
	ClockRate int    `json:"clock_rate"`
}

// ClockEntry holds RTP time against arrival. It is written when a track
// starts, about once a second, and when the mapping to file time is stepped.
type ClockEntry struct {
	Part   string `json:"part"`
	Number int    `json:"number"`
	// RTP is the extended RTP timestamp, File the file time it was given.
	RTP  int64   `json:"rtp"`
	File Seconds `json:"file_s"`
	// Arrival is the earliest arrival that the packets since the last entry
	// allow for RTP, in the epoch.
	Arrival Seconds `json:"arrival_s"`
	// Channels are the most that a packet of sound has had so far, 1 or 2.
	Channels int `json:"channels,omitempty"`
	// Step tells why the mapping changed here, if it did.
	Step string `json:"step,omitempty"`
}

// ReportEntry is an RTCP sender report (RFC 3550 §6.4.1) as it came.
type ReportEntry struct {
	Part   string `json:"part"`
	Number int    `json:"number"`
	RTP    int64  `json:"rtp"`
	// NTP is the 64-bit NTP timestamp of the publisher's clock.
	NTP uint64 `json:"ntp"`
}

// MuteEntry tells that a track was muted or unmuted by its publisher.
type MuteEntry struct {
	SID   string `json:"sid"`
	Muted bool   `json:"muted"`
}

// GapEntry tells that packets were lost for good.
type GapEntry struct {
	Part    string  `json:"part"`
	Number  int     `json:"number"`
	Packets int64   `json:"packets"`
	From    Seconds `json:"file_from_s"`
	To      Seconds `json:"file_to_s"`
}

// FreezeEntry tells that the picture stood still because a keyframe was awaited.
type FreezeEntry struct {
	Part   string  `json:"part"`
	Number int     `json:"number"`
	From   Seconds `json:"file_from_s"`
	To     Seconds `json:"file_to_s"`
}

// SizeEntry tells that the picture has a new size from here on.
type SizeEntry struct {
	Part   string  `json:"part"`
	Number int     `json:"number"`
	File   Seconds `json:"file_s"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
}

// SpeakersEntry tells who speaks from now on, the loudest first.
type SpeakersEntry struct {
	Identities []string `json:"identities"`
}

// PauseEntry tells that nothing is written from here on, or that it is again.
type PauseEntry struct {
	Paused bool `json:"paused"`
}

// LayoutEntry tells the layout that films follow from here on.
type LayoutEntry struct {
	Layout string `json:"layout"`
}

// DiskEntry tells that pictures are given up for want of space, or taken again.
type DiskEntry struct {
	FreeBytes uint64 `json:"free_bytes"`
	SoundOnly bool   `json:"sound_only"`
}

// DropsEntry tells that the kernel dropped datagrams on their way to the node's
// process, because it came too late for them.
type DropsEntry struct {
	Datagrams int64 `json:"datagrams"`
}

// StallEntry tells that a track that is not muted has stopped coming, or comes
// again.
type StallEntry struct {
	SID     string `json:"sid"`
	Stalled bool   `json:"stalled"`
}

// RefusedEntry tells that a track could not be recorded.
type RefusedEntry struct {
	Participant string `json:"participant"`
	SID         string `json:"sid"`
	Source      string `json:"source"`
	Codec       string `json:"codec,omitempty"`
	Error       *Error `json:"error"`
}

// PartEndEntry closes a part.
type PartEndEntry struct {
	ID       string        `json:"id"`
	Reason   EndReason     `json:"reason"`
	Error    *Error        `json:"error,omitempty"`
	Duration Seconds       `json:"duration_s"`
	Bytes    int64         `json:"bytes"`
	Tracks   []TrackTotals `json:"tracks,omitempty"`
}

// TrackTotals counts what happened to a track of a part. First and Last bound
// its media in file time.
type TrackTotals struct {
	Number     int     `json:"number"`
	First      Seconds `json:"file_first_s"`
	Last       Seconds `json:"file_last_s"`
	Packets    int64   `json:"packets"`
	Lost       int64   `json:"lost"`
	Duplicates int64   `json:"duplicates"`
	Frames     int64   `json:"frames"`
	Bytes      int64   `json:"bytes"`
}

// EndEntry closes the recording.
type EndEntry struct {
	Reason EndReason `json:"reason"`
	Error  *Error    `json:"error,omitempty"`
}

// Each line is {"crc":"xxxxxxxx",<rest>, where the checksum is CRC-32C over
// <rest> up to the newline: still JSON, and a torn or altered line shows.
const (
	crcOpen   = `{"crc":"`
	crcDigits = 8
	crcClose  = `",`
	prefixLen = len(crcOpen) + crcDigits + len(crcClose)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Journal appends entries to a recording's journal. It is owned by one
// goroutine.
type Journal struct {
	f    *os.File
	buf  []byte // what is yet to be written
	line []byte // the entry at hand
	err  error  // what every further call returns
}

// OpenJournal opens the journal in dir for appending, creating it if needed.
// A torn last line is closed by a newline, so that what follows stays whole.
func OpenJournal(dir string) (*Journal, error) {
	f, err := os.OpenFile(filepath.Join(dir, JournalFile), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{f: f}
	last := []byte{'\n'}
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		_, _ = f.ReadAt(last, info.Size()-1)
	}
	if last[0] != '\n' {
		j.buf = append(j.buf, '\n')
	}
	return j, nil
}

// maxWaiting bounds what waits for a disk that refuses it, in bytes: minutes of a
// large meeting.
const maxWaiting = 16 << 20

// Append adds an entry. It is written at the next Flush that succeeds. Once more than
// 16 MiB wait for that every call fails.
func (j *Journal) Append(e Entry) error {
	if j.err != nil {
		return j.err
	}
	line, err := e.appendJSON(j.line[:0])
	if err != nil {
		return fmt.Errorf("encode journal entry: %w", err)
	}
	j.line = line
	rest := line[1:]
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.Checksum(rest, castagnoli))
	j.buf = hex.AppendEncode(append(j.buf, crcOpen...), sum[:])
	j.buf = append(append(append(j.buf, crcClose...), rest...), '\n')
	const most = 32 << 10
	if len(j.buf) >= most {
		return j.Flush()
	}
	return nil
}

// Flush hands what was appended to the kernel in one write. What is refused, by a
// full disk, is kept for the next call.
func (j *Journal) Flush() error {
	if j.err != nil || len(j.buf) == 0 {
		return j.err
	}
	n, err := j.f.Write(j.buf)
	j.buf = j.buf[:copy(j.buf, j.buf[n:])]
	if err != nil {
		err = fmt.Errorf("write journal: %w", err)
	}
	if len(j.buf) > maxWaiting {
		j.err = err
	}
	return err
}

// Sync flushes, and makes the journal durable. If the disk fails at that, every
// further call does.
func (j *Journal) Sync() error {
	if err := j.Flush(); err != nil {
		return err
	}
	if err := j.f.Sync(); err != nil {
		j.err = fmt.Errorf("sync journal: %w", err)
	}
	return j.err
}

// Close syncs and closes the journal. Closing it again does nothing.
func (j *Journal) Close() error {
	if j.f == nil {
		return nil
	}
	err := j.Sync()
	if cerr := j.f.Close(); cerr != nil && err == nil {
		err = fmt.Errorf("close journal: %w", cerr)
	}
	j.f = nil
	j.err = fmt.Errorf("write journal: %w", os.ErrClosed)
	return err
}

// longestLine bounds a line of a journal, in bytes: above the epoch of the largest
// request that is valid, each byte of which may take six.
const longestLine = 8 << 20

// DecodeJournal reads every whole entry from r; see ReadJournal. A line is
// bounded: one of more than 8 MiB counts as altered.
func DecodeJournal(r io.Reader) (entries []Entry, skipped int, err error) {
	const usual = 64 << 10
	br := bufio.NewReaderSize(r, usual)
	for {
		line, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if line, err = readLong(br, line); line == nil {
				skipped++
			}
		}
		if err == nil && line != nil {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			if e, ok := decodeLine(line); ok {
				entries = append(entries, e)
			} else {
				skipped++
			}
		}
		if errors.Is(err, io.EOF) {
			return entries, skipped, nil
		}
		if err != nil {
			return entries, skipped, fmt.Errorf("read journal: %w", err)
		}
	}
}

// readLong reads on to the end of a line; it returns none for one that is too long.
func readLong(br *bufio.Reader, begun []byte) (line []byte, err error) {
	line = bytes.Clone(begun)
	for err = bufio.ErrBufferFull; errors.Is(err, bufio.ErrBufferFull); {
		var more []byte
		more, err = br.ReadSlice('\n')
		if line != nil && len(line)+len(more) <= longestLine {
			line = append(line, more...)
		} else {
			line = nil
		}
	}
	return line, err
}

func decodeLine(line []byte) (Entry, bool) {
	var e Entry
	if len(line) <= prefixLen || !bytes.HasPrefix(line, []byte(crcOpen)) ||
		string(line[prefixLen-len(crcClose):prefixLen]) != crcClose {
		return e, false
	}
	rest := line[prefixLen:]
	sum := fmt.Sprintf("%08x", crc32.Checksum(rest, castagnoli))
	if sum != string(line[len(crcOpen):len(crcOpen)+crcDigits]) {
		return e, false
	}
	return e, json.Unmarshal(line, &e) == nil
}
