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
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

// streaming lets only callers with full access pass to a handler that reads the
// body as it comes, and tells what it answers in the application's way.
func (s *Server) streaming(handle func(context.Context, *http.Request) (int, MeetingUploadAnswer, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		caller, err := s.identify(c.GetHeader("Authorization"))
		if err == nil {
			c.Set(keyCaller, caller.Subject)
			err = caller.permit(fullAccess, "")
		}
		if err != nil {
			s.turnAway(c, problemOf(err))
			return
		}
		if wait, ok := s.rates.take(caller.bucket()); !ok {
			refuseRate(c.Writer, wait)
			return
		}
		extendDeadlines(c.Writer, unbounded)
		c.Request.Body = &patientBody{c.Request.Body, http.NewResponseController(c.Writer), s.stall}
		c.Request.SetPathValue("upload", c.Param("upload"))
		ctx := context.WithValue(context.WithValue(c.Request.Context(), callerKey{}, caller), requestKey{}, c.GetString(keyRequest))
		status, answer, err := handle(ctx, c.Request)
		if err != nil {
			status, answer.MeetingAnswer = s.refuse(ctx, err)
		}
		c.JSON(status, answer)
	}
}

// appendChunk adds a chunk to an upload. One that breaks off is kept as far as it
// came: the offset tells.
func (s *Server) appendChunk(ctx context.Context, r *http.Request) (int, MeetingUploadAnswer, error) {
	u, err := s.upload(ctx, r.PathValue("upload"))
	if err != nil {
		return 0, MeetingUploadAnswer{}, err
	}
	free, err := s.own(u.ID)
	if err != nil {
		return 0, MeetingUploadAnswer{}, err
	}
	defer free()
	if u, err = s.upload(ctx, u.ID); err != nil { // as it is now that nobody else writes
		return 0, MeetingUploadAnswer{}, err
	}
	offset, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return 0, MeetingUploadAnswer{Upload: &u}, recording.Errorf(recording.CodeInvalidRequest, "Upload-Offset is required: the number of bytes that were sent before")
	}
	if offset != u.Offset {
		return 0, MeetingUploadAnswer{Upload: &u}, recording.Errorf(recording.CodeNotReady, "%d bytes are here, not %d: go on from there", u.Offset, offset)
	}
	n, err := s.write(u, http.MaxBytesReader(nil, r.Body, longestChunk))
	u.Offset += n
	return http.StatusOK, MeetingUploadAnswer{MeetingAnswer{Success: err == nil}, &u, nil}, err
}

// own gives one request the right to change an upload.
func (s *Server) own(id string) (free func(), err error) {
	if _, taken := s.openUploads.LoadOrStore(id, true); taken {
		return nil, recording.Errorf(recording.CodeNotReady, "another request is at upload %s: wait for its end", id)
	}
	return func() { s.openUploads.Delete(id) }, nil
}

func (s *Server) write(u MeetingUpload, from io.Reader) (n int64, err error) {
	f, err := os.OpenFile(filepath.Join(s.uploadDir(u.ID), uploadData), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, fmt.Errorf("write upload: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err = io.Copy(f, io.LimitReader(from, longestUpload-u.Offset))
	var tooLong *http.MaxBytesError
	var unwritten *fs.PathError
	switch {
	case recording.IsDiskFull(err):
		return n, recording.Errorf(recording.CodeDiskFull, "the disk is full: make room, then go on from the offset")
	case errors.As(err, &unwritten):
		return n, fmt.Errorf("write upload: %w", err)
	case errors.As(err, &tooLong):
		return n, recording.Errorf(recording.CodeInvalidRequest, "a chunk has %d bytes at most", int64(longestChunk))
	case err != nil:
		return n, recording.Errorf(recording.CodeInvalidRequest, "the body broke off: %w", err)
	case u.Offset+n == longestUpload:
		return n, recording.Errorf(recording.CodeInvalidRequest, "a film has fewer than %d bytes", int64(longestUpload))
	}
	return n, nil
}

// uploadForm takes a whole film: multipart/form-data with the file in video and
// meetingId, filename, userId, host and participants, the last two as JSON, before it.
func (s *Server) uploadForm(ctx context.Context, r *http.Request) (int, MeetingUploadAnswer, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return 0, MeetingUploadAnswer{}, recording.Errorf(recording.CodeInvalidRequest, "send multipart/form-data with the film as video")
	}
	var u MeetingUpload
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return 0, MeetingUploadAnswer{}, recording.Errorf(recording.CodeInvalidRequest, "the form has no file named video")
		}
		if err != nil {
			return 0, MeetingUploadAnswer{}, recording.Errorf(recording.CodeInvalidRequest, "the form cannot be read: %w", err)
		}
		if part.FormName() != "video" {
			if err := u.field(part.FormName(), part); err != nil {
				return 0, MeetingUploadAnswer{}, err
			}
			continue
		}
		u.Filename = cmp.Or(u.Filename, filepath.Base(part.FileName()))
		return s.takeForm(ctx, u, part)
	}
}

func (s *Server) takeForm(ctx context.Context, u MeetingUpload, film io.Reader) (int, MeetingUploadAnswer, error) {
	u, err := s.beginUpload(ctx, u)
	if err != nil {
		return 0, MeetingUploadAnswer{}, err
	}
	defer os.RemoveAll(s.uploadDir(u.ID))
	if u.Offset, err = s.write(u, film); err != nil {
		return 0, MeetingUploadAnswer{}, err
	}
	file, err := s.keepUpload(ctx, u)
	if err != nil {
		return 0, MeetingUploadAnswer{}, err
	}
	return http.StatusCreated, MeetingUploadAnswer{MeetingAnswer{Success: true}, nil, &file}, nil
}

// field reads a field of the form; one that is not known is passed over.
func (u *MeetingUpload) field(name string, from io.Reader) error {
	const longest = 256 << 10
	b, err := io.ReadAll(io.LimitReader(from, longest))
	if err != nil {
		return recording.Errorf(recording.CodeInvalidRequest, "the form cannot be read: %w", err)
	}
	text := clip(strings.TrimSpace(string(b)), 256)
	switch name {
	case "meetingId":
		u.MeetingID = text
	case "filename":
		u.Filename = filepath.Base(text)
	case "userId":
		u.UserID = text
	case "host":
		err = json.Unmarshal(b, &u.Host)
	case "participants":
		err = json.Unmarshal(b, &u.Participants)
	}
	if err != nil {
		return recording.Errorf(recording.CodeInvalidRequest, "%s: it must be JSON", name)
	}
	return nil
}
