// Package api is roomreel's REST face: resources under /v1, authentication,
// problems (RFC 9457) and an OpenAPI 3.1 document generated from the code. It
// is thin: each operation is a verb of a service that the package reaches
// through a small interface.
package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// Options say what a Server serves.
type Options struct {
	Recordings   Recordings
	Compositions Compositions
	Rooms        Rooms
	Nodes        Nodes
	// Webhooks is optional.
	// Answers, unless nil, keeps what is answered to requests with an
	// Idempotency-Key; without it the header is ignored.
	Answers redis.UniversalClient
	// Rate bounds the requests of each caller, Guesses those of one address whose
	// credentials are not valid.
	Rate, Guesses RateLimit
	// Streams is how many streams of events each caller may have open; 0 does not
	// bound them.
	Streams int
	// Webhooks, Uploads and Storage are optional.
	Webhooks Webhooks
	Uploads  Uploads
	Storage  Storage
	// Elsewhere, unless nil, has requests about files handed to the node that has them.
	Elsewhere Elsewhere
	// Media holds the files: manifests, parts and films.
	Media recording.Archive
	// Previews are optional: without them there are no peaks and thumbnails.
	Previews Previews

	// Sessions are agents' sessions and supervisions; without their Service there
	// are none.
	Sessions SessionOptions

	// AdminKeys are the bearers that may do everything; there may be none.
	AdminKeys []string
	// Verifier checks all other bearers. Without it only admin keys count.
	Verifier Verifier

	// Version of the program, for /healthz and the OpenAPI document.
	Version string
	// Ready checks what the server depends on, by name; nil means that all is
	// well. Without it /readyz always says yes.
	Ready func(context.Context) map[string]error
	// Metrics serves /metrics: to callers on this machine and to operators, or to
	// everybody if OpenMetrics is set. Nil leaves it out.
	Metrics     http.Handler
	OpenMetrics bool
	// LiveKit takes a webhook of LiveKit's; its errors are *recording.Errors.
	LiveKit func(*http.Request) error
	// Static is an optional page, served without credentials below /join/.
	Static http.Handler
	// Console is the optional console, served without credentials below
	// /console/: its pages hold nothing that needs any.
	Console http.Handler
	// Log takes the request log. The default is slog.Default().
	Log *slog.Logger
	// StopTimeout bounds how long a stop waits for complete files before it
	// answers TIMEOUT. The default is one minute.
	StopTimeout time.Duration
}

// Server is the http.Handler of the whole face. It sets read and write
// deadlines itself, so the http.Server that runs it should leave WriteTimeout
// at zero (downloads and events last long) and set ReadHeaderTimeout.
type Server struct {
	recordings   Recordings
	compositions Compositions
	rooms        Rooms
	nodes        Nodes
	webhooks     Webhooks
	uploads      Uploads
	storage      Storage
	elsewhere    Elsewhere
	media        recording.Archive
	sessions     SessionOptions
	previews     Previews
	origin       *http.CrossOriginProtection
	adminKeys    [][sha256.Size]byte
	verifier     Verifier
	version      string
	ready        func(context.Context) map[string]error
	log          *slog.Logger
	stopTimeout  time.Duration
	stall        time.Duration // how long a body may stand still

	edits       sync.Mutex // of what is told of files
	openUploads sync.Map   // those that a request is at, by identifier
	changes     broadcast

	answers        answers
	rates, guesses limits
	streams        streams

	engine *gin.Engine
	huma   huma.API
}

// New makes the server. It fails when a service is missing or an admin key is
// too short to be a secret.
func New(o Options) (*Server, error) {
	if o.Recordings == nil || o.Compositions == nil || o.Rooms == nil || o.Nodes == nil || o.Media.Root() == "" {
		return nil, errors.New("api: Recordings, Compositions, Rooms, Nodes and Media are required")
	}
	s := &Server{
		recordings: o.Recordings, compositions: o.Compositions, rooms: o.Rooms, nodes: o.Nodes, media: o.Media, webhooks: o.Webhooks,
		uploads: o.Uploads, storage: o.Storage, elsewhere: o.Elsewhere, sessions: o.Sessions,
		previews: o.Previews, origin: http.NewCrossOriginProtection(),
		answers: answers{o.Answers}, changes: broadcast{watch: o.Recordings.Watch}, rates: limits{RateLimit: o.Rate}, guesses: limits{RateLimit: o.Guesses}, streams: streams{most: o.Streams},
		verifier: o.Verifier, version: o.Version, ready: o.Ready, log: o.Log, stopTimeout: o.StopTimeout, stall: stallTimeout,
	}
	const shortest = 16
	for i, key := range o.AdminKeys {
		if len(key) < shortest {
			return nil, fmt.Errorf("api: admin key %d has %d characters, at least %d are needed", i+1, len(key), shortest)
		}
		s.adminKeys = append(s.adminKeys, sha256.Sum256([]byte(key)))
	}
	if s.ready == nil {
		s.ready = func(context.Context) map[string]error { return nil }
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.stopTimeout <= 0 {
		s.stopTimeout = time.Minute
	}
	return s, s.mount(o)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// mount builds the router with all operations and the OpenAPI document.
func (s *Server) mount(o Options) error {
	gin.SetMode(gin.ReleaseMode)
	s.engine = gin.New()
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.Use(s.logRequest, s.recoverPanic, prepare, s.allowOrigins)
	s.engine.NoRoute(func(c *gin.Context) {
		writeProblem(c.Writer, newProblem(recording.CodeNotFound, "no resource has this path"))
	})
	s.engine.NoMethod(func(c *gin.Context) {
		writeProblem(c.Writer, newProblem(CodeMethodNotAllowed, "the Allow header lists the methods that this path knows"))
	})

	// No OpenAPIPath, DocsPath and SchemasPath: huma's own handlers for them
	// race, load scripts from a CDN and add a $schema link to every body.
	config := huma.Config{
		OpenAPI:       openAPI(s.version),
		Formats:       huma.DefaultFormats,
		DefaultFormat: "application/json",
	}
	s.huma = humagin.New(s.engine, config)
	s.routeRecordings()
	s.routeMedia()
	s.routePreviews()
	s.routeCompositions()
	s.routeRooms()
	s.routeMeeting()
	s.routeNodes()
	s.routeWebhooks()
	s.routeEventFeed()
	s.routeUploads()
	s.routeHealth()
	if s.sessions.Service != nil {
		s.routeSessions()
		s.routeSupervisions()
		s.routeTokens()
		s.routeEyeson()
	}
	s.routeMetrics(o.Metrics, o.OpenMetrics)
	s.routeLiveKit(o.LiveKit)

	if o.Static != nil {
		page := gin.WrapH(http.StripPrefix("/join", o.Static))
		s.engine.GET("/join/*path", page)
		s.engine.HEAD("/join/*path", page)
		s.engine.POST("/join/*path", page)
		s.engine.GET("/join", func(c *gin.Context) { c.Redirect(http.StatusMovedPermanently, "/join/") })
	}
	if o.Console != nil {
		s.routeConsole(o.Console)
	}
	return s.routeOpenAPI()
}

// routeOpenAPI serves the finished document; it never changes afterwards.
func (s *Server) routeOpenAPI() error {
	asJSON, err := json.MarshalIndent(s.huma.OpenAPI(), "", "  ")
	if err != nil {
		return fmt.Errorf("encode OpenAPI document: %w", err)
	}
	asYAML, err := s.huma.OpenAPI().YAML()
	if err != nil {
		return fmt.Errorf("encode OpenAPI document: %w", err)
	}
	// application/openapi+json is registered by draft-ietf-httpapi-rest-api-mediatypes.
	s.engine.GET("/openapi.json", func(c *gin.Context) { c.Data(http.StatusOK, "application/openapi+json", asJSON) })
	s.engine.GET("/openapi.yaml", func(c *gin.Context) { c.Data(http.StatusOK, "application/openapi+yaml", asYAML) })
	return nil
}
