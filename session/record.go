package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/recording"
)

// Record starts recordings of streams, a recording each, and returns once of
// each the first media is on disk or it has failed: a stream of which nothing
// comes in time is told as StreamFailed. If one cannot be asked for at all, none
// is begun: CodeNotFound for a name that the session does not have,
// CodeAlreadyRecording for one that is being recorded.
func (s *Service) Record(ctx context.Context, id string, streams map[string]recording.Delivery) ([]recording.StreamRecording, error) {
	session, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if session.State == recording.SessionEnded {
		return nil, ended(id, session.Cause)
	}
	if len(streams) == 0 {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "recordings: name at least one of the streams %q", session.Streams)
	}
	names := slices.Sorted(maps.Keys(streams))
	for _, name := range names {
		if !slices.Contains(session.Streams, name) {
			return nil, noStream(session, name)
		}
		if err := errors.Join(s.checkURL("upload_url", streams[name].UploadURL), s.checkURL("webhook_url", streams[name].WebhookURL)); err != nil {
			return nil, err
		}
	}
	begun := make([]recording.StreamRecording, 0, len(names))
	for _, name := range names {
		one, err := s.begin(ctx, session, name, streams[name])
		if err != nil {
			return nil, errors.Join(err, s.revoke(ctx, begun))
		}
		begun = append(begun, one)
	}
	var group errgroup.Group
	for i := range begun {
		group.Go(func() (err error) {
			begun[i], err = s.awaitMedia(ctx, session, begun[i])
			return err
		})
	}
	return begun, group.Wait()
}

// begin asks for the recording of a stream.
func (s *Service) begin(ctx context.Context, session recording.Session, name string, to recording.Delivery) (recording.StreamRecording, error) {
	r, err := s.o.Recordings.Start(ctx, recording.Request{
		Room:      session.Room,
		Selection: recording.Selection{Identities: []string{session.ClientID}, Streams: []string{name}},
		Subject:   recording.Subject{Session: session.ID, Client: session.ClientID},
		Delivery:  to,
	})
	if err != nil {
		return recording.StreamRecording{}, fmt.Errorf("record stream: %w", err)
	}
	one := recording.StreamRecording{Stream: name, RecordingID: r.ID, State: recording.StreamStarting, AskedAt: r.CreatedAt}
	reply, err := s.text(ctx, recordScript, session.ID, name, r.ID, encode(one))
	if err == nil && reply != "ok" {
		err = ended(session.ID, session.Cause) // in between
	}
	if err != nil {
		return one, errors.Join(err, s.revoke(ctx, []recording.StreamRecording{one}))
	}
	return one, nil
}

// revoke stops recordings that were begun in vain.
func (s *Service) revoke(ctx context.Context, list []recording.StreamRecording) error {
	var errs []error
	for _, one := range list {
		if _, err := s.o.Recordings.Stop(context.WithoutCancel(ctx), one.RecordingID); err != nil && recording.CodeOf(err) != recording.CodeAlreadyStopped {
			errs = append(errs, fmt.Errorf("stop recording %s: %w", one.RecordingID, err))
		}
	}
	return errors.Join(errs...)
}

// awaitMedia waits for a recording's first media, and stops one that has none in time.
func (s *Service) awaitMedia(ctx context.Context, session recording.Session, one recording.StreamRecording) (recording.StreamRecording, error) {
	wait, cancel := context.WithTimeout(ctx, s.o.MediaWithin)
	defer cancel()
	r, err := s.o.Recordings.Wait(wait, one.RecordingID, func(r recording.Recording) bool {
		return r.State.Final() || !r.FirstMediaAt.IsZero()
	})
	switch {
	case ctx.Err() != nil:
		return one, fmt.Errorf("record stream: %w", ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return s.fail(ctx, session.ID, one)
	case err != nil:
		return one, fmt.Errorf("record stream: %w", err)
	}
	return s.note(ctx, r)
}

// fail stops a recording of which nothing came in time.
func (s *Service) fail(ctx context.Context, session string, one recording.StreamRecording) (recording.StreamRecording, error) {
	one.State = recording.StreamFailed
	one.Error = recording.Errorf(recording.CodeNoMedia, "no media of stream %q came within %v: is it published under this name, and not muted?", one.Stream, s.o.MediaWithin)
	if _, err := s.noteState(ctx, session, one); err != nil {
		return one, err
	}
	return one, s.revoke(ctx, []recording.StreamRecording{one})
}

// Stop ends the recordings of a session's streams and returns them once their
// files are complete.
func (s *Service) Stop(ctx context.Context, id string) ([]recording.StreamRecording, error) {
	session, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	stopped, err := s.stop(ctx, session, nil)
	if err == nil && len(stopped) == 0 {
		err = recording.Errorf(recording.CodeAlreadyStopped, "nothing is being recorded")
	}
	return stopped, err
}

// stop ends the running recordings of the streams, or of all when names is nil.
func (s *Service) stop(ctx context.Context, session recording.Session, names []string) ([]recording.StreamRecording, error) {
	running := s.running(session, names)
	var group errgroup.Group
	for i, one := range running {
		group.Go(func() error {
			r, err := s.o.Recordings.Stop(ctx, one.RecordingID)
			if recording.CodeOf(err) == recording.CodeAlreadyStopped {
				r, err = s.o.Recordings.Get(ctx, one.RecordingID)
			}
			if err != nil {
				return fmt.Errorf("stop stream %q: %w", one.Stream, err)
			}
			running[i], err = s.note(ctx, r)
			return err
		})
	}
	return running, group.Wait()
}

func (s *Service) running(session recording.Session, names []string) []recording.StreamRecording {
	running := []recording.StreamRecording{}
	for _, one := range session.Recordings {
		if (one.State == recording.StreamStarting || one.State == recording.StreamStarted) && (names == nil || slices.Contains(names, one.Stream)) {
			running = append(running, one)
		}
	}
	return running
}

// Pause makes the session's recordings write nothing until Resume.
func (s *Service) Pause(ctx context.Context, id string) ([]recording.StreamRecording, error) {
	return s.eachRunning(ctx, id, s.o.Recordings.Pause)
}

// Resume ends a pause.
func (s *Service) Resume(ctx context.Context, id string) ([]recording.StreamRecording, error) {
	return s.eachRunning(ctx, id, s.o.Recordings.Resume)
}

func (s *Service) eachRunning(ctx context.Context, id string, do func(context.Context, string) (recording.Recording, error)) ([]recording.StreamRecording, error) {
	session, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	running := s.running(session, nil)
	if len(running) == 0 {
		return nil, recording.Errorf(recording.CodeAlreadyStopped, "nothing is being recorded")
	}
	for _, one := range running {
		if _, err := do(ctx, one.RecordingID); err != nil {
			return nil, err
		}
	}
	return running, nil
}

// note takes in how far a recording is, and tells the session's followers of
// what is news to them.
func (s *Service) note(ctx context.Context, r recording.Recording) (recording.StreamRecording, error) {
	one := recording.StreamRecording{RecordingID: r.ID, State: recording.StreamStarting, AskedAt: r.CreatedAt, Error: r.Error}
	if len(r.Selection.Streams) == 1 {
		one.Stream = r.Selection.Streams[0]
	}
	switch {
	case r.State == recording.Failed:
		one.State = recording.StreamFailed
	case r.State == recording.Stopped && r.FirstMediaAt.IsZero() && r.Parts == 0:
		one.State = recording.StreamFailed
		if one.Error == nil {
			one.Error = recording.Errorf(recording.CodeNoMedia, "no media of stream %q came before the end", one.Stream)
		}
	case r.State == recording.Stopped:
		one.State = recording.StreamStopped
	case !r.FirstMediaAt.IsZero():
		one.State, one.Error = recording.StreamStarted, nil
	default:
		return one, nil
	}
	return s.noteState(ctx, r.Session, one)
}

func (s *Service) noteState(ctx context.Context, session string, one recording.StreamRecording) (recording.StreamRecording, error) {
	event := recording.SessionEvent{
		Type: "recording_state", State: string(one.State), Stream: one.Stream, RecordingID: one.RecordingID, Error: one.Error,
	}
	if _, err := s.run(ctx, stateScript, session, one.Stream, one.RecordingID, string(one.State), encode(one), encode(event)); err != nil {
		return one, fmt.Errorf("note stream: %w", err)
	}
	return one, nil
}
