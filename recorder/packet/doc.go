// Package packet turns the RTP packets of one track into whole frames.
//
// A [Receiver] is the way in and out. The reader of a track takes a [Buffer],
// reads a packet from the network straight into it and pushes it; the owner of
// the track asks for what has become of the packets:
//
//	buf := packet.GetBuffer()
//	n, _, err := track.Read(buf.Bytes())
//	…
//	receiver.Push(buf, n, arrival)
//	for event, ok := receiver.Next(now); ok; event, ok = receiver.Next(now) {
//		…
//	}
//	if receiver.WantKeyframe(now) {
//		// send a PLI
//	}
//
// Inside, a packet passes these stages: its sequence number and timestamp are
// extended past their wrap; duplicates are dropped; what is out of order waits
// until the missing packets come or their time is over; payloads are put
// together to frames; and a gate holds back every frame that leans on something
// that was lost.
//
// There are no goroutines and no timers in here. The caller owns the clock: a
// monotonic [time.Duration] since an origin of its choice, the same for arrivals
// and for now. One goroutine at a time may use a Receiver.
package packet
