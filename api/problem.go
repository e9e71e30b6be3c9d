package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// The codes that only HTTP knows; all others are recording's.
const (
	CodeUnauthenticated  recording.Code = "UNAUTHENTICATED"
	CodeMethodNotAllowed recording.Code = "METHOD_NOT_ALLOWED"
	CodeTimeout          recording.Code = "TIMEOUT"
)

// The codes of package deliver.
const (
	CodeURLInvalid   recording.Code = "URL_INVALID"
	CodeURLScheme    recording.Code = "URL_SCHEME_NOT_ALLOWED"
	CodeURLPort      recording.Code = "URL_PORT_NOT_ALLOWED"
	CodeURLAddress   recording.Code = "URL_ADDRESS_NOT_ALLOWED"
	CodeReadOnly     recording.Code = "READ_ONLY"
	CodeLimitReached recording.Code = "LIMIT_REACHED"
	CodeEventsGone   recording.Code = "EVENTS_GONE"
	// CodeSeveralParts: a recording has more files than it was given URLs.
	CodeSeveralParts  recording.Code = "SEVERAL_PARTS"
	CodeStorageFailed recording.Code = "STORAGE_FAILED"
	CodeFileChanged   recording.Code = "FILE_CHANGED"
)

// problemTypes maps every code to its HTTP status and its title. It is the
// only place where a status is chosen for a cause.
var problemTypes = map[recording.Code]struct {
	status int
	title  string
}{
	recording.CodeInvalidID:        {http.StatusBadRequest, "An identifier is malformed"},
	recording.CodeInvalidRequest:   {http.StatusUnprocessableEntity, "The request is not valid"},
	CodeUnauthenticated:            {http.StatusUnauthorized, "Credentials are missing or not valid"},
	recording.CodeNotPermitted:     {http.StatusForbidden, "A grant is missing"},
	recording.CodeNotFound:         {http.StatusNotFound, "There is no such resource"},
	recording.CodeRoomNotFound:     {http.StatusNotFound, "There is no such room"},
	CodeMethodNotAllowed:           {http.StatusMethodNotAllowed, "The resource does not know this method"},
	recording.CodeAlreadyRecording: {http.StatusConflict, "The room and selection are being recorded already"},
	recording.CodeAlreadyStopped:   {http.StatusConflict, "It has ended already"},
	recording.CodeNotReady:         {http.StatusConflict, "It is not ready yet"},
	recording.CodeLegalHold:        {http.StatusConflict, "It is under a legal hold"},
	recording.CodeNoMedia:          {http.StatusConflict, "There is no media"},
	recording.CodeCanceled:         {http.StatusConflict, "It was canceled"},
	recording.CodeNoActiveAgent:    {http.StatusNotFound, "The agent has no active session"},
	recording.CodeTwoTimer:         {http.StatusConflict, "The agent or supervisor has a session already"},
	recording.CodeMaxSupervisors:   {http.StatusConflict, "As many supervisors watch as may"},
	recording.CodeStreamsFixed:     {http.StatusConflict, "No stream can be added while one is recorded"},
	recording.CodeSessionEnded:     {http.StatusConflict, "The session has ended"},
	CodeReadOnly:                   {http.StatusConflict, "It stands in the configuration"},
	CodeLimitReached:               {http.StatusConflict, "There are as many as there may be"},
	CodeEventsGone:                 {http.StatusGone, "The events are not kept any more"},
	CodeKeyInUse:                   {http.StatusConflict, "A request with this Idempotency-Key is being worked on"},
	CodeKeyReused:                  {http.StatusUnprocessableEntity, "The Idempotency-Key was sent with another request"},
	CodeRateLimited:                {http.StatusTooManyRequests, "Too many requests"},
	CodeSeveralParts:               {http.StatusConflict, "There are several files"},
	CodeFileChanged:                {http.StatusConflict, "The file is not on this node"},
	CodeStorageFailed:              {http.StatusBadGateway, "Storage did not do as asked"},
	CodeURLInvalid:                 {http.StatusUnprocessableEntity, "The URL is malformed"},
	CodeURLScheme:                  {http.StatusUnprocessableEntity, "The URL's scheme is not allowed"},
	CodeURLPort:                    {http.StatusUnprocessableEntity, "The URL's port is not allowed"},
	CodeURLAddress:                 {http.StatusUnprocessableEntity, "The URL's address is not allowed"},
	recording.CodeUnsupportedCodec: {http.StatusUnprocessableEntity, "The codec is not supported"},
	recording.CodeEncrypted:        {http.StatusUnprocessableEntity, "The media is encrypted end to end"},
	recording.CodeInternal:         {http.StatusInternalServerError, "Something went wrong inside"},
	recording.CodeComposeFailed:    {http.StatusInternalServerError, "The film could not be made"},
	recording.CodeWriteFailed:      {http.StatusInternalServerError, "A file could not be written"},
	recording.CodeRoomUnreachable:  {http.StatusBadGateway, "LiveKit cannot be reached"},
	recording.CodeSubscribeFailed:  {http.StatusBadGateway, "A track could not be subscribed to"},
	recording.CodeStoreUnavailable: {http.StatusServiceUnavailable, "Redis cannot be reached"},
	recording.CodePartsDeleted:     {http.StatusGone, "The files of people were deleted"},
	recording.CodeNodeAway:         {http.StatusServiceUnavailable, "The node that has the files is away"},
	recording.CodeCapacity:         {http.StatusServiceUnavailable, "No node has room for more"},
	CodeTimeout:                    {http.StatusGatewayTimeout, "The answer did not come in time"},
	recording.CodeDiskFull:         {http.StatusInsufficientStorage, "The disk is full"},
}

// requestStatuses are those that INVALID_REQUEST has besides its own, for what
// is wrong with a request before its fields are looked at.
var requestStatuses = map[int]string{
	http.StatusBadRequest:                   "The body is missing or is not JSON",
	http.StatusRequestTimeout:               "The body came too slowly",
	http.StatusRequestEntityTooLarge:        "The body is over 1 MiB",
	http.StatusUnsupportedMediaType:         "The body is not application/json",
	http.StatusRequestedRangeNotSatisfiable: "The range lies outside the file",
}

// Problem is the body of every error response (RFC 9457). Code is what
// programs should look at: it never changes its meaning.
type Problem struct {
	Type     string       `json:"type" format:"uri-reference" doc:"Names the kind of problem." example:"/problems/already-recording"`
	Title    string       `json:"title" doc:"Short summary of the kind of problem." example:"The room and selection are being recorded already"`
	Status   int          `json:"status" doc:"HTTP status." example:"409"`
	Detail   string       `json:"detail" doc:"What happened this time and, where there is one, the cure." example:"room \"standup\" is being recorded"`
	Code     string       `json:"code" doc:"Stable name of the cause." example:"ALREADY_RECORDING"`
	Existing string       `json:"existing,omitempty" doc:"Identifier of what stands in the way, for conflicts." example:"rec_0199a3f27c5d7e0fb1d2c3b4a5968778"`
	Errors   []FieldError `json:"errors,omitempty" doc:"What is wrong with which field of the request."`

	RetryAfter int `json:"-"` // seconds, of what was refused for the moment
}

// FieldError tells what is wrong with one field of a request.
type FieldError struct {
	Location string `json:"location" doc:"Path of the field." example:"body.room"`
	Message  string `json:"message" doc:"What was expected." example:"expected length >= 1"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	switch {
	case p.Status == http.StatusUnauthorized:
		return http.Header{"Www-Authenticate": {challenge}}
	case p.RetryAfter > 0:
		return http.Header{"Retry-After": {strconv.Itoa(p.RetryAfter)}}
	}
	return nil
}

// challenge is that of every 401 (RFC 6750 §3).
const challenge = `Bearer realm="roomreel"`

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemMediaType }

const problemMediaType = "application/problem+json"

func newProblem(code recording.Code, detail string) *Problem {
	t := problemTypes[code]
	return &Problem{Type: problemURI(code), Title: t.title, Status: t.status, Detail: detail, Code: string(code)}
}

func problemURI(code recording.Code) string {
	return "/problems/" + strings.ReplaceAll(strings.ToLower(string(code)), "_", "-")
}

// Unauthenticated is the error of a caller who has not proven who they are.
func Unauthenticated(why string) error { return recording.Errorf(CodeUnauthenticated, "%s", why) }

// problemOf is the problem that tells a caller of err. Errors that are not
// meant for callers become INTERNAL, and their text stays here.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *recording.Error
	known := errors.As(err, &e)
	if known {
		_, known = problemTypes[e.Code]
	}
	switch {
	case known && e.Code != recording.CodeInternal:
		p := newProblem(e.Code, e.Message)
		p.Existing = e.Existing
		return p
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return newProblem(CodeTimeout, "the request ended before its work was done; the work may go on")
	}
	return newProblem(recording.CodeInternal, "the server's log tells what went wrong; quote the X-Request-Id header")
}

// writeProblem answers with p where huma does not: in middleware and for
// requests that match no operation.
func writeProblem(w http.ResponseWriter, p *Problem) {
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", problemMediaType)
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // the caller is gone: there is nobody to tell
}

// huma takes these from variables only. It makes its own errors (parsing,
// validation) through NewError.
func init() {
	huma.DefaultArrayNullable = false // lists are empty, never null
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return requestProblem(status, msg, errs)
	}
}

// requestProblem is the problem for what huma finds wrong with a request. What
// the caller sent is not repeated, except for the start of a field's path.
func requestProblem(status int, msg string, errs []error) *Problem {
	const mostErrors, longest = 20, 200
	p := newProblem(recording.CodeInvalidRequest, msg)
	// huma blames itself when a body cannot be read, but it is the sender who
	// broke off or sent broken chunks.
	if p.Status = status; status >= http.StatusInternalServerError {
		p.Status, errs = http.StatusBadRequest, nil
	}
	for _, err := range errs[:min(len(errs), mostErrors)] {
		field := FieldError{Message: err.Error()}
		if d, ok := err.(huma.ErrorDetailer); ok {
			field = FieldError{Location: d.ErrorDetail().Location, Message: d.ErrorDetail().Message}
		}
		field.Location, field.Message = clip(field.Location, longest), clip(field.Message, longest)
		p.Errors = append(p.Errors, field)
	}
	return p
}

// clip shortens s to at most n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
