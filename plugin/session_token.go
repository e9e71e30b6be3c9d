package plugin

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
)

// The roles that a session token may have.
const (
	RoleAgent      = "agent"
	RoleSupervisor = "supervisor"
	RoleStats      = "stats"
	// RoleSignal lets the bearer connect to one supervision, whose identifier is
	// the subject.
	RoleSignal = "signal"
)

// sessionAudience tells session tokens from LiveKit's, which have no audience.
// LiveKit itself takes none of them: they carry no video grant.
const sessionAudience = "roomreel"

// SessionToken is what a session token says. It lets its bearer be one agent,
// watch one agent, or read statistics, at roomreel and nowhere else.
type SessionToken struct {
	Role    string
	Subject string
	// Agent is whom a supervisor may watch.
	Agent string
	// API is the base URL of roomreel, for clients that only have the token.
	API string
	TTL time.Duration
}

type sessionClaims struct {
	jwt.RegisteredClaims
	Role  string `json:"role"`
	Agent string `json:"agent,omitempty"`
	API   string `json:"api,omitempty"`
}

// SessionToken mints a session token (a JWT, HS256, signed with the API secret).
func (k Keys) SessionToken(t SessionToken) (string, error) {
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, sessionClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: k.Key, Subject: t.Subject, Audience: jwt.ClaimStrings{sessionAudience}, ID: uuid.NewString(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(t.TTL)),
		},
		Role: t.Role, Agent: t.Agent, API: t.API,
	}).SignedString([]byte(k.Secret))
	if err != nil {
		return "", fmt.Errorf("mint session token: %w", err)
	}
	return token, nil
}

// verifySession reports what a session token says. ok is false for a token that
// is none; the error wraps ErrToken for one that is not valid.
func (k Keys) verifySession(token string) (c Claims, ok bool, err error) {
	var claims sessionClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(k.Key), jwt.WithExpirationRequired())
	_, _, unread := parser.ParseUnverified(token, &claims)
	if unread != nil || !slices.Equal(claims.Audience, []string{sessionAudience}) {
		return Claims{}, false, nil //nolint:nilerr // another kind of token is no error
	}
	_, err = parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return []byte(k.Secret), nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return Claims{}, true, fmt.Errorf("%w: it has expired", ErrToken)
	case err != nil || claims.Subject == "" || claims.Role == "":
		return Claims{}, true, fmt.Errorf("%w: its signature, its time or its content is wrong", ErrToken)
	}
	return Claims{Identity: claims.Subject, Role: claims.Role, Agent: claims.Agent}, true, nil
}

// joinTokenTTL is how long a token that was just asked for is good for joining.
const joinTokenTTL = time.Minute

// AgentToken mints the token with which an agent joins the room of their
// session: they publish, and neither hear nor change anything else.
func (k Keys) AgentToken(room, identity string) (string, error) {
	grant := &auth.VideoGrant{RoomJoin: true, Room: room}
	grant.SetCanPublish(true)
	grant.SetCanSubscribe(false)
	grant.SetCanPublishData(false)
	grant.SetCanUpdateOwnMetadata(false)
	return k.joinToken("agent", identity, grant, livekit.ParticipantInfo_STANDARD)
}

// SupervisorToken mints the token with which a supervisor joins a room: unseen,
// mute and deaf until [Rooms.Admit]. The kind keeps them out of the count of
// participants and from holding the room open. It must not leave the server:
// LiveKit cannot revoke it, see [Signal].
func (k Keys) SupervisorToken(room, identity string) (string, error) {
	grant := &auth.VideoGrant{RoomJoin: true, Room: room, Hidden: true}
	grant.SetCanPublish(false)
	grant.SetCanSubscribe(false)
	grant.SetCanPublishData(false)
	grant.SetCanUpdateOwnMetadata(false)
	return k.joinToken("supervisor", identity, grant, livekit.ParticipantInfo_AGENT)
}

func (k Keys) joinToken(who, identity string, grant *auth.VideoGrant, kind livekit.ParticipantInfo_Kind) (string, error) {
	token, err := auth.NewAccessToken(k.Key, k.Secret).
		SetIdentity(identity).
		SetVideoGrant(grant).
		SetKind(kind).
		SetValidFor(joinTokenTTL).
		ToJWT()
	if err != nil {
		return "", fmt.Errorf("mint %s token: %w", who, err)
	}
	return token, nil
}
