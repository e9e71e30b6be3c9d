package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// startTracing sends spans by OTLP over HTTP to where OpenTelemetry's own
// variables say (OTEL_EXPORTER_OTLP_ENDPOINT and others). stop sends what is left.
func startTracing(ctx context.Context, node string) (stop func(context.Context) error, err error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "roomreel"), attribute.String("service.version", version), attribute.String("service.instance.id", node),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return provider.Shutdown, nil
}

// traced makes a span of each request, as part of the caller's trace if it names one.
func traced(h http.Handler) http.Handler {
	return otelhttp.NewHandler(h, "api", otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method }),
		otelhttp.WithFilter(func(r *http.Request) bool {
			return r.URL.Path != "/healthz" && r.URL.Path != "/readyz" && r.URL.Path != "/metrics"
		}))
}

// traceRecordings makes a span of each recording that has ended, from when it was
// asked for. Every node may tell the same news; one that has told it is enough.
func traceRecordings(_ context.Context, n coord.News) error {
	r := n.Recording
	if n.Kind != coord.Stopped && n.Kind != coord.Failed {
		return nil
	}
	_, span := otel.Tracer("roomreel").Start(context.Background(), "recording", trace.WithTimestamp(r.CreatedAt), trace.WithAttributes(
		attribute.String("recording", r.ID), attribute.String("room", r.Room), attribute.String("node", r.Node),
		attribute.String("ended", string(r.Ended)), attribute.Int("parts", r.Parts), attribute.Int64("bytes", r.Bytes),
	))
	for name, at := range map[string]time.Time{"started": r.StartedAt, "first media": r.FirstMediaAt} {
		if !at.IsZero() {
			span.AddEvent(name, trace.WithTimestamp(at))
		}
	}
	if r.Error != nil {
		span.SetStatus(codes.Error, string(r.Error.Code))
	}
	span.End(trace.WithTimestamp(r.StoppedAt))
	return nil
}

// traceCompositions makes a span of each film that is final, before others are told.
func traceCompositions(tell func(context.Context, recording.Composition)) func(context.Context, recording.Composition) {
	return func(ctx context.Context, c recording.Composition) {
		if c.State.Final() {
			_, span := otel.Tracer("roomreel").Start(context.Background(), "composition", trace.WithTimestamp(c.CreatedAt), trace.WithAttributes(
				attribute.String("recording", c.RecordingID), attribute.String("composition", c.ID), attribute.String("state", string(c.State)),
				attribute.String("layout", c.Spec.Layout), attribute.String("format", c.Spec.Format), attribute.Float64("film_s", c.Duration.Float()),
			))
			if c.Error != nil {
				span.SetStatus(codes.Error, string(c.Error.Code))
			}
			span.End(trace.WithTimestamp(c.FinishedAt))
		}
		tell(ctx, c)
	}
}
