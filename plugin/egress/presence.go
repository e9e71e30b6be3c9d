package egress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
)

// presence is the participant that an egress of a room is to LiveKit: UpdateLayout
// reaches it as metadata of a participant with the egress's ID. It is hidden, and
// subscribes to nothing.
type presence struct {
	keeper *keeper
	ctx    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// attend joins the room, and goes on trying while it cannot. The egress needs it
// for changes of layout only.
func (k *keeper) attend() *presence {
	p := &presence{keeper: k}
	p.ctx, p.cancel = context.WithCancel(k.ctx)
	p.ended.Go(p.stay)
	return p
}

var (
	errReplaced = errors.New("another worker is in the room for the egress")
	errClosed   = errors.New("the room is closed")
)

// stay comes back into the room when it could not join, when it was put out, and when
// LiveKit was away for longer than its SDK tries.
func (p *presence) stay() {
	const pause = 2 * time.Second
	for been := false; ; {
		joined, err := p.visit(been)
		been = been || joined
		if p.ctx.Err() != nil || errors.Is(err, errReplaced) {
			return
		}
		p.keeper.log.Debug("the egress is not in its room", "error", err)
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// visit joins the room and stays as long as it may; the error tells why that is over.
// One that has been there only comes into a room that is open: to join would open it.
func (p *presence) visit(been bool) (joined bool, err error) {
	k := p.keeper
	if been {
		if err := k.worker.rooms.open(p.ctx, k.order.room); err != nil {
			return false, err
		}
	}
	token, err := k.worker.opts.Token(k.order.room, k.job.ID)
	if err != nil {
		return false, err
	}
	out := make(chan lksdk.DisconnectionReason, 1)
	room := lksdk.NewRoom(&lksdk.RoomCallback{
		OnDisconnectedWithReason: func(why lksdk.DisconnectionReason) {
			select {
			case out <- why:
			default: // the first counts
			}
		},
		ParticipantCallback: lksdk.ParticipantCallback{OnMetadataChanged: func(_ string, who lksdk.Participant) {
			if who.Identity() == k.job.ID {
				p.hear(who.Metadata())
			}
		}},
	})
	err = room.JoinWithContextAndToken(p.ctx, k.worker.opts.URL, token, lksdk.WithAutoSubscribe(false), lksdk.WithDisableRegionDiscovery())
	if err != nil {
		return false, err
	}
	defer room.Disconnect()
	select {
	case <-p.ctx.Done():
		return true, p.ctx.Err()
	case why := <-out:
		if why == lksdk.DuplicateIdentity {
			return true, errReplaced
		}
		return true, fmt.Errorf("it was put out of the room: %s", why)
	}
}

// hear takes metadata of the form that LiveKit's UpdateLayout writes.
func (p *presence) hear(metadata string) {
	k := p.keeper
	var said struct {
		Layout string `json:"layout"`
	}
	if err := json.Unmarshal([]byte(metadata), &said); err != nil || said.Layout == "" {
		return
	}
	go k.do(p.ctx, func() {
		if err := k.relayout(said.Layout); err != nil {
			k.log.Warn("the layout was not changed", "layout", said.Layout, "error", err)
		}
	})
}

func (p *presence) leave() {
	p.cancel()
	p.ended.Wait()
}
