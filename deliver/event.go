package deliver

import (
	"encoding/json"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// EventType names what happened.
type EventType string

// The types of events.
const (
	RecordingStarted      EventType = "recording.started"       // first media is on disk
	RecordingMediaStalled EventType = "recording.media_stalled" // no packet came for long
	RecordingMediaResumed EventType = "recording.media_resumed"
	RecordingPaused       EventType = "recording.paused"
	RecordingResumed      EventType = "recording.resumed"
	RecordingStopped      EventType = "recording.stopped" // its files are complete
	RecordingFailed       EventType = "recording.failed"
	RecordingIncomplete   EventType = "recording.incomplete" // it waits for nodes that are away with parts
	RecordingCompleted    EventType = "recording.completed"  // they are back
	RecordingUploaded     EventType = "recording.uploaded"
	RecordingUploadFailed EventType = "recording.upload_failed"
	CompositionProgress   EventType = "composition.progress"
	CompositionReady      EventType = "composition.ready"
	CompositionFailed     EventType = "composition.failed"
	SessionStarted        EventType = "session.started"
	SessionEnded          EventType = "session.ended"
	SupervisionStarted    EventType = "supervision.started"
	SupervisionEnded      EventType = "supervision.ended"
	// EndpointDisabled tells the other endpoints that one was given up.
	EndpointDisabled EventType = "webhook.endpoint_disabled"
	// TestEvent is what [Webhooks.Test] sends.
	TestEvent EventType = "webhook.test"
)

// PrefixEvent begins the identifiers of events, see [recording.NewID].
const PrefixEvent = "evt"

// maxBody bounds the body of a webhook, in bytes. Standard Webhooks recommends
// 20 KB and to refuse far more.
const maxBody = 256 << 10

// Event is something that happened. Its JSON form is the body of a webhook:
// type, timestamp and data as Standard Webhooks recommends ("Payload
// structure"), with the identifier and the recording beside them.
type Event struct {
	// ID is that of recording.NewID(PrefixEvent), and the webhook-id: who gets
	// it twice can tell by it.
	ID          string    `json:"id"`
	Type        EventType `json:"type"`
	Time        time.Time `json:"timestamp"`
	RecordingID string    `json:"recording_id,omitempty"`
	// Room is the room it happened in. Who may see one room only is told of
	// events that name it.
	Room string          `json:"room,omitempty"`
	Data json.RawMessage `json:"data"`

	// Subject is what an event without a recording is about, such as the
	// session: events with the same RecordingID, else the same Subject, keep
	// their order. An event with neither has no order.
	Subject string `json:"-"`
}

// NewEvent returns an event that happens now. The error tells that data cannot
// be written as JSON.
func NewEvent(kind EventType, recordingID string, data any) (Event, error) {
	doc, err := json.Marshal(data)
	if err != nil {
		return Event{}, recording.Errorf(recording.CodeInvalidRequest, "data of %s event: %w", kind, err)
	}
	return Event{
		ID: recording.NewID(PrefixEvent), Type: kind, Time: time.Now().UTC(), RecordingID: recordingID, Data: doc,
	}, nil
}

// order names the events that e must stay in line with.
func (e Event) order() string {
	switch {
	case e.RecordingID != "":
		return e.RecordingID
	case e.Subject != "":
		return e.Subject
	}
	return e.ID
}

// body returns the JSON form of a valid event.
func (e Event) body() ([]byte, error) {
	if err := recording.CheckID(PrefixEvent, e.ID); err != nil {
		return nil, err
	}
	if e.Type == "" {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "an event must have a type")
	}
	if len(e.Data) == 0 {
		e.Data = json.RawMessage("{}")
	}
	e.Time = e.Time.UTC()
	b, err := json.Marshal(e)
	if err != nil {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "event %s: %w", e.Type, err)
	}
	if len(b) > maxBody {
		return nil, recording.Errorf(recording.CodeInvalidRequest, "event %s: its body is longer than %d bytes", e.Type, maxBody)
	}
	return b, nil
}
