package meeting

import (
	"context"
	"time"
)

// maxLag is how far a publisher may fall behind the clock before it gives frames up.
const maxLag = time.Second

// pace calls emit for frame k of rate frames a second at the instant epoch + k/rate, beginning with
// the next frame due, until ctx ends. A publisher that was held up catches up at no more than twice
// the rate, never in a burst; one that is more than a second behind leaves out what it missed, which
// emit sees as a gap in k.
func pace(ctx context.Context, epoch time.Time, rate int, emit func(k int64)) {
	period := time.Second / time.Duration(rate)
	n := int64(rate)
	// Seconds and their fractions are scaled apart, so that a distant epoch does not overflow.
	due := func(k int64) time.Time {
		return epoch.Add(time.Duration(k/n)*time.Second + time.Duration(k%n)*time.Second/time.Duration(n))
	}
	next := func() int64 {
		since := int64(time.Since(epoch))
		return since/1e9*n + since%1e9*n/1e9 + 1
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	var sent time.Time
	for k := next(); ; k++ {
		if time.Since(due(k)) > maxLag {
			k = next()
		}
		at := due(k)
		if soonest := sent.Add(period / 2); at.Before(soonest) {
			at = soonest
		}
		timer.Reset(time.Until(at))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		sent = time.Now()
		emit(k)
	}
}
