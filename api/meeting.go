package api

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// The meeting-app face offers the service to a meeting application that used to
// record by itself: same paths, bodies and status codes. A room is its
// "connection" or "meeting" there, a recording its "recording session".

// MeetingAnswer is what every answer of the meeting-app face tells.
type MeetingAnswer struct {
	Success bool   `json:"success" doc:"Whether it was done." example:"true"`
	Message string `json:"message,omitempty" doc:"Why it was not." example:"Recording is already running"`
	Code    string `json:"code,omitempty" doc:"Stable name of the cause." example:"ALREADY_RECORDING"`
}

// MeetingPerson is somebody in a meeting.
type MeetingPerson struct {
	ParticipantID string `json:"participantId,omitempty" maxLength:"256" doc:"Identity in the room." example:"anna"`
	UserID        string `json:"userId,omitempty" maxLength:"256" doc:"Identity in the application." example:"anna"`
	ID            string `json:"id,omitempty" maxLength:"256" doc:"The same." example:"anna"`
	Name          string `json:"name,omitempty" maxLength:"256" doc:"How they are called." example:"Anna"`
	Avatar        string `json:"avatar,omitempty" maxLength:"2048" doc:"Where their picture is." example:"/avatars/anna.png"`
	Role          string `json:"role,omitempty" maxLength:"40" doc:"host or participant." example:"host"`
	Status        string `json:"status,omitempty" maxLength:"40" doc:"online, while they are in the room." example:"online"`
}

// identity is by which name the room knows the person.
func (p *MeetingPerson) identity() string {
	if p == nil {
		return ""
	}
	return cmp.Or(p.ParticipantID, p.UserID, p.ID)
}

func person(identity, name, role, status string) MeetingPerson {
	return MeetingPerson{
		ParticipantID: identity, UserID: identity, ID: identity, Name: cmp.Or(name, identity), Role: role, Status: status,
	}
}

// people are the host of a meeting, if it has one, and its other participants.
type people struct {
	host   *MeetingPerson
	others []MeetingPerson
}

const (
	roleHost        = "host"
	roleParticipant = "participant"
)

func (p *people) add(identity, name, status string, host bool) {
	if host && p.host == nil {
		h := person(identity, name, roleHost, status)
		p.host = &h
		return
	}
	p.others = append(p.others, person(identity, name, roleParticipant, status))
}

// inRoom tells who is in a room. The host is who has that role in the room's own
// terms, unless named.
func (s *Server) inRoom(ctx context.Context, room, host string) (people, error) {
	p := people{others: []MeetingPerson{}}
	rooms, err := s.rooms.List(ctx, room)
	if err != nil {
		return p, err
	}
	if len(rooms) == 0 {
		return p, recording.Errorf(recording.CodeRoomNotFound, "Active room %q not found", room)
	}
	for _, m := range rooms[0].Participants {
		p.add(m.Identity, m.Name, "online", m.Identity == host || host == "" && m.Role == roleHost)
	}
	return p, nil
}

// inRecording tells who took part in a recording that has ended.
func inRecording(m *recording.Manifest) people {
	p := people{others: []MeetingPerson{}}
	for _, who := range m.Participants {
		p.add(who.Identity, who.Name, "", m.Host != "" && who.Identity == m.Host)
	}
	return p
}

// The labels by which recordings of this face carry what only it knows.
const (
	labelLayout = "meeting.layout"
	labelFormat = "meeting.format"
	labelUpload = "meeting.upload"
)

// Layout and format of the meeting-app face, where nothing is asked for.
const (
	meetingLayout = "grid"
	meetingFormat = "webm"
)

// option is a short text as the application sends it, or standard.
func option(s, standard string) string {
	const longest = 40
	return cmp.Or(strings.TrimSpace(clip(strings.TrimSpace(s), longest)), standard)
}

// film is what is to be made of a session's recording.
func film(layout, format string) recording.CompositionSpec {
	if format != "mp4" {
		format = meetingFormat
	}
	return recording.CompositionSpec{Layout: layout, Format: format}
}

// refuse is the status and the answer that tell of err in the application's way.
func (s *Server) refuse(ctx context.Context, err error) (int, MeetingAnswer) {
	p := problemOf(err)
	if p.Code == string(recording.CodeInvalidRequest) {
		p.Status = http.StatusBadRequest
	}
	if p.Status >= http.StatusInternalServerError {
		s.log.Log(ctx, failureLevel(ctx, err), "request failed", "request", ctx.Value(requestKey{}), "code", p.Code, "error", err)
	}
	return p.Status, MeetingAnswer{Message: p.Detail, Code: p.Code}
}

// meeting is an operation of the meeting-app face. Its answers tell of failures
// themselves, so that only what comes before the handler is a problem.
func (s *Server) meeting(id, method, path, summary, description string, a access) operation {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[MeetingAnswer](), true, "MeetingAnswer")
	return operation{Operation: huma.Operation{
		OperationID: id, Method: method, Path: path, Tags: []string{"meeting app"}, Summary: summary, Description: description,
		Responses: map[string]*huma.Response{"default": {
			Description: "It was not done: success is false, message and code tell why.",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}},
	}, access: a}
}

func (s *Server) routeMeeting() {
	s.routeMeetingSessions()
	s.routeMeetingFilms()
	s.routeMeetingFiles()
	s.routeMeetingUploads()
}

// ofRoom returns the recordings of a room, or all that the caller may see, newest
// first.
func (s *Server) ofRoom(ctx context.Context, room string, a access) ([]recording.Recording, error) {
	const page = 100
	caller := callerOf(ctx)
	if err := caller.permit(a, room); err != nil {
		return nil, err
	}
	if room == "" && !caller.Admin {
		room = caller.Room
	}
	var list []recording.Recording
	for q := (ListQuery{Room: room, Limit: page}); ; {
		found, err := s.recordings.List(ctx, q)
		if err != nil {
			return nil, err
		}
		list = append(list, found.Items...)
		if q.Cursor = found.Next; q.Cursor == "" {
			return list, nil
		}
	}
}
