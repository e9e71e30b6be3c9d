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
	"golang.org/x/sys/unix"

	"github.com/roomreel/roomreel/recorder/packet"
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
	return r, raiseReceiveBuffers()
}

// raiseReceiveBuffers does to this process's sockets what the recorder does to
// its own.
func raiseReceiveBuffers() error {
	const size = 4 << 20
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list sockets: %w", err)
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_DGRAM {
			continue
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
			return fmt.Errorf("set receive buffer: %w", err)
		}
	}
	return nil
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
