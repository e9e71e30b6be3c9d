package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/roomreel/roomreel/recording"
)

const (
	prefixUpload = "upl"
	// longestUpload bounds a film that is uploaded, longestChunk each piece of it.
	longestUpload = 20 << 30
	longestChunk  = 64 << 20
	// uploadAge is how long an upload may rest before it is thrown away.
	uploadAge = 24 * time.Hour
)

// MeetingUpload is a film that is being uploaded.
type MeetingUpload struct {
	ID           string          `json:"id" doc:"Identifier of the upload." example:"upl_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	MeetingID    string          `json:"meetingId" maxLength:"256" doc:"Name of the room." example:"standup"`
	Filename     string          `json:"filename,omitempty" maxLength:"255" doc:"Names it for people." example:"standup.webm"`
	UserID       string          `json:"userId,omitempty" maxLength:"256" doc:"Who uploads it." example:"anna"`
	Host         *MeetingPerson  `json:"host,omitempty" doc:"Who ran the meeting."`
	Participants []MeetingPerson `json:"participants,omitempty" maxItems:"1000" doc:"Who else took part."`
	Offset       int64           `json:"offset" doc:"Bytes that are here: where the next chunk begins." example:"1048576"`
}

// OpenMeetingUpload is the body that begins an upload.
type OpenMeetingUpload struct {
	MeetingID    string          `json:"meetingId,omitempty" maxLength:"256" doc:"Name of the room. It is required." example:"standup"`
	Filename     string          `json:"filename,omitempty" maxLength:"255" doc:"Names it for people." example:"standup.webm"`
	UserID       string          `json:"userId,omitempty" maxLength:"256" doc:"Who uploads it." example:"anna"`
	Host         *MeetingPerson  `json:"host,omitempty" doc:"Who ran the meeting."`
	Participants []MeetingPerson `json:"participants,omitempty" maxItems:"1000" doc:"Who else took part."`
}

// MeetingUploadAnswer tells of one upload.
type MeetingUploadAnswer struct {
	MeetingAnswer
	Upload    *MeetingUpload `json:"upload,omitempty" doc:"The upload."`
	Recording *MeetingFile   `json:"recording,omitempty" doc:"What it has become."`
}

// MeetingUploadParam is the path parameter that names an upload.
type MeetingUploadParam struct {
	Upload string `path:"upload" doc:"Identifier of the upload." example:"upl_0199a3f27c5d7e0fb1d2c3b4a5968778"`
}

type openMeetingUploadInput struct{ Body OpenMeetingUpload }

type meetingUploadOutput struct {
	Status int
	Body   MeetingUploadAnswer
}

func (s *Server) routeMeetingUploads() {
	const path = "/api/recording-uploads"
	const one = path + "/{upload}"
	created := func(op operation) operation { op.DefaultStatus = http.StatusCreated; return op }
	route(s, created(s.meeting("open-meeting-upload", http.MethodPost, path, "Begin to upload a film",
		"For a film that was recorded elsewhere. PATCH its bytes to this upload, `application/octet-stream` in chunks of up to 64 MiB, each with the header "+
			"Upload-Offset: how many bytes are there before it. 409 tells the right offset. Then complete it.", fullAccess)), s.openUpload)
	route(s, s.meeting("get-meeting-upload", http.MethodGet, one, "Get an upload",
		"Tells how many bytes are there: where to go on after a break.", fullAccess), s.getUpload)
	route(s, created(s.meeting("complete-meeting-upload", http.MethodPost, one+"/complete", "Complete an upload",
		"The film becomes a recording: 201. 400 for what is neither WebM nor MP4.", fullAccess)), s.completeUpload)
	route(s, s.meeting("drop-meeting-upload", http.MethodDelete, one, "Drop an upload",
		"Throws away what is there. So does a day without a chunk.", fullAccess), s.dropUpload)
	s.engine.PATCH(path+"/:upload", s.streaming(s.appendChunk))
	s.engine.POST("/api/recordings", s.streaming(s.uploadForm))
	s.describeStreaming()
}

func (s *Server) openUpload(ctx context.Context, in *openMeetingUploadInput) (*meetingUploadOutput, error) {
	b := in.Body
	u, err := s.beginUpload(ctx, MeetingUpload{MeetingID: b.MeetingID, Filename: b.Filename, UserID: b.UserID, Host: b.Host, Participants: b.Participants})
	return s.answerUpload(ctx, http.StatusCreated, u, err), nil
}

func (s *Server) getUpload(ctx context.Context, in *MeetingUploadParam) (*meetingUploadOutput, error) {
	u, err := s.upload(ctx, in.Upload)
	return s.answerUpload(ctx, http.StatusOK, u, err), nil
}

func (s *Server) dropUpload(ctx context.Context, in *MeetingUploadParam) (*meetingUploadOutput, error) {
	u, err := s.upload(ctx, in.Upload)
	if err == nil {
		err = os.RemoveAll(s.uploadDir(u.ID))
	}
	return s.answerUpload(ctx, http.StatusOK, u, err), nil
}

func (s *Server) completeUpload(ctx context.Context, in *MeetingUploadParam) (*meetingUploadOutput, error) {
	u, err := s.upload(ctx, in.Upload)
	if err != nil {
		return s.answerUpload(ctx, 0, u, err), nil
	}
	free, err := s.own(u.ID)
	if err != nil {
		return s.answerUpload(ctx, 0, u, err), nil
	}
	defer free()
	if u, err = s.upload(ctx, u.ID); err != nil { // as it is now that nobody else writes
		return s.answerUpload(ctx, 0, u, err), nil
	}
	file, err := s.keepUpload(ctx, u)
	if err != nil {
		return s.answerUpload(ctx, 0, u, err), nil
	}
	out := s.answerUpload(ctx, http.StatusCreated, u, nil)
	out.Body.Upload, out.Body.Recording = nil, &file
	return out, nil
}

func (s *Server) answerUpload(ctx context.Context, status int, u MeetingUpload, err error) *meetingUploadOutput {
	if err == nil {
		return &meetingUploadOutput{status, MeetingUploadAnswer{MeetingAnswer: MeetingAnswer{Success: true}, Upload: &u}}
	}
	status, answer := s.refuse(ctx, err)
	out := &meetingUploadOutput{status, MeetingUploadAnswer{MeetingAnswer: answer}}
	if u.ID != "" {
		out.Body.Upload = &u
	}
	return out
}

// uploadDir is where an upload is kept until it is complete: beside the
// recordings, so that it becomes one by a rename.
func (s *Server) uploadDir(id string) string {
	return filepath.Join(s.media.Root(), ".uploads", id)
}

const (
	uploadMeta = "upload.json"
	uploadData = "film"
)

func (s *Server) beginUpload(ctx context.Context, u MeetingUpload) (MeetingUpload, error) {
	if u.MeetingID == "" {
		return MeetingUpload{}, recording.Errorf(recording.CodeInvalidRequest, "meetingId is required")
	}
	if err := callerOf(ctx).permit(fullAccess, u.MeetingID); err != nil {
		return MeetingUpload{}, err
	}
	s.dropOldUploads()
	u.ID = recording.NewID(prefixUpload)
	if err := os.MkdirAll(s.uploadDir(u.ID), 0o755); err != nil {
		return MeetingUpload{}, fmt.Errorf("begin upload: %w", err)
	}
	return u, recording.WriteJSON(filepath.Join(s.uploadDir(u.ID), uploadMeta), u)
}

// dropOldUploads throws away what nobody goes on with.
func (s *Server) dropOldUploads() {
	entries, err := os.ReadDir(s.uploadDir(""))
	if err != nil {
		return // there is none yet
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(s.uploadDir(e.Name()), uploadData))
		if errors.Is(err, fs.ErrNotExist) {
			info, err = e.Info()
		}
		if err == nil && time.Since(info.ModTime()) > uploadAge {
			_ = os.RemoveAll(s.uploadDir(e.Name())) // the next upload tries again
		}
	}
}

// upload returns an upload if the caller has the access to its room.
func (s *Server) upload(ctx context.Context, id string) (MeetingUpload, error) {
	var u MeetingUpload
	if err := recording.CheckID(prefixUpload, id); err != nil {
		return u, err
	}
	b, err := os.ReadFile(filepath.Join(s.uploadDir(id), uploadMeta))
	if errors.Is(err, fs.ErrNotExist) {
		return u, recording.Errorf(recording.CodeNotFound, "there is no upload %s on this node", id)
	}
	if err == nil {
		err = json.Unmarshal(b, &u)
	}
	if err != nil {
		return MeetingUpload{}, fmt.Errorf("read upload: %w", err)
	}
	if err := callerOf(ctx).permit(fullAccess, u.MeetingID); err != nil {
		return MeetingUpload{}, err
	}
	if info, err := os.Stat(filepath.Join(s.uploadDir(id), uploadData)); err == nil {
		u.Offset = info.Size()
	}
	return u, nil
}

// keepUpload makes an upload a recording that has ended, with one film.
func (s *Server) keepUpload(ctx context.Context, u MeetingUpload) (MeetingFile, error) {
	data := filepath.Join(s.uploadDir(u.ID), uploadData)
	ext, err := containerOf(data)
	if err != nil {
		return MeetingFile{}, err
	}
	now := time.Now().UTC()
	r := recording.Recording{
		ID: recording.NewID(recording.PrefixRecording),
		Request: recording.Request{Room: u.MeetingID, Subject: recording.Subject{
			Host: u.Host.identity(), Labels: map[string]string{labelUpload: "true"},
		}},
		State: recording.Stopped, CreatedAt: now, StartedAt: now, StoppedAt: now, Ended: recording.EndedByStop, Bytes: u.Offset,
	}
	if err := r.Validate(); err != nil {
		return MeetingFile{}, err
	}
	c := recording.Composition{
		ID: recording.NewID(recording.PrefixComposition), RecordingID: r.ID, State: recording.CompositionReady, Progress: 100,
		CreatedAt: now, StartedAt: now, FinishedAt: now, Bytes: u.Offset, Spec: recording.CompositionSpec{Format: strings.TrimPrefix(ext, ".")},
	}
	c.File = c.ID + ext
	dir, err := s.media.Create(r.ID)
	if err != nil {
		return MeetingFile{}, err
	}
	films := recording.CompositionsDir(dir)
	film := filepath.Join(films, c.File)
	told := map[string]toldOf{c.ID: {OriginalFilename: cmp.Or(u.Filename, "upload"+ext), UserID: u.UserID, Host: u.Host, Participants: u.Participants, UpdatedAt: now}}
	m := &recording.Manifest{
		ID: r.ID, Room: r.Room, State: r.State, Subject: r.Subject, CreatedAt: now, StartedAt: now, StoppedAt: now, Ended: r.Ended,
		Participants: []recording.Participant{}, Parts: []recording.Part{},
	}
	for _, step := range []func() error{
		func() error { return os.MkdirAll(films, 0o755) },
		func() error { return syncFile(data) }, // folders are by what is written into them next
		func() error { return os.Rename(data, film) },
		func() error { return recording.WriteJSON(filepath.Join(films, c.ID+".json"), c) },
		func() error { return recording.WriteJSON(filepath.Join(dir, toldFile), told) },
		func() error { return recording.WriteManifest(dir, m) },
		func() error { _, err := s.recordings.Restore(ctx, r); return err },
	} {
		if err := step(); err != nil {
			return MeetingFile{}, fmt.Errorf("keep upload: %w", errors.Join(err, s.giveBack(r.ID, film, data)))
		}
	}
	_ = os.RemoveAll(s.uploadDir(u.ID)) // else it is dropped with the old ones
	file := filmFile(r, m, c)
	told[c.ID].apply(&file)
	return file, nil
}

// syncFile brings what was written of a file to the disk.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// giveBack undoes a recording that was not kept, so that its upload can be completed
// again.
func (s *Server) giveBack(id, film, data string) error {
	if err := os.Rename(film, data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.media.Remove(id)
}

// containerOf is the suffix of a film by its first bytes: EBML (RFC 8794 §11.2) or
// a box named ftyp (ISO/IEC 14496-12 §4.3).
func containerOf(path string) (string, error) {
	neither := recording.Errorf(recording.CodeInvalidRequest, "Unsupported recording file type: it is neither WebM nor MP4")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", neither
	}
	if err != nil {
		return "", fmt.Errorf("read upload: %w", err)
	}
	defer f.Close()
	head := make([]byte, 12)
	if _, err := io.ReadFull(f, head); err != nil {
		return "", neither
	}
	switch {
	case string(head[:4]) == "\x1a\x45\xdf\xa3":
		return ".webm", nil
	case string(head[4:8]) == "ftyp":
		return ".mp4", nil
	}
	return "", neither
}
