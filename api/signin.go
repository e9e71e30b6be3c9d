package api

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roomreel/roomreel/recording"
)

// The console signs in with an admin key and is known by a cookie afterwards,
// so that scripts in the page never hold a credential and a media element can
// load what the caller may see.
const (
	sessionCookie = "roomreel_session"
	sessionTTL    = 12 * time.Hour
)

// A session is expiry (Unix seconds), nonce and an HMAC over both.
const (
	expirySize  = 8
	nonceSize   = 16
	sessionSize = expirySize + nonceSize + sha256.Size
)

// routeConsole serves the console's pages and the two verbs of its session.
// They are not in the OpenAPI document: programs send a bearer.
func (s *Server) routeConsole(pages http.Handler) {
	page := gin.WrapH(http.StripPrefix("/console", pages))
	s.engine.GET("/console/*path", page)
	s.engine.HEAD("/console/*path", page)
	toConsole := func(c *gin.Context) { c.Redirect(http.StatusFound, "/console/") }
	s.engine.GET("/console", toConsole)
	s.engine.GET("/", toConsole)
	s.engine.POST("/console/sign-in", s.signIn)
	s.engine.POST("/console/sign-out", s.signOut)
}

// signIn answers {"key"} with a cookie that lasts for sessionTTL.
func (s *Server) signIn(c *gin.Context) {
	if err := s.origin.Check(c.Request); err != nil {
		writeProblem(c.Writer, crossOrigin())
		return
	}
	var ask struct {
		Key string `json:"key"`
	}
	const most = 4 << 10
	if err := json.NewDecoder(http.MaxBytesReader(c.Writer, c.Request.Body, most)).Decode(&ask); err != nil {
		writeProblem(c.Writer, newProblem(recording.CodeInvalidRequest, `send JSON {"key": "…"}`))
		return
	}
	i := s.adminKey(ask.Key)
	if i < 0 {
		c.Set(keyCaller, "console")
		s.turnAway(c, newProblem(CodeUnauthenticated, "this is no admin key of this server: see api.admin_keys in its configuration; `roomreel dev` prints one when it starts"))
		return
	}
	c.Set(keyCaller, "admin")
	s.setSession(c, newSession(s.adminKeys[i], time.Now().Add(sessionTTL)), sessionTTL)
	c.Status(http.StatusNoContent)
}

// signOut takes the cookie back.
func (s *Server) signOut(c *gin.Context) {
	if err := s.origin.Check(c.Request); err != nil {
		writeProblem(c.Writer, crossOrigin())
		return
	}
	s.setSession(c, "", -time.Second)
	c.Header("Clear-Site-Data", `"cache"`)
	c.Status(http.StatusNoContent)
}

func (s *Server) setSession(c *gin.Context, value string, ttl time.Duration) {
	r := c.Request
	http.SetCookie(c.Writer, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: int(ttl / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// identifyRequest tells who makes the request: by its Authorization header or,
// without one, by the console's session.
func (s *Server) identifyRequest(r *http.Request) (Caller, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if caller, presented, err := s.identifySession(r); presented {
			return caller, err
		}
	}
	return s.identify(header)
}

// identifySession tells who presents the session cookie of a request, and
// whether it has one. Requests that change something must come from our own
// pages (https://pkg.go.dev/net/http#CrossOriginProtection).
func (s *Server) identifySession(r *http.Request) (caller Caller, presented bool, err error) {
	cookies := r.CookiesNamed(sessionCookie)
	if len(cookies) == 0 {
		return Caller{}, false, nil
	}
	valid := false
	for _, key := range s.adminKeys {
		valid = validSession(key, cookies[0].Value, time.Now()) || valid
	}
	if !valid {
		return Caller{}, true, recording.Errorf(CodeUnauthenticated, "the session has ended: sign in again")
	}
	if s.origin.Check(r) != nil {
		return Caller{}, true, crossOrigin()
	}
	return Caller{Subject: "admin (console)", Admin: true}, true, nil
}

func crossOrigin() *Problem {
	return newProblem(recording.CodeNotPermitted, "the request comes from a page of another origin")
}

// newSession signs a session. Whoever takes the admin key out of the
// configuration ends its sessions with it, on every node.
func newSession(key [sha256.Size]byte, expiry time.Time) string {
	b := make([]byte, expirySize+nonceSize, sessionSize)
	binary.BigEndian.PutUint64(b, uint64(expiry.Unix()))
	_, _ = rand.Read(b[expirySize:]) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(append(b, sessionMAC(key, b)...))
}

func validSession(key [sha256.Size]byte, value string, now time.Time) bool {
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(b) != sessionSize {
		return false
	}
	signed, mac := b[:expirySize+nonceSize], b[expirySize+nonceSize:]
	return hmac.Equal(mac, sessionMAC(key, signed)) && now.Unix() < int64(binary.BigEndian.Uint64(signed))
}

func sessionMAC(key [sha256.Size]byte, signed []byte) []byte {
	// The stored hash of an admin key is secret and of full entropy; the label
	// keeps its uses apart.
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("roomreel console session\x00"))
	mac.Write(signed)
	return mac.Sum(nil)
}
