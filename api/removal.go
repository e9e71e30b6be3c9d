package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// Hold keeps a recording from being deleted.
type Hold struct {
	Since  time.Time `json:"since" doc:"When it was placed." example:"2026-03-02T10:00:00Z"`
	By     string    `json:"by,omitempty" doc:"Who placed it: the subject of the token, or admin." example:"counsel"`
	Reason string    `json:"reason,omitempty" doc:"Why, in the words of whoever placed it." example:"case 7"`
}

// PlaceHold is the body that places a hold.
type PlaceHold struct {
	Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Why it is kept." example:"case 7"`
}

type holdInput struct {
	RecordingParam
	Body *PlaceHold
}

// routeRemoval adds the operations that delete recordings and forbid it.
func (s *Server) routeRemoval() {
	tags := []string{"recordings"}
	lookup := []recording.Code{recording.CodeInvalidID, recording.CodeNotFound}
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "delete-recording", Method: http.MethodDelete, Path: "/v1/recordings/{recording}", Tags: tags,
			DefaultStatus: http.StatusNoContent,
			Summary:       "Delete a recording",
			Description:   "Deletes its files, its films and what is known of it, for good. NOT_READY until it has ended, LEGAL_HOLD while it is held.",
		},
		access: fullAccess, codes: append(lookup[:2:2], recording.CodeNotReady, recording.CodeLegalHold),
	}, func(ctx context.Context, in *RecordingParam) (*struct{}, error) {
		if _, err := s.permitted(ctx, in.Recording, fullAccess); err != nil {
			return nil, err
		}
		return nil, s.remove(ctx, in.Recording)
	})
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "hold-recording", Method: http.MethodPut, Path: "/v1/recordings/{recording}/hold", Tags: tags,
			Summary:     "Place a legal hold",
			Description: "Nobody and no retention deletes the recording until the hold is lifted. Placing another one replaces it. The body may be left out.",
		},
		access: fullAccess, codes: append(lookup[:2:2], recording.CodeInvalidRequest),
	}, func(ctx context.Context, in *holdInput) (*recordingOutput, error) {
		hold := &recording.Hold{Since: time.Now().UTC(), By: callerOf(ctx).Subject}
		if in.Body != nil {
			hold.Reason = in.Body.Reason
		}
		if err := hold.Validate(); err != nil {
			return nil, err
		}
		return s.hold(ctx, in.Recording, hold)
	})
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "release-recording", Method: http.MethodDelete, Path: "/v1/recordings/{recording}/hold", Tags: tags,
			Summary:     "Lift a legal hold",
			Description: "The recording may be deleted again. That there is no hold is no error.",
		},
		access: fullAccess, codes: lookup,
	}, func(ctx context.Context, in *RecordingParam) (*recordingOutput, error) {
		return s.hold(ctx, in.Recording, nil)
	})
}

// hold places or lifts a hold: on disk too, which outlives Redis.
func (s *Server) hold(ctx context.Context, id string, hold *recording.Hold) (*recordingOutput, error) {
	if _, err := s.permitted(ctx, id, fullAccess); err != nil {
		return nil, err
	}
	if err := s.media.SetHold(id, hold); err != nil {
		return nil, err
	}
	r, err := s.recordings.Hold(ctx, id, hold)
	if err != nil {
		return nil, err
	}
	return &recordingOutput{recordingBody(r)}, nil
}

// remove deletes a recording that has ended. It is forgotten first: files that are
// left, here by a crash or on other nodes, go when their node next tidies up.
func (s *Server) remove(ctx context.Context, id string) error {
	if err := s.notHeld(id); err != nil {
		return err
	}
	films, err := s.compositions.List(ctx, id)
	if err != nil && recording.CodeOf(err) != recording.CodeNotFound {
		return err
	}
	if err := s.recordings.Remove(ctx, id); err != nil {
		return err
	}
	for _, film := range films {
		if !film.State.Final() {
			if _, err := s.compositions.Cancel(ctx, id, film.ID); err != nil {
				s.log.WarnContext(ctx, "a film of a deleted recording was not canceled", "composition", film.ID, "error", err)
			}
		}
	}
	if s.storage != nil {
		if err := s.storage.Remove(ctx, id); err != nil {
			return err
		}
	}
	return s.media.Remove(id)
}

// removeFilm deletes a film, in storage first: as long as it is known here, that can be
// tried again.
func (s *Server) removeFilm(ctx context.Context, film recording.Composition) error {
	if err := s.notHeld(film.RecordingID); err != nil {
		return err
	}
	if s.storage != nil {
		if err := s.storage.RemoveFilm(ctx, film); err != nil {
			return err
		}
	}
	return s.media.RemoveFilm(film)
}

func (s *Server) notHeld(id string) error {
	held, err := s.media.Hold(id)
	if err == nil && held != nil {
		err = recording.Errorf(recording.CodeLegalHold, "recording %s is under a legal hold: lift that first", id)
	}
	return err
}

func holdBody(h *recording.Hold) *Hold {
	if h == nil {
		return nil
	}
	return &Hold{Since: h.Since.UTC(), By: h.By, Reason: h.Reason}
}
