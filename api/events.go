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

// keepAlive is how often a silent event stream says that it lives; proxies
// commonly cut after 60 s of silence.
const keepAlive = 15 * time.Second

func (s *Server) routeEvents(tags []string, codes []recording.Code) {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Composition](), true, "Composition")
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "watch-composition", Method: http.MethodGet, Path: compositionsPath + "/{composition}/events", Tags: tags,
			Summary: "Watch a composition",
			Description: "Server-sent events: one named composition at once and one for every change, whose data is the composition as JSON. " +
				"The stream ends after the final state.",
			Responses: map[string]*huma.Response{"200": {
				Description: "Events until the composition is final.",
				Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
					Type: huma.TypeString, Description: "The data of each event is a Composition.",
					Extensions: map[string]any{"contentMediaType": "application/json", "contentSchema": schema},
				}}},
			}},
		},
		access: readAccess, codes: codes, streams: true,
	}, s.watchComposition)
}

func (s *Server) watchComposition(ctx context.Context, in *CompositionParam) (*huma.StreamResponse, error) {
	if _, err := s.composition(ctx, in, readAccess); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	changes, err := s.compositions.Watch(ctx, in.Recording, in.Composition)
	if err != nil {
		cancel()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer cancel()
		s.sendChanges(ctx, openStream(humagin.Unwrap(hc)), changes)
	}}, nil
}

// eventStream is an answer that goes on: server-sent events (HTML, "Server-sent
// events").
type eventStream struct{ gin.ResponseWriter }

func openStream(c *gin.Context) eventStream {
	c.Header("Content-Type", "text/event-stream")
	c.Header("X-Accel-Buffering", "no") // or nginx holds events back
	return eventStream{c.Writer}
}

// send writes and flushes; false says that the caller is gone.
func (w eventStream) send(format string, args ...any) bool {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(requestTimeout))
	_, err := fmt.Fprintf(w, format, args...)
	w.Flush()
	return err == nil
}

// sendChanges writes every state of the composition as an event, until the
// channel is closed or the caller is gone.
func (s *Server) sendChanges(ctx context.Context, stream eventStream, changes <-chan recording.Composition) {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for alive := true; alive; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			alive = stream.send(": alive\n\n")
		case c, ok := <-changes:
			if !ok {
				return
			}
			data, err := json.Marshal(compositionBody(c))
			if err != nil {
				s.log.ErrorContext(ctx, "encode event", "recording", c.RecordingID, "composition", c.ID, "error", err)
				return
			}
			alive = stream.send("event: composition\ndata: %s\n\n", data) && !c.State.Final()
		}
	}
}
