package egress

import (
	"context"
	"fmt"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
	"github.com/redis/go-redis/v9"
)

// Ping reports whether a LiveKit server listens on this Redis: without one, no
// request would ever arrive.
func Ping(ctx context.Context, bus redis.UniversalClient) error {
	io, err := rpc.NewIOInfoClient(psrpc.NewRedisMessageBus(bus))
	if err != nil {
		return fmt.Errorf("reach LiveKit over Redis: %w", err)
	}
	defer io.Close()
	const patience = 2 * time.Second
	_, err = io.ListEgress(ctx, &livekit.ListEgressRequest{RoomName: "roomreel-ping"}, psrpc.WithRequestTimeout(patience))
	if err != nil {
		return fmt.Errorf("no LiveKit server answers on this Redis: %w", err)
	}
	return nil
}
