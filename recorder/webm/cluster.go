package webm

import (
	"encoding/binary"
	"io"
	"math"
)

const (
	// A cluster ends before a keyframe that comes after this many ticks,
	keyframeClusterTicks = 1000
	// at this many ticks in any case,
	maxClusterTicks = 5000
	// and at this size, in bytes.
	maxClusterSize = 1 << 20

	clusterSizeWidth = 4
	clusterHeader    = 4 + clusterSizeWidth
)

// cluster is the one being written. Its size is unknown until it is closed.
type cluster struct {
	at   int64 // file offset of its header; 0 if none is open
	time int64 // ticks
}

// data is where the cluster's data begins in the file.
func (c cluster) data() int64 { return c.at + clusterHeader }

// ends reports whether a block at the tick now belongs into a new cluster. size
// is the file's. A block's time is kept as an int16 relative to its cluster's, and
// may lie before it (RFC 9559 section 10.1).
func (c cluster) ends(size, now int64, keyframe bool) bool {
	age := now - c.time
	return c.at == 0 ||
		keyframe && age >= keyframeClusterTicks ||
		age >= maxClusterTicks || age < math.MinInt16 ||
		size-c.at >= maxClusterSize
}

// patch is the size of a closed cluster whose header had been flushed before. It
// is written after the cluster's last block, so that a size on disk never promises
// more than is there. There is never more than one, since a flush empties both.
type patch struct {
	at    int64 // file offset; 0 if there is none
	bytes [clusterSizeWidth]byte
}

func (w *Writer) openCluster(now int64) {
	w.cluster = cluster{at: w.size(), time: now}
	w.buf = appendVint(appendID(w.buf, idCluster), unknownSize, clusterSizeWidth)
	w.buf = appendUint(w.buf, idTimestamp, uint64(now))
}

func (w *Writer) closeCluster() {
	if w.cluster.at == 0 {
		return
	}
	at := w.cluster.at + 4
	var field [clusterSizeWidth]byte
	appendVint(field[:0], w.size()-w.cluster.data(), clusterSizeWidth)
	if at >= w.flushed {
		copy(w.buf[at-w.flushed:], field[:])
	} else {
		w.patch = patch{at, field}
	}
	w.cluster = cluster{}
}

// flush hands everything that waits to the kernel in one write. Blocks are never
// split over two, so what a killed process leaves nearly always ends with a whole
// one.
func (w *Writer) flush() error {
	if len(w.buf) > 0 {
		n, err := w.file.Write(w.buf)
		if err == nil && n < len(w.buf) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return w.fail("write", err)
		}
		w.flushed += int64(n)
		w.unsynced = true
		w.buf = w.buf[:0]
		if cap(w.buf) > keepBuffer {
			w.buf = make([]byte, 0, flushSize+flushSize/4)
		}
	}
	if w.patch.at != 0 {
		if _, err := w.file.WriteAt(w.patch.bytes[:], w.patch.at); err != nil {
			return w.fail("patch", err)
		}
		w.patch.at = 0
	}
	return nil
}

// appendSimpleBlock appends a SimpleBlock without lacing (RFC 9559 section 10.2).
func appendSimpleBlock(b []byte, track int, relative int64, keyframe bool, payload []byte) []byte {
	b = appendHeader(b, idSimpleBlock, int64(len(payload))+4)
	b = append(b, 0x80|byte(track))
	b = binary.BigEndian.AppendUint16(b, uint16(relative))
	var flags byte
	if keyframe {
		flags = 0x80
	}
	b = append(b, flags)
	return append(b, payload...)
}
