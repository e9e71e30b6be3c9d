package plugin

import (
	"context"
	"log/slog"

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

// quieter lowers everything below a warning to debug.
type quieter struct{ slog.Handler }

func (q quieter) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, lower(level))
}

func (q quieter) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lower(r.Level)
	return q.Handler.Handle(ctx, r)
}

func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs)}
}

func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.Handler.WithGroup(name)} }

func lower(level slog.Level) slog.Level {
	if level < slog.LevelWarn {
		return slog.LevelDebug
	}
	return level
}
