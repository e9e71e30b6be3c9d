package webm

import "sync/atomic"

// syncer runs Datasync off the hot path: a slow disk holds up nothing but the
// next sync.
type syncer struct {
	file  File
	start chan struct{} // holds one, which busy guards, so that sending never blocks
	done  chan struct{}
	busy  atomic.Bool
	err   atomic.Pointer[error]
}

func newSyncer(f File) *syncer {
	s := &syncer{file: f, start: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *syncer) run() {
	defer close(s.done)
	for range s.start {
		if err := s.file.Datasync(); err != nil {
			s.err.Store(&err)
		}
		s.busy.Store(false)
	}
}

// kick starts a sync and reports whether it did: not while one is running.
func (s *syncer) kick() bool {
	if s.busy.Swap(true) {
		return false
	}
	s.start <- struct{}{}
	return true
}

// failure returns what went wrong, if anything has.
func (s *syncer) failure() error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

// stop waits for the sync that is running, and ends the goroutine.
func (s *syncer) stop() {
	close(s.start)
	<-s.done
}
