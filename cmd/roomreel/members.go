package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

// memberTopic is the topic of the data messages that tell the members of a room of
// its recording.
const memberTopic = "recording"

// members tells who is in a room, by data messages, what becomes of recordings that
// the meeting-app face has started: its clients wait for that.
type members struct {
	store *coord.Store
	send  func(ctx context.Context, room, topic string, data []byte, identities ...string) error
	log   *slog.Logger

	arrivals chan plugin.Hint // those who have just come, for run
}

// memberMessage is what clients get.
type memberMessage struct {
	Type         string `json:"type"` // recording-started, recording-status or recording-stopped
	ConnectionID string `json:"connectionId"`
	RecordingID  string `json:"recordingId"`
	Status       string `json:"status"`
	Layout       string `json:"layout"`
	Format       string `json:"format"`
	StartedAt    string `json:"startedAt,omitempty"`
	StoppedAt    string `json:"stoppedAt,omitempty"`
	// ParticipantID and TrackID are those of a track that stalled or came back.
	ParticipantID string `json:"participantId,omitempty"`
	TrackID       string `json:"trackId,omitempty"`
}

// tell sends news to everybody in the room. Of the nodes that learn of it, one
// does. What cannot be sent is not tried again: it would come too late.
func (m members) tell(ctx context.Context, n coord.News) error {
	if !api.FromMeeting(n.Recording) {
		return nil
	}
	const remembered = time.Hour
	first, err := m.store.First(ctx, "told:"+n.ID, remembered)
	if err != nil || !first {
		return err
	}
	message := m.message(n.Recording, "recording-status")
	switch n.Kind {
	case coord.Started:
		message.Type = "recording-started"
	case coord.Stopped, coord.Failed:
		message.Type = "recording-stopped"
	case coord.Paused:
		message.Status = "paused"
	case coord.MediaStalled, coord.MediaResumed:
		message.Status = map[coord.NewsKind]string{coord.MediaStalled: "media-stalled", coord.MediaResumed: "media-resumed"}[n.Kind]
	}
	if n.Track != nil {
		message.ParticipantID, message.TrackID = n.Track.Participant, n.Track.SID
	}
	if err := m.write(ctx, message); err != nil {
		m.log.Warn("the members of a room were not told of its recording", "recording", n.Recording.ID, "error", err)
	}
	return nil
}

// greet has somebody who has just come told of what runs. When too many come at once, the
// last ones are not told so: LiveKit's own isRecording tells them too.
func (m members) greet(h plugin.Hint) {
	select {
	case m.arrivals <- h:
	default:
		m.log.Warn("too many came at once to tell each of the recording", "room", h.Room)
	}
}

// run tells those who have come, and once more a little later: LiveKit drops data
// for those whose channel is not open yet, and to hear it twice does no harm.
func (m members) run(ctx context.Context) {
	const later, patience = 2 * time.Second, 5 * time.Second
	type second struct {
		hint plugin.Hint
		at   time.Time
	}
	var again []second
	due := time.NewTimer(later)
	defer due.Stop()
	for {
		var h plugin.Hint
		select {
		case <-ctx.Done():
			return
		case h = <-m.arrivals:
			again = append(again, second{h, time.Now().Add(later)})
		case <-due.C:
			if len(again) == 0 {
				continue
			}
			h, again = again[0].hint, again[1:]
		}
		bounded, cancel := context.WithTimeout(ctx, patience)
		m.welcome(bounded, h)
		cancel()
		if len(again) > 0 {
			due.Reset(time.Until(again[0].at))
		}
	}
}

func (m members) welcome(ctx context.Context, h plugin.Hint) {
	page, err := m.store.List(ctx, coord.Query{Room: h.Room, States: []recording.State{recording.Active, recording.Paused}})
	if err != nil {
		m.log.Warn("somebody who came was not told of the recording", "room", h.Room, "error", err)
		return
	}
	for _, r := range page.Items {
		if !api.FromMeeting(r) {
			continue
		}
		if err := m.write(ctx, m.message(r, "recording-started"), h.Identity); err != nil {
			m.log.Warn("somebody who came was not told of the recording", "recording", r.ID, "error", err)
		}
	}
}

func (m members) message(r recording.Recording, kind string) memberMessage {
	layout, format := api.MeetingFilmOf(r)
	return memberMessage{
		Type: kind, ConnectionID: r.Room, RecordingID: r.ID, Status: api.MeetingStatus(r.State), Layout: layout, Format: format,
		StartedAt: stamp(r.StartedAt), StoppedAt: stamp(r.StoppedAt),
	}
}

func (m members) write(ctx context.Context, message memberMessage, identities ...string) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return m.send(ctx, message.ConnectionID, memberTopic, data, identities...)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// inTurn tells news to one after the other, until one fails.
func inTurn(told ...func(context.Context, coord.News) error) func(context.Context, coord.News) error {
	return func(ctx context.Context, n coord.News) error {
		for _, tell := range told {
			if err := tell(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}
}
