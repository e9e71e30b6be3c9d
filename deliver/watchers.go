package deliver

import "sync"

// watchers are those who wait for news. The zero value has none.
type watchers struct {
	mu    sync.Mutex
	bells map[chan struct{}]struct{}
}

// join returns a channel that gets something when there is news, and what ends
// that.
func (w *watchers) join() (bell <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bells == nil {
		w.bells = map[chan struct{}]struct{}{}
	}
	w.bells[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.bells, c)
	}
}

func (w *watchers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.bells {
		select {
		case c <- struct{}{}:
		default: // it is about to look anyway
		}
	}
}
