package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

// Caller is who makes a request and what their token grants. RoomRecord,
// RoomAdmin and RoomList are LiveKit's video grants of the same names
// (https://docs.livekit.io/frontends/authentication/tokens/#video-grant).
type Caller struct {
	// Subject names the caller in logs.
	Subject string
	// Admin may do everything.
	Admin bool
	// Room, when not empty, confines every grant to that room.
	Room                            string
	RoomRecord, RoomAdmin, RoomList bool
	// Role is a session token's, and Agent whom it lets a supervisor watch; both
	// are empty for all others. Such a token has no grant.
	Role, Agent string
}

// access is what an operation asks of its caller.
type access string

const (
	anyone     access = ""       // no credentials asked
	readAccess access = "read"   // see what was and is recorded, but not the media
	fullAccess access = "record" // record, compose, download
	// operatorAccess sees what is of no one room: the nodes, metrics.
	operatorAccess access = "operate"
	// adminAccess is for who runs roomreel.
	adminAccess access = "admin"
)

// permit returns nil when the caller has the access to the room. An empty room
// stands for one that is not known yet: it passes whoever may pass for some.
func (c Caller) permit(a access, room string) error {
	if c.Admin {
		return nil
	}
	if missing, special := a.special(c); special {
		return missing
	}
	records := c.RoomRecord || c.RoomAdmin && c.Room != ""
	switch {
	case a == operatorAccess && (c.Room != "" || !c.RoomRecord && !c.RoomList):
		return recording.Errorf(recording.CodeNotPermitted, "the token lacks a grant: roomList or roomRecord, without a room")
	case a == adminAccess:
		return recording.Errorf(recording.CodeNotPermitted, "an admin key is needed")
	case a == readAccess && !records && !c.RoomList:
		return recording.Errorf(recording.CodeNotPermitted, "the token lacks a grant: roomList, roomRecord, or roomAdmin with a room")
	case a == fullAccess && !records:
		return recording.Errorf(recording.CodeNotPermitted, "the token lacks a grant: roomRecord, or roomAdmin with a room")
	case room != "" && c.Room != "" && c.Room != room:
		return recording.Errorf(recording.CodeNotPermitted, "the token's grants cover room %q only: roomRecord without a room, or a token for the other room, is missing", c.Room)
	}
	return nil
}

type callerKey struct{}

// callerOf returns the caller that authenticate put into the context.
func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// authenticate is the middleware that lets only callers pass who may have the
// access to some room; handlers check the room once they know it. It runs
// before anything of the request is parsed.
func (s *Server) authenticate(a access) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(hc)
		caller, err := s.identifyRequest(c.Request)
		if err == nil {
			c.Set(keyCaller, caller.Subject)
			err = caller.permit(a, "")
		}
		if err != nil {
			s.turnAway(c, problemOf(err))
			return
		}
		next(huma.WithValue(hc, callerKey{}, caller))
	}
}

// turnAway tells a caller why they may not pass; one whose credentials are not valid,
// not more often than guesses may come.
func (s *Server) turnAway(c *gin.Context, p *Problem) {
	if p.Code == string(CodeUnauthenticated) && !s.limitGuesses(c.Writer, c.Request) {
		return
	}
	writeProblem(c.Writer, p)
}

// identify tells who presents the Authorization header (RFC 6750 §2.1).
func (s *Server) identify(header string) (Caller, error) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Caller{}, recording.Errorf(CodeUnauthenticated, "send \"Authorization: Bearer\" with an admin key or a LiveKit token")
	}
	if s.adminKey(token) >= 0 {
		return Caller{Subject: "admin", Admin: true}, nil
	}
	refusal := recording.Errorf(CodeUnauthenticated, "the bearer is neither an admin key nor a valid LiveKit token")
	if s.verifier == nil {
		return Caller{}, refusal
	}
	caller, err := s.verifier.Verify(token)
	var told *recording.Error
	switch {
	case errors.As(err, &told):
		return Caller{}, recording.Errorf(CodeUnauthenticated, "%s", told.Message)
	case err != nil:
		return Caller{}, refusal
	}
	return caller, nil
}

// adminKey returns which admin key the token is, or -1. It compares with every
// key and by hash, so that the time taken tells nothing of the keys, not even
// their lengths.
func (s *Server) adminKey(token string) int {
	sum := sha256.Sum256([]byte(token))
	found := 0
	for i, key := range s.adminKeys {
		found += (i + 1) * subtle.ConstantTimeCompare(sum[:], key[:])
	}
	return found - 1
}
