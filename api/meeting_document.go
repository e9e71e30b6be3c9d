package api

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// describeStreaming tells the document of the two operations whose bodies huma does
// not read, because they are longer than memory.
func (s *Server) describeStreaming() {
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	s.describe(s.meeting("append-meeting-upload", http.MethodPatch, "/api/recording-uploads/{upload}", "Append a chunk",
		"Up to 64 MiB that follow what is there. One that breaks off is kept as far as it came: the answer, or a GET, tells the offset to go on from. 409 for any other.", fullAccess),
		http.StatusOK, []*huma.Param{
			{Name: "upload", In: "path", Required: true, Schema: text(""), Description: "Identifier of the upload.", Example: "upl_0199a3f27c5d7e0fb1d2c3b4a5968778"},
			{Name: "Upload-Offset", In: "header", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "How many bytes were sent before.", Example: 1048576},
		}, "application/octet-stream", binary)
	s.describe(s.meeting("upload-meeting-film", http.MethodPost, "/api/recordings", "Upload a film",
		"A film that was recorded elsewhere, as a form. Its fields come first, then the file: what follows that is not read. 400 for what is neither WebM nor MP4.", fullAccess),
		http.StatusCreated, nil, "multipart/form-data", &huma.Schema{
			Type: huma.TypeObject, Required: []string{"meetingId", "video"},
			Properties: map[string]*huma.Schema{
				"meetingId": text("Name of the room."), "filename": text("Names it for people; that of the file, when left out."),
				"userId": text("Who uploads it."), "host": text("Who ran the meeting, as JSON with id and name."),
				"participants": text("Who else took part, as a JSON array of the same."), "video": binary,
			},
		})
}

// describe adds an operation that answers a MeetingUploadAnswer to the document.
func (s *Server) describe(op operation, status int, params []*huma.Param, mediaType string, body *huma.Schema) {
	op.Security = []map[string][]string{{"bearer": {}}}
	op.codes = []recording.Code{
		CodeUnauthenticated, recording.CodeNotPermitted, CodeRateLimited, recording.CodeStoreUnavailable, recording.CodeInternal, CodeTimeout,
	}
	op.Parameters = params
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{mediaType: {Schema: body}}}
	answer := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[MeetingUploadAnswer](), true, "MeetingUploadAnswer")
	op.Responses[strconv.Itoa(status)] = &huma.Response{
		Description: http.StatusText(status), Content: map[string]*huma.MediaType{"application/json": {Schema: answer}},
	}
	s.describeProblems(&op)
	s.huma.OpenAPI().AddOperation(&op.Operation)
}
