package session

import (
	"context"
	"fmt"
	"slices"

	"github.com/roomreel/roomreel/recording"
)

// AddStream adds the name of a stream that the agent is about to publish. One
// that is there stays; while any is being recorded the error is CodeStreamsFixed.
func (s *Service) AddStream(ctx context.Context, id, name string) (recording.Session, error) {
	if err := checkStream(name); err != nil {
		return recording.Session{}, err
	}
	return s.changeStreams(ctx, id, true, func(streams []string) ([]string, error) {
		if slices.Contains(streams, name) {
			return streams, nil
		}
		if len(streams) >= s.o.MaxStreams {
			return nil, recording.Errorf(recording.CodeInvalidRequest, "the session has %d streams, which is the most", len(streams))
		}
		return append(streams, name), nil
	})
}

// RemoveStream stops and completes the recording of a stream, if there is one,
// and forgets the name.
func (s *Service) RemoveStream(ctx context.Context, id, name string) (recording.Session, error) {
	session, err := s.Get(ctx, id)
	if err != nil {
		return session, err
	}
	if !slices.Contains(session.Streams, name) {
		return session, noStream(session, name)
	}
	if _, err := s.stop(ctx, session, []string{name}); err != nil {
		return session, err
	}
	return s.changeStreams(ctx, id, false, func(streams []string) ([]string, error) {
		return slices.DeleteFunc(streams, func(n string) bool { return n == name }), nil
	})
}

func noStream(session recording.Session, name string) error {
	return recording.Errorf(recording.CodeNotFound, "the session has no stream %q; it has %q", name, session.Streams)
}

func (s *Service) changeStreams(ctx context.Context, id string, adds bool, change func([]string) ([]string, error)) (recording.Session, error) {
	for ctx.Err() == nil {
		session, err := s.Get(ctx, id)
		if err != nil {
			return session, err
		}
		from := encode(session.Streams)
		streams, err := change(slices.Clone(session.Streams))
		if err != nil {
			return session, err
		}
		to := encode(streams)
		if to == from {
			return session, nil
		}
		reply, err := s.text(ctx, streamScript, id, to, from, flag(adds))
		switch {
		case err != nil:
			return session, fmt.Errorf("change streams: %w", err)
		case reply == "ok":
			session.Streams = streams
			return session, nil
		case reply == "absent":
			return session, notFound(id)
		case reply == "ended":
			return session, ended(id, session.Cause)
		case reply == "recording":
			return session, recording.Errorf(recording.CodeStreamsFixed, "no stream can be added while one is being recorded: stop the recordings first")
		}
	}
	return recording.Session{}, fmt.Errorf("change streams: %w", ctx.Err())
}
