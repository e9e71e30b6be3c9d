package egress

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
)

// presence is the participant that an egress of a room is to LiveKit: UpdateLayout
// reaches it as metadata of a participant with the egress's ID. It is hidden, and
// subscribes to nothing.
type presence struct {
	keeper *keeper
	room   *lksdk.Room
	ctx    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// attend joins the room, and goes on trying while it cannot. The egress needs it
// for changes of layout only.
func (k *keeper) attend() *presence {
	p := &presence{keeper: k}
	p.ctx, p.cancel = context.WithCancel(k.ctx)
	p.ended.Go(p.join)
	return p
}

func (p *presence) join() {
	const pause = 2 * time.Second
	for {
		err := p.connect()
		if err == nil {
			return
		}
		p.keeper.log.Debug("the egress is not in its room yet", "error", err)
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (p *presence) connect() error {
	k := p.keeper
	token, err := k.worker.opts.Token(k.order.room, k.job.ID)
	if err != nil {
		return err
	}
	room := lksdk.NewRoom(&lksdk.RoomCallback{ParticipantCallback: lksdk.ParticipantCallback{
		OnMetadataChanged: func(_ string, who lksdk.Participant) {
			if who.Identity() != k.job.ID {
				return
			}
			// The form that LiveKit's UpdateLayout writes.
			var said struct {
				Layout string `json:"layout"`
			}
			if err := json.Unmarshal([]byte(who.Metadata()), &said); err != nil || said.Layout == "" {
				return
			}
			go k.do(p.ctx, func() {
				if err := k.relayout(said.Layout); err != nil {
					k.log.Warn("the layout was not changed", "layout", said.Layout, "error", err)
				}
			})
		},
	}})
	err = room.JoinWithContextAndToken(p.ctx, k.worker.opts.URL, token, lksdk.WithAutoSubscribe(false), lksdk.WithDisableRegionDiscovery())
	if err != nil {
		return err
	}
	p.room = room
	return nil
}

func (p *presence) leave() {
	p.cancel()
	p.ended.Wait()
	if p.room != nil {
		p.room.Disconnect()
	}
}
