package api

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

// Elsewhere tells where the files of a recording are, or of one part if that is not
// empty: the base URL of another node's API, or empty for here. CodeNodeAway says that
// nobody can be reached who has them.
type Elsewhere func(ctx context.Context, recordingID, part string) (string, error)

// forwardedHeader counts how often a request was sent on: to a node that knows the
// recording, and from there, at most, to the one that has the part.
const (
	forwardedHeader = "Roomreel-Forwarded"
	mostForwards    = 2
)

// forward hands requests about files to the node that has them. The node may take as
// long as the operation does to begin its answer, and a stall longer; from then on
// neither it nor the caller may stand still.
func (s *Server) forward(timeout time.Duration) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		id := hc.Param("recording")
		forwards, _ := strconv.Atoi(hc.Header(forwardedHeader))
		if s.elsewhere == nil || forwards < 0 || forwards >= mostForwards || recording.CheckID(recording.PrefixRecording, id) != nil {
			next(hc)
			return
		}
		c := humagin.Unwrap(hc)
		node, err := s.elsewhere(hc.Context(), id, hc.Param("part"))
		if err != nil {
			writeProblem(c.Writer, problemOf(err))
			return
		}
		base, err := url.Parse(node)
		if err != nil || node == "" {
			next(hc)
			return
		}
		extendDeadlines(c.Writer, unbounded)
		s.proxy(c, base, forwards+1, s.stall+max(timeout, 0))
	}
}

// forwarding is net/http's own way but for how long a node that is gone is tried.
var forwarding = func() *http.Transport {
	const dialTimeout = 10 * time.Second
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	return t
}()

// proxy has the node at base answer a request, for the nth time that it is forwarded.
// The answer must begin within the time given.
func (s *Server) proxy(c *gin.Context, base *url.URL, nth int, within time.Duration) {
	caller := c.Request.Context()
	ctx, cancel := context.WithCancelCause(caller)
	defer cancel(nil)
	watch := time.AfterFunc(within, func() { cancel(errors.New("the node hangs")) })
	defer watch.Stop()
	r := c.Request.WithContext(ctx)
	r.Body = &patientBody{r.Body, http.NewResponseController(c.Writer), s.stall}
	proxy := httputil.ReverseProxy{
		Transport: forwarding,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(base)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
			r.Out.Header.Set(forwardedHeader, strconv.Itoa(nth))
		},
		ModifyResponse: func(r *http.Response) error {
			for name := range r.Header { // it has what this node would send of its own
				c.Writer.Header().Del(name)
			}
			watch.Stop()
			r.Body = awaitedBody{r.Body, watch, s.stall}
			return nil
		},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn), // of what breaks off amid a body
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			s.log.Log(ctx, min(slog.LevelWarn, failureLevel(caller, err)), "a request was not forwarded", "node", base.Host, "error", cmp.Or(context.Cause(ctx), err))
			writeProblem(w, newProblem(recording.CodeNodeAway, "the node that has the files cannot be reached"))
		},
	}
	proxy.ServeHTTP(patientWriter{c.Writer, s.stall}, r)
}

// awaitedBody is that of a node's answer: watch goes off when nothing comes for as
// long as stall. How long the caller takes does not count.
type awaitedBody struct {
	io.ReadCloser
	watch *time.Timer
	stall time.Duration
}

func (b awaitedBody) Read(p []byte) (int, error) {
	b.watch.Reset(b.stall)
	defer b.watch.Stop()
	return b.ReadCloser.Read(p)
}
