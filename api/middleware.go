package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

// requestTimeout bounds an ordinary request, from its first byte to the last
// of its answer. Stops, events and downloads set their own limits.
const requestTimeout = 30 * time.Second

// Keys under which gin carries what the request log tells.
const (
	keyCaller  = "caller"
	keyRequest = "request"
)

// logRequest writes one line for each request. The path and the query are left
// out: the route tells which it was, and what callers put there is not ours.
func (s *Server) logRequest(c *gin.Context) {
	began := time.Now()
	id := recording.NewID("req")
	c.Set(keyRequest, id)
	c.Header("X-Request-Id", id)
	c.Next()

	route, status := c.FullPath(), c.Writer.Status()
	if route == "" {
		route = "none"
	}
	attrs := []slog.Attr{
		slog.String("method", clip(c.Request.Method, 20)), slog.String("route", route), slog.Int("status", status),
		slog.Duration("duration", time.Since(began)), slog.String("request", id),
	}
	if caller := c.GetString(keyCaller); caller != "" {
		attrs = append(attrs, slog.String("caller", clip(caller, 200)))
	}
	if rec := c.Param("recording"); recording.CheckID(recording.PrefixRecording, rec) == nil {
		attrs = append(attrs, slog.String("recording", rec))
	}
	level := slog.LevelInfo
	switch {
	case callerLeft(c.Request.Context()):
		attrs = append(attrs, slog.Bool("left", true)) // the status is one that nobody got
	case status >= http.StatusInternalServerError:
		level = slog.LevelWarn
	}
	s.log.LogAttrs(c.Request.Context(), level, "request", attrs...)
}

// recoverPanic answers INTERNAL for a panic, if anything can still be answered.
func (s *Server) recoverPanic(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v) // net/http's own way to drop a connection
		}
		if err, ok := v.(error); ok && callerGone(err) {
			return // huma panics when it cannot write to the connection
		}
		s.log.ErrorContext(c.Request.Context(), "panic", "request", c.GetString(keyRequest), "route", c.FullPath(),
			"error", v, "stack", string(debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler) // a half answer must not pass for a whole one
		}
		writeProblem(c.Writer, problemOf(errors.New("panic")))
	}()
	c.Next()
}

// stallTimeout is how long those who send or take much may stand still.
const stallTimeout = time.Minute

// patientBody gives up on senders who stop sending.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(b.stall))
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{}) // see extendDeadlines
	}
	return n, err
}

// patientWriter gives up on callers who stop reading.
type patientWriter struct {
	gin.ResponseWriter
	stall time.Duration
}

func (w patientWriter) Write(b []byte) (int, error) {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.stall))
	return w.ResponseWriter.Write(b)
}

// callerLeft reports whether the caller did not wait for the answer: net/http
// cancels the context of the request then.
func callerLeft(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// failureLevel is how loudly the log tells of a failure inside. That a caller
// left while work was done for them is none.
func failureLevel(ctx context.Context, err error) slog.Level {
	if callerLeft(ctx) && errors.Is(err, context.Canceled) {
		return slog.LevelDebug
	}
	return slog.LevelError
}

func callerGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, os.ErrDeadlineExceeded)
}

// prepare sets the headers of every answer and the deadlines of an ordinary
// request.
func prepare(c *gin.Context) {
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-store")
	control := http.NewResponseController(c.Writer)
	// A writer without deadlines is a test's, or one that bounds itself.
	_ = control.SetReadDeadline(time.Now().Add(requestTimeout))
	_ = control.SetWriteDeadline(time.Now().Add(requestTimeout))
	c.Next()
}

// extendDeadlines makes room for a request that lasts longer than others. The
// read deadline goes altogether: net/http reads ahead to notice that a caller
// is gone, and takes a deadline that passes meanwhile for just that.
func extendDeadlines(w http.ResponseWriter, timeout time.Duration) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	var end time.Time
	if timeout > 0 {
		end = time.Now().Add(timeout + requestTimeout)
	}
	_ = control.SetWriteDeadline(end)
}
