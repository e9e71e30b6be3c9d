package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/plugin"
)

// rooms lets the API ask LiveKit.
type rooms struct{ *plugin.Rooms }

func (r rooms) List(ctx context.Context, only string) ([]api.Room, error) {
	open, err := r.Rooms.List(ctx, only)
	if err != nil {
		return nil, err
	}
	list := make([]api.Room, len(open))
	for i, room := range open {
		list[i] = api.Room{Name: room.Name, SID: room.SID, CreatedAt: room.CreatedAt, Participants: []api.RoomParticipant{}}
		for _, m := range room.Members {
			p := api.RoomParticipant{
				Identity: m.Identity, Name: m.Name, Role: m.Role, SID: m.SID, JoinedAt: m.JoinedAt, Tracks: []api.RoomTrack{},
			}
			for _, t := range m.Tracks {
				p.Tracks = append(p.Tracks, api.RoomTrack{
					SID: t.SID, Source: t.Source, Kind: string(t.Kind), Codec: t.Codec, Muted: t.Muted, Width: t.Width, Height: t.Height,
				})
			}
			list[i].Participants = append(list[i].Participants, p)
		}
	}
	return list, nil
}

// nodes lets the API ask who records.
type nodes struct{ *coord.Store }

func (n nodes) Nodes(ctx context.Context) ([]api.Node, error) {
	alive, err := n.Store.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]api.Node, len(alive))
	for i, info := range alive {
		list[i] = api.Node{
			Name: info.Name, Version: info.Version, Since: info.Since, Rooms: info.Rooms, MaxRooms: info.MaxRooms,
			Load: info.Load(), CanAccept: info.CanAccept(), Draining: info.Draining, DiskFree: info.DiskFree,
		}
	}
	return list, nil
}

// receiveHints returns what takes LiveKit's webhooks: each is acted on once,
// whichever node it comes to and however often.
func receiveHints(keys plugin.Keys, store *coord.Store, act func(context.Context, plugin.Hint), log *slog.Logger) func(*http.Request) error {
	return func(r *http.Request) error {
		hint, err := keys.ReceiveHint(r)
		if errors.Is(err, plugin.ErrToken) {
			return api.Unauthenticated("the webhook is not signed with the API key that is configured here")
		}
		if err != nil {
			return err
		}
		// LiveKit's signature is good for minutes, and it tries again for seconds.
		const remembered = time.Hour
		first, err := store.First(r.Context(), "hint:"+hint.ID, remembered)
		if err != nil {
			return err
		}
		if first {
			log.Debug("LiveKit tells", "event", hint.Event, "room", hint.Room, "identity", hint.Identity)
			act(r.Context(), hint)
		}
		return nil
	}
}
