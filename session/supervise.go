package session

import (
	"context"
	"fmt"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Wish says who wants to watch whom, and why. Exactly one of ClientID and Room
// is needed; SessionID may narrow ClientID to one session.
type Wish struct {
	SupervisorID string
	ClientID     string
	SessionID    string
	Room         string
	Reason       string
	By           string
	WebhookURL   string
}

// Supervise grants a supervision: the right to join the room unseen, and to
// hear once Admit has found the right still standing. Refusals are CodeNoActiveAgent,
// CodeTwoTimer with Existing and CodeMaxSupervisors; of concurrent calls no more
// than may succeed do. Requests and refusals are in the audit trail.
func (s *Service) Supervise(ctx context.Context, w Wish) (recording.Supervision, error) {
	one := recording.Supervision{
		ID: recording.NewID(recording.PrefixSupervision), SupervisorID: w.SupervisorID, ClientID: w.ClientID, SessionID: w.SessionID,
		Room: w.Room, Reason: w.Reason, By: w.By, WebhookURL: w.WebhookURL, State: recording.SessionWaiting, CreatedAt: s.now(),
	}
	err := s.checkWish(w)
	if err == nil {
		err = s.grant(ctx, &one)
	}
	action := "requested"
	if err != nil {
		action, one.Cause = "refused", recording.Termination(recording.CodeOf(err))
	}
	// Nobody watches without a trace.
	if aerr := s.audit(ctx, action, one); aerr != nil {
		if err == nil {
			_, _ = s.End(ctx, one.ID, recording.ConnError) // its failure leaves a grant that runs out unused
		}
		return recording.Supervision{}, aerr
	}
	return one, err
}

func (s *Service) checkWish(w Wish) error {
	if err := checkName("supervisor_id", w.SupervisorID); err != nil {
		return err
	}
	const longestReason = 1000
	switch {
	case (w.ClientID == "") == (w.Room == ""):
		return recording.Errorf(recording.CodeInvalidRequest, "name either the agent or the room to watch")
	case len(w.Reason) > longestReason:
		return recording.Errorf(recording.CodeInvalidRequest, "reason: it has more than %d bytes", longestReason)
	case w.ClientID == w.SupervisorID:
		return recording.Errorf(recording.CodeInvalidRequest, "an agent cannot watch themselves")
	}
	return s.checkURL("webhook_url", w.WebhookURL)
}

// grant finds the room and takes the lease.
func (s *Service) grant(ctx context.Context, one *recording.Supervision) error {
	target := "room " + one.Room
	if one.ClientID != "" {
		session, err := s.activeSession(ctx, one.ClientID, one.SessionID)
		if err != nil {
			return err
		}
		one.SessionID, one.Room, target = session.ID, session.Room, session.ID
	} else if kindOfRoom(one.Room) {
		return recording.Errorf(recording.CodeInvalidRequest, "the room is an agent's: name the agent")
	}
	event := recording.SessionEvent{Type: "session", State: string(recording.SessionWaiting)}
	reply, err := s.run(ctx, superviseScript, one.ID, one.SupervisorID, target, one.SessionID, encode(one), s.o.MaxSupervisors, encode(event))
	if err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	answer, _ := reply.([]any)
	if len(answer) != 2 {
		return recording.Errorf(recording.CodeInternal, "supervise: redis answered %v", reply)
	}
	existing, _ := answer[1].(string)
	switch answer[0] {
	case string(recording.NoActiveAgent):
		return noActiveAgent(one.ClientID)
	case string(recording.MaxSupervisors):
		return recording.Errorf(recording.CodeMaxSupervisors, "%d supervisors watch already, which is the most", s.o.MaxSupervisors)
	case string(recording.TwoTimer):
		refusal := recording.Errorf(recording.CodeTwoTimer, "the supervisor watches already: %s", existing)
		refusal.Existing = existing
		return refusal
	}
	return nil
}

// kindOfRoom reports whether a room is an agent's session.
func kindOfRoom(room string) bool { return recording.CheckID(recording.PrefixSession, room) == nil }

// activeSession finds the session of an agent that can be watched. An agent who
// has just joined is known at once, without waiting for the watcher.
func (s *Service) activeSession(ctx context.Context, clientID, id string) (recording.Session, error) {
	held, err := s.rdb.Get(ctx, prefix+"agent:"+clientID).Result()
	if err != nil && held == "" && !isNil(err) {
		return recording.Session{}, unavailable(err)
	}
	if held == "" || id != "" && id != held {
		return recording.Session{}, noActiveAgent(clientID)
	}
	session, err := s.Get(ctx, held)
	if err != nil || session.State == recording.SessionActive {
		return session, err
	}
	people, err := s.o.Rooms.Participants(ctx, session.Room)
	if err != nil {
		return session, err
	}
	if !contains(people, clientID) {
		return session, noActiveAgent(clientID)
	}
	return session, s.connected(ctx, session.ID)
}

func noActiveAgent(clientID string) error {
	return recording.Errorf(recording.CodeNoActiveAgent, "agent %q has no session that could be watched", clientID)
}

// Supervision returns one, or CodeNotFound.
func (s *Service) Supervision(ctx context.Context, id string) (recording.Supervision, error) {
	found, err := s.supervisions(ctx, id)
	if err != nil {
		return recording.Supervision{}, err
	}
	if len(found) == 0 {
		return recording.Supervision{}, notFound(id)
	}
	return found[0], nil
}

// Supervisions returns supervisions, newest first, and the cursor of the page
// that follows. The query's ClientID is the agent's.
func (s *Service) Supervisions(ctx context.Context, q Query) ([]recording.Supervision, string, error) {
	if q.Cursor != "" {
		if err := recording.CheckID(recording.PrefixSupervision, q.Cursor); err != nil {
			return nil, "", recording.Errorf(recording.CodeInvalidRequest, "cursor: %w", err)
		}
	}
	return page(ctx, s.store, "supervisions", q.Cursor, q.Limit, s.supervisions,
		func(one recording.Supervision) string { return one.ID },
		func(one recording.Supervision) bool { return q.takes(one.ClientID, one.State, one.CreatedAt) })
}

// Standing returns a supervision that gives the right to join now; for one that
// has ended, or whose agent has, the error is CodeSessionEnded.
func (s *Service) Standing(ctx context.Context, id string) (recording.Supervision, error) {
	one, err := s.Supervision(ctx, id)
	if err != nil {
		return one, err
	}
	if one.State == recording.SessionEnded {
		return one, ended(id, one.Cause)
	}
	if one.SessionID == "" {
		return one, nil
	}
	session, err := s.Get(ctx, one.SessionID)
	if err != nil {
		return one, err
	}
	if session.State == recording.SessionEnded {
		return one, ended(id, recording.AgentSessionTerm)
	}
	return one, nil
}

// Admit lets the supervisor, who has joined and is deaf, hear the room if the
// right stands. It may be called again, after a reconnect for one. CodeNotFound
// says that they have not joined.
func (s *Service) Admit(ctx context.Context, id string) (recording.Supervision, error) {
	one, err := s.admit(ctx, id)
	if err != nil {
		return one, fmt.Errorf("admit supervisor: %w", err)
	}
	// It may have ended since, before there was anybody to evict.
	if _, err := s.Standing(ctx, id); err != nil {
		evict, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
		defer cancel()
		if everr := s.o.Rooms.Evict(evict, one.Room, one.Identity()); everr != nil {
			s.o.Log.Error("supervisor without a right not evicted", "supervision", id, "error", everr)
		}
		return one, err
	}
	if err := s.connected(ctx, id); err != nil {
		return one, err
	}
	return s.Supervision(ctx, id)
}

// admit tries until LiveKit knows of who has just joined.
func (s *Service) admit(ctx context.Context, id string) (recording.Supervision, error) {
	const patience, pause = 5 * time.Second, 50 * time.Millisecond
	for began := time.Now(); ; {
		one, err := s.Standing(ctx, id)
		if err != nil {
			return one, err
		}
		err = s.o.Rooms.Admit(ctx, one.Room, one.Identity())
		if recording.CodeOf(err) != recording.CodeNotFound || time.Since(began) > patience {
			return one, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return one, ctx.Err()
		}
	}
}

// connected notes that whom it is about has joined, and tells of it once.
func (s *Service) connected(ctx context.Context, id string) error {
	event := recording.SessionEvent{Type: "session", State: string(recording.SessionActive)}
	first, err := s.news(ctx, connectScript, id, s.now().Format(time.RFC3339Nano), encode(event))
	if err != nil || !first {
		return err
	}
	var news News
	if kindOf(id) == "supervision" {
		one, err := s.Supervision(ctx, id)
		if err != nil {
			return err
		}
		if err := s.audit(ctx, "started", one); err != nil {
			return err
		}
		news.Supervision = &one
	} else {
		one, err := s.Get(ctx, id)
		if err != nil {
			return err
		}
		news.Session = &one
	}
	return s.o.Tell(ctx, news)
}
