package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace/noop"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// Spans of requests, recordings and films arrive at a collector.
func TestTracing(t *testing.T) {
	var names []string
	service := map[string]bool{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var got collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &got)
		}
		if err != nil {
			t.Error(err)
		}
		for _, of := range got.ResourceSpans {
			for _, a := range of.Resource.Attributes {
				if a.Key == "service.name" {
					service[a.Value.GetStringValue()] = true
				}
			}
			for _, scope := range of.ScopeSpans {
				for _, span := range scope.Spans {
					names = append(names, span.Name)
				}
			}
		}
	}))
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	stop, err := startTracing(t.Context(), "node-1")
	if err != nil {
		t.Fatal(err)
	}
	defer otel.SetTracerProvider(noop.NewTracerProvider())

	api := httptest.NewServer(traced(http.NotFoundHandler()))
	defer api.Close()
	for _, path := range []string{"/v1/recordings", "/healthz"} {
		res, err := http.Get(api.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	at := time.Now()
	for _, kind := range []coord.NewsKind{coord.Started, coord.Stopped} {
		if err := traceRecordings(t.Context(), coord.News{Kind: kind, Recording: recording.Recording{CreatedAt: at, StoppedAt: at.Add(time.Minute)}}); err != nil {
			t.Error(err)
		}
	}
	told := 0
	trace := traceCompositions(func(context.Context, recording.Composition) { told++ })
	for _, state := range []recording.CompositionState{recording.CompositionRunning, recording.CompositionReady} {
		trace(t.Context(), recording.Composition{State: state, CreatedAt: at, FinishedAt: at.Add(time.Second)})
	}
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"GET", "recording", "composition"}, names); diff != "" || told != 2 || !service["roomreel"] {
		t.Errorf("told %d, services %v, spans (-want +got):\n%s", told, service, diff)
	}
}
