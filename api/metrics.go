package api

import (
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

// routeMetrics serves /metrics, which is no part of the document: scrapers read it.
func (s *Server) routeMetrics(metrics http.Handler, open bool) {
	if metrics == nil {
		return
	}
	s.engine.GET("/metrics", func(c *gin.Context) {
		if !open && !local(c.Request) {
			caller, err := s.identify(c.GetHeader("Authorization"))
			if err == nil {
				err = caller.permit(operatorAccess, "")
			}
			if err != nil {
				s.turnAway(c, problemOf(err))
				return
			}
		}
		metrics.ServeHTTP(c.Writer, c.Request)
	})
}

// local reports whether a request comes from this machine and was neither passed on
// by a proxy on it, nor made by a page of another site in a browser on it.
func local(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback() &&
		r.Header.Get("Forwarded") == "" && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Origin") == ""
}

// routeLiveKit takes LiveKit's own webhooks. They prove themselves by their
// signature, which covers the body: whatever else a caller sends is no proof.
func (s *Server) routeLiveKit(receive func(*http.Request) error) {
	if receive == nil {
		return
	}
	s.engine.POST("/livekit/webhook", func(c *gin.Context) {
		const most = 256 << 10
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, most)
		if err := receive(c.Request); err != nil {
			p := problemOf(err)
			if p.Code == string(recording.CodeInternal) {
				s.log.ErrorContext(c.Request.Context(), "a webhook of LiveKit was not taken", "request", c.GetString(keyRequest), "error", err)
			}
			writeProblem(c.Writer, p)
			return
		}
		c.Status(http.StatusNoContent)
	})
}
