package plugin

import (
	"context"
	"errors"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/twitchtv/twirp"

	"github.com/roomreel/roomreel/recording"
)

// Create makes a room that outlasts its last participant by linger. One that
// exists stays as it is.
func (r *Rooms) Create(ctx context.Context, room string, linger time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	timeout := uint32(linger / time.Second)
	_, err := r.client.CreateRoom(ctx, &livekit.CreateRoomRequest{Name: room, EmptyTimeout: timeout, DepartureTimeout: timeout})
	if err != nil {
		return r.unreachable(err)
	}
	return nil
}

// Delete closes a room and puts everybody out. One that is not there is no error.
func (r *Rooms) Delete(ctx context.Context, room string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if _, err := r.client.DeleteRoom(ctx, &livekit.DeleteRoomRequest{Room: room}); err != nil && !isNotFound(err) {
		return r.unreachable(err)
	}
	return nil
}

// Participants lists everybody in a room, hidden ones too. There is nobody in a
// room that does not exist.
func (r *Rooms) Participants(ctx context.Context, room string) ([]*livekit.ParticipantInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	list, err := r.client.ListParticipants(ctx, &livekit.ListParticipantsRequest{Room: room})
	switch {
	case err == nil:
		return list.Participants, nil
	case isNotFound(err):
		return nil, nil
	}
	return nil, r.unreachable(err)
}

// Admit lets a participant subscribe who joined without the right. Everything
// else of their permission stays: LiveKit replaces it as a whole, and one sent
// without Hidden would show them to all. CodeNotFound says they are not there.
func (r *Rooms) Admit(ctx context.Context, room, identity string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	p, err := r.client.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	if err == nil {
		permission := p.Permission
		permission.Hidden, permission.CanSubscribe = true, true
		_, err = r.client.UpdateParticipant(ctx, &livekit.UpdateParticipantRequest{Room: room, Identity: identity, Permission: permission})
	}
	switch {
	case err == nil:
		return nil
	case isNotFound(err):
		return recording.Errorf(recording.CodeNotFound, "%s is not in room %q", identity, room)
	}
	return r.unreachable(err)
}

// Evict takes a participant out of a room at once. One that is not there is no error.
func (r *Rooms) Evict(ctx context.Context, room, identity string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := r.client.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	if err != nil && !isNotFound(err) {
		return r.unreachable(err)
	}
	return nil
}

func isNotFound(err error) bool {
	var te twirp.Error
	return errors.As(err, &te) && te.Code() == twirp.NotFound
}
