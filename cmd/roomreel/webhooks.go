package main

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// tellOfRecordings returns what publishes the news of recordings. Every node does
// so; since an event's identifier follows from the news, each is delivered once.
func tellOfRecordings(hooks *deliver.Webhooks, log *slog.Logger) func(context.Context, coord.News) error {
	return func(ctx context.Context, n coord.News) error {
		e, err := eventOf(n)
		if err == nil {
			err = hooks.Publish(ctx, e, callbacksOf(n.Recording)...)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("event was not published", "recording", n.Recording.ID, "event", n.Kind, "error", err)
		}
		return err
	}
}

// eventOf is the event that news stand for. It depends on nothing else, so that
// every node tells the same.
func eventOf(n coord.News) (deliver.Event, error) {
	r := n.Recording
	r.Live, r.Delivery = nil, recording.Delivery{}
	about, at := r.ID+" "+string(n.Kind), n.At
	switch n.Kind {
	case coord.Started:
		at = r.FirstMediaAt
	case coord.Stopped, coord.Failed:
		at = r.StoppedAt
	default: // may come again
		about += " " + n.ID
	}
	data, err := json.Marshal(struct {
		recording.Recording
		Track *recording.LiveTrack `json:"track,omitempty"`
	}{r, n.Track})
	if err != nil {
		return deliver.Event{}, recording.Errorf(recording.CodeInternal, "write event: %w", err)
	}
	return deliver.Event{
		ID: recording.DerivedID(deliver.PrefixEvent, about), Type: deliver.EventType(n.Kind),
		Time: at, RecordingID: r.ID, Room: r.Room, Data: data,
	}, nil
}
