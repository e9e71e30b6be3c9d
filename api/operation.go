package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/roomreel/roomreel/recording"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// unbounded is the timeout of an operation that goes on until its caller or
// its subject ends.
const unbounded time.Duration = -1

// operation is a huma operation with what roomreel adds to it.
type operation struct {
	huma.Operation
	access access
	// codes are the causes of failure of this operation alone.
	codes []recording.Code
	// files tells that it needs the recording's files: the node that has them answers.
	files bool
	// ranges tells that it answers parts of a file.
	ranges bool
	// streams tells that its answer goes on for as long as the caller wants.
	streams bool
	// timeout replaces requestTimeout when it is not zero.
	timeout time.Duration
}

// route registers an operation: who may call it, what it answers and how it
// fails. Whatever error handle returns reaches the caller as a problem.
func route[I, O any](s *Server, op operation, handle func(context.Context, *I) (*O, error)) {
	switch {
	case op.streams:
		op.timeout = unbounded
	case op.timeout == 0:
		op.timeout = requestTimeout
	}
	if op.access != anyone {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Middlewares = huma.Middlewares{s.authenticate(op.access), s.limit}
		op.codes = append(op.codes, CodeUnauthenticated, recording.CodeNotPermitted, CodeRateLimited,
			recording.CodeStoreUnavailable, recording.CodeInternal, CodeTimeout)
		if op.streams {
			op.Middlewares = append(op.Middlewares, s.countStream)
		}
		if op.files {
			op.Middlewares = append(op.Middlewares, s.forward(op.timeout))
			op.codes = append(op.codes, recording.CodeNodeAway)
		}
		if op.Method == http.MethodPost {
			op.Middlewares = append(op.Middlewares, s.once)
			op.Parameters = append(op.Parameters, idempotencyHeader)
			op.codes = append(op.codes, CodeKeyInUse, CodeKeyReused)
		}
	}
	op.MaxBodyBytes, op.BodyReadTimeout = maxBody, requestTimeout
	s.describeProblems(&op)

	op.Middlewares = append(op.Middlewares, func(hc huma.Context, next func(huma.Context)) {
		if op.timeout != requestTimeout {
			extendDeadlines(humagin.Unwrap(hc).Writer, op.timeout)
		}
		next(huma.WithValue(hc, requestKey{}, humagin.Unwrap(hc).GetString(keyRequest)))
	})
	huma.Register(s.huma, op.Operation, func(ctx context.Context, in *I) (*O, error) {
		if op.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, op.timeout)
			defer cancel()
		}
		out, err := handle(ctx, in)
		if err == nil {
			return out, nil
		}
		p := problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			s.log.Log(ctx, failureLevel(ctx, err), "request failed", "request", ctx.Value(requestKey{}), "operation", op.OperationID, "code", p.Code, "error", err)
		}
		return nil, p
	})
}

type requestKey struct{}

// describeProblems documents each status that op can fail with, and the codes
// that a caller may meet under it.
func (s *Server) describeProblems(op *operation) {
	meanings := map[int][]string{}
	codes := map[int][]any{}
	add := func(status int, code recording.Code, meaning string) {
		meanings[status] = append(meanings[status], fmt.Sprintf("%s: %s.", code, meaning))
		codes[status] = append(codes[status], string(code))
	}
	for _, code := range op.codes {
		add(problemTypes[code].status, code, problemTypes[code].title)
	}
	for status, meaning := range requestStatuses {
		isRange := status == http.StatusRequestedRangeNotSatisfiable
		takesBody := op.Method == http.MethodPost && slices.Contains(op.codes, recording.CodeInvalidRequest)
		if isRange && op.ranges || !isRange && takesBody {
			add(status, recording.CodeInvalidRequest, meaning)
		}
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	base := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for status := range codes {
		narrowed := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
			"code": {Type: huma.TypeString, Enum: codes[status]},
		}}
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: strings.Join(meanings[status], " "),
			Content: map[string]*huma.MediaType{
				problemMediaType: {Schema: &huma.Schema{AllOf: []*huma.Schema{base, narrowed}}},
			},
		}
	}
}

// openAPI is the document before any operation is in it.
func openAPI(version string) *huma.OpenAPI {
	codes := slices.Sorted(maps.Keys(problemTypes))
	var table strings.Builder
	for _, code := range codes {
		fmt.Fprintf(&table, "| %s | %d | %s |\n", code, problemTypes[code].status, problemTypes[code].title)
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "roomreel",
			Version: version,
			Description: "Records LiveKit rooms, one file per participant's stream, and makes films of the recordings.\n\n" +
				"Positions and durations are in seconds, times are RFC 3339 in UTC. Lists answer `{data, next_cursor}`. " +
				"Every error is a problem (RFC 9457) whose `code` never changes its meaning:\n\n" +
				"| code | status | meaning |\n| --- | --- | --- |\n" + table.String() +
				"\nINVALID_REQUEST also comes as 400, 408, 413, 415 and 416; each operation tells when.",
		},
		Tags: []*huma.Tag{
			{Name: "recordings", Description: "Start, stop and look at recordings."},
			{Name: "media", Description: "Download what was recorded."},
			{Name: "compositions", Description: "Make films of recordings."},
			{Name: "sessions", Description: "Agents: connect, record named streams, follow what happens."},
			{Name: "supervisions", Description: "Watch one agent or one room live, and who did."},
			{Name: "tokens", Description: "Mint tokens."},
			{Name: "eyeson", Description: "The paths and fields of eyeson's stream recorder."},
			{Name: "rooms", Description: "Who is where, now."},
			{Name: "nodes", Description: "Who records."},
			{Name: "uploads", Description: "Bring files to where they are wanted."},
			{Name: "webhooks", Description: "Tell others what happens."},
			{Name: "meeting app", Description: "The same service under the paths, bodies and status codes of a meeting application. Failures are told as `{success: false, message, code}`."},
			{Name: "health", Description: "For probes."},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{"bearer": {
				Type: "http", Scheme: "bearer",
				Description: "An admin key, or a JWT signed with a LiveKit API key whose video grant has `roomRecord` " +
					"(everything), `roomAdmin` with `room` (everything of that room) or `roomList` (look, but no media). " +
					"A token that names a room is confined to it.",
			}},
		},
	}
}
