package packet

import "time"

// keyframeWish decides when to ask for a keyframe.
type keyframeWish struct {
	// interval is how long after a keyframe another one is wished for; 0 for
	// never.
	interval time.Duration

	need bool // not every frame can pass until one comes
	came bool // one has
	at   time.Duration

	// asked counts the requests since the last keyframe; the last was at askedAt.
	asked   int
	askedAt time.Duration
	ever    bool // asked

	// media is when the last packet with a payload came: a publisher that sends
	// nothing is not asked again.
	media time.Duration
}

// pauses are the shortest times between a request and the next, by how many were
// made since the last keyframe. LiveKit's server passes on no more than one each
// 500 ms to 1 s, so a faster pace is wasted.
var pauses = [...]time.Duration{500 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}

// keyframe tells that one was whole at now.
func (k *keyframeWish) keyframe(now time.Duration) {
	k.came, k.at, k.asked = true, now, 0
}

// wants reports whether to ask for a keyframe now, and takes it that the caller
// does.
func (k *keyframeWish) wants(now time.Duration) bool {
	old := k.came && k.interval > 0 && now-k.at >= k.interval && k.media > k.at
	if !k.need && !old {
		return false
	}
	pause := pauses[min(k.asked, len(pauses)-1)]
	if k.ever && (now-k.askedAt < pause || k.media <= k.askedAt) {
		return false
	}
	k.asked++
	k.ever, k.askedAt = true, now
	return true
}
