package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// Webhooks is the service that tells others what happens. Every error that a
// caller caused is a *recording.Error.
type Webhooks interface {
	Endpoints(ctx context.Context) ([]WebhookEndpoint, error)
	Endpoint(ctx context.Context, id string) (WebhookEndpoint, error)
	// Create adds an endpoint; its Secret is set, and never again.
	Create(ctx context.Context, spec WebhookSpec) (WebhookEndpoint, error)
	Update(ctx context.Context, id string, edit WebhookEdit) (WebhookEndpoint, error)
	Delete(ctx context.Context, id string) error
	// Rotate gives an endpoint a new secret and returns it set, as Create does.
	Rotate(ctx context.Context, id string) (WebhookEndpoint, error)
	// Test sends an event to an endpoint and returns the delivery.
	Test(ctx context.Context, id string) (WebhookDelivery, error)
	Enable(ctx context.Context, id string) (WebhookEndpoint, error)
	// Recover sends once more what failed since a time, or also what did not,
	// and returns how much that is.
	Recover(ctx context.Context, id string, since time.Time, delivered bool) (int, error)

	Deliveries(ctx context.Context, q DeliveryQuery) (WebhookDeliveryList, error)
	Delivery(ctx context.Context, id string) (WebhookDelivery, error)
	Redeliver(ctx context.Context, id string) (WebhookDelivery, error)

	// Watch sends events as they happen, until ctx ends.
	Watch(ctx context.Context, q EventQuery) (<-chan Event, error)
}

// WebhookSpec is the body that adds an endpoint.
type WebhookSpec struct {
	URL         string   `json:"url" minLength:"1" maxLength:"2048" doc:"Where events are posted to. Https, and a public address, unless the configuration allows more." example:"https://app.example.com/hooks"`
	Description string   `json:"description,omitempty" maxLength:"500" doc:"What it is for." example:"Files recordings with their case"`
	Types       []string `json:"types,omitempty" maxItems:"50" doc:"The events it gets: types, or families such as recording.*; all, when left out." example:"[\"recording.*\"]"`
	Signing     string   `json:"signing,omitempty" enum:"standard,livekit" doc:"How it is signed: by Standard Webhooks (the default), or as LiveKit signs its own." example:"standard"`
}

// WebhookEdit is the body that changes an endpoint. What is left out stays.
type WebhookEdit struct {
	URL         *string   `json:"url,omitempty" minLength:"1" maxLength:"2048" doc:"Where events are posted to." example:"https://app.example.com/hooks"`
	Description *string   `json:"description,omitempty" maxLength:"500" doc:"What it is for." example:"Files recordings with their case"`
	Types       *[]string `json:"types,omitempty" maxItems:"50" doc:"The events it gets; an empty list is all." example:"[\"recording.*\"]"`
	Signing     *string   `json:"signing,omitempty" enum:"standard,livekit" doc:"How it is signed." example:"standard"`
	Enabled     *bool     `json:"enabled,omitempty" doc:"False holds events back from it, which are not made up for." example:"false"`
}

// WebhookEndpoint is a receiver of events, and how it does.
type WebhookEndpoint struct {
	ID           string    `json:"id" doc:"Identifier." example:"whk_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	URL          string    `json:"url" doc:"Where events are posted to, without its query." example:"https://app.example.com/hooks"`
	Description  string    `json:"description,omitempty" doc:"What it is for." example:"Files recordings with their case"`
	Types        []string  `json:"types" doc:"The events it gets; all, when empty." example:"[\"recording.*\"]"`
	Signing      string    `json:"signing,omitempty" doc:"How it is signed." example:"standard"`
	Secret       string    `json:"secret,omitempty" doc:"Its secret, told only when it is made. Keep it." example:"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="`
	ReadOnly     bool      `json:"read_only" doc:"It stands in the configuration, and changes there." example:"false"`
	Enabled      bool      `json:"enabled" doc:"It gets events." example:"true"`
	Pending      int       `json:"pending" doc:"Deliveries that wait or are being tried." example:"0"`
	FailingSince time.Time `json:"failing_since,omitzero" doc:"When its failures began, if its last attempt failed." example:"2026-03-01T09:00:00Z"`
	DisabledAt   time.Time `json:"disabled_at,omitzero" doc:"When it was given up; enable it to go on." example:"2026-03-06T09:00:00Z"`
	Reason       string    `json:"reason,omitempty" doc:"Why it was given up." example:"the endpoint answered 410"`
	CreatedAt    time.Time `json:"created_at,omitzero" doc:"When it was added." example:"2026-03-01T09:00:00Z"`
	UpdatedAt    time.Time `json:"updated_at,omitzero" doc:"When it was last changed." example:"2026-03-01T09:00:00Z"`
}

// WebhookEndpointList lists the endpoints.
type WebhookEndpointList struct {
	Data []WebhookEndpoint `json:"data" doc:"The endpoints, all of them."`
}

// RecoverWebhook is the body that sends once more what an endpoint missed.
type RecoverWebhook struct {
	Since     time.Time `json:"since" doc:"Events from then on." example:"2026-03-01T09:00:00Z"`
	Delivered bool      `json:"delivered,omitempty" doc:"Also those that had arrived." example:"false"`
}

// RecoveredWebhook tells how much is sent once more.
type RecoveredWebhook struct {
	Redelivered int `json:"redelivered" doc:"How many deliveries begin anew." example:"12"`
}

// WebhookDelivery is an event on its way to an endpoint.
type WebhookDelivery struct {
	ID          string            `json:"id" doc:"Identifier." example:"evt_0199a3f27c5d7e0fb1d2c3b4a5968778.app"`
	Event       string            `json:"event" doc:"Identifier of the event: the webhook-id." example:"evt_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Type        string            `json:"type" doc:"What happened." example:"recording.stopped"`
	Endpoint    string            `json:"endpoint" doc:"The endpoint; for a URL that a recording named, url_ and digits." example:"app"`
	URL         string            `json:"url,omitempty" doc:"Where it goes, without its query. Absent when the endpoint is gone." example:"https://app.example.com/hooks"`
	RecordingID string            `json:"recording_id,omitempty" doc:"The recording it is about." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	State       string            `json:"state" enum:"pending,running,done,failed" doc:"How far it is." example:"done"`
	Error       *Failure          `json:"error,omitempty" doc:"Why it was given up."`
	CreatedAt   time.Time         `json:"created_at" doc:"When it was queued." example:"2026-03-01T09:30:00Z"`
	NextAttempt time.Time         `json:"next_attempt,omitzero" doc:"When a pending one is due, unless one before it holds it up." example:"2026-03-01T09:35:00Z"`
	EndedAt     time.Time         `json:"ended_at,omitzero" doc:"When it arrived or was given up." example:"2026-03-01T09:30:00Z"`
	Attempts    []DeliveryAttempt `json:"attempts" doc:"What was tried: in a list the last attempt, else up to 50."`
	Body        string            `json:"body,omitempty" doc:"What is sent. Absent in lists." example:"{\"type\":\"recording.stopped\"}"`
}

// DeliveryAttempt is one try to deliver a webhook or a file.
type DeliveryAttempt struct {
	At      time.Time `json:"at" doc:"When it began." example:"2026-03-01T09:30:00Z"`
	Latency float64   `json:"latency_s" doc:"How long it took." example:"0.12"`
	Status  int       `json:"status,omitempty" doc:"HTTP status of the answer; absent when there was none." example:"204"`
	Answer  string    `json:"answer,omitempty" doc:"The beginning of the answer, 2 KiB at most." example:"ok"`
	Error   *Failure  `json:"error,omitempty" doc:"Why it failed."`
}

// WebhookDeliveryList is a page of deliveries.
type WebhookDeliveryList struct {
	Data       []WebhookDelivery `json:"data" doc:"The deliveries of this page, newest first."`
	NextCursor string            `json:"next_cursor,omitempty" doc:"Send it as cursor to get the next page. Absent on the last page." example:"1772355000000000-evt_0199a3f27c5d7e0fb1d2c3b4a5968778.app"`
}

// DeliveryQuery narrows a list of deliveries. Like the other parameters it is
// exported because huma looks into exported fields only.
type DeliveryQuery struct {
	Endpoint  string   `query:"endpoint" maxLength:"64" doc:"Only deliveries to this endpoint." example:"app"`
	Recording string   `query:"recording" maxLength:"64" doc:"Only deliveries about this recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	State     []string `query:"state" enum:"pending,running,done,failed" doc:"Only deliveries in one of these states, separated by commas."`
	Limit     int      `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"The most deliveries to answer."`
	Cursor    string   `query:"cursor" maxLength:"512" doc:"The next_cursor of the page before."`
}

// WebhookParam is the path parameter that names an endpoint.
type WebhookParam struct {
	Webhook string `path:"webhook" maxLength:"64" doc:"Identifier of the endpoint." example:"app"`
}

// DeliveryParam is the path parameter that names a delivery.
type DeliveryParam struct {
	Delivery string `path:"delivery" maxLength:"128" doc:"Identifier of the delivery." example:"evt_0199a3f27c5d7e0fb1d2c3b4a5968778.app"`
}

type (
	createWebhookInput struct{ Body WebhookSpec }
	editWebhookInput   struct {
		WebhookParam
		Body WebhookEdit
	}
	recoverWebhookInput struct {
		WebhookParam
		Body RecoverWebhook
	}
	createdWebhookOutput struct {
		Location string `header:"Location" doc:"Path of the new endpoint."`
		Body     WebhookEndpoint
	}
	webhookOutput          struct{ Body WebhookEndpoint }
	webhooksOutput         struct{ Body WebhookEndpointList }
	recoveredWebhookOutput struct{ Body RecoveredWebhook }
	deliveryOutput         struct{ Body WebhookDelivery }
	deliveriesOutput       struct{ Body WebhookDeliveryList }
)

const (
	webhooksPath   = "/v1/webhooks"
	webhookPath    = webhooksPath + "/{webhook}"
	deliveriesPath = webhooksPath + "/deliveries"
	deliveryPath   = deliveriesPath + "/{delivery}"
)

func (s *Server) routeWebhooks() {
	if s.webhooks == nil {
		return
	}
	urls := []recording.Code{CodeURLInvalid, CodeURLScheme, CodeURLPort, CodeURLAddress}
	op := func(id, method, path, summary, description string, codes ...recording.Code) operation {
		return operation{
			Operation: huma.Operation{
				OperationID: id, Method: method, Path: path, Tags: []string{"webhooks"}, Summary: summary, Description: description,
				RejectUnknownQueryParameters: true,
			},
			access: adminAccess, codes: codes,
		}
	}
	route(s, op("list-webhooks", http.MethodGet, webhooksPath, "List webhook endpoints",
		"Those of the configuration, then those that were added, oldest first."), s.listWebhooks)
	create := op("create-webhook", http.MethodPost, webhooksPath, "Add a webhook endpoint",
		"The answer holds its secret, which is never told again.", append(urls, recording.CodeInvalidRequest, CodeLimitReached)...)
	create.DefaultStatus = http.StatusCreated
	route(s, create, s.createWebhook)
	route(s, op("get-webhook", http.MethodGet, webhookPath, "Get a webhook endpoint",
		"Tells how it does: what waits, since when it fails.", recording.CodeNotFound), s.getWebhook)
	route(s, op("update-webhook", http.MethodPatch, webhookPath, "Change a webhook endpoint",
		"What the body leaves out stays as it is.", append(urls, recording.CodeInvalidRequest, recording.CodeNotFound, CodeReadOnly)...), s.updateWebhook)
	remove := op("delete-webhook", http.MethodDelete, webhookPath, "Delete a webhook endpoint",
		"What waits for it fails.", recording.CodeNotFound, CodeReadOnly)
	remove.DefaultStatus = http.StatusNoContent
	route(s, remove, func(ctx context.Context, in *WebhookParam) (*struct{}, error) {
		return nil, s.webhooks.Delete(ctx, in.Webhook)
	})
	verb := func(id, verb, summary, description string, do func(context.Context, string) (WebhookEndpoint, error), codes ...recording.Code) {
		route(s, op(id, http.MethodPost, webhookPath+"/"+verb, summary, description, append(codes, recording.CodeNotFound)...),
			func(ctx context.Context, in *WebhookParam) (*webhookOutput, error) {
				e, err := do(ctx, in.Webhook)
				if err != nil {
					return nil, err
				}
				return &webhookOutput{e}, nil
			})
	}
	verb("enable-webhook", "enable", "Enable a webhook endpoint",
		"Takes one into use again that was given up or turned off. What failed meanwhile is sent by recover.", s.webhooks.Enable)
	verb("rotate-webhook", "rotate", "Give a webhook endpoint a new secret",
		"The answer holds it. For a day the old one signs too, so that the receiver can be changed meanwhile.", s.webhooks.Rotate,
		CodeReadOnly, recording.CodeInvalidRequest)
	test := op("test-webhook", http.MethodPost, webhookPath+"/test", "Send a test event",
		"Queues a webhook.test event for the endpoint. Get the delivery to see what came of it.", recording.CodeNotFound)
	test.DefaultStatus = http.StatusAccepted
	route(s, test, func(ctx context.Context, in *WebhookParam) (*deliveryOutput, error) {
		return deliveryAnswer(s.webhooks.Test(ctx, in.Webhook))
	})
	again := op("recover-webhook", http.MethodPost, webhookPath+"/recover", "Send once more what failed",
		"Begins the deliveries to the endpoint anew that failed since a time, in their order.", recording.CodeNotFound, recording.CodeInvalidRequest)
	again.timeout = 2 * time.Minute
	route(s, again, s.recoverWebhook)

	route(s, op("list-deliveries", http.MethodGet, deliveriesPath, "List deliveries",
		"Newest first, a page at a time, each with its last attempt.", recording.CodeInvalidRequest), s.listDeliveries)
	route(s, op("get-delivery", http.MethodGet, deliveryPath, "Get a delivery",
		"With all that was tried and what was answered.", recording.CodeNotFound),
		func(ctx context.Context, in *DeliveryParam) (*deliveryOutput, error) {
			return deliveryAnswer(s.webhooks.Delivery(ctx, in.Delivery))
		})
	redeliver := op("redeliver", http.MethodPost, deliveryPath+"/redeliver", "Deliver once more",
		"Whether it failed or not, behind what waits for the same endpoint and recording.", recording.CodeNotFound)
	redeliver.DefaultStatus = http.StatusAccepted
	route(s, redeliver, func(ctx context.Context, in *DeliveryParam) (*deliveryOutput, error) {
		return deliveryAnswer(s.webhooks.Redeliver(ctx, in.Delivery))
	})
}

func deliveryAnswer(d WebhookDelivery, err error) (*deliveryOutput, error) {
	if err != nil {
		return nil, err
	}
	return &deliveryOutput{d}, nil
}

func (s *Server) listWebhooks(ctx context.Context, _ *struct{}) (*webhooksOutput, error) {
	list, err := s.webhooks.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	return &webhooksOutput{WebhookEndpointList{list}}, nil
}

func (s *Server) createWebhook(ctx context.Context, in *createWebhookInput) (*createdWebhookOutput, error) {
	e, err := s.webhooks.Create(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return &createdWebhookOutput{webhooksPath + "/" + e.ID, e}, nil
}

func (s *Server) getWebhook(ctx context.Context, in *WebhookParam) (*webhookOutput, error) {
	e, err := s.webhooks.Endpoint(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	return &webhookOutput{e}, nil
}

func (s *Server) updateWebhook(ctx context.Context, in *editWebhookInput) (*webhookOutput, error) {
	e, err := s.webhooks.Update(ctx, in.Webhook, in.Body)
	if err != nil {
		return nil, err
	}
	return &webhookOutput{e}, nil
}

func (s *Server) recoverWebhook(ctx context.Context, in *recoverWebhookInput) (*recoveredWebhookOutput, error) {
	if _, err := s.webhooks.Endpoint(ctx, in.Webhook); err != nil {
		return nil, err
	}
	n, err := s.webhooks.Recover(ctx, in.Webhook, in.Body.Since, in.Body.Delivered)
	if err != nil {
		return nil, err
	}
	return &recoveredWebhookOutput{RecoveredWebhook{n}}, nil
}

func (s *Server) listDeliveries(ctx context.Context, in *DeliveryQuery) (*deliveriesOutput, error) {
	page, err := s.webhooks.Deliveries(ctx, *in)
	if err != nil {
		return nil, err
	}
	for i := range page.Data {
		page.Data[i].Body = ""
	}
	return &deliveriesOutput{page}, nil
}

// Event is something that happened.
type Event struct {
	ID          string          `json:"id" doc:"Identifier: the webhook-id." example:"evt_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Type        string          `json:"type" enum:"recording.started,recording.progress,recording.paused,recording.resumed,recording.media_stalled,recording.media_resumed,recording.stopped,recording.failed,recording.incomplete,recording.completed,recording.uploaded,recording.upload_failed,composition.progress,composition.ready,composition.failed,session.started,session.ended,supervision.started,supervision.ended,webhook.endpoint_disabled,webhook.test" doc:"What happened." example:"recording.stopped"`
	Time        time.Time       `json:"timestamp" doc:"When it happened." example:"2026-03-01T09:30:00Z"`
	RecordingID string          `json:"recording_id,omitempty" doc:"The recording it is about." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Room        string          `json:"room,omitempty" doc:"The room it happened in." example:"standup"`
	Data        json.RawMessage `json:"data" doc:"What there is to tell of it, by type." example:"{\"state\":\"stopped\"}"`

	// Cursor names the event's place, for Last-Event-ID.
	Cursor string `json:"-"`
}

// EventQuery says which events to watch. Zero fields do not narrow.
type EventQuery struct {
	// After is the Cursor of the last event seen, Since a time to replay from.
	After           string
	Since           time.Time
	Types           []string
	Recording, Room string
}
