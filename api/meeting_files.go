package api

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// MeetingFile is a media file in the application's terms: a part, a film, or a
// film that was uploaded.
type MeetingFile struct {
	ID               string          `json:"id" doc:"Identifier of the part or composition." example:"prt_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	MeetingID        string          `json:"meetingId" doc:"Name of the room." example:"standup"`
	Filename         string          `json:"filename" doc:"Names it in paths." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778-anna-camera-prt_0199a3f27c5d7e0fb1d2c3b4a5968778.webm"`
	OriginalFilename string          `json:"originalFilename" doc:"Names it for people." example:"standup.webm"`
	Mimetype         string          `json:"mimetype" doc:"Content type." example:"video/webm"`
	Size             int64           `json:"size" doc:"Size in bytes." example:"12345678"`
	UserID           string          `json:"userId,omitempty" doc:"Whose it is: the host, or who uploaded it." example:"anna"`
	Host             *MeetingPerson  `json:"host,omitempty" doc:"Who ran the meeting."`
	Participants     []MeetingPerson `json:"participants" doc:"Who else took part; of a part, whose stream it is."`
	UploadedAt       time.Time       `json:"uploadedAt" doc:"When it was complete." example:"2026-03-01T09:30:00Z"`
	UpdatedAt        time.Time       `json:"updatedAt" doc:"When what is told of it changed last." example:"2026-03-01T09:30:00Z"`
	RecordingSource  string          `json:"recordingSource" enum:"server,server-composed,upload" doc:"Where it comes from." example:"server"`
	RecordingID      string          `json:"recordingId" doc:"Identifier of the recording." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	ParticipantID    string          `json:"participantId,omitempty" doc:"Whose stream a part is." example:"anna"`
	Role             string          `json:"role,omitempty" doc:"Their role: host or participant." example:"host"`
	TrackKind        string          `json:"trackKind,omitempty" doc:"What a part holds: video, with its sound, or audio." example:"video"`
	Layout           string          `json:"layout,omitempty" doc:"Layout of a film." example:"grid"`
	Duration         float64         `json:"duration" doc:"Length in seconds; 0 if it is not known." example:"1799.8"`
	URL              string          `json:"url" doc:"Path to save it from." example:"/api/recordings/standup/rec_0199a3f27c5d7e0fb1d2c3b4a5968778-anna-camera-prt_0199a3f27c5d7e0fb1d2c3b4a5968778.webm/download"`
	DownloadURL      string          `json:"downloadUrl" doc:"The same." example:"/api/recordings/standup/rec_0199a3f27c5d7e0fb1d2c3b4a5968778-anna-camera-prt_0199a3f27c5d7e0fb1d2c3b4a5968778.webm/download"`
	StreamURL        string          `json:"streamUrl" doc:"Path to play it from." example:"/api/recordings/standup/rec_0199a3f27c5d7e0fb1d2c3b4a5968778-anna-camera-prt_0199a3f27c5d7e0fb1d2c3b4a5968778.webm/stream"`
}

// EditMeetingFile is the body that changes what is told of a file. What is left
// out stays.
type EditMeetingFile struct {
	OriginalFilename *string          `json:"originalFilename,omitempty" maxLength:"255" doc:"Names it for people." example:"standup.webm"`
	UserID           *string          `json:"userId,omitempty" maxLength:"256" doc:"Whose it is." example:"anna"`
	Host             *MeetingPerson   `json:"host,omitempty" doc:"Who ran the meeting."`
	Participants     *[]MeetingPerson `json:"participants,omitempty" maxItems:"1000" doc:"Who else took part."`
}

// MeetingFileAnswer tells of one file.
type MeetingFileAnswer struct {
	MeetingAnswer
	Recording *MeetingFile `json:"recording,omitempty" doc:"The file."`
}

// MeetingFiles lists files.
type MeetingFiles struct {
	MeetingAnswer
	Recordings []MeetingFile `json:"recordings" doc:"The files, those of the newest recording first."`
	TotalCount int           `json:"totalCount" doc:"How many there are." example:"3"`
}

// MeetingFileParam holds the path parameters that name a file.
type MeetingFileParam struct {
	Meeting  string `path:"meeting" doc:"Name of the room." example:"standup"`
	Filename string `path:"filename" doc:"Name of the file." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778-composed-cmp_0199a3f27c5d7e0fb1d2c3b4a5968778.webm"`
}

type meetingMediaInput struct {
	MeetingFileParam
	RangeHeaders
}

type editMeetingFileInput struct {
	MeetingFileParam
	Body EditMeetingFile
}

type meetingFileOutput struct {
	Status int
	Body   MeetingFileAnswer
}

type meetingFilesOutput struct {
	Status int
	Body   MeetingFiles
}

func (s *Server) routeMeetingFiles() {
	const path = "/api/recordings"
	const one = path + "/{meeting}/{filename}"
	route(s, s.meeting("list-meeting-files", http.MethodGet, path, "List media files",
		"Parts, films, and films that were recorded elsewhere and uploaded.", readAccess), s.listMeetingFiles)
	route(s, s.meeting("edit-meeting-file", http.MethodPatch, one, "Change what is told of a file",
		"Its name for people, its owner, host and participants. The bytes stay.", fullAccess), s.editMeetingFile)
	route(s, s.meeting("delete-meeting-file", http.MethodDelete, one, "Delete a film",
		"Deletes a film, or a recording that was uploaded. Parts are what films are made of: they go with their recording only (409).", fullAccess), s.deleteMeetingFile)
	types := []string{"video/webm", "video/mp4", "video/x-matroska", "audio/webm", "audio/mp4", "audio/x-matroska"}
	for verb, inline := range map[string]bool{"download": false, "stream": true} {
		download(s, operation{Operation: huma.Operation{
			OperationID: verb + "-meeting-file", Path: one + "/" + verb, Tags: []string{"meeting app"},
			Summary: strings.ToUpper(verb[:1]) + verb[1:] + " a file", Description: "The bytes of the file. Knows ranges.",
		}}, types, func(ctx context.Context, in *meetingMediaInput) (*attachment, error) {
			found, err := s.findFile(ctx, in.MeetingFileParam, fullAccess)
			if err != nil {
				return nil, err
			}
			file, err := found.open(s.media)
			if err != nil {
				return nil, err
			}
			return &attachment{File: file, mediaType: found.file.Mimetype, id: found.file.ID, name: found.name(), inline: inline}, nil
		})
	}
}

func (s *Server) listMeetingFiles(ctx context.Context, in *meetingRoomInput) (*meetingFilesOutput, error) {
	list, err := s.ofRoom(ctx, in.MeetingID, readAccess)
	if err != nil {
		status, answer := s.refuse(ctx, err)
		return &meetingFilesOutput{status, MeetingFiles{MeetingAnswer: answer, Recordings: []MeetingFile{}}}, nil
	}
	files := []MeetingFile{}
	for _, r := range list {
		for _, f := range s.filesOf(ctx, r) {
			files = append(files, f.file)
		}
	}
	return &meetingFilesOutput{http.StatusOK, MeetingFiles{MeetingAnswer{Success: true}, files, len(files)}}, nil
}

func (s *Server) editMeetingFile(ctx context.Context, in *editMeetingFileInput) (*meetingFileOutput, error) {
	found, err := s.findFile(ctx, in.MeetingFileParam, fullAccess)
	if err != nil {
		return s.refuseFile(ctx, err), nil
	}
	s.edits.Lock()
	defer s.edits.Unlock()
	told, err := s.told(found.file.RecordingID)
	if err != nil {
		return s.refuseFile(ctx, err), nil
	}
	e := told[found.file.ID]
	e.UpdatedAt = time.Now().UTC()
	replace(&e.OriginalFilename, in.Body.OriginalFilename)
	replace(&e.UserID, in.Body.UserID)
	replace(&e.Participants, in.Body.Participants)
	if in.Body.Host != nil {
		e.Host = in.Body.Host
	}
	told[found.file.ID] = e
	dir, err := s.media.Dir(found.file.RecordingID)
	if err == nil {
		err = recording.WriteJSON(filepath.Join(dir, toldFile), told)
	}
	if err != nil {
		return s.refuseFile(ctx, err), nil
	}
	e.apply(&found.file)
	return &meetingFileOutput{http.StatusOK, MeetingFileAnswer{MeetingAnswer{Success: true}, &found.file}}, nil
}

func replace[T any](v, by *T) {
	if by != nil {
		*v = *by
	}
}

func (s *Server) deleteMeetingFile(ctx context.Context, in *MeetingFileParam) (*meetingFileOutput, error) {
	found, err := s.findFile(ctx, *in, fullAccess)
	if err == nil {
		switch {
		case found.file.RecordingSource == sourceUpload:
			err = s.remove(ctx, found.file.RecordingID)
		case found.film != nil:
			err = s.removeFilm(ctx, *found.film)
		default:
			err = recording.Errorf(recording.CodeNotReady, "parts go with their recording only: DELETE /v1/recordings/%s", found.file.RecordingID)
		}
	}
	if err != nil {
		return s.refuseFile(ctx, err), nil
	}
	return &meetingFileOutput{http.StatusOK, MeetingFileAnswer{MeetingAnswer{Success: true}, &found.file}}, nil
}

func (s *Server) refuseFile(ctx context.Context, err error) *meetingFileOutput {
	status, answer := s.refuse(ctx, err)
	return &meetingFileOutput{status, MeetingFileAnswer{MeetingAnswer: answer}}
}
