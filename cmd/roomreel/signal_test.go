package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
)

// LiveKit sends whoever's rights change a token that has them all, good for ten
// minutes. It reaches those who connect to LiveKit, never a supervisor.
func TestNoTokenReachesASupervisor(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ann := s.connectAgent(ctx, t, "ann", 0, "")
	defer ann.Close()
	sam := s.supervisorClient(ctx, t, "sam", "ann")
	supervision, err := sam.Supervise(ctx, api.Supervise{})
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []struct {
		url, token string
		leaks      bool
	}{
		{supervision.LiveKitURL, supervision.LiveKitToken, false},
		{s.livekit.URL, s.forgedSupervisor(t, ann.session.Room, supervision.SupervisionID), true},
	} {
		conn, _, err := websocket.DefaultDialer.DialContext(ctx, way.url+"/rtc?auto_subscribe=1&protocol=15&sdk=go&access_token="+way.token, nil)
		if err != nil {
			t.Fatal(err)
		}
		if way.leaks {
			// Nobody lets in who comes past roomreel, until they are asked for.
			_, err = client.Await(ctx, func() (bool, error) { return sam.Activate(ctx, supervision.SupervisionID) == nil, nil }, func(in bool) bool { return in })
		} else {
			_, err = client.Await(ctx, func() (api.Supervision, error) { return sam.Supervision(ctx, supervision.SupervisionID) },
				func(one api.Supervision) bool { return one.State == "active" })
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds := signalsUntilPong(ctx, t, conn)
		if leaks := slices.Contains(kinds, "*livekit.SignalResponse_RefreshToken"); leaks != way.leaks {
			t.Errorf("%s sent %q: a token among them %v, want %v", way.url, kinds, leaks, way.leaks)
		}
		if !slices.Contains(kinds, "*livekit.SignalResponse_Join") {
			t.Errorf("%s sent %q, no join", way.url, kinds)
		}
		conn.Close()
	}
}

// signalsUntilPong reads what was sent before the answer to a ping.
func signalsUntilPong(ctx context.Context, t *testing.T, conn *websocket.Conn) []string {
	t.Helper()
	ping, err := proto.Marshal(&livekit.SignalRequest{Message: &livekit.SignalRequest_PingReq{PingReq: &livekit.Ping{Timestamp: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(websocket.BinaryMessage, ping); err != nil {
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
		if _, pong := m.Message.(*livekit.SignalResponse_PongResp); pong {
			return kinds
		}
		kinds = append(kinds, fmt.Sprintf("%T", m.Message))
	}
}
