package coord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// wish is what callers have asked for since a recording was started.
type wish struct {
	Paused    bool                 `json:"paused,omitempty"`
	Selection *recording.Selection `json:"selection,omitempty"`
	Layout    *string              `json:"layout,omitempty"`
	Hold      *recording.Hold      `json:"hold,omitempty"`
	// Compositions replace those of the request, if there are any here.
	Compositions *[]recording.CompositionSpec `json:"compositions,omitempty"`
	// Ended is why the stop was asked for, if not by a plain stop.
	Ended recording.EndReason `json:"ended,omitempty"`
}

func decodeWish(s string) (w wish, err error) {
	if s == "" {
		return w, nil
	}
	if err := json.Unmarshal([]byte(s), &w); err != nil {
		return w, recording.Errorf(recording.CodeInternal, "read wish: %w", err)
	}
	return w, nil
}

func (w wish) encode() string {
	b, _ := json.Marshal(w) // strings and flags: cannot fail
	return string(b)
}

// apply makes r as wished.
func (w wish) apply(r *recording.Recording) {
	r.PauseWanted, r.Hold = w.Paused, w.Hold
	if w.Compositions != nil {
		r.Compositions = *w.Compositions
	}
	if w.Ended != "" && !r.State.Final() {
		r.Ended = w.Ended
	}
	if w.Selection != nil {
		r.Selection = *w.Selection
	}
	if w.Layout != nil {
		r.Layout = *w.Layout
	}
}

// Pause asks that nothing be written until Resume. The node follows within its
// reaction time; the state tells when it has. Both are free of effect when it is
// so already. Errors: CodeNotFound, and CodeAlreadyStopped for a recording that
// has ended or is about to.
func (s *Store) Pause(ctx context.Context, id string) (recording.Recording, error) {
	return s.edit(ctx, id, func(w *wish) { w.Paused = true })
}

// Resume ends a pause; see Pause.
func (s *Store) Resume(ctx context.Context, id string) (recording.Recording, error) {
	return s.edit(ctx, id, func(w *wish) { w.Paused = false })
}

// Select changes which tracks a running recording takes; see Pause.
func (s *Store) Select(ctx context.Context, id string, sel recording.Selection) (recording.Recording, error) {
	if err := sel.Validate(); err != nil {
		return recording.Recording{}, err
	}
	sel = sel.Normal()
	return s.edit(ctx, id, func(w *wish) { w.Selection = &sel })
}

// Films changes which films are made as soon as the recording has ended; see
// Pause.
func (s *Store) Films(ctx context.Context, id string, films []recording.CompositionSpec) (recording.Recording, error) {
	films = append([]recording.CompositionSpec{}, films...) // none is a wish, too
	return s.edit(ctx, id, func(w *wish) { w.Compositions = &films })
}

// SetLayout changes the layout that films of a running recording follow from now
// on; see Pause.
func (s *Store) SetLayout(ctx context.Context, id, layout string) (recording.Recording, error) {
	if err := recording.CheckLayout(layout); err != nil {
		return recording.Recording{}, err
	}
	return s.edit(ctx, id, func(w *wish) { w.Layout = &layout })
}

// Hold places a recording under a legal hold; nil lifts it. Unlike what else
// callers change, it can be changed when the recording has ended. The only error
// of its own is CodeNotFound.
func (s *Store) Hold(ctx context.Context, id string, hold *recording.Hold) (recording.Recording, error) {
	return s.editAny(ctx, id, true, func(w *wish) { w.Hold = hold })
}

// edit changes the wish of a recording that has not ended.
func (s *Store) edit(ctx context.Context, id string, change func(*wish)) (recording.Recording, error) {
	return s.editAny(ctx, id, false, change)
}

// editAny changes the wish of a recording, also of one that has ended if so
// asked. Of edits at the same time each counts.
func (s *Store) editAny(ctx context.Context, id string, ended bool, change func(*wish)) (recording.Recording, error) {
	mayHaveEnded := 0
	if ended {
		mayHaveEnded = 1
	}
	for ctx.Err() == nil {
		from, err := s.rdb.HGet(ctx, prefix+"rec:"+id, "wish").Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return recording.Recording{}, fmt.Errorf("change recording: %w", unavailable(err))
		}
		w, err := decodeWish(from)
		if err != nil {
			return recording.Recording{}, err
		}
		change(&w)
		reply, err := s.text(ctx, editScript, id, w.encode(), from, mayHaveEnded)
		switch {
		case err != nil:
			return recording.Recording{}, fmt.Errorf("change recording: %w", err)
		case reply == "absent":
			return recording.Recording{}, notFound(id)
		case reply == "final":
			ended := recording.Errorf(recording.CodeAlreadyStopped, "recording %s has ended, or is about to", id)
			ended.Existing = id
			return recording.Recording{}, ended
		case reply == "ok":
			return s.Get(ctx, id)
		}
	}
	return recording.Recording{}, fmt.Errorf("change recording: %w", ctx.Err())
}
