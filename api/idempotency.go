package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// The codes of requests with an Idempotency-Key.
const (
	CodeKeyInUse  recording.Code = "IDEMPOTENCY_KEY_IN_USE"
	CodeKeyReused recording.Code = "IDEMPOTENCY_KEY_REUSED"
)

// A key is remembered for answersFor. A request that died with its node blocks
// its key for attemptFor, longer than any request lasts.
const (
	answersFor = 24 * time.Hour
	attemptFor = 15 * time.Minute
)

// answers keeps what was answered to requests with an Idempotency-Key
// (draft-ietf-httpapi-idempotency-key-header), on all nodes.
type answers struct{ rdb redis.UniversalClient }

// savedAnswer is an answer as it is kept; Status is zero while it is being made.
type savedAnswer struct {
	Request  string `json:"request"` // digest of what was asked
	Status   int    `json:"status,omitempty"`
	Type     string `json:"type,omitempty"`
	Location string `json:"location,omitempty"`
	Body     []byte `json:"body,omitempty"`
}

// begin claims a key for a request. It returns the answer that was given before,
// if there is one.
func (a answers) begin(ctx context.Context, key, request string) (*savedAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, answersTimeout)
	defer cancel()
	claim, _ := json.Marshal(savedAnswer{Request: request}) // strings and numbers: cannot fail
	for {
		err := a.rdb.SetArgs(ctx, key, claim, redis.SetArgs{Mode: "NX", TTL: attemptFor}).Err()
		if err == nil {
			return nil, nil
		}
		if !errors.Is(err, redis.Nil) {
			return nil, answersUnavailable(err)
		}
		doc, err := a.rdb.Get(ctx, key).Bytes()
		if errors.Is(err, redis.Nil) {
			continue // it has ended just now
		}
		if err != nil {
			return nil, answersUnavailable(err)
		}
		var saved savedAnswer
		if err := json.Unmarshal(doc, &saved); err != nil {
			return nil, recording.Errorf(recording.CodeInternal, "read saved answer: %w", err)
		}
		switch {
		case saved.Request != request:
			return nil, recording.Errorf(CodeKeyReused, "the Idempotency-Key was sent with another request: take a new key for each")
		case saved.Status == 0:
			return nil, recording.Errorf(CodeKeyInUse, "a request with this Idempotency-Key is being worked on: send it again when that has been answered")
		}
		return &saved, nil
	}
}

// end keeps the answer, or forgets the key of a request that may be tried again.
func (a answers) end(key string, saved savedAnswer) error {
	ctx, cancel := context.WithTimeout(context.Background(), answersTimeout)
	defer cancel()
	switch saved.Status {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusUnauthorized, http.StatusForbidden:
		return a.rdb.Del(ctx, key).Err()
	}
	if saved.Status >= http.StatusInternalServerError {
		return a.rdb.Del(ctx, key).Err()
	}
	doc, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	return a.rdb.Set(ctx, key, doc, answersFor).Err()
}

const answersTimeout = 2 * time.Second

func answersUnavailable(err error) error {
	return recording.Errorf(recording.CodeStoreUnavailable, "redis cannot be asked: %w", err)
}

// idempotencyHeader documents the header on every POST.
var idempotencyHeader = &huma.Param{
	Name: "Idempotency-Key", In: "header",
	Description: "Sent again with the same key and body within 24 hours, the request is answered as the first time and does nothing.",
	Schema:      &huma.Schema{Type: huma.TypeString},
	Example:     "0199a3f2-7c5d-7e0f-b1d2-c3b4a5968778",
}

// once answers a request with an Idempotency-Key that was answered before as it
// was then. Keys belong to their caller. It runs after authenticate.
func (s *Server) once(hc huma.Context, next func(huma.Context)) {
	name := hc.Header("Idempotency-Key")
	if name == "" || s.answers.rdb == nil {
		next(hc)
		return
	}
	c := humagin.Unwrap(hc)
	key, request, err := s.requestKey(hc.Context(), c, name)
	if err != nil {
		writeProblem(c.Writer, problemOf(err))
		return
	}
	saved, err := s.answers.begin(hc.Context(), key, request)
	if err != nil {
		writeProblem(c.Writer, problemOf(err))
		return
	}
	if saved != nil {
		c.Header("Idempotency-Replayed", "true")
		if saved.Location != "" {
			c.Header("Location", saved.Location)
		}
		c.Data(saved.Status, saved.Type, saved.Body)
		return
	}
	tee := &teeWriter{ResponseWriter: c.Writer}
	c.Writer = tee
	made := savedAnswer{Request: request}
	defer func() { // also when the handler panics: then the key is free again
		if err := s.answers.end(key, made); err != nil {
			s.log.WarnContext(hc.Context(), "an answer was not kept for its Idempotency-Key", "error", err)
		}
	}()
	next(hc)
	h := tee.Header()
	made = savedAnswer{Request: request, Status: tee.Status(), Type: h.Get("Content-Type"), Location: h.Get("Location"), Body: tee.body.Bytes()}
}

// requestKey names the caller's key, and digests the request.
func (s *Server) requestKey(ctx context.Context, c *gin.Context, name string) (key, request string, err error) {
	const longest = 255
	if len(name) > longest {
		return "", "", recording.Errorf(recording.CodeInvalidRequest, "Idempotency-Key: at most %d characters are allowed", longest)
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		p := newProblem(recording.CodeInvalidRequest, requestStatuses[http.StatusRequestEntityTooLarge])
		p.Status = http.StatusRequestEntityTooLarge
		return "", "", p
	case err != nil:
		p := newProblem(recording.CodeInvalidRequest, "the body cannot be read")
		p.Status = http.StatusBadRequest
		return "", "", p
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	caller := callerOf(ctx)
	digest := func(texts ...string) string {
		h := sha256.New()
		for _, t := range texts {
			sum := sha256.Sum256([]byte(t))
			h.Write(sum[:])
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	return "roomreel:answer:" + digest(caller.Subject, caller.Room, name),
		digest(c.Request.Method, c.Request.URL.Path, string(body)), nil
}

// teeWriter keeps what is written.
type teeWriter struct {
	gin.ResponseWriter
	body bytes.Buffer
}

func (w *teeWriter) Write(b []byte) (int, error) {
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

func (w *teeWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Unwrap lets http.ResponseController reach the deadlines.
func (w *teeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
