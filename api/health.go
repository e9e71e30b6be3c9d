package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roomreel/roomreel/recording"
)

// Health is the answer of /healthz.
type Health struct {
	Status  string `json:"status" enum:"ok" doc:"Always ok: the process answers." example:"ok"`
	Version string `json:"version" doc:"Version of the program." example:"v1.2.0"`
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready  bool              `json:"ready" doc:"Whether every check passed." example:"true"`
	Checks map[string]string `json:"checks" doc:"Each check by name: ok, or what is wrong."`
}

type healthOutput struct{ Body Health }

type readinessOutput struct {
	Status int
	Body   Readiness
}

func (s *Server) routeHealth() {
	route(s, operation{Operation: huma.Operation{
		OperationID: "healthz", Method: http.MethodGet, Path: "/healthz", Tags: []string{"health"},
		Summary: "Is the process alive", Description: "Answers as long as the process does; looks at nothing else.",
	}}, func(context.Context, *struct{}) (*healthOutput, error) {
		return &healthOutput{Health{Status: "ok", Version: s.version}}, nil
	})

	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Readiness](), true, "Readiness")
	route(s, operation{Operation: huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: []string{"health"},
		Summary: "Can the process work", Description: "Checks what the process depends on. 503 names the checks that fail.",
		Responses: map[string]*huma.Response{"503": {
			Description: "A check fails.",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}},
	}}, s.readyz)
}

func (s *Server) readyz(ctx context.Context, _ *struct{}) (*readinessOutput, error) {
	out := &readinessOutput{Status: http.StatusOK, Body: Readiness{Ready: true, Checks: map[string]string{}}}
	for name, err := range s.ready(ctx) {
		if err == nil {
			out.Body.Checks[name] = "ok"
			continue
		}
		s.log.WarnContext(ctx, "not ready", "check", name, "error", err)
		out.Status, out.Body.Ready = http.StatusServiceUnavailable, false
		// Anybody may ask, so only what is meant for callers is told.
		out.Body.Checks[name] = "failed"
		if told := (*recording.Error)(nil); errors.As(err, &told) {
			out.Body.Checks[name] = told.Message
		}
	}
	return out, nil
}
