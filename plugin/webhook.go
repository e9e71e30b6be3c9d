package plugin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/utils/protojson"
	"github.com/livekit/protocol/webhook"

	"github.com/roomreel/roomreel/recording"
)

// The events of LiveKit that roomreel looks at
// (https://docs.livekit.io/intro/basics/rooms-participants-tracks/webhooks-events/).
const (
	ParticipantJoined = webhook.EventParticipantJoined
	ParticipantLeft   = webhook.EventParticipantLeft
	RoomFinished      = webhook.EventRoomFinished
)

// Hint is what a webhook of LiveKit tells, as far as roomreel asks. Webhooks get
// lost, come twice and out of order: they say when to look, not what is so.
type Hint struct {
	ID    string
	Event string
	Room  string
	// Identity is whom it is about, or empty.
	Identity string
	At       time.Time
}

// ReceiveHint reads a webhook of LiveKit's and verifies that it is signed with
// these keys. The error wraps ErrToken if it is not, and is CodeInvalidRequest
// for a body that cannot be read. The caller bounds the body.
func (k Keys) ReceiveHint(r *http.Request) (Hint, error) {
	body, err := webhook.Receive(r, auth.NewSimpleKeyProvider(k.Key, k.Secret))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return Hint{}, recording.Errorf(recording.CodeInvalidRequest, "the body is longer than %d bytes", tooLong.Limit)
	case err != nil:
		return Hint{}, fmt.Errorf("%w: it does not prove that LiveKit has sent the webhook", ErrToken)
	}
	var e livekit.WebhookEvent
	// LiveKit may be newer than this program.
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true, AllowPartial: true}).Unmarshal(body, &e); err != nil {
		return Hint{}, recording.Errorf(recording.CodeInvalidRequest, "the body is not a webhook of LiveKit's: %w", err)
	}
	return Hint{
		ID: e.Id, Event: e.Event, Room: e.GetRoom().GetName(), Identity: e.GetParticipant().GetIdentity(),
		At: time.Unix(e.CreatedAt, 0).UTC(),
	}, nil
}
