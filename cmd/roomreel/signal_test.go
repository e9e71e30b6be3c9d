package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"google.golang.org/protobuf/proto"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/recording"
)

// LiveKit sends whoever's rights change a token that has them all, good for ten
// minutes. It reaches those who connect to LiveKit, never a supervisor.
func TestNoTokenReachesASupervisor(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ann := s.connectAgent(ctx, t, "ann", 0, "")
	defer ann.Close()
	rooms := lksdk.NewRoomServiceClient(s.livekit.URL, s.livekit.Key, s.livekit.Secret)
	for _, way := range []struct {
		supervisor string
		past       bool // roomreel, straight to LiveKit
	}{{"sam", false}, {"tom", true}} {
		supervisor := s.supervisorClient(ctx, t, way.supervisor, "ann")
		supervision, err := supervisor.Supervise(ctx, api.Supervise{})
		if err != nil {
			t.Fatal(err)
		}
		url, token := supervision.LiveKitURL, supervision.LiveKitToken
		if way.past {
			url, token = s.livekit.URL, s.forgedSupervisor(t, ann.session.Room, supervision.SupervisionID)
		}
		conn, _, err := websocket.DefaultDialer.DialContext(ctx, url+"/rtc?auto_subscribe=1&protocol=15&sdk=go&access_token="+token, nil)
		if err != nil {
			t.Fatal(err)
		}
		// LiveKit answers only once it is ready to send tokens: a change of rights
		// before might send none.
		kinds := signalsUntilAnswer(ctx, t, conn)
		for _, may := range []bool{false, true} {
			_, err := rooms.UpdateParticipant(ctx, &livekit.UpdateParticipantRequest{
				Room: ann.session.Room, Identity: recording.Supervision{ID: supervision.SupervisionID}.Identity(),
				Permission: &livekit.ParticipantPermission{CanSubscribe: may, Hidden: true},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		kinds = append(kinds, signalsUntilAnswer(ctx, t, conn)...)
		if leaks := slices.Contains(kinds, "*livekit.SignalResponse_RefreshToken"); leaks != way.past {
			t.Errorf("%s sent %q: a token among them %v, want %v", url, kinds, leaks, way.past)
		}
		if !slices.Contains(kinds, "*livekit.SignalResponse_Join") {
			t.Errorf("%s sent %q, no join", url, kinds)
		}
		conn.Close()
	}
}

// signalsUntilAnswer reads what was sent before the participant is refused new
// metadata, which tells in LiveKit's own order; a pong overtakes.
func signalsUntilAnswer(ctx context.Context, t *testing.T, conn *websocket.Conn) []string {
	t.Helper()
	request, err := proto.Marshal(&livekit.SignalRequest{Message: &livekit.SignalRequest_UpdateMetadata{
		UpdateMetadata: &livekit.UpdateParticipantMetadata{Metadata: "mine", RequestId: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(websocket.BinaryMessage, request); err != nil {
		t.Fatal(err)
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetReadDeadline(end)
	}
	var kinds []string
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("%v after %q", err, kinds)
		}
		var m livekit.SignalResponse
		if err := proto.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		if _, answer := m.Message.(*livekit.SignalResponse_RequestResponse); answer {
			return kinds
		}
		kinds = append(kinds, fmt.Sprintf("%T", m.Message))
	}
}
