package plugin

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"
)

// A supervisor who stops reading is put off, and the connection to LiveKit ends.
func TestSignalReaderStalls(t *testing.T) {
	t.Parallel() // it waits
	message, err := proto.Marshal(&livekit.SignalResponse{Message: &livekit.SignalResponse_Leave{
		Leave: &livekit.LeaveRequest{Regions: &livekit.RegionSettings{Regions: []*livekit.RegionInfo{{Region: strings.Repeat("far", 1<<18)}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	given := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(given)
		var upgrader websocket.Upgrader
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for conn.WriteMessage(websocket.BinaryMessage, message) == nil {
		}
	}))
	defer server.Close()
	signal := Signal{URL: "ws" + strings.TrimPrefix(server.URL, "http"), Log: slog.New(slog.DiscardHandler)}
	roomreel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signal.Serve(w, r, "/rtc", "sup_1", "token")
	}))
	defer roomreel.Close()
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(roomreel.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer conn.Close()
	select {
	case <-given:
	case <-time.After(time.Minute):
		t.Error("LiveKit still sends")
		conn.Close()
	}
}
