package packet

import "sync"

// BufferSize is how many bytes a [Buffer] holds: more than any RTP packet that
// crosses an Ethernet without being fragmented.
const BufferSize = 1536

// A Buffer holds one RTP packet as it came from the network. It has exactly one
// owner: whoever took it with [GetBuffer], until the owner either calls
// [Buffer.Release] or hands it to [Receiver.Push], which becomes its owner
// whatever the outcome. No owner may touch it afterwards.
type Buffer struct {
	data [BufferSize]byte
}

var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// GetBuffer returns a buffer with undefined contents. Any goroutine may call it.
func GetBuffer() *Buffer { return buffers.Get().(*Buffer) }

// Bytes returns the whole buffer to read a packet into.
func (b *Buffer) Bytes() []byte { return b.data[:] }

// Release gives the buffer back. The owner must call it once, and only if it
// does not push the buffer.
func (b *Buffer) Release() { buffers.Put(b) }
