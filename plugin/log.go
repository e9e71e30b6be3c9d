package plugin

import (
	"context"
	"log/slog"
	"regexp"

	"github.com/go-logr/logr"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
)

// BridgeLogs sends the logs of LiveKit's server, its SDK and pion to log.
// Their debug and info lines come as debug: they tell of LiveKit's insides.
func BridgeLogs(log *slog.Logger) {
	l := logger.LogRLogger(logr.FromSlogHandler(quieter{log.Handler()}))
	logger.SetLogger(l, "livekit")
	lksdk.SetLogger(l)
}

// tokens matches tokens, which LiveKit's SDK writes to its logs with the URLs that
// it connects to.
var tokens = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)

func redact(s string) string { return tokens.ReplaceAllString(s, "[token]") }

// quieter lowers everything below a warning to debug, and takes tokens out.
type quieter struct{ slog.Handler }

func (q quieter) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, lower(level))
}

func (q quieter) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, lower(r.Level), redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redactAttr(a))
		return true
	})
	return q.Handler.Handle(ctx, clean)
}

func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = redactAttr(a)
	}
	return quieter{q.Handler.WithAttrs(clean)}
}

func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.Handler.WithGroup(name)} }

// redactAttr takes tokens out of whatever an attribute prints as. Values that
// hold none stay as they are.
func redactAttr(a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindGroup {
		group := a.Value.Group()
		clean := make([]slog.Attr, len(group))
		for i, member := range group {
			clean[i] = redactAttr(member)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(clean...)}
	}
	text := a.Value.Resolve().String()
	if clean := redact(text); clean != text {
		return slog.String(a.Key, clean)
	}
	return a
}

func lower(level slog.Level) slog.Level {
	if level < slog.LevelWarn {
		return slog.LevelDebug
	}
	return level
}
