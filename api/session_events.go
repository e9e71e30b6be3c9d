package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

// SessionEvent is the data of an event of a session or a supervision.
type SessionEvent struct {
	State       string   `json:"state" doc:"Of session: waiting, active or ended. Of recording_state: STARTED, STOPPED or FAILED." example:"STARTED"`
	Cause       string   `json:"termination_cause,omitempty" doc:"Why it ended." example:"TERM_BY_CLIENT"`
	StreamID    string   `json:"stream_id,omitempty" doc:"Name of the stream." example:"camera"`
	RecordingID string   `json:"recording_id,omitempty" doc:"Identifier of the recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Error       *Failure `json:"error,omitempty" doc:"Why a recording failed."`
}

// LastEvent is the header with which a stream of events goes on.
type LastEvent struct {
	LastEventID string `header:"Last-Event-ID" doc:"The last event that was seen: those after it are sent." example:"1764100000000-0"`
}

// routeFollow serves the events of a session or a supervision.
// of tells whose they are, if the caller may know.
func routeFollow[I any](s *Server, op operation, of func(ctx context.Context, in *I) (id, last string, err error)) {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[SessionEvent](), true, "SessionEvent")
	op.streams = true
	op.Description = "Server-sent events: all that has happened, or what has since the Last-Event-ID, then what happens. " +
		"Events are named session (its state has changed) and recording_state. The stream ends after the state ended."
	op.codes = append(op.codes, recording.CodeInvalidRequest)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Events until the end.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
			Type: huma.TypeString, Description: "The data of each event is a SessionEvent.",
			Extensions: map[string]any{"contentMediaType": "application/json", "contentSchema": schema},
		}}},
	}}
	route(s, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		id, last, err := of(ctx, in)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(ctx)
		events, err := s.sessions.Service.Follow(ctx, id, last)
		if err != nil {
			cancel()
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer cancel()
			c := humagin.Unwrap(hc)
			c.Header("Content-Type", "text/event-stream")
			c.Header("X-Accel-Buffering", "no") // or nginx holds events back
			s.sendEvents(ctx, c.Writer, events)
		}}, nil
	})
}

// sendEvents writes events until there are no more or the caller is gone.
func (s *Server) sendEvents(ctx context.Context, w gin.ResponseWriter, events <-chan recording.SessionEvent) {
	send := func(format string, args ...any) bool {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(requestTimeout))
		_, err := fmt.Fprintf(w, format, args...)
		w.Flush()
		return err == nil
	}
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for alive := send(": hello\n\n"); alive; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			alive = send(": alive\n\n")
		case e, ok := <-events:
			if !ok {
				return
			}
			data, err := json.Marshal(SessionEvent{
				State: e.State, Cause: string(e.Cause), StreamID: e.Stream, RecordingID: e.RecordingID, Error: failureBody(e.Error),
			})
			if err != nil {
				s.log.ErrorContext(ctx, "encode event", "type", e.Type, "error", err)
				return
			}
			alive = send("id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Type, data)
		}
	}
}
