package session

import (
	"context"
	"encoding/json"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// Follow returns what happened in a session or a supervision after the event
// with the given ID, or from its beginning if that is empty, and what happens
// from then on. The channel is closed after the end, or when ctx is done.
func (s *Service) Follow(ctx context.Context, id, after string) (<-chan recording.SessionEvent, error) {
	if after == "" {
		after = "0-0"
	}
	if !streamID.MatchString(after) {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "Last-Event-ID: it is not one of this stream")
	}
	docs, _, err := s.docs(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	over := recording.SessionState(docs[0]["state"]) == recording.SessionEnded
	wake := s.follow(id)
	events := make(chan recording.SessionEvent)
	go func() {
		defer close(events)
		defer s.unfollow(id, wake)
		// Told by a notification, with polling as the net.
		poll := time.NewTicker(time.Second)
		defer poll.Stop()
		for {
			missed := s.since(ctx, id, after)
			if over && len(missed) == 0 {
				return // they know of the end
			}
			for _, e := range missed {
				select {
				case events <- e:
				case <-ctx.Done():
					return
				}
				if after = e.ID; e.Type == "session" && e.State == string(recording.SessionEnded) {
					return
				}
			}
			select {
			case <-wake:
			case <-poll.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return events, nil
}

// since reads the events after one. While Redis is away there are none.
func (s *Service) since(ctx context.Context, id, after string) []recording.SessionEvent {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	lines, err := s.rdb.XRange(ctx, prefix+"events:"+id, "("+after, "+").Result()
	if err != nil {
		return nil
	}
	var events []recording.SessionEvent
	for _, line := range lines {
		var e recording.SessionEvent
		text, _ := line.Values["event"].(string)
		if json.Unmarshal([]byte(text), &e) == nil {
			e.ID = line.ID
			events = append(events, e)
		}
	}
	return events
}

func (s *Service) follow(id string) chan struct{} {
	wake := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.followers[id] == nil {
		s.followers[id] = map[chan struct{}]bool{}
	}
	s.followers[id][wake] = true
	return wake
}

func (s *Service) unfollow(id string, wake chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.followers[id], wake); len(s.followers[id]) == 0 {
		delete(s.followers, id)
	}
}

// rouse wakes those who follow what Redis says has news.
func (s *Service) rouse(ctx context.Context) {
	told := s.rdb.Subscribe(ctx, prefix+"told")
	defer told.Close()
	for {
		select {
		case m, ok := <-told.Channel():
			if !ok {
				return
			}
			s.mu.Lock()
			for wake := range s.followers[m.Payload] {
				select {
				case wake <- struct{}{}:
				default:
				}
			}
			s.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}
