package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

type mintTokenInput struct {
	Body struct {
		Role    string `json:"role" enum:"participant,server,agent,supervisor,stats" doc:"participant joins a room, server calls this API; agent, supervisor and stats are session tokens." example:"participant"`
		Subject string `json:"subject" minLength:"1" maxLength:"128" doc:"Identity of the participant, or who the bearer is." example:"anna"`
		Name    string `json:"name,omitempty" maxLength:"128" doc:"A participant's name." example:"Anna"`
		Room    string `json:"room,omitempty" maxLength:"256" doc:"The only room it is for. A participant's needs one; a server's without is for every room." example:"standup"`
		Agent   string `json:"agent_id,omitempty" maxLength:"128" doc:"Whom a supervisor may watch." example:"agent-7"`
		TTL     int    `json:"ttl_s,omitempty" minimum:"1" maximum:"31536000" default:"3600" doc:"For how many seconds it is valid." example:"3600"`
	}
}

// Token is a token that was minted.
type Token struct {
	Token     string         `json:"token" doc:"The token." example:"eyJhbGciOiJIUzI1NiJ9.e30.x"`
	Claims    map[string]any `json:"claims" doc:"What it says. LiveKit's grants are under video."`
	ExpiresAt time.Time      `json:"expires_at" doc:"When it is no longer valid." example:"2026-03-01T10:00:00Z"`
}

type tokenOutput struct{ Body Token }

func (s *Server) routeTokens() {
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "mint-token", Method: http.MethodPost, Path: "/v1/tokens", Tags: []string{"tokens"}, DefaultStatus: http.StatusCreated,
			Summary: "Mint a token", Description: "Mints a token of LiveKit's or a session token, and shows what it grants.",
		},
		access: adminAccess, codes: []recording.Code{recording.CodeInvalidRequest},
	}, s.mintToken)
}

func (s *Server) mintToken(ctx context.Context, in *mintTokenInput) (*tokenOutput, error) {
	b := in.Body
	switch {
	case b.Role == "participant" && b.Room == "":
		return nil, recording.Errorf(recording.CodeInvalidRequest, "room: a participant's token is for one room")
	case b.Role == roleSupervisor && b.Agent == "":
		return nil, recording.Errorf(recording.CodeInvalidRequest, "agent_id: a supervisor's token is for one agent")
	}
	ttl := time.Duration(b.TTL) * time.Second
	token, err := s.sessions.Tokens.Mint(TokenWish{
		Role: b.Role, Subject: b.Subject, Name: b.Name, Room: b.Room, Agent: b.Agent, API: s.baseURL(ctx), TTL: ttl,
	})
	if err != nil {
		return nil, err
	}
	return &tokenOutput{Token{Token: token, Claims: claimsOf(token), ExpiresAt: time.Now().UTC().Add(ttl).Truncate(time.Second)}}, nil
}

// claimsOf is the payload of a JWT that was minted here (RFC 7519 §3).
func claimsOf(token string) map[string]any {
	claims := map[string]any{}
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(payload, &claims) // ours: it is JSON
		}
	}
	return claims
}
