package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
	"github.com/roomreel/roomreel/session"
)

func newSessions(c configs.Config, keys plugin.Keys, rooms *plugin.Rooms, store *coord.Store, hooks *deliver.Webhooks, rdb redis.UniversalClient, log *slog.Logger) *session.Service {
	return session.New(session.Options{
		Redis: rdb, Recordings: store, Rooms: sessionRooms{rooms}, AgentToken: keys.AgentToken,
		Tell:       func(ctx context.Context, n session.News) error { return tellOfSession(ctx, hooks, n) },
		CheckURL:   func(raw string) error { _, err := urlPolicy(c.Outgoing).Check(raw); return err },
		MaxStreams: c.Sessions.MaxStreams, MaxSupervisors: c.Sessions.MaxSupervisors, Grace: c.Sessions.Grace,
		SilentFor: c.Sessions.NoPacketAfter, Node: c.Node, Log: log,
	})
}

func sessionOptions(c configs.Config, keys plugin.Keys, service *session.Service, log *slog.Logger) api.SessionOptions {
	joined := func(ctx context.Context, id string) error { _, err := service.Admit(ctx, id); return err }
	return api.SessionOptions{
		Service: sessions{service}, Tokens: tokens{keys}, LiveKitURL: browserURL(c.LiveKit), MaxStreams: service.MaxStreams(),
		Signal:    signalling{plugin.Signal{URL: c.LiveKit.URL, Joined: joined, Log: log}, keys},
		PublicURL: strings.TrimSuffix(c.API.PublicURL, "/"), MasterKeys: c.Eyeson.MasterKeys, Origins: c.API.Origins,
	}
}

// browserURL is the WebSocket URL by which browsers reach LiveKit.
func browserURL(c configs.LiveKit) string {
	return cmp.Or(c.PublicURL, strings.Replace(c.URL, "http", "ws", 1))
}

// sessions lets the API reach the service.
type sessions struct{ *session.Service }

func (s sessions) Open(ctx context.Context, clientID string, streams []string, webhookURL, resumeKey string) (api.OpenedSession, error) {
	o, err := s.Service.Open(ctx, clientID, streams, webhookURL, resumeKey)
	return api.OpenedSession(o), err
}

func (s sessions) List(ctx context.Context, q api.SessionQuery) ([]recording.Session, string, error) {
	return s.Service.List(ctx, session.Query(q))
}

func (s sessions) Supervisions(ctx context.Context, q api.SessionQuery) ([]recording.Supervision, string, error) {
	return s.Service.Supervisions(ctx, session.Query(q))
}

func (s sessions) Supervise(ctx context.Context, w api.SupervisionWish) (recording.Supervision, error) {
	return s.Service.Supervise(ctx, session.Wish(w))
}

func (s sessions) Audit(ctx context.Context, q api.AuditQuery) ([]recording.AuditEntry, string, error) {
	return s.Service.Audit(ctx, session.AuditQuery(q))
}

// sessionRooms lets the service act on LiveKit's rooms.
type sessionRooms struct{ *plugin.Rooms }

func (r sessionRooms) Participants(ctx context.Context, room string) ([]session.Participant, error) {
	list, err := r.Rooms.Participants(ctx, room)
	people := make([]session.Participant, 0, len(list))
	for _, p := range list {
		people = append(people, session.Participant{Identity: p.Identity, Publishing: len(p.Tracks) > 0})
	}
	return people, err
}

// tokens lets the API mint tokens.
type tokens struct{ plugin.Keys }

func (t tokens) Mint(w api.TokenWish) (string, error) {
	switch w.Role {
	case "participant":
		return t.ParticipantToken(w.Room, w.Subject, w.Name, w.TTL)
	case "server":
		return t.ServerToken(w.Subject, w.Room, w.TTL)
	}
	return t.SessionToken(plugin.SessionToken{Role: w.Role, Subject: w.Subject, Agent: w.Agent, API: w.API, TTL: w.TTL})
}

// signalling connects supervisors to LiveKit.
type signalling struct {
	plugin.Signal
	keys plugin.Keys
}

func (s signalling) Serve(w http.ResponseWriter, r *http.Request, path string, one recording.Supervision) {
	token, err := s.keys.SupervisorToken(one.Room, one.Identity())
	if err != nil {
		s.Log.Error("no token for a supervisor", "supervision", one.ID, "error", err)
		http.Error(w, "no token can be minted", http.StatusInternalServerError)
		return
	}
	s.Signal.Serve(w, r, path, one.ID, token)
}

// tellOfSession publishes that a session or a supervision has begun or ended.
// The identifier of the event follows from what it is about, so that it is
// delivered once however often it is told.
func tellOfSession(ctx context.Context, hooks *deliver.Webhooks, n session.News) error {
	var (
		e        deliver.Event
		callback string
		body     finished
	)
	if one := n.Session; one != nil {
		e = deliver.Event{Type: deliver.SessionStarted, Time: one.ConnectedAt, Subject: one.ID, Room: one.Room}
		if one.State == recording.SessionEnded {
			e.Type, e.Time, callback = deliver.SessionEnded, one.EndedAt, one.WebhookURL
		}
		body = finished{
			Status: "session_finished", SessionID: one.ID, ClientID: one.ClientID, Cause: one.Cause,
			Started: one.CreatedAt.UTC().Format(isoTime), Stopped: one.EndedAt.UTC().Format(isoTime),
		}
	} else {
		one := n.Supervision
		e = deliver.Event{Type: deliver.SupervisionStarted, Time: one.ConnectedAt, Subject: one.ID, Room: one.Room}
		if one.State == recording.SessionEnded {
			e.Type, e.Time, callback = deliver.SupervisionEnded, one.EndedAt, one.WebhookURL
		}
		body = finished{
			Status: "supervisor_session_finished", SessionID: one.ID, ClientID: one.SupervisorID, Cause: one.Cause,
			Monitored: one.SessionID, Agent: one.ClientID,
			Started: one.CreatedAt.UTC().Format(isoTime), Stopped: one.EndedAt.UTC().Format(isoTime),
		}
	}
	body.Msg = fmt.Sprintf("the session ended: %s", body.Cause)
	e.ID = recording.DerivedID(deliver.PrefixEvent, e.Subject+" "+string(e.Type))
	var err error
	if e.Data, err = json.Marshal(n.Public()); err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if callback == "" {
		return hooks.Publish(ctx, e)
	}
	doc, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode callback: %w", err)
	}
	return hooks.Publish(ctx, e, deliver.Callback{URL: callback, Body: doc})
}

// isoTime is how eyeson writes times: ISO 8601 with milliseconds.
const isoTime = "2006-01-02T15:04:05.000Z"

// finished is the body of eyeson's session_finished and
// supervisor_session_finished, whose fields are not public: those of upload_ready
// are the model.
type finished struct {
	Status    string                `json:"status"`
	Msg       string                `json:"msg"`
	SessionID string                `json:"session_id"`
	ClientID  string                `json:"client_id"`
	Monitored string                `json:"session_id_to_monitor,omitempty"`
	Agent     string                `json:"client_id_to_monitor,omitempty"`
	Cause     recording.Termination `json:"termination_cause"`
	Started   string                `json:"session_started_at"`
	Stopped   string                `json:"session_stopped_at"`
}
