package compose

import (
	"context"

	"github.com/roomreel/roomreel/recording"
)

// job is a composition that is not final yet.
type job struct {
	film     recording.Composition
	dir      string
	cancel   context.CancelCauseFunc // nil while waiting
	watchers []chan recording.Composition
}

func (j *job) notify() {
	for _, w := range j.watchers {
		offer(w, j.film)
	}
}

func (j *job) closeWatchers() {
	for _, w := range j.watchers {
		close(w)
	}
	j.watchers = nil
}

// offer puts the newest state into a channel of one. Owner only.
func offer(c chan recording.Composition, film recording.Composition) {
	select {
	case <-c:
	default:
	}
	c <- film
}
