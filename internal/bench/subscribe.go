//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
	"github.com/urfave/cli/v3"

	"github.com/roomreel/roomreel/recorder/packet"

	"github.com/roomreel/roomreel/recorder"
)

// subscribe joins the room as a recorder does, hidden and with large receive
// buffers, takes every track, and hands each of its packets to take. The bytes
// are take's until it returns; it is called by a goroutine for each track.
func subscribe(ctx context.Context, url, identity string, take func(sid string) func(rtp []byte)) (*lksdk.Room, error) {
	token, err := keys.RecorderToken(room, identity)
	if err != nil {
		return nil, err
	}
	r := lksdk.NewRoom(&lksdk.RoomCallback{ParticipantCallback: lksdk.ParticipantCallback{
		OnTrackSubscribed: func(t *webrtc.TrackRemote, pub *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
			taken := take(pub.SID())
			go func() {
				buffer := make([]byte, packet.BufferSize)
				for {
					n, _, err := t.Read(buffer)
					if err != nil {
						return
					}
					taken(buffer[:n])
				}
			}()
		},
	}})
	if err := r.JoinWithContextAndToken(ctx, url, token, lksdk.WithDisableRegionDiscovery()); err != nil {
		return nil, fmt.Errorf("join as %s: %w", identity, err)
	}
	return r, recorder.RaiseReceiveBuffers() // as the recorder does to its own
}

func drainCommand() *cli.Command {
	return &cli.Command{
		Name: "drain", Hidden: true, Usage: "receive everything and throw it away until standard input ends",
		Flags: []cli.Flag{&cli.StringFlag{Name: "url", Required: true}, profileFlag()},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			var packets atomic.Int64
			r, err := subscribe(ctx, cmd.String("url"), "drain-"+strconv.Itoa(os.Getpid()), func(string) func([]byte) {
				return func([]byte) { packets.Add(1) }
			})
			if err != nil {
				return err
			}
			defer r.Disconnect()
			p := profiler{file: cmd.String("profile")}
			return serve(ctx, func(request string) (any, error) {
				if err := p.follow(request); err != nil {
					return nil, err
				}
				u, err := measureUsage()
				u.Packets = packets.Load()
				return u, err
			})
		},
	}
}
