package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

func newWebhooks(c configs.Config, rdb redis.UniversalClient, m *metrics, log *slog.Logger) (*deliver.Webhooks, error) {
	o := deliver.WebhookOptions{Policy: urlPolicy(c.Outgoing), QueueOptions: deliver.QueueOptions{Attempted: m.attempted("webhooks"), Log: log}}
	for _, w := range c.Webhooks {
		signer, err := deliver.StandardSigner(w.Secrets...)
		if w.Signing == string(deliver.SignLiveKit) {
			signer, err = deliver.LiveKitSigner(c.LiveKit.APIKey, c.LiveKit.APISecret)
		}
		if err != nil {
			return nil, recording.Errorf(recording.CodeInvalidRequest, "webhooks: %s: %w", w.ID, err)
		}
		o.Endpoints = append(o.Endpoints, deliver.Endpoint{ID: w.ID, URL: w.URL, Signer: signer, Types: w.Types})
	}
	var err error
	if len(c.Outgoing.Secrets) > 0 {
		if o.Callbacks, err = deliver.StandardSigner(c.Outgoing.Secrets...); err != nil {
			return nil, recording.Errorf(recording.CodeInvalidRequest, "outgoing.secrets: %w", err)
		}
	}
	if o.LiveKit, err = deliver.LiveKitSigner(c.LiveKit.APIKey, c.LiveKit.APISecret); err != nil {
		return nil, err
	}
	return deliver.NewWebhooks(rdb, o)
}

func urlPolicy(o configs.Outgoing) deliver.URLPolicy {
	return deliver.URLPolicy{
		AllowHTTP: o.AllowHTTP, AllowPorts: o.AllowPorts, AnyPort: o.AnyPort, AllowCIDRs: o.AllowNetworks, AllowHosts: o.AllowHosts,
	}
}

// webhooks lets the API reach what delivers them.
type webhooks struct{ hooks *deliver.Webhooks }

func (w webhooks) Endpoints(ctx context.Context) ([]api.WebhookEndpoint, error) {
	list, err := w.hooks.Endpoints(ctx)
	bodies := make([]api.WebhookEndpoint, len(list))
	for i, s := range list {
		bodies[i] = endpointBody(s)
	}
	return bodies, err
}

func (w webhooks) Endpoint(ctx context.Context, id string) (api.WebhookEndpoint, error) {
	s, err := w.hooks.Endpoint(ctx, id)
	return endpointBody(s), err
}

func (w webhooks) Create(ctx context.Context, spec api.WebhookSpec) (api.WebhookEndpoint, error) {
	s, secret, err := w.hooks.CreateEndpoint(ctx, deliver.EndpointSpec{
		URL: spec.URL, Description: spec.Description, Types: spec.Types, Signing: deliver.Signing(spec.Signing),
	})
	body := endpointBody(s)
	body.Secret = secret
	return body, err
}

func (w webhooks) Update(ctx context.Context, id string, edit api.WebhookEdit) (api.WebhookEndpoint, error) {
	s, err := w.hooks.UpdateEndpoint(ctx, id, func(spec *deliver.EndpointSpec) {
		replace(&spec.URL, edit.URL)
		replace(&spec.Description, edit.Description)
		replace(&spec.Types, edit.Types)
		if edit.Signing != nil {
			spec.Signing = deliver.Signing(*edit.Signing)
		}
		if edit.Enabled != nil {
			spec.Disabled = !*edit.Enabled
		}
	})
	return endpointBody(s), err
}

func replace[T any](v, by *T) {
	if by != nil {
		*v = *by
	}
}

func (w webhooks) Delete(ctx context.Context, id string) error {
	return w.hooks.DeleteEndpoint(ctx, id)
}

func (w webhooks) Rotate(ctx context.Context, id string) (api.WebhookEndpoint, error) {
	secret, err := w.hooks.RotateSecret(ctx, id)
	if err != nil {
		return api.WebhookEndpoint{}, err
	}
	body, err := w.Endpoint(ctx, id)
	body.Secret = secret
	return body, err
}

func (w webhooks) Test(ctx context.Context, id string) (api.WebhookDelivery, error) {
	delivery, err := w.hooks.Test(ctx, id)
	if err != nil {
		return api.WebhookDelivery{}, err
	}
	return w.Delivery(ctx, delivery)
}

func (w webhooks) Enable(ctx context.Context, id string) (api.WebhookEndpoint, error) {
	if _, err := w.hooks.Endpoint(ctx, id); err != nil {
		return api.WebhookEndpoint{}, err
	}
	if err := w.hooks.Enable(ctx, id); err != nil {
		return api.WebhookEndpoint{}, err
	}
	return w.Endpoint(ctx, id)
}

func (w webhooks) Recover(ctx context.Context, id string, since time.Time, delivered bool) (int, error) {
	return w.hooks.RedeliverSince(ctx, id, since, delivered)
}

func (w webhooks) Deliveries(ctx context.Context, q api.DeliveryQuery) (api.WebhookDeliveryList, error) {
	query := deliver.Query{Endpoint: q.Endpoint, Recording: q.Recording, Limit: q.Limit, Cursor: q.Cursor}
	for _, state := range q.State {
		query.States = append(query.States, deliver.State(state))
	}
	page, err := w.hooks.Deliveries(ctx, query)
	list := api.WebhookDeliveryList{Data: []api.WebhookDelivery{}, NextCursor: page.Next}
	for _, d := range page.Items {
		list.Data = append(list.Data, deliveryBody(d))
	}
	return list, err
}

func (w webhooks) Delivery(ctx context.Context, id string) (api.WebhookDelivery, error) {
	d, err := w.hooks.Delivery(ctx, id)
	return deliveryBody(d), err
}

func (w webhooks) Redeliver(ctx context.Context, id string) (api.WebhookDelivery, error) {
	if err := w.hooks.Redeliver(ctx, id); err != nil {
		return api.WebhookDelivery{}, err
	}
	return w.Delivery(ctx, id)
}

func (w webhooks) Watch(ctx context.Context, q api.EventQuery) (<-chan api.Event, error) {
	feed, err := w.hooks.Feed(ctx, deliver.FeedQuery{
		After: q.After, Since: q.Since, Types: q.Types, Recording: q.Recording, Room: q.Room,
	})
	if err != nil {
		return nil, err
	}
	events := make(chan api.Event)
	go func() {
		defer close(events)
		for entry := range feed {
			e := entry.Event
			select {
			case events <- api.Event{
				ID: e.ID, Type: string(e.Type), Time: e.Time, RecordingID: e.RecordingID, Room: e.Room, Data: e.Data, Cursor: entry.Cursor,
			}:
			case <-ctx.Done():
			}
		}
	}()
	return events, nil
}

func endpointBody(s deliver.EndpointStatus) api.WebhookEndpoint {
	if s.Types == nil {
		s.Types = []string{}
	}
	return api.WebhookEndpoint{
		ID: s.ID, URL: s.URL, Description: s.Description, Types: s.Types, Signing: string(s.Signing), ReadOnly: s.ReadOnly,
		Enabled: !s.Disabled && s.DisabledAt.IsZero(), Pending: s.Pending, FailingSince: s.FailingSince,
		DisabledAt: s.DisabledAt, Reason: s.Reason, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
}

func deliveryBody(d deliver.Delivery) api.WebhookDelivery {
	return api.WebhookDelivery{
		ID: d.ID, Event: d.EventID, Type: string(d.Type), Endpoint: d.Endpoint, URL: d.URL, RecordingID: d.RecordingID,
		State: string(d.State), Error: failureBody(d.Error), CreatedAt: d.CreatedAt, NextAttempt: d.NextAttempt, EndedAt: d.EndedAt,
		Attempts: attemptBodies(d.Attempts), Body: d.Body,
	}
}

func attemptBodies(list []deliver.Attempt) []api.DeliveryAttempt {
	bodies := make([]api.DeliveryAttempt, len(list))
	for i, a := range list {
		bodies[i] = api.DeliveryAttempt{
			At: a.At, Latency: a.Latency.Float(), Status: a.Status, Answer: a.Answer, Error: failureBody(a.Error),
		}
	}
	return bodies
}

func failureBody(e *recording.Error) *api.Failure {
	if e == nil {
		return nil
	}
	return &api.Failure{Code: string(e.Code), Message: e.Message}
}
