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

// leavePatience is how long a participant who has said good-bye may take to be
// gone: LiveKit answers a removal that crosses it only after some seconds.
const leavePatience = time.Second

// Remove takes a participant out of a room, unless they leave by themselves
// within a moment. One that is not there is no error.
func (r *Rooms) Remove(ctx context.Context, room, identity string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if r.leaves(ctx, room, identity) {
		return nil
	}
	_, err := r.client.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	var te twirp.Error
	if err == nil || errors.As(err, &te) && te.Code() == twirp.NotFound {
		return nil
	}
	return r.unreachable(err)
}

// leaves reports whether the participant is gone within leavePatience.
func (r *Rooms) leaves(ctx context.Context, room, identity string) bool {
	const every = 50 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for end := time.Now().Add(leavePatience); time.Now().Before(end); {
		_, err := r.client.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
		var te twirp.Error
		if errors.As(err, &te) && te.Code() == twirp.NotFound {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return false
}

func (r *Rooms) unreachable(err error) error {
	var te twirp.Error
	if errors.As(err, &te) && (te.Code() == twirp.Unauthenticated || te.Code() == twirp.PermissionDenied) {
		return recording.Errorf(recording.CodeRoomUnreachable, "LiveKit at %s refuses the API key: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair from its keys section: %w", r.url, err)
	}
	return recording.Errorf(recording.CodeRoomUnreachable, "LiveKit at %s does not answer: check LIVEKIT_URL and that the server runs: %w", r.url, err)
}
