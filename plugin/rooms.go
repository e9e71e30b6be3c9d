package plugin

import (
	"context"
	"errors"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/twitchtv/twirp"

	"github.com/roomreel/roomreel/recording"
)

// Rooms asks LiveKit's room service.
type Rooms struct {
	client *lksdk.RoomServiceClient
	url    string
}

// NewRooms returns a client of the LiveKit server at url, which may be given
// as ws, wss, http or https.
func NewRooms(url string, keys Keys) *Rooms {
	return &Rooms{client: lksdk.NewRoomServiceClient(url, keys.Key, keys.Secret), url: url}
}

// requestTimeout bounds one call to LiveKit.
const requestTimeout = 5 * time.Second

// Check reports whether room exists. The error is a *recording.Error with
// CodeRoomNotFound or CodeRoomUnreachable.
func (r *Rooms) Check(ctx context.Context, room string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := r.client.ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{room}})
	if err != nil {
		return r.unreachable(err)
	}
	if len(res.Rooms) == 0 {
		return recording.Errorf(recording.CodeRoomNotFound, "room %q does not exist on LiveKit: a room exists from its first participant's join, or from CreateRoom, until it is empty", room)
	}
	return nil
}

// Ping reports whether LiveKit answers and accepts the API key.
func (r *Rooms) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if _, err := r.client.ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{"roomreel-ping"}}); err != nil {
		return r.unreachable(err)
	}
	return nil
}

// Remove takes a participant out of a room. One that is not there is no error.
func (r *Rooms) Remove(ctx context.Context, room, identity string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := r.client.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	var te twirp.Error
	if err == nil || errors.As(err, &te) && te.Code() == twirp.NotFound {
		return nil
	}
	return r.unreachable(err)
}

func (r *Rooms) unreachable(err error) error {
	var te twirp.Error
	if errors.As(err, &te) && (te.Code() == twirp.Unauthenticated || te.Code() == twirp.PermissionDenied) {
		return recording.Errorf(recording.CodeRoomUnreachable, "LiveKit at %s refuses the API key: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair from its keys section: %w", r.url, err)
	}
	return recording.Errorf(recording.CodeRoomUnreachable, "LiveKit at %s does not answer: check LIVEKIT_URL and that the server runs: %w", r.url, err)
}
