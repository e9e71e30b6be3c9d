package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/plugin"
)

// newLogger makes the program's logger and sends LiveKit's and pion's logs to
// it too.
func newLogger(c configs.Log, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %q is none of debug, info, warn, error", c.Level)
	}
	opts := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch c.Format {
	case "text":
		handler = slog.NewTextHandler(w, opts)
	case "json":
		handler = slog.NewJSONHandler(w, opts)
	default:
		return nil, fmt.Errorf("log.format: %q is neither text nor json", c.Format)
	}
	log := slog.New(handler)
	slog.SetDefault(log)
	plugin.BridgeLogs(log.With("component", "livekit"))
	redis.SetLogger(redisLog{log.With("component", "redis")})
	return log, nil
}

// redisLog takes what go-redis writes by itself. Callers get an error for all
// that matters, so it is worth no more than a debug line.
type redisLog struct{ *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.DebugContext(ctx, "go-redis", "message", fmt.Sprintf(format, args...))
}
