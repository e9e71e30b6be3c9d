package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// Room is a room that is open on LiveKit now.
type Room struct {
	Name         string            `json:"name" doc:"Name of the room." example:"standup"`
	SID          string            `json:"sid" doc:"LiveKit's identifier of this opening of the room." example:"RM_hycBMAjmt6Ub"`
	CreatedAt    time.Time         `json:"created_at" doc:"When it was opened." example:"2026-03-01T08:59:00Z"`
	Participants []RoomParticipant `json:"participants" doc:"Who is in it; recorders and others that are hidden are left out."`
	Recordings   []string          `json:"recordings" doc:"Identifiers of its recordings that have not ended." example:"[\"rec_0199a3f27c5d7e0fb1d2c3b4a5968778\"]"`
}

// RoomParticipant is somebody who is in a room now.
type RoomParticipant struct {
	Identity string      `json:"identity" doc:"Who they are." example:"anna"`
	Name     string      `json:"name,omitempty" doc:"How they are called." example:"Anna"`
	Role     string      `json:"role,omitempty" doc:"Their attribute role, or that in their metadata." example:"host"`
	SID      string      `json:"sid" doc:"LiveKit's identifier of this stay." example:"PA_9dLbKZFKcUMX"`
	JoinedAt time.Time   `json:"joined_at" doc:"When they came." example:"2026-03-01T08:59:30Z"`
	Tracks   []RoomTrack `json:"tracks" doc:"What they publish."`
}

// RoomTrack is a track that is published now.
type RoomTrack struct {
	SID    string `json:"sid" doc:"LiveKit's identifier of the track." example:"TR_VCk8sW3nQz5xBd"`
	Source string `json:"source" doc:"camera, microphone, screen_share, screen_share_audio or unknown." example:"camera"`
	Kind   string `json:"kind" enum:"audio,video" doc:"Media kind." example:"video"`
	Codec  string `json:"codec,omitempty" doc:"Codec." example:"vp8"`
	Muted  bool   `json:"muted,omitempty" doc:"Its publisher has muted it." example:"false"`
	Width  int    `json:"width,omitempty" doc:"Width as published, in pixels." example:"1280"`
	Height int    `json:"height,omitempty" doc:"Height as published, in pixels." example:"720"`
}

// RoomList lists the rooms that are open.
type RoomList struct {
	Data []Room `json:"data" doc:"The rooms, all of them, by name."`
}

type roomsOutput struct{ Body RoomList }

func (s *Server) routeRooms() {
	route(s, operation{
		Operation: huma.Operation{
			OperationID: "list-rooms", Method: http.MethodGet, Path: "/v1/rooms", Tags: []string{"rooms"},
			Summary:     "List the rooms that are open",
			Description: "Asks LiveKit who is in which room, and tells what is being recorded there. A token that names a room sees that one only.",
		},
		access: readAccess, codes: []recording.Code{recording.CodeRoomUnreachable},
	}, s.listRooms)
}

func (s *Server) listRooms(ctx context.Context, _ *struct{}) (*roomsOutput, error) {
	only := ""
	if caller := callerOf(ctx); !caller.Admin {
		only = caller.Room
	}
	rooms, err := s.rooms.List(ctx, only)
	if err != nil {
		return nil, err
	}
	live, err := s.live(ctx, only)
	if err != nil {
		return nil, err
	}
	byRoom := map[string][]string{}
	for _, r := range live {
		byRoom[r.Room] = append(byRoom[r.Room], r.ID)
	}
	for i, room := range rooms {
		rooms[i].Recordings = each(byRoom[room.Name], func(id string) string { return id })
	}
	return &roomsOutput{RoomList{each(rooms, func(r Room) Room { return r })}}, nil
}

// live returns the recordings that have not ended, of a room or of all.
func (s *Server) live(ctx context.Context, room string) (list []recording.Recording, err error) {
	const page = 100
	q := ListQuery{Room: room, Limit: page, States: []recording.State{
		recording.Queued, recording.Starting, recording.Active, recording.Paused, recording.Stopping,
	}}
	for {
		found, err := s.recordings.List(ctx, q)
		if err != nil {
			return nil, err
		}
		list = slices.Concat(list, found.Items)
		if q.Cursor = found.Next; q.Cursor == "" {
			return list, nil
		}
	}
}
