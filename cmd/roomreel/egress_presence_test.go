package main

import (
	"context"
	"testing"
	"time"

	"github.com/livekit/protocol/livekit"

	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recording"
)

// An egress that is put out of its room, as an application may do with whoever it
// does not know, comes back: UpdateLayout reaches it there.
func TestEgressComesBackIntoItsRoom(t *testing.T) {
	s := startEgressStage(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s.join(ctx, t, "back", "anna", 0)
	info, err := s.client.StartRoomCompositeEgress(ctx, &livekit.RoomCompositeEgressRequest{RoomName: "back", FileOutputs: toFile("back")})
	if err != nil {
		t.Fatal(err)
	}
	s.await(ctx, t, info.EgressId, isActive)
	follows := func(layout string) {
		t.Helper()
		if _, err := client.Await(ctx, func() (error, error) {
			_, err := s.client.UpdateLayout(ctx, &livekit.UpdateLayoutRequest{EgressId: info.EgressId, Layout: layout})
			return err, nil
		}, func(err error) bool { return err == nil }); err != nil {
			t.Fatalf("layout %s: %v", layout, err)
		}
		if _, err := client.Await(ctx, func() (coord.Page, error) {
			return s.store.List(ctx, coord.Query{Room: "back", States: []recording.State{recording.Active}})
		}, func(p coord.Page) bool { return len(p.Items) == 1 && p.Items[0].Layout == layout }); err != nil {
			t.Fatalf("layout %s: %v", layout, err)
		}
	}
	follows("speaker")
	if _, err := s.rooms.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: "back", Identity: info.EgressId}); err != nil {
		t.Fatal(err)
	}
	follows("grid")
}
