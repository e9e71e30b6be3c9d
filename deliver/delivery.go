package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Delivery is an event on its way to an endpoint.
type Delivery struct {
	ID          string           `json:"id"`
	EventID     string           `json:"event_id"` // the webhook-id
	Type        EventType        `json:"type"`
	Endpoint    string           `json:"endpoint"`
	URL         string           `json:"url"` // redacted; empty when the endpoint is no longer configured
	RecordingID string           `json:"recording_id,omitempty"`
	State       State            `json:"state"`
	Error       *recording.Error `json:"error,omitempty"`
	Body        string           `json:"body"`
	Attempts    []Attempt        `json:"attempts"`
	CreatedAt   time.Time        `json:"created_at"`
	// NextAttempt is when a pending one is due, unless those before it in its
	// lane hold it up.
	NextAttempt time.Time `json:"next_attempt,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
}

// Deliveries returns deliveries, newest first.
func (w *Webhooks) Deliveries(ctx context.Context, query Query) (Page[Delivery], error) {
	urls, err := w.urls(ctx)
	if err != nil {
		return Page[Delivery]{}, fmt.Errorf("list deliveries: %w", err)
	}
	page, err := list(ctx, w.queue, query, func(r record) (Delivery, error) { return readDelivery(r, urls) })
	if err != nil {
		return page, fmt.Errorf("list deliveries: %w", err)
	}
	return page, nil
}

// Delivery returns a delivery with its last 50 attempts, or CodeNotFound.
func (w *Webhooks) Delivery(ctx context.Context, id string) (Delivery, error) {
	r, err := w.queue.one(ctx, id)
	if err != nil {
		return Delivery{}, err
	}
	urls, err := w.urls(ctx)
	if err != nil {
		return Delivery{}, err
	}
	return readDelivery(r, urls)
}

// urls are those of the endpoints, by id.
func (w *Webhooks) urls(ctx context.Context) (map[string]string, error) {
	added, err := w.managedEndpoints(ctx)
	if err != nil {
		return nil, err
	}
	urls := map[string]string{}
	for _, m := range added {
		urls[m.ID] = m.URL
	}
	for id, e := range w.endpoints {
		urls[id] = e.URL
	}
	return urls, nil
}

func readDelivery(r record, urls map[string]string) (Delivery, error) {
	var h hook
	if err := json.Unmarshal(r.doc, &h); err != nil {
		return Delivery{}, fmt.Errorf("read delivery %s: %w", r.id, err)
	}
	d := Delivery{
		ID: r.id, EventID: h.EventID, Type: h.Type, Endpoint: h.Endpoint, RecordingID: r.recording, State: r.state,
		Error: r.err, Body: string(h.Body), Attempts: r.attempts, CreatedAt: r.made, EndedAt: r.ended,
	}
	if d.State == Pending {
		d.NextAttempt = r.due
	}
	if target := h.URL + urls[h.Endpoint]; target != "" { // a hook has either
		d.URL = Redact(target)
	}
	return d, nil
}

// Redeliver sends a delivery once more, whether it failed or not, behind what
// waits for the same endpoint and recording; one that is pending keeps its
// place and its attempts start over at once, and one that is running is left
// alone. CodeNotFound says that there is none.
func (w *Webhooks) Redeliver(ctx context.Context, id string) error {
	if _, err := w.queue.redo(ctx, id, nil, "", "any"); err != nil {
		return fmt.Errorf("redeliver: %w", err)
	}
	return nil
}

// RedeliverSince sends once more, in their order, the deliveries to an endpoint
// that failed, or also those that succeeded, of what was queued since a time. It
// returns how many, also when it is cut short by an error.
func (w *Webhooks) RedeliverSince(ctx context.Context, endpoint string, since time.Time, alsoDone bool) (int, error) {
	which := "failed"
	if alsoDone {
		which = "finished"
	}
	const batch = 200
	for n, seen := 0, 0; ; {
		by := redis.ZRangeBy{Min: strconv.FormatInt(since.UnixMicro(), 10), Max: "+inf", Offset: int64(seen), Count: batch}
		places, err := w.queue.places(ctx, w.queue.rdb.ZRangeByScoreWithScores, "of:"+endpoint, by)
		if err != nil || len(places) == 0 {
			return n, err
		}
		seen += len(places)
		for _, p := range places {
			again, err := w.queue.redo(ctx, p.id, nil, "", which)
			if err != nil && recording.CodeOf(err) != recording.CodeNotFound {
				return n, fmt.Errorf("redeliver: %w", err)
			}
			if again {
				n++
			}
		}
	}
}
