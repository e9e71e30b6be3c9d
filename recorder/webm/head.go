package webm

import (
	"encoding/binary"
	"slices"
	"time"
)

const (
	// headSize is where the first cluster begins. It leaves about 5.8 KiB for
	// Tracks: four of them with 1 KiB of CodecPrivate each.
	headSize = 6 << 10
	// seekSize is what a SeekHead of three entries takes, and the Void before it.
	seekSize = 68
	// segmentData is where the Segment's data begins, which SeekHead and Cues
	// count from.
	segmentData = 52

	// muxingApp marks a file as laid out by this package; Repair looks for it.
	muxingApp = "roomreel"

	timestampScale = int64(time.Millisecond)
)

// epoch is where DateUTC counts from (RFC 8794 section 7.6).
var epoch = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

// head is everything before the first cluster.
type head struct {
	writingApp string
	date       time.Time // zero: none
	uid        [16]byte
	tracks     []Track
	final      final
}

// final is what only a finished file has in its head.
type final struct {
	duration int64 // ticks; 0: unfinished
	cues     int64 // file offset; 0: none
	size     int64 // of the file
	// frames are how long the pictures of tracks with an even rate are shown, by
	// track number.
	frames map[int]time.Duration
}

// render returns the head's headSize bytes. Only the bytes of what changed differ
// from one rendering to the next.
func (h *head) render() ([]byte, error) {
	b := h.ebml()
	b = appendID(b, idSegment)
	if h.final.duration == 0 {
		b = appendVint(b, unknownSize, 8)
	} else {
		b = appendVint(b, h.final.size-segmentData, 8)
	}

	info := int64(segmentData + seekSize)
	infoData := h.info()
	tracks := info + int64(len(infoData))
	b = append(b, h.seekHead(info, tracks)...)
	b = append(b, infoData...)
	b = append(b, h.tracksElement()...)

	rest := headSize - len(b)
	if rest < 2 {
		return nil, ErrTracksFull
	}
	return append(b, void(rest)...), nil
}

func (h *head) ebml() []byte {
	docType := stringElement(idDocType, "matroska")
	if !slices.ContainsFunc(h.tracks, func(t Track) bool { return !t.Codec.WebM() }) {
		docType = append(stringElement(idDocType, "webm"), void(4)...)
	}
	return element(idEBML,
		uintElement(idEBMLVersion, 1),
		uintElement(idEBMLReadVersion, 1),
		uintElement(idEBMLMaxIDLength, 4),
		uintElement(idEBMLMaxSizeLength, 8),
		docType,
		// CodecDelay and SeekPreRoll came with version 4; a reader of version 2,
		// which brought SimpleBlock, can do without them.
		uintElement(idDocTypeVersion, 4),
		uintElement(idDocTypeReadVersion, 2))
}

func (h *head) seekHead(info, tracks int64) []byte {
	if h.final.duration == 0 {
		return void(seekSize)
	}
	seeks := [][]byte{seek(idInfo, info), seek(idTracks, tracks)}
	if h.final.cues == 0 {
		return append(element(idSeekHead, seeks...), void(len(seeks[0]))...)
	}
	return element(idSeekHead, append(seeks, seek(idCues, h.final.cues))...)
}

func seek(id uint32, at int64) []byte {
	return element(idSeek,
		element(idSeekID, appendID(nil, id)),
		fixedUint(idSeekPosition, uint64(at-segmentData)))
}

func (h *head) info() []byte {
	duration := void(11)
	if h.final.duration != 0 {
		duration = floatElement(idDuration, float64(h.final.duration))
	}
	parts := [][]byte{
		uintElement(idTimestampScale, uint64(timestampScale)),
		duration,
		element(idSegmentUID, h.uid[:]),
		stringElement(idMuxingApp, muxingApp),
		stringElement(idWritingApp, h.writingApp),
	}
	if !h.date.IsZero() {
		ns := binary.BigEndian.AppendUint64(nil, uint64(h.date.Sub(epoch)))
		parts = append(parts, element(idDateUTC, ns))
	}
	return element(idInfo, parts...)
}

// tracksElement has a Void for as long as no track is known, since an empty
// Tracks is not allowed.
func (h *head) tracksElement() []byte {
	if len(h.tracks) == 0 {
		return nil
	}
	entries := make([][]byte, len(h.tracks))
	for i, t := range h.tracks {
		entries[i] = t.entry(h.uid, h.final.frames[t.Number])
	}
	return element(idTracks, entries...)
}
