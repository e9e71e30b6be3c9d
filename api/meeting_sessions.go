package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// MeetingSession is a recording in the application's terms.
type MeetingSession struct {
	ID           string    `json:"id" doc:"Identifier of the recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	ConnectionID string    `json:"connectionId" doc:"Name of the room." example:"standup"`
	Status       string    `json:"status" enum:"recording,stopped,failed" doc:"How far it is." example:"recording"`
	Layout       string    `json:"layout" doc:"Layout of the film that follows." example:"grid"`
	Format       string    `json:"format" doc:"Format of that film." example:"webm"`
	CreatedAt    time.Time `json:"createdAt" doc:"When it was asked for." example:"2026-03-01T09:00:00Z"`
	StartedAt    time.Time `json:"startedAt" doc:"When it began." example:"2026-03-01T09:00:00Z"`
	UpdatedAt    time.Time `json:"updatedAt" doc:"When its status changed last." example:"2026-03-01T09:30:00Z"`
	StoppedAt    time.Time `json:"stoppedAt,omitzero" doc:"When it ended." example:"2026-03-01T09:30:00Z"`
	Error        string    `json:"error,omitempty" doc:"Why it failed, or why it still waits." example:"the disk is full"`
}

// MeetingAgent is what records a session.
type MeetingAgent struct {
	ID           string         `json:"id" doc:"Names it." example:"recorder_rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	RecordingID  string         `json:"recordingId" doc:"Identifier of the recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	ConnectionID string         `json:"connectionId" doc:"Name of the room." example:"standup"`
	Status       string         `json:"status" enum:"awaiting-media-adapter,negotiating,receiving-media,stopped" doc:"How far it is." example:"receiving-media"`
	MediaMode    string         `json:"mediaMode" doc:"How media comes to it." example:"livekit"`
	CreatedAt    time.Time      `json:"createdAt" doc:"When it was asked for." example:"2026-03-01T09:00:00Z"`
	UpdatedAt    time.Time      `json:"updatedAt" doc:"When its status changed last." example:"2026-03-01T09:00:00Z"`
	StoppedAt    time.Time      `json:"stoppedAt,omitzero" doc:"When it ended." example:"2026-03-01T09:30:00Z"`
	PeerTracks   []MeetingTrack `json:"peerTracks" doc:"The tracks that it takes now."`
}

// MeetingTrack is a track that is being recorded.
type MeetingTrack struct {
	ParticipantID string `json:"participantId" doc:"Whose it is." example:"anna"`
	TrackID       string `json:"trackId" doc:"LiveKit's identifier of the track." example:"TR_VCk8sW3nQz5xBd"`
	Kind          string `json:"kind" enum:"audio,video" doc:"Media kind." example:"video"`
	RTPPackets    int64  `json:"rtpPackets" doc:"Packets received so far." example:"215000"`
}

// StartMeetingSession is the body that starts a session.
type StartMeetingSession struct {
	ConnectionID string         `json:"connectionId,omitempty" maxLength:"256" doc:"Name of the room. It is required." example:"standup"`
	Layout       string         `json:"layout,omitempty" maxLength:"256" doc:"Layout of the film that follows; grid, when left out." example:"grid"`
	Format       string         `json:"format,omitempty" maxLength:"256" doc:"Format of that film: webm or mp4; webm, when left out." example:"webm"`
	DeleteParts  bool           `json:"deleteParts,omitempty" doc:"Delete the files of people once the film is made." example:"false"`
	Host         *MeetingPerson `json:"host,omitempty" doc:"Who runs the meeting. Left out, it is who has the attribute role=host, or that in their metadata. The recording ends when they have left."`
}

// MeetingSessionAnswer tells of one session.
type MeetingSessionAnswer struct {
	MeetingAnswer
	Session             *MeetingSession `json:"session,omitempty" doc:"The session; in a conflict, the one that is running."`
	Agent               *MeetingAgent   `json:"agent,omitempty" doc:"What records it."`
	Notified            bool            `json:"notified,omitempty" doc:"Whether somebody is in the room to be told of it." example:"true"`
	PeerRequestNotified bool            `json:"peerRequestNotified,omitempty" doc:"The same: nobody has to send media to anywhere but the room." example:"true"`
	CompositionJob      *MeetingFilm    `json:"compositionJob,omitempty" doc:"The film that is being made of it."`
}

// MeetingSessions lists sessions.
type MeetingSessions struct {
	MeetingAnswer
	Sessions   []MeetingSession `json:"sessions" doc:"The sessions, newest first."`
	TotalCount int              `json:"totalCount" doc:"How many there are." example:"1"`
}

type meetingSessionsInput struct {
	ConnectionID string `query:"connectionId" maxLength:"256" doc:"Only those of this room." example:"standup"`
}

// MeetingSessionParam is the path parameter that names a session.
type MeetingSessionParam struct {
	Session string `path:"session" doc:"Identifier of the recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

type meetingSessionInput struct {
	MeetingSessionParam
	Compose string `query:"compose" maxLength:"10" doc:"false makes no film; everything else does." example:"false"`
}

type startMeetingInput struct{ Body StartMeetingSession }

type meetingSessionOutput struct {
	Status int
	Body   MeetingSessionAnswer
}

type meetingSessionsOutput struct {
	Status int
	Body   MeetingSessions
}

func (s *Server) routeMeetingSessions() {
	const path = "/api/recording-sessions"
	route(s, s.meeting("list-meeting-sessions", http.MethodGet, path, "List recording sessions",
		"All that run or have ended, newest first.", readAccess), s.listMeetingSessions)
	route(s, s.meeting("get-meeting-session", http.MethodGet, path+"/{session}", "Get a recording session",
		"Tells how far it is, and what records it.", readAccess), s.getMeetingSession)
	start := s.meeting("start-meeting-session", http.MethodPost, path, "Start a recording session",
		"Records the room: 201. 400 without a connectionId, 404 when there is no such room, 409 with the running session when there is one.", fullAccess)
	start.DefaultStatus = http.StatusCreated
	route(s, start, s.startMeetingSession)
	stop := s.meeting("stop-meeting-session", http.MethodDelete, path+"/{session}", "Stop a recording session",
		"Answers once every file is complete, and begins to make the film, unless compose=false. The files stay.", fullAccess)
	stop.timeout = s.stopTimeout
	route(s, stop, s.stopMeetingSession)
}

func (s *Server) listMeetingSessions(ctx context.Context, in *meetingSessionsInput) (*meetingSessionsOutput, error) {
	list, err := s.ofRoom(ctx, in.ConnectionID, readAccess)
	if err != nil {
		status, answer := s.refuse(ctx, err)
		return &meetingSessionsOutput{status, MeetingSessions{MeetingAnswer: answer, Sessions: []MeetingSession{}}}, nil
	}
	sessions := []MeetingSession{}
	for _, r := range list {
		if r.Labels[labelUpload] == "" {
			sessions = append(sessions, meetingSession(r))
		}
	}
	return &meetingSessionsOutput{http.StatusOK, MeetingSessions{MeetingAnswer{Success: true}, sessions, len(sessions)}}, nil
}

func (s *Server) getMeetingSession(ctx context.Context, in *MeetingSessionParam) (*meetingSessionOutput, error) {
	r, err := s.permitted(ctx, in.Session, readAccess)
	if err != nil {
		return s.refuseSession(ctx, err), nil
	}
	return &meetingSessionOutput{http.StatusOK, sessionAnswer(r)}, nil
}

func (s *Server) startMeetingSession(ctx context.Context, in *startMeetingInput) (*meetingSessionOutput, error) {
	room := in.Body.ConnectionID
	if room == "" {
		return s.refuseSession(ctx, recording.Errorf(recording.CodeInvalidRequest, "connectionId is required")), nil
	}
	if err := callerOf(ctx).permit(fullAccess, room); err != nil {
		return s.refuseSession(ctx, err), nil
	}
	present, err := s.inRoom(ctx, room, in.Body.Host.identity())
	if err != nil {
		return s.refuseSession(ctx, err), nil
	}
	layout, format := option(in.Body.Layout, meetingLayout), option(in.Body.Format, meetingFormat)
	want := recording.Request{
		Room: room, Compositions: []recording.CompositionSpec{film(layout, format)}, DeleteParts: in.Body.DeleteParts,
		Subject: recording.Subject{
			Host:   cmp.Or(in.Body.Host.identity(), present.host.identity()),
			Labels: map[string]string{labelLayout: layout, labelFormat: format},
		},
	}
	want.EndWithHost = want.Host != ""
	r, err := s.recordings.Start(ctx, want)
	if err != nil {
		out := s.refuseSession(ctx, err)
		if existing := problemOf(err).Existing; existing != "" {
			if running, err := s.recordings.Get(ctx, existing); err == nil {
				session := meetingSession(running)
				out.Body.Session = &session
			}
		}
		return out, nil
	}
	out := &meetingSessionOutput{http.StatusCreated, sessionAnswer(r)}
	out.Body.Notified = present.host != nil || len(present.others) > 0
	out.Body.PeerRequestNotified = out.Body.Notified
	return out, nil
}

func (s *Server) stopMeetingSession(ctx context.Context, in *meetingSessionInput) (*meetingSessionOutput, error) {
	r, err := s.permitted(ctx, in.Session, fullAccess)
	if err != nil {
		return s.refuseSession(ctx, err), nil
	}
	stopped := r
	if !r.State.Final() {
		var err error
		if in.Compose == "false" {
			_, err = s.recordings.Films(ctx, r.ID, nil)
		}
		if err == nil || recording.CodeOf(err) == recording.CodeAlreadyStopped {
			stopped, err = s.recordings.Stop(ctx, r.ID)
		}
		if err != nil && recording.CodeOf(err) != recording.CodeAlreadyStopped {
			return s.refuseSession(ctx, err), nil
		}
	}
	out := &meetingSessionOutput{http.StatusOK, sessionAnswer(stopped)}
	if present, err := s.inRoom(ctx, r.Room, r.Host); err == nil {
		out.Body.Notified = present.host != nil || len(present.others) > 0
	}
	if in.Compose != "false" && !r.State.Final() && stopped.State == recording.Stopped {
		out.Body.CompositionJob = s.makeMeetingFilm(ctx, stopped)
	}
	return out, nil
}

func (s *Server) refuseSession(ctx context.Context, err error) *meetingSessionOutput {
	status, answer := s.refuse(ctx, err)
	return &meetingSessionOutput{status, MeetingSessionAnswer{MeetingAnswer: answer}}
}

func sessionAnswer(r recording.Recording) MeetingSessionAnswer {
	session, agent := meetingSession(r), meetingAgent(r)
	return MeetingSessionAnswer{MeetingAnswer: MeetingAnswer{Success: true}, Session: &session, Agent: &agent}
}

func sessionLayout(r recording.Recording) string { return cmp.Or(r.Labels[labelLayout], meetingLayout) }

func sessionFormat(r recording.Recording) string { return cmp.Or(r.Labels[labelFormat], meetingFormat) }

// FromMeeting reports whether a recording was started by the meeting-app face.
func FromMeeting(r recording.Recording) bool { return r.Labels[labelLayout] != "" }

// MeetingFilmOf is the layout and the format of the film that such a recording is
// to become.
func MeetingFilmOf(r recording.Recording) (layout, format string) {
	return sessionLayout(r), sessionFormat(r)
}

// MeetingStatus is a recording's state in the application's words.
func MeetingStatus(s recording.State) string {
	if s.Final() {
		return string(s)
	}
	return "recording"
}

func meetingSession(r recording.Recording) MeetingSession {
	session := MeetingSession{
		ID: r.ID, ConnectionID: r.Room, Status: MeetingStatus(r.State), Layout: sessionLayout(r), Format: sessionFormat(r),
		CreatedAt: r.CreatedAt.UTC(), StartedAt: r.StartedAt.UTC(), StoppedAt: r.StoppedAt.UTC(),
	}
	if r.StartedAt.IsZero() {
		session.StartedAt = session.CreatedAt
	}
	session.UpdatedAt = session.StartedAt
	if !r.StoppedAt.IsZero() {
		session.UpdatedAt = session.StoppedAt
	}
	if r.Error != nil {
		session.Error = r.Error.Message
	}
	return session
}

func meetingAgent(r recording.Recording) MeetingAgent {
	session := meetingSession(r)
	status := "awaiting-media-adapter"
	switch {
	case r.State.Final():
		status = "stopped"
	case !r.FirstMediaAt.IsZero():
		status = "receiving-media"
	case r.State == recording.Starting:
		status = "negotiating"
	}
	return MeetingAgent{
		ID: "recorder_" + r.ID, RecordingID: r.ID, ConnectionID: r.Room, Status: status, MediaMode: "livekit",
		CreatedAt: session.CreatedAt, UpdatedAt: session.UpdatedAt, StoppedAt: session.StoppedAt,
		PeerTracks: each(r.Live, func(t recording.LiveTrack) MeetingTrack {
			return MeetingTrack{ParticipantID: t.Participant, TrackID: t.SID, Kind: string(t.Kind), RTPPackets: t.Packets}
		}),
	}
}
