package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/roomreel/roomreel/api"
)

// OpenSession opens an agent's session.
func (c *Client) OpenSession(ctx context.Context, want api.OpenSession) (s api.NewSession, err error) {
	return s, c.call(ctx, http.MethodPost, "/v1/sessions", want, &s)
}

// Session returns one session.
func (c *Client) Session(ctx context.Context, id string) (s api.Session, err error) {
	return s, c.call(ctx, http.MethodGet, "/v1/sessions/"+id, nil, &s)
}

// EndSession ends a session and returns it once its files are complete.
func (c *Client) EndSession(ctx context.Context, id string) (s api.Session, err error) {
	return s, c.call(ctx, http.MethodDelete, "/v1/sessions/"+id, nil, &s)
}

// RecordStreams starts recordings of a session's streams and returns once each
// has media or has failed.
func (c *Client) RecordStreams(ctx context.Context, id string, want map[string]api.StreamDelivery) (map[string]api.StreamRecording, error) {
	var r api.StreamRecordings
	err := c.call(ctx, http.MethodPost, "/v1/sessions/"+id+"/recordings", api.RecordStreams{Recordings: want}, &r)
	return r.Recordings, err
}

// StopStreams stops a session's recordings and returns once their files are complete.
func (c *Client) StopStreams(ctx context.Context, id string) (map[string]api.StreamRecording, error) {
	var r api.StreamRecordings
	err := c.call(ctx, http.MethodPost, "/v1/sessions/"+id+"/recordings/stop", nil, &r)
	return r.Recordings, err
}

// AddStream makes a stream known before it is published.
func (c *Client) AddStream(ctx context.Context, id, stream string) (s api.Session, err error) {
	return s, c.call(ctx, http.MethodPost, "/v1/sessions/"+id+"/streams", api.AddStream{Stream: stream}, &s)
}

// RemoveStream stops the recording of a stream and forgets it.
func (c *Client) RemoveStream(ctx context.Context, id, stream string) (s api.Session, err error) {
	return s, c.call(ctx, http.MethodDelete, "/v1/sessions/"+id+"/streams/"+url.PathEscape(stream), nil, &s)
}

// Supervise asks to watch an agent or a room.
func (c *Client) Supervise(ctx context.Context, want api.Supervise) (s api.NewSupervision, err error) {
	return s, c.call(ctx, http.MethodPost, "/v1/supervisions", want, &s)
}

// Supervision returns one supervision.
func (c *Client) Supervision(ctx context.Context, id string) (s api.Supervision, err error) {
	return s, c.call(ctx, http.MethodGet, "/v1/supervisions/"+id, nil, &s)
}

// EndSupervision ends a supervision.
func (c *Client) EndSupervision(ctx context.Context, id string) (s api.Supervision, err error) {
	return s, c.call(ctx, http.MethodDelete, "/v1/supervisions/"+id, nil, &s)
}

// Audit returns the newest lines of the audit trail.
func (c *Client) Audit(ctx context.Context) (a api.AuditTrail, err error) {
	return a, c.call(ctx, http.MethodGet, "/v1/audit", nil, &a)
}

// Activate lets the supervisor hear who has joined.
func (c *Client) Activate(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/v1/supervisions/"+id+"/activate", nil, &api.Supervision{})
}
