package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

func newWebhooks(list []configs.Webhook, rdb redis.UniversalClient, log *slog.Logger) (*deliver.Webhooks, error) {
	var endpoints []deliver.Endpoint
	for _, w := range list {
		signer, err := deliver.StandardSigner(w.Secrets...)
		if err != nil {
			return nil, recording.Errorf(recording.CodeInvalidRequest, "webhooks: %s: %w", w.ID, err)
		}
		endpoints = append(endpoints, deliver.Endpoint{ID: w.ID, URL: w.URL, Signer: signer})
	}
	return deliver.NewWebhooks(rdb, deliver.WebhookOptions{Endpoints: endpoints, QueueOptions: deliver.QueueOptions{Log: log}})
}

// tellOfRecordings publishes what the feed says of recordings: when one has its
// first media on disk, has stopped, or has failed. Every node does so; since an
// event's identifier follows from what it is about, each is delivered once.
func tellOfRecordings(ctx context.Context, feed <-chan recording.Recording, hooks *deliver.Webhooks, log *slog.Logger) {
	told := map[string]deliver.EventType{}
	for r := range feed {
		kind := eventOf(r)
		if kind == "" || told[r.ID] == kind {
			continue
		}
		r.Live, r.Delivery = nil, recording.Delivery{}
		data, err := json.Marshal(r)
		if err == nil {
			err = hooks.Publish(ctx, deliver.Event{
				ID: eventID(r.ID, kind), Type: kind, Time: eventTime(r, kind), RecordingID: r.ID, Data: data,
			})
		}
		if err != nil {
			log.Warn("event was not published", "recording", r.ID, "event", kind, "error", err)
			continue
		}
		told[r.ID] = kind
		if r.State.Final() {
			delete(told, r.ID)
		}
	}
}

// eventOf is the event that a recording's state stands for, if any.
func eventOf(r recording.Recording) deliver.EventType {
	switch r.State {
	case recording.Stopped:
		return deliver.RecordingStopped
	case recording.Failed:
		return deliver.RecordingFailed
	case recording.Active:
		return deliver.RecordingStarted
	}
	return ""
}

// eventTime depends on nothing but the record, so that every node tells the same.
func eventTime(r recording.Recording, kind deliver.EventType) (at time.Time) {
	if kind == deliver.RecordingStarted {
		return r.FirstMediaAt
	}
	return r.StoppedAt
}

func eventID(id string, kind deliver.EventType) string {
	sum := sha256.Sum256([]byte(id + " " + string(kind)))
	return deliver.PrefixEvent + "_" + hex.EncodeToString(sum[:16])
}
