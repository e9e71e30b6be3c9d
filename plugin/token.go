package plugin

import (
	"errors"
	"fmt"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
)

// ErrToken is the error of a token that does not prove anything: malformed,
// expired, or signed by another key.
var ErrToken = errors.New("token is not valid")

// Keys is a LiveKit API key and its secret.
type Keys struct{ Key, Secret string }

// recorderTokenTTL bounds a bot's first connection only: LiveKit refreshes the
// token of a participant while it is connected.
const recorderTokenTTL = 10 * time.Minute

// RecorderToken mints the token with which a bot joins room: hidden, so that
// no participant sees it, and a recorder, so that every client is told that
// the room is being recorded. It can neither publish nor send data.
func (k Keys) RecorderToken(room, identity string) (string, error) {
	grant := &auth.VideoGrant{RoomJoin: true, Room: room, Hidden: true, Recorder: true}
	grant.SetCanSubscribe(true)
	grant.SetCanPublish(false)
	grant.SetCanPublishData(false)
	grant.SetCanUpdateOwnMetadata(false)
	token, err := auth.NewAccessToken(k.Key, k.Secret).
		SetIdentity(identity).
		SetVideoGrant(grant).
		SetKind(livekit.ParticipantInfo_EGRESS).
		SetValidFor(recorderTokenTTL).
		ToJWT()
	if err != nil {
		return "", fmt.Errorf("mint recorder token: %w", err)
	}
	return token, nil
}

// ParticipantToken mints a token with which a person joins room.
func (k Keys) ParticipantToken(room, identity, name string, ttl time.Duration) (string, error) {
	token, err := auth.NewAccessToken(k.Key, k.Secret).
		SetIdentity(identity).
		SetName(name).
		SetVideoGrant(&auth.VideoGrant{RoomJoin: true, Room: room}).
		SetValidFor(ttl).
		ToJWT()
	if err != nil {
		return "", fmt.Errorf("mint participant token: %w", err)
	}
	return token, nil
}

// ServerToken mints a token for roomreel's own API with the grants of
// LiveKit's server APIs. An empty room means every room.
func (k Keys) ServerToken(identity, room string, ttl time.Duration) (string, error) {
	token, err := auth.NewAccessToken(k.Key, k.Secret).
		SetIdentity(identity).
		SetVideoGrant(&auth.VideoGrant{RoomRecord: true, RoomList: true, RoomAdmin: room != "", Room: room}).
		SetValidFor(ttl).
		ToJWT()
	if err != nil {
		return "", fmt.Errorf("mint server token: %w", err)
	}
	return token, nil
}

// Claims are the proven claims of a LiveKit token, as far as roomreel asks.
type Claims struct {
	Identity                        string
	Room                            string
	RoomRecord, RoomAdmin, RoomList bool
	// Role and Agent are a session token's; see [SessionToken].
	Role, Agent string
}

// Verify checks the signature and the time of a LiveKit access token or of a
// session token. The error wraps ErrToken and says nothing about the token's content.
func (k Keys) Verify(token string) (Claims, error) {
	if c, ok, err := k.verifySession(token); ok {
		return c, err
	}
	v, err := auth.ParseAPIToken(token)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: it is not a signed JWT", ErrToken)
	}
	if v.APIKey() != k.Key {
		return Claims{}, fmt.Errorf("%w: its API key is not known here", ErrToken)
	}
	_, grants, err := v.Verify(k.Secret)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: its signature or its time is wrong", ErrToken)
	}
	c := Claims{Identity: v.Identity()}
	if g := grants.Video; g != nil {
		c.Room, c.RoomRecord, c.RoomAdmin, c.RoomList = g.Room, g.RoomRecord, g.RoomAdmin, g.RoomList
	}
	return c, nil
}
