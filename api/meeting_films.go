package api

import (
	"context"
	"net/http"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// MeetingFilm is a composition in the application's terms.
type MeetingFilm struct {
	ID           string             `json:"id" doc:"Identifier of the composition; empty if it could not be begun." example:"cmp_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	RecordingID  string             `json:"recordingId" doc:"Identifier of the recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	MeetingID    string             `json:"meetingId" doc:"Name of the room." example:"standup"`
	Status       string             `json:"status" enum:"queued,running,completed,failed" doc:"How far it is." example:"completed"`
	Progress     float64            `json:"progress" doc:"How much is done, from 0 to 100." example:"100"`
	Layout       string             `json:"layout" doc:"Its layout." example:"grid"`
	Format       string             `json:"format" doc:"Its format." example:"webm"`
	CreatedAt    time.Time          `json:"createdAt" doc:"When it was asked for." example:"2026-03-01T09:31:00Z"`
	UpdatedAt    time.Time          `json:"updatedAt" doc:"When its status changed last." example:"2026-03-01T09:33:10Z"`
	StartedAt    time.Time          `json:"startedAt,omitzero" doc:"When work on it began." example:"2026-03-01T09:31:01Z"`
	CompletedAt  time.Time          `json:"completedAt,omitzero" doc:"When it was ready." example:"2026-03-01T09:33:10Z"`
	FailedAt     time.Time          `json:"failedAt,omitzero" doc:"When it failed." example:"2026-03-01T09:33:10Z"`
	Error        string             `json:"error,omitempty" doc:"Why it failed." example:"there is no media"`
	InputFiles   []string           `json:"inputFiles" doc:"The files that it is made of; they stay." example:"[\"prt_0199a3f27c5d7e0fb1d2c3b4a5968778.webm\"]"`
	Host         *MeetingPerson     `json:"host,omitempty" doc:"Who ran the meeting."`
	Participants []MeetingPerson    `json:"participants" doc:"Who else took part."`
	Output       *MeetingFilmOutput `json:"output,omitempty" doc:"The film, once it is there."`
}

// MeetingFilmOutput is where a film can be had.
type MeetingFilmOutput struct {
	MeetingID   string `json:"meetingId" doc:"Name of the room." example:"standup"`
	Filename    string `json:"filename" doc:"Name of the file." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778-composed-cmp_0199a3f27c5d7e0fb1d2c3b4a5968778.webm"`
	DownloadURL string `json:"downloadUrl" doc:"Path to save it from." example:"/api/recordings/standup/rec_0199a3f27c5d7e0fb1d2c3b4a5968778-composed-cmp_0199a3f27c5d7e0fb1d2c3b4a5968778.webm/download"`
	StreamURL   string `json:"streamUrl" doc:"Path to play it from." example:"/api/recordings/standup/rec_0199a3f27c5d7e0fb1d2c3b4a5968778-composed-cmp_0199a3f27c5d7e0fb1d2c3b4a5968778.webm/stream"`
}

// MakeMeetingFilm is the body that has a film made.
type MakeMeetingFilm struct {
	MeetingID   string `json:"meetingId,omitempty" maxLength:"256" doc:"Name of the room. It is required." example:"standup"`
	RecordingID string `json:"recordingId,omitempty" maxLength:"256" doc:"Identifier of the recording. It is required." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Layout      string `json:"layout,omitempty" maxLength:"256" doc:"Layout; grid, when left out." example:"grid"`
	Format      string `json:"format,omitempty" maxLength:"256" doc:"webm or mp4; webm, when left out." example:"webm"`
}

// MeetingFilmAnswer tells of one film.
type MeetingFilmAnswer struct {
	MeetingAnswer
	Job *MeetingFilm `json:"job,omitempty" doc:"The composition."`
}

// MeetingFilms lists films.
type MeetingFilms struct {
	MeetingAnswer
	Jobs       []MeetingFilm `json:"jobs" doc:"The compositions, those of the newest recording first."`
	TotalCount int           `json:"totalCount" doc:"How many there are." example:"1"`
}

type meetingRoomInput struct {
	MeetingID string `query:"meetingId" maxLength:"256" doc:"Only those of this room." example:"standup"`
}

type makeMeetingFilmInput struct{ Body MakeMeetingFilm }

// MeetingFilmParam is the path parameter that names a film.
type MeetingFilmParam struct {
	Composition string `path:"composition" doc:"Identifier of the composition." example:"cmp_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

type meetingFilmOutput struct {
	Status int
	Body   MeetingFilmAnswer
}

type meetingFilmsOutput struct {
	Status int
	Body   MeetingFilms
}

func (s *Server) routeMeetingFilms() {
	const path = "/api/recording-compositions"
	route(s, s.meeting("list-meeting-films", http.MethodGet, path, "List composition jobs",
		"Of all recordings, or of those of a room.", readAccess), s.listMeetingFilms)
	route(s, s.meeting("get-meeting-film", http.MethodGet, path+"/{composition}", "Get a composition job",
		"Tells how far the film is, and where it can be had.", readAccess), s.getMeetingFilm)
	post := s.meeting("make-meeting-film", http.MethodPost, path, "Make a film",
		"Begins a composition: 202. 400 without meetingId and recordingId.", fullAccess)
	post.DefaultStatus = http.StatusAccepted
	route(s, post, s.postMeetingFilm)
}

func (s *Server) listMeetingFilms(ctx context.Context, in *meetingRoomInput) (*meetingFilmsOutput, error) {
	list, err := s.ofRoom(ctx, in.MeetingID, readAccess)
	if err != nil {
		status, answer := s.refuse(ctx, err)
		return &meetingFilmsOutput{status, MeetingFilms{MeetingAnswer: answer, Jobs: []MeetingFilm{}}}, nil
	}
	jobs := []MeetingFilm{}
	for _, r := range list {
		films, err := s.compositions.List(ctx, r.ID)
		if err != nil {
			continue // not on this node, or not there yet
		}
		m := s.manifestOf(r.ID)
		for _, c := range films {
			jobs = append(jobs, meetingFilm(r, m, c))
		}
	}
	return &meetingFilmsOutput{http.StatusOK, MeetingFilms{MeetingAnswer{Success: true}, jobs, len(jobs)}}, nil
}

func (s *Server) getMeetingFilm(ctx context.Context, in *MeetingFilmParam) (*meetingFilmOutput, error) {
	out, err := func() (*meetingFilmOutput, error) {
		id, err := s.media.FilmOf(in.Composition)
		if err != nil {
			return nil, err
		}
		r, err := s.permitted(ctx, id, readAccess)
		if err != nil {
			return nil, err
		}
		c, err := s.compositions.Get(ctx, id, in.Composition)
		if err != nil {
			return nil, err
		}
		job := meetingFilm(r, s.manifestOf(id), c)
		return &meetingFilmOutput{http.StatusOK, MeetingFilmAnswer{MeetingAnswer{Success: true}, &job}}, nil
	}()
	if err != nil {
		return s.refuseFilm(ctx, err), nil
	}
	return out, nil
}

func (s *Server) postMeetingFilm(ctx context.Context, in *makeMeetingFilmInput) (*meetingFilmOutput, error) {
	if in.Body.MeetingID == "" || in.Body.RecordingID == "" {
		return s.refuseFilm(ctx, recording.Errorf(recording.CodeInvalidRequest, "meetingId and recordingId are required")), nil
	}
	r, err := s.permitted(ctx, in.Body.RecordingID, fullAccess)
	if err == nil && r.Room != in.Body.MeetingID {
		err = recording.Errorf(recording.CodeNotFound, "there is no recording %s of that meeting", r.ID)
	}
	if err != nil {
		return s.refuseFilm(ctx, err), nil
	}
	c, err := s.compositions.Start(ctx, r.ID, film(option(in.Body.Layout, meetingLayout), option(in.Body.Format, meetingFormat)))
	if err != nil {
		return s.refuseFilm(ctx, soon(err, r)), nil
	}
	job := meetingFilm(r, s.manifestOf(r.ID), c)
	return &meetingFilmOutput{http.StatusAccepted, MeetingFilmAnswer{MeetingAnswer{Success: true}, &job}}, nil
}

func (s *Server) refuseFilm(ctx context.Context, err error) *meetingFilmOutput {
	status, answer := s.refuse(ctx, err)
	return &meetingFilmOutput{status, MeetingFilmAnswer{MeetingAnswer: answer}}
}

// makeMeetingFilm begins the film of a session, which its end begins too; nil says that
// it is begun on the node that has the files. That it cannot be begun is told as a
// failed job: the recording that it was to be made of has ended well.
func (s *Server) makeMeetingFilm(ctx context.Context, r recording.Recording) *MeetingFilm {
	spec, wished := film(sessionLayout(r), sessionFormat(r)), FromMeeting(r) && len(r.Compositions) > 0
	var c recording.Composition
	_, err := s.media.Manifest(r.ID)
	switch {
	case wished && err == nil:
		c, err = s.compositions.StartWished(ctx, r.ID, 0, spec)
	case wished && r.Parts > 0:
		return nil
	default:
		c, err = s.compositions.Start(ctx, r.ID, spec)
	}
	if err != nil {
		s.log.WarnContext(ctx, "a film was not begun", "recording", r.ID, "error", err)
		c = recording.Composition{
			RecordingID: r.ID, Spec: spec, State: recording.CompositionFailed, CreatedAt: r.StoppedAt, FinishedAt: r.StoppedAt,
			Error: recording.AsError(err, recording.CodeComposeFailed),
		}
	}
	job := meetingFilm(r, s.manifestOf(r.ID), c)
	return &job
}

// manifestOf returns what is known of a recording here; an empty manifest, if
// nothing is.
func (s *Server) manifestOf(id string) *recording.Manifest {
	m, err := s.media.Manifest(id)
	if err != nil {
		return &recording.Manifest{}
	}
	return m
}

func meetingFilm(r recording.Recording, m *recording.Manifest, c recording.Composition) MeetingFilm {
	who := inRecording(m)
	job := MeetingFilm{
		ID: c.ID, RecordingID: r.ID, MeetingID: r.Room, Progress: c.Progress, Layout: c.Spec.Layout, Format: c.Spec.Format,
		CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.CreatedAt.UTC(), StartedAt: c.StartedAt.UTC(),
		InputFiles: each(m.Parts, func(p recording.Part) string { return p.File }), Host: who.host, Participants: who.others,
	}
	if !c.StartedAt.IsZero() {
		job.UpdatedAt = job.StartedAt
	}
	if !c.FinishedAt.IsZero() {
		job.UpdatedAt = c.FinishedAt.UTC()
	}
	if c.Error != nil {
		job.Error = c.Error.Message
	}
	switch c.State {
	case recording.CompositionQueued:
		job.Status = "queued"
	case recording.CompositionRunning:
		job.Status = "running"
	case recording.CompositionReady:
		job.Status, job.CompletedAt = "completed", c.FinishedAt.UTC()
		file := filmFile(r, m, c)
		job.Output = &MeetingFilmOutput{MeetingID: r.Room, Filename: file.Filename, DownloadURL: file.DownloadURL, StreamURL: file.StreamURL}
	default:
		job.Status, job.FailedAt = "failed", c.FinishedAt.UTC()
	}
	return job
}
