package packet

// An Event is what [Receiver.Next] returns: a [*Frame], which is borrowed, or one
// of the values [Gap], [Reset], [FreezeBegin] and [FreezeEnd].
type Event interface{ event() }

// A Gap comes before the first packet with a payload after packets that are
// given up. They may have been sound, pictures or padding.
type Gap struct {
	// Lost is how many packets.
	Lost int64
	// From is the timestamp of the last packet with a payload before the gap, and
	// To that of the first one after it. They are equal in the middle of a frame.
	From, To Timestamp
	// Jump: so many packets are missing that the sender may not have sent them.
	Jump bool
}

// Reset comes before the first frame after the sender has begun to count anew.
// Timestamps after it mean nothing against those before it.
type Reset struct{}

// FreezeBegin tells that pictures come but are held back, because they lean on
// something that was lost. It does not come for the wait for the first keyframe.
type FreezeBegin struct {
	// Timestamp of the last frame given out: the picture that stands still.
	Timestamp Timestamp
}

// FreezeEnd comes just before the keyframe that ends a freeze. A freeze that
// never ends, because the track does, has no such event.
type FreezeEnd struct {
	// Timestamp of the keyframe.
	Timestamp Timestamp
}

func (*Frame) event()      {}
func (Gap) event()         {}
func (Reset) event()       {}
func (FreezeBegin) event() {}
func (FreezeEnd) event()   {}
