package packet

import "fmt"

// An Outcome is what became of a packet when it was pushed.
type Outcome uint8

// The outcomes of [Receiver.Push].
const (
	// Accepted: its payload goes into a frame.
	Accepted Outcome = iota
	// Padding: it has no payload, as probes and a server's first packets have
	// none. It counts as received and goes no further.
	Padding
	// Duplicate: it was received before. LiveKit's bandwidth probes send the last
	// packets again, so this is routine.
	Duplicate
	// Late: it was missing, and came after that was declared a gap.
	Late
	// Old: its number was used before by another packet, or is too long ago to
	// know. A sender that has begun to count anew looks like this at first.
	Old
	// Resync: the last of a run of old packets, which proves that the sender has
	// begun to count anew. It is accepted, and a [Reset] comes before its
	// frame.
	Resync
	// Jump: its number is so far ahead that nothing before it is worth waiting
	// for. It is accepted.
	Jump
	// Overflow: it was accepted, but now the reorder buffer is full: the gap it
	// waits behind is declared at once.
	Overflow
	// Refused: it was dropped because the reorder buffer holds twice what it is
	// meant to. That can happen only if [Receiver.Next] is not called.
	Refused
	// Malformed: it is not an RTP packet.
	Malformed
)

var outcomeNames = [...]string{
	Accepted: "accepted", Padding: "padding", Duplicate: "duplicate", Late: "late", Old: "old",
	Resync: "resync", Jump: "jump", Overflow: "overflow", Refused: "refused", Malformed: "malformed",
}

// String returns the outcome in one lower-case word.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// Stats counts what a [Receiver] has seen since it was made. Two of them can be
// compared with ==.
type Stats struct {
	// What became of the packets that were pushed. Each is counted once: the sum
	// of these is the number of pushes.
	Accepted, Padding, Duplicate, Late, Old, Resync, Jump, Overflow, Refused, Malformed int64
	// Bytes of RTP payload in packets that were accepted, in any of the ways.
	Bytes int64

	// Lost packets, in so many Gaps: never received, or too late.
	Lost, Gaps int64

	// Frames that were given out, and how many of them were Keyframes, or Silence
	// of the server's making.
	Frames, Keyframes, Silence int64
	// Frames that never became whole, because a packet of theirs was lost or made
	// no sense, and those given up for being too large or too slow to come.
	Incomplete, TooLarge, TooSlow int64
	// Blank frames of the server's making, which are dropped.
	Blank int64
	// Held frames: whole, but held back because they lean on what was lost or
	// because no keyframe has come yet; and the Freezes this made.
	Held, Freezes int64
}

// count adds one packet with the outcome.
func (s *Stats) count(o Outcome) {
	switch o {
	case Accepted:
		s.Accepted++
	case Padding:
		s.Padding++
	case Duplicate:
		s.Duplicate++
	case Late:
		s.Late++
	case Old:
		s.Old++
	case Resync:
		s.Resync++
	case Jump:
		s.Jump++
	case Overflow:
		s.Overflow++
	case Refused:
		s.Refused++
	case Malformed:
		s.Malformed++
	}
}
