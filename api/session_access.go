package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

// What operations on sessions and supervisions ask.
const (
	agentAccess     access = "agent"     // be an agent, or act for any
	superviseAccess access = "supervise" // watch somebody
	statsAccess     access = "stats"     // read statistics
)

// special returns what a caller who is no admin lacks for an access that is not
// to recordings.
func (a access) special(c Caller) (missing error, is bool) {
	everyRoom := c.RoomRecord && c.Room == ""
	switch a {
	case agentAccess:
		if c.Role != roleAgent && !everyRoom {
			missing = recording.Errorf(recording.CodeNotPermitted, "the token is not an agent's, and lacks the grant roomRecord for every room")
		}
	case superviseAccess:
		if c.Role != roleSupervisor && (!c.RoomAdmin || c.Room == "") {
			missing = recording.Errorf(recording.CodeNotPermitted, "the token is not a supervisor's, and lacks the grant roomAdmin with a room")
		}
	case statsAccess:
		if c.Role != roleStats && (!c.RoomList || c.Room != "") {
			missing = recording.Errorf(recording.CodeNotPermitted, "the token is not one for statistics, and lacks the grant roomList for every room")
		}
	default:
		return nil, false
	}
	return missing, true
}

// ownSession returns the session if it is the caller's to act on. To whom it is
// not, it does not exist.
func (s *Server) ownSession(ctx context.Context, id string) (recording.Session, error) {
	if err := recording.CheckID(recording.PrefixSession, id); err != nil {
		return recording.Session{}, err
	}
	session, err := s.sessions.Service.Get(ctx, id)
	if err != nil {
		return session, err
	}
	if c := callerOf(ctx); c.Role == roleAgent && c.Subject != session.ClientID {
		return recording.Session{}, recording.Errorf(recording.CodeNotFound, "there is no session %q", id)
	}
	return session, nil
}

// ownSupervision returns the supervision if it is the caller's to act on.
func (s *Server) ownSupervision(ctx context.Context, id string) (recording.Supervision, error) {
	if err := recording.CheckID(recording.PrefixSupervision, id); err != nil {
		return recording.Supervision{}, err
	}
	one, err := s.sessions.Service.Supervision(ctx, id)
	if err != nil {
		return one, err
	}
	c := callerOf(ctx)
	own := c.Admin || c.Role == roleSupervisor && c.Subject == one.SupervisorID && c.Agent == one.ClientID ||
		c.Role == "" && one.ClientID == "" && c.Room == one.Room
	if !own {
		return recording.Supervision{}, recording.Errorf(recording.CodeNotFound, "there is no supervision %q", id)
	}
	return one, nil
}

type baseKey struct{}

// baseURL is where the caller has found this API, or what is configured.
func (s *Server) baseURL(ctx context.Context) string {
	if s.sessions.PublicURL != "" {
		return s.sessions.PublicURL
	}
	base, _ := ctx.Value(baseKey{}).(string)
	return base
}

// allowOrigins lets pages of other origins call (Fetch standard, "CORS
// protocol"). No cookie goes with such a call: what counts is the bearer, which
// a page of another origin does not have unless it was given one.
func (s *Server) allowOrigins(c *gin.Context) {
	scheme := "http"
	if c.Request.TLS != nil || c.GetHeader("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), baseKey{}, scheme+"://"+c.Request.Host))
	origin := c.GetHeader("Origin")
	all := slices.Contains(s.sessions.Origins, "*")
	if origin == "" || !all && !slices.Contains(s.sessions.Origins, origin) {
		c.Next()
		return
	}
	if c.Header("Access-Control-Allow-Origin", "*"); !all {
		c.Header("Access-Control-Allow-Origin", origin)
		c.Header("Vary", "Origin")
	}
	c.Header("Access-Control-Expose-Headers", "Location, X-Request-Id")
	if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
		c.Header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
		c.Header("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID")
		c.Header("Access-Control-Max-Age", "7200")
		c.AbortWithStatus(http.StatusNoContent)
		return
	}
	c.Next()
}
