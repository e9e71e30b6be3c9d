package meeting

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
)

// View collects what an ordinary participant is told of its room. The server announces those who do
// not publish in batches of up to 3 s, so only a View that has seen some such person come later can
// say that another was never shown.
type View struct {
	mu      sync.Mutex
	current Snapshot
	changed chan struct{} // closed and replaced at each change
}

// Snapshot is what a participant has been told until some moment. Nobody is told of itself.
type Snapshot struct {
	Present          []string          // identities in the room, sorted
	Seen             []string          // identities that ever were, sorted
	Recording        bool              // the room is being recorded
	RecordingChanges []RecordingChange // in order, beginning with true
}

// RecordingChange is a moment at which the participant was told that a recording began or ended.
type RecordingChange struct {
	At        time.Time
	Recording bool
}

func newView() *View { return &View{changed: make(chan struct{})} }

// Snapshot is a copy of what is known now.
func (v *View) Snapshot() Snapshot {
	now, _ := v.snapshot()
	return now
}

func (v *View) snapshot() (Snapshot, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.current
	now.Present = slices.Clone(now.Present)
	now.Seen = slices.Clone(now.Seen)
	now.RecordingChanges = slices.Clone(now.RecordingChanges)
	return now, v.changed
}

// Await waits until what is known fulfils a condition, and returns it. The error wraps that of ctx,
// if ctx ends first.
func (v *View) Await(ctx context.Context, fulfilled func(Snapshot) bool) (Snapshot, error) {
	for {
		now, changed := v.snapshot()
		if fulfilled(now) {
			return now, nil
		}
		select {
		case <-ctx.Done():
			return now, fmt.Errorf("await a change in the room (now %+v): %w", now, context.Cause(ctx))
		case <-changed:
		}
	}
}

func (v *View) change(edit func(*Snapshot)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	edit(&v.current)
	close(v.changed)
	v.changed = make(chan struct{})
}

func (v *View) callback() *lksdk.RoomCallback {
	return &lksdk.RoomCallback{
		OnParticipantConnected: func(p *lksdk.RemoteParticipant) {
			v.change(func(s *Snapshot) { s.came(p.Identity()) })
		},
		OnParticipantDisconnected: func(p *lksdk.RemoteParticipant) {
			v.change(func(s *Snapshot) { s.left(p.Identity()) })
		},
		OnRecordingStatusChanged: func(on bool) {
			v.change(func(s *Snapshot) { s.recording(on) })
		},
	}
}

// joined takes in what the SDK was told on joining, of which it calls nobody back.
func (v *View) joined(room *lksdk.Room) {
	v.change(func(s *Snapshot) {
		for _, p := range room.GetRemoteParticipants() {
			s.came(p.Identity())
		}
		s.recording(room.IsRecording())
	})
}

func (s *Snapshot) came(identity string) {
	for _, list := range []*[]string{&s.Present, &s.Seen} {
		if at, found := slices.BinarySearch(*list, identity); !found {
			*list = slices.Insert(*list, at, identity)
		}
	}
}

func (s *Snapshot) left(identity string) {
	if at, found := slices.BinarySearch(s.Present, identity); found {
		s.Present = slices.Delete(s.Present, at, at+1)
	}
}

func (s *Snapshot) recording(on bool) {
	if s.Recording != on {
		s.Recording = on
		s.RecordingChanges = append(s.RecordingChanges, RecordingChange{At: time.Now(), Recording: on})
	}
}
