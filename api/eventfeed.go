package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/roomreel/roomreel/recording"
)

// longestFeed is how long one stream of events lasts. Callers reconnect and go
// on where they were; so a token that has expired does not watch for ever.
const longestFeed = time.Hour

type watchEventsInput struct {
	LastEventID string    `header:"Last-Event-ID" maxLength:"64" doc:"The id of the last event that was seen: what followed is sent first." example:"1772355000000-0"`
	Since       time.Time `query:"since" doc:"Send first what happened from then on, as far as it is kept." example:"2026-03-01T09:00:00Z"`
	Type        []string  `query:"type" maxItems:"50" doc:"Only these types, or families such as recording.*, separated by commas." example:"[\"recording.*\"]"`
	Recording   string    `query:"recording" maxLength:"64" doc:"Only events of this recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Room        string    `query:"room" maxLength:"256" doc:"Only events of this room." example:"standup"`
	Progress    bool      `query:"progress" doc:"Whatever type says, also tell how recordings fare while they run, by recording.progress events: the recording with its live tracks, every few seconds and at most once a second. They are not kept, have no id, and no webhook gets them."`
}

func (s *Server) routeEventFeed() {
	if s.webhooks == nil {
		return
	}
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Event](), true, "Event")
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "watch-events", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"webhooks"},
			RejectUnknownQueryParameters: true,
			Summary:                      "Watch events",
			Description: "Server-sent events, the same that webhooks get, as they happen. Each has an id: send the last one as Last-Event-ID to go on " +
				"where a connection broke. About 10,000 events are kept; with progress, recording.progress events come besides, which are not. A token that names a room sees that room's only, and only admins " +
				"see those of no room. A stream ends after an hour.",
			Responses: map[string]*huma.Response{"200": {
				Description: "Events until the caller leaves.",
				Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
					Type: huma.TypeString, Description: "The data of each event is an Event.",
					Extensions: map[string]any{"contentMediaType": "application/json", "contentSchema": schema},
				}}},
			}},
		},
		access: readAccess, streams: true,
		codes: []recording.Code{recording.CodeInvalidRequest, recording.CodeInvalidID, recording.CodeNotFound, CodeEventsGone},
	}, s.watchEvents)
}

func (s *Server) watchEvents(ctx context.Context, in *watchEventsInput) (*huma.StreamResponse, error) {
	caller := callerOf(ctx)
	q := EventQuery{After: in.LastEventID, Since: in.Since, Types: in.Type, Recording: in.Recording, Room: in.Room}
	if q.Recording != "" {
		if _, err := s.permitted(ctx, q.Recording, readAccess); err != nil {
			return nil, err
		}
	}
	if q.Room == "" && !caller.Admin {
		q.Room = caller.Room
	}
	if err := caller.permit(readAccess, q.Room); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, longestFeed)
	feed := eventFeed{EventQuery: q, roomless: caller.Admin, pace: pace{}}
	if in.Progress {
		feed.changes = s.changes.join(ctx)
	}
	var err error
	if feed.events, err = s.webhooks.Watch(ctx, q); err != nil {
		cancel()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer cancel()
		s.sendFeed(ctx, openStream(humagin.Unwrap(hc)), feed)
	}}, nil
}

// eventFeed is what one caller watches.
type eventFeed struct {
	EventQuery
	roomless bool // also what happens in no room
	events   <-chan Event
	changes  <-chan recording.Recording // nil, unless progress is wanted
	pace     pace
}

// sendFeed writes events as they come, until there are no more or the caller is gone.
func (s *Server) sendFeed(ctx context.Context, stream eventStream, feed eventFeed) {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for alive := stream.send("retry: 2000\n\n"); alive; {
		select {
		case <-tick.C:
			alive = stream.send(": alive\n\n")
		case e, open := <-feed.events:
			if !open {
				return
			}
			if e.Room != "" || feed.roomless {
				alive = s.sendEvent(ctx, stream, e)
			}
		case r, open := <-feed.changes:
			if !open {
				return
			}
			if e, due := feed.progress(r, time.Now()); due {
				alive = s.sendEvent(ctx, stream, e)
			}
		}
	}
}

// sendEvent writes an event, with its place if it has one; false says that the
// stream is to end.
func (s *Server) sendEvent(ctx context.Context, stream eventStream, e Event) bool {
	data, err := json.Marshal(e)
	if err != nil {
		s.log.ErrorContext(ctx, "encode event", "event", e.ID, "error", err)
		return false
	}
	place := ""
	if e.Cursor != "" {
		place = "id: " + e.Cursor + "\n"
	}
	return stream.send("%sevent: %s\ndata: %s\n\n", place, e.Type, data)
}
