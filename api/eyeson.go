package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// The eyeson face has the paths and field names of eyeson's stream recorder
// (docs.eyeson.com/docs/streamrec); docs/eyeson.md tells what is added, and what
// was chosen where public text is silent.

// EyesonAuth is the body of a request for an auth token.
type EyesonAuth struct {
	MasterKey string `json:"master_key" maxLength:"512" doc:"The service's key: an admin key, or one configured under eyeson.master_keys." example:"0123456789abcdef0123"`
	TTL       int    `json:"token_ttl_s,omitempty" minimum:"1" maximum:"2592000" default:"86400" doc:"For how many seconds the token is valid." example:"86400"`
}

type eyesonClientInput struct {
	Body struct {
		EyesonAuth
		ClientID string `json:"client_id" minLength:"1" maxLength:"128" doc:"The agent." example:"agent-7"`
	}
}

type eyesonSupervisorInput struct {
	Body struct {
		EyesonAuth
		ClientID  string `json:"client_id" minLength:"1" maxLength:"128" doc:"The supervisor." example:"sam"`
		ToMonitor string `json:"client_to_monitor" minLength:"1" maxLength:"128" doc:"The agent that they may watch." example:"agent-7"`
	}
}

type eyesonStatsInput struct {
	Body struct {
		EyesonAuth
		ClientID string `json:"client_id,omitempty" maxLength:"128" doc:"Who reads the statistics." example:"reports"`
	}
}

type authTokenOutput struct {
	Body struct {
		AuthToken string `json:"auth_token" doc:"Send it as a bearer." example:"eyJhbGciOiJIUzI1NiJ9.e30.x"`
	}
}

// ICEServer is what a browser's RTCIceServer holds.
type ICEServer struct {
	URLs       string `json:"urls" doc:"URL of the server." example:"turn:turn.example.com"`
	Username   string `json:"username" doc:"User name." example:"user"`
	Credential string `json:"credential" doc:"Password." example:"password"`
}

// ICECredentials are empty: LiveKit tells its clients the servers when they join.
type ICECredentials struct {
	ICEServers []ICEServer `json:"iceServers" doc:"None: LiveKit tells them when a client joins."`
}

type eyesonSessionInput struct {
	Body struct {
		ClientID   string   `json:"client_id" maxLength:"128" doc:"The agent." example:"agent-7"`
		Streams    []string `json:"streams,omitempty" maxItems:"16" doc:"Names of the streams that will be published. Ours." example:"[\"camera\"]"`
		WebhookURL string   `json:"webhook_url,omitempty" maxLength:"2048" doc:"Is told when the session has ended. Ours." example:"https://app.example.com/hooks"`
		ResumeKey  string   `json:"resume_key,omitempty" maxLength:"128" doc:"Of a session that lives, to get back into it. Ours." example:"4SBZKUJ2XVQ3Y6N7"`
		Takeover   bool     `json:"takeover,omitempty" doc:"End the session that the agent has and open another. Ours." example:"true"`
	}
}

type eyesonSessionOutput struct {
	Body struct {
		SessionID    string         `json:"session_id" doc:"The session." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
		Credentials  ICECredentials `json:"ice_credentials" doc:"Kept for its readers."`
		Endpoint     string         `json:"ws_endpoint" doc:"LiveKit's URL." example:"wss://livekit.example.com"`
		LiveKitToken string         `json:"livekit_token" doc:"Token for ws_endpoint. Ours." example:"eyJhbGciOiJIUzI1NiJ9.e30.x"`
		ResumeKey    string         `json:"resume_key" doc:"Opens this session again while it lives. Ours." example:"4SBZKUJ2XVQ3Y6N7"`
	}
}

type eyesonSupervisionInput struct {
	Body struct {
		ClientID   string `json:"client_id" maxLength:"128" doc:"The supervisor." example:"sam"`
		ToMonitor  string `json:"client_id_to_monitor" maxLength:"128" doc:"The agent." example:"agent-7"`
		SessionID  string `json:"session_id_to_monitor,omitempty" maxLength:"64" doc:"The agent's session; the active one, when left out." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
		Reason     string `json:"reason,omitempty" maxLength:"1000" doc:"Why; for the audit trail. Ours." example:"quality review"`
		WebhookURL string `json:"webhook_url,omitempty" maxLength:"2048" doc:"Is told when the supervision has ended. Ours." example:"https://app.example.com/hooks"`
	}
}

type eyesonSupervisionOutput struct {
	Body struct {
		SessionID    string         `json:"session_id" doc:"The supervision." example:"sup_0199a3f27c5d7e0fb1d2c3b4a5968778"`
		ToMonitor    string         `json:"session_id_to_monitor" doc:"The agent's session." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
		Credentials  ICECredentials `json:"ice_credentials" doc:"Kept for its readers."`
		Endpoint     string         `json:"ws_endpoint" doc:"Where to connect with LiveKit's client." example:"wss://roomreel.example.com/v1/supervisions/sup_0199a3f27c5d7e0fb1d2c3b4a5968778/signal"`
		LiveKitToken string         `json:"livekit_token" doc:"Token for ws_endpoint. Ours." example:"eyJhbGciOiJIUzI1NiJ9.e30.x"`
	}
}

func (s *Server) routeEyeson() {
	op := func(id, path, summary string, a access, codes ...recording.Code) operation {
		return operation{
			Operation: huma.Operation{
				OperationID: id, Method: http.MethodPost, Path: path, Tags: []string{"eyeson"}, DefaultStatus: http.StatusCreated, Summary: summary,
				Description: "As eyeson's stream recorder has it; errors are problems as everywhere here.",
			},
			access: a, codes: append(codes, recording.CodeInvalidRequest),
		}
	}
	auth := func(id, path, summary string) operation {
		o := op(id, path, summary, anyone, CodeUnauthenticated, CodeRateLimited)
		o.Middlewares = huma.Middlewares{address}
		return o
	}
	route(s, auth("eyeson-auth-client", "/auth_v2/client", "Get an agent's token"),
		func(ctx context.Context, in *eyesonClientInput) (*authTokenOutput, error) {
			return s.authToken(ctx, in.Body.EyesonAuth, TokenWish{Role: roleAgent, Subject: in.Body.ClientID})
		})
	route(s, auth("eyeson-auth-supervisor", "/auth_v2/supervisor", "Get a supervisor's token"),
		func(ctx context.Context, in *eyesonSupervisorInput) (*authTokenOutput, error) {
			return s.authToken(ctx, in.Body.EyesonAuth, TokenWish{Role: roleSupervisor, Subject: in.Body.ClientID, Agent: in.Body.ToMonitor})
		})
	route(s, auth("eyeson-auth-stats", "/auth_v2/stats", "Get a token for statistics"),
		func(ctx context.Context, in *eyesonStatsInput) (*authTokenOutput, error) {
			subject := in.Body.ClientID
			if subject == "" {
				subject = roleStats // eyeson's own example leaves it out
			}
			return s.authToken(ctx, in.Body.EyesonAuth, TokenWish{Role: roleStats, Subject: subject})
		})
	route(s, op("eyeson-session", "/api/v2/session", "Open an agent's session", agentAccess,
		recording.CodeTwoTimer, recording.CodeStreamsFixed, recording.CodeRoomUnreachable), s.eyesonSession)
	route(s, op("eyeson-supervisor-session", "/api/v2/supervisor_session", "Watch an agent", superviseAccess,
		recording.CodeNoActiveAgent, recording.CodeTwoTimer, recording.CodeMaxSupervisors, recording.CodeRoomUnreachable), s.eyesonSupervision)
	s.routeEyesonStats()
}

// authToken mints a token for whoever has a master key.
func (s *Server) authToken(ctx context.Context, auth EyesonAuth, w TokenWish) (*authTokenOutput, error) {
	if s.adminKey(auth.MasterKey) < 0 && !s.isMasterKey(auth.MasterKey) {
		return nil, s.guessed(ctx, recording.Errorf(CodeUnauthenticated, "master_key is neither an admin key nor one of eyeson.master_keys"))
	}
	w.API, w.TTL = s.baseURL(ctx), time.Duration(auth.TTL)*time.Second
	token, err := s.sessions.Tokens.Mint(w)
	out := &authTokenOutput{}
	out.Body.AuthToken = token
	return out, err
}

// isMasterKey compares as adminKey does.
func (s *Server) isMasterKey(key string) bool {
	sum := sha256.Sum256([]byte(key))
	found := 0
	for _, master := range s.sessions.MasterKeys {
		hashed := sha256.Sum256([]byte(master))
		found |= subtle.ConstantTimeCompare(sum[:], hashed[:])
	}
	return found == 1
}

func (s *Server) eyesonSession(ctx context.Context, in *eyesonSessionInput) (*eyesonSessionOutput, error) {
	client, err := s.agentOf(ctx, in.Body.ClientID)
	if err != nil {
		return nil, err
	}
	opened, err := s.sessions.Service.Open(ctx, SessionWish{
		ClientID: client, Streams: in.Body.Streams, WebhookURL: in.Body.WebhookURL, ResumeKey: in.Body.ResumeKey, Takeover: in.Body.Takeover,
	})
	if err != nil {
		return nil, err
	}
	out := &eyesonSessionOutput{}
	out.Body.Credentials.ICEServers = []ICEServer{}
	out.Body.SessionID, out.Body.Endpoint = opened.ID, s.sessions.LiveKitURL
	out.Body.LiveKitToken, out.Body.ResumeKey = opened.Token, opened.ResumeKey
	return out, nil
}

func (s *Server) eyesonSupervision(ctx context.Context, in *eyesonSupervisionInput) (*eyesonSupervisionOutput, error) {
	c := callerOf(ctx)
	w := SupervisionWish{
		SupervisorID: in.Body.ClientID, ClientID: in.Body.ToMonitor, SessionID: in.Body.SessionID,
		Reason: in.Body.Reason, By: c.Subject, WebhookURL: in.Body.WebhookURL,
	}
	if err := c.mayWatch(&w); err != nil {
		return nil, err
	}
	granted, err := s.newSupervision(ctx, w)
	if err != nil {
		return nil, err
	}
	out := &eyesonSupervisionOutput{}
	out.Body.Credentials.ICEServers = []ICEServer{}
	out.Body.SessionID, out.Body.ToMonitor = granted.Body.SupervisionID, granted.Body.SessionID
	out.Body.Endpoint, out.Body.LiveKitToken = granted.Body.LiveKitURL, granted.Body.LiveKitToken
	return out, nil
}

// month is the month that a query for statistics is about; both are zero
// without one.
func month(year, number int) (from, to time.Time) {
	if year == 0 {
		return from, to
	}
	if number == 0 {
		return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	from = time.Date(year, time.Month(number), 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 1, 0)
}

// eyesonState is how eyeson calls a session's state.
func eyesonState(state recording.SessionState) string {
	if state == recording.SessionEnded {
		return "TERMINATED"
	}
	return strings.ToUpper(string(state))
}
