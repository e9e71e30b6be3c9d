package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// End ends a session or a supervision and reports whether it was this call that
// did: the first cause counts. Whoever asks afterwards is told it. Recordings
// are stopped, supervisors and the agent removed and webhooks sent as soon as
// can be; should this process die meanwhile, the watcher of another node does it.
func (s *Service) End(ctx context.Context, id string, cause recording.Termination) (bool, error) {
	event := recording.SessionEvent{Type: "session", State: string(recording.SessionEnded), Cause: cause}
	first, err := s.news(ctx, endScript, id, string(cause), writeTime(s.now()), encode(event))
	if err != nil {
		return false, fmt.Errorf("end %s: %w", kindOf(id), err)
	}
	if !first {
		return false, nil
	}
	s.o.Log.Info("session or supervision ended", "id", id, "cause", cause)
	// Who is still in the room must be out before this returns. The rest may last.
	quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	if err := s.finish(quick, id); err != nil {
		s.o.Log.Warn("an end is not finished: trying again", "id", id, "error", err)
	}
	return true, nil
}

// finishWithin bounds one try to finish an end.
const finishWithin = 20 * time.Second

// finish does what an end leaves to do. It may run at any time, any number of
// times, and on any node.
func (s *Service) finish(ctx context.Context, id string) error {
	var err error
	if kindOf(id) == "supervision" {
		err = s.finishSupervision(ctx, id)
	} else {
		err = s.finishSession(ctx, id)
	}
	if err != nil && recording.CodeOf(err) != recording.CodeNotFound {
		return err
	}
	if err := s.rdb.SRem(ctx, prefix+"closing", id).Err(); err != nil {
		return unavailable(err)
	}
	return nil
}

func (s *Service) finishSession(ctx context.Context, id string) error {
	session, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	// First those who watch: they must learn why before they are put out.
	watchers, err := s.members(ctx, "watchers:"+id)
	if err != nil {
		return err
	}
	for _, watcher := range watchers {
		if _, err := s.End(ctx, watcher, recording.AgentSessionTerm); err != nil {
			return err
		}
	}
	_, err = s.stop(ctx, session, nil)
	if err := errors.Join(err, s.o.Rooms.Delete(ctx, session.Room)); err != nil {
		return err
	}
	if session, err = s.Get(ctx, id); err != nil {
		return err
	}
	return s.o.Tell(ctx, News{Session: &session})
}

func (s *Service) finishSupervision(ctx context.Context, id string) error {
	supervision, err := s.Supervision(ctx, id)
	if err != nil {
		return err
	}
	if err := s.o.Rooms.Evict(ctx, supervision.Room, supervision.Identity()); err != nil {
		return err
	}
	if err := s.audit(ctx, "ended", supervision); err != nil {
		return err
	}
	return s.o.Tell(ctx, News{Supervision: &supervision})
}
