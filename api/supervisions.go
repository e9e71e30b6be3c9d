package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

const (
	supervisionsPath = "/v1/supervisions"
	supervisionPath  = supervisionsPath + "/{supervision}"
)

// SupervisionParam is the path parameter that names a supervision.
type SupervisionParam struct {
	Supervision string `path:"supervision" doc:"Identifier of the supervision." example:"sup_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

// Supervise is the body that asks to watch an agent or a room.
type Supervise struct {
	AgentID      string `json:"agent_id,omitempty" maxLength:"128" doc:"The agent to watch. With a supervisor's token it may be left out." example:"agent-7"`
	SessionID    string `json:"session_id,omitempty" maxLength:"64" doc:"Of the agent's sessions only this one." example:"ses_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Room         string `json:"room,omitempty" maxLength:"256" doc:"The room to watch, all of it, instead of an agent." example:"standup"`
	SupervisorID string `json:"supervisor_id,omitempty" maxLength:"128" doc:"Who watches. With a token other than an admin key it is the token's subject." example:"sam"`
	Reason       string `json:"reason,omitempty" maxLength:"1000" doc:"Why. It is kept in the audit trail, and needed for a room." example:"quality review"`
	WebhookURL   string `json:"webhook_url,omitempty" maxLength:"2048" doc:"Is told when the supervision has ended." example:"https://app.example.com/hooks"`
}

type superviseInput struct{ Body Supervise }

type listSupervisionsInput struct {
	AgentID string `query:"agent_id" maxLength:"128" doc:"Only those of this agent." example:"agent-7"`
	State   string `query:"state" enum:"waiting,active,ended" doc:"Only those in this state."`
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"The most to answer."`
	Cursor  string `query:"cursor" maxLength:"512" doc:"The next_cursor of the page before."`
}

type auditInput struct {
	SupervisorID string `query:"supervisor_id" maxLength:"128" doc:"Only lines of this supervisor." example:"sam"`
	AgentID      string `query:"agent_id" maxLength:"128" doc:"Only lines of this agent." example:"agent-7"`
	Room         string `query:"room" maxLength:"256" doc:"Only lines about this room." example:"standup"`
	Limit        int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"The most to answer."`
	Cursor       string `query:"cursor" maxLength:"512" doc:"The next_cursor of the page before."`
}

type (
	newSupervisionOutput struct {
		Location string `header:"Location" doc:"Path of the supervision."`
		Body     NewSupervision
	}
	supervisionOutput struct{ Body Supervision }
	// SupervisionList is a page of supervisions.
	SupervisionList struct {
		Data       []Supervision `json:"data" doc:"The supervisions of this page."`
		NextCursor string        `json:"next_cursor,omitempty" doc:"Send it as cursor to get the next page. Absent on the last page." example:"MjAyNi0wMy0wMVQwOTowMDowMFo"`
	}
	supervisionsOutput struct{ Body SupervisionList }
	// AuditTrail is a page of the audit trail.
	AuditTrail struct {
		Data       []AuditEntry `json:"data" doc:"The lines of this page."`
		NextCursor string       `json:"next_cursor,omitempty" doc:"Send it as cursor to get the next page. Absent on the last page." example:"MjAyNi0wMy0wMVQwOTowMDowMFo"`
	}
	auditOutput            struct{ Body AuditTrail }
	followSupervisionInput struct {
		SupervisionParam
		LastEvent
	}
)

func (s *Server) routeSupervisions() {
	own := []recording.Code{recording.CodeInvalidID, recording.CodeNotFound}
	op := func(id, method, path, summary, description string, codes ...recording.Code) operation {
		return operation{
			Operation: huma.Operation{
				OperationID: id, Method: method, Path: path, Tags: []string{"supervisions"}, Summary: summary, Description: description,
			},
			access: superviseAccess, codes: codes,
		}
	}
	supervise := op("supervise", http.MethodPost, supervisionsPath, "Watch an agent or a room",
		"Gives a supervisor the right to watch one agent, or one room, live. They are seen by nobody in it, can neither speak nor send data, and hear once roomreel has let them in. "+
			"At most three watch an agent at a time, and a supervisor watches one. Whoever asks is in the audit trail, refused or not.",
		recording.CodeInvalidRequest, recording.CodeNoActiveAgent, recording.CodeTwoTimer, recording.CodeMaxSupervisors,
		recording.CodeRoomNotFound, recording.CodeRoomUnreachable)
	supervise.DefaultStatus = http.StatusCreated
	route(s, supervise, s.supervise)
	list := op("list-supervisions", http.MethodGet, supervisionsPath, "List supervisions", "Newest first, a page at a time.", recording.CodeInvalidRequest)
	list.access = adminAccess
	route(s, list, s.listSupervisions)
	route(s, op("get-supervision", http.MethodGet, supervisionPath, "Get a supervision", "Tells how far it is.", own...), s.getSupervision)
	route(s, op("end-supervision", http.MethodDelete, supervisionPath, "End a supervision",
		"Puts the supervisor out. Ending what has ended changes nothing.", own...), s.endSupervision)
	route(s, op("supervision-termination", http.MethodGet, supervisionPath+"/termination", "Why did a supervision end", "Can be asked for thirty days after the end.", own...),
		func(ctx context.Context, in *SupervisionParam) (*terminationOutput, error) {
			one, err := s.ownSupervision(ctx, in.Supervision)
			return &terminationOutput{Termination{string(one.State), string(one.Cause)}}, err
		})
	route(s, op("activate-supervision", http.MethodPost, supervisionPath+"/activate", "Let the supervisor in",
		"Lets the supervisor hear who has joined, if the right stands. It happens by itself when they join; asking again changes nothing. NOT_FOUND while they have not joined.",
		append(own, recording.CodeSessionEnded, recording.CodeRoomUnreachable)...),
		func(ctx context.Context, in *SupervisionParam) (*supervisionOutput, error) {
			if _, err := s.ownSupervision(ctx, in.Supervision); err != nil {
				return nil, err
			}
			one, err := s.sessions.Service.Admit(ctx, in.Supervision)
			return &supervisionOutput{supervisionBody(one)}, err
		})
	routeFollow(s, op("follow-supervision", http.MethodGet, supervisionPath+"/events", "Follow a supervision", "", own...),
		func(ctx context.Context, in *followSupervisionInput) (string, string, error) {
			_, err := s.ownSupervision(ctx, in.Supervision)
			return in.Supervision, in.LastEventID, err
		})
	audit := op("list-audit", http.MethodGet, "/v1/audit", "Who watched whom",
		"The trail of all supervisions, newest first: who watched whom, when, why, by whose token, and who was refused.", recording.CodeInvalidRequest)
	audit.access = adminAccess
	route(s, audit, s.listAudit)
	s.engine.GET(strings.Replace(supervisionPath, "{supervision}", ":supervision", 1)+"/signal/*path", s.signal)
}

func (s *Server) supervise(ctx context.Context, in *superviseInput) (*newSupervisionOutput, error) {
	c := callerOf(ctx)
	w := SupervisionWish{
		SupervisorID: in.Body.SupervisorID, ClientID: in.Body.AgentID, SessionID: in.Body.SessionID, Room: in.Body.Room,
		Reason: in.Body.Reason, By: c.Subject, WebhookURL: in.Body.WebhookURL,
	}
	if err := c.mayWatch(&w); err != nil {
		return nil, err
	}
	if w.Room != "" {
		if strings.TrimSpace(w.Reason) == "" {
			return nil, recording.Errorf(recording.CodeInvalidRequest, "reason: say why the room is watched")
		}
		if err := s.rooms.Check(ctx, w.Room); err != nil {
			return nil, err
		}
	}
	return s.newSupervision(ctx, w)
}

// mayWatch fills in what the caller's token says of a wish, and refuses one that
// says otherwise.
func (c Caller) mayWatch(w *SupervisionWish) error {
	switch {
	case c.Admin:
		return nil
	case w.SupervisorID != "" && w.SupervisorID != c.Subject:
		return recording.Errorf(recording.CodeNotPermitted, "the token is of another supervisor than supervisor_id names")
	case c.Role == roleSupervisor && (w.Room != "" || w.ClientID != "" && w.ClientID != c.Agent):
		return recording.Errorf(recording.CodeNotPermitted, "the token lets its bearer watch agent %q only", c.Agent)
	case c.Role == "" && (w.ClientID != "" || w.Room != c.Room):
		return recording.Errorf(recording.CodeNotPermitted, "the token lets its bearer watch room %q only", c.Room)
	}
	w.SupervisorID, w.ClientID = c.Subject, c.Agent
	return nil
}

// newSupervision asks for a supervision and mints the token to join.
func (s *Server) newSupervision(ctx context.Context, w SupervisionWish) (*newSupervisionOutput, error) {
	one, err := s.sessions.Service.Supervise(ctx, w)
	if err != nil {
		return nil, err
	}
	const longest = 24 * time.Hour // the right is looked at whenever the token is used
	token, err := s.sessions.Tokens.Mint(TokenWish{Role: roleSignal, Subject: one.ID, TTL: longest})
	if err != nil {
		return nil, err
	}
	url := strings.Replace(s.baseURL(ctx), "http", "ws", 1) + supervisionsPath + "/" + one.ID + "/signal"
	return &newSupervisionOutput{
		Location: supervisionsPath + "/" + one.ID,
		Body:     NewSupervision{Supervision: supervisionBody(one), LiveKitURL: url, LiveKitToken: token},
	}, nil
}

func (s *Server) listSupervisions(ctx context.Context, in *listSupervisionsInput) (*supervisionsOutput, error) {
	list, next, err := s.sessions.Service.Supervisions(ctx, SessionQuery{
		ClientID: in.AgentID, State: recording.SessionState(in.State), Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	return &supervisionsOutput{SupervisionList{Data: each(list, supervisionBody), NextCursor: next}}, nil
}

func (s *Server) getSupervision(ctx context.Context, in *SupervisionParam) (*supervisionOutput, error) {
	one, err := s.ownSupervision(ctx, in.Supervision)
	return &supervisionOutput{supervisionBody(one)}, err
}

func (s *Server) endSupervision(ctx context.Context, in *SupervisionParam) (*supervisionOutput, error) {
	if _, err := s.ownSupervision(ctx, in.Supervision); err != nil {
		return nil, err
	}
	if _, err := s.sessions.Service.End(ctx, in.Supervision, recording.TermByClient); err != nil {
		return nil, err
	}
	return s.getSupervision(ctx, in)
}

func (s *Server) listAudit(ctx context.Context, in *auditInput) (*auditOutput, error) {
	list, next, err := s.sessions.Service.Audit(ctx, AuditQuery{
		SupervisorID: in.SupervisorID, ClientID: in.AgentID, Room: in.Room, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	return &auditOutput{AuditTrail{Data: each(list, auditBody), NextCursor: next}}, nil
}

// signal connects a supervisor to LiveKit, if the right to watch stands now. It
// speaks LiveKit's protocol, which sends the token in the query.
func (s *Server) signal(c *gin.Context) {
	ctx, id := c.Request.Context(), c.Param("supervision")
	token := c.Query("access_token")
	if token == "" {
		_, token, _ = strings.Cut(c.GetHeader("Authorization"), " ")
	}
	caller, err := s.identify("Bearer " + token)
	if err == nil && (caller.Role != roleSignal || caller.Subject != id) {
		err = recording.Errorf(recording.CodeNotPermitted, "the token is not of this supervision")
	}
	var one recording.Supervision
	if err == nil {
		c.Set(keyCaller, caller.Subject)
		one, err = s.sessions.Service.Standing(ctx, id)
	}
	if err != nil {
		p := problemOf(err)
		if recording.CodeOf(err) == recording.CodeSessionEnded {
			p.Status = http.StatusForbidden // clients of LiveKit try again after others
		}
		s.turnAway(c, p)
		return
	}
	end, refusal := s.streams.begin(caller)
	if refusal != nil {
		writeProblem(c.Writer, refusal)
		return
	}
	defer end()
	extendDeadlines(c.Writer, unbounded)
	s.sessions.Signal.Serve(c.Writer, c.Request, c.Param("path"), one)
}
