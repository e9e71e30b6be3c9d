package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

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

// forward is the middleware that hands requests about files to the node that has them.
func (s *Server) forward(hc huma.Context, next func(huma.Context)) {
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
	proxy := httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(base)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
			r.Out.Header.Set(forwardedHeader, strconv.Itoa(forwards+1))
		},
		// The answer of the other node has what this one would send of its own.
		ModifyResponse: func(r *http.Response) error {
			for name := range r.Header {
				c.Writer.Header().Del(name)
			}
			return nil
		},
		FlushInterval: -1, // events pass as they come
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			s.log.Log(r.Context(), min(slog.LevelWarn, failureLevel(r.Context(), err)), "a request was not forwarded", "node", base.Host, "error", err)
			writeProblem(w, newProblem(recording.CodeNodeAway, "the node that has the files cannot be reached"))
		},
	}
	proxy.ServeHTTP(c.Writer, c.Request)
}
