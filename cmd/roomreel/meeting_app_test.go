package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/plugin"
	"github.com/roomreel/roomreel/recording"
)

// The meeting application's way through, against a real LiveKit and Redis: members
// learn of the recording by data messages, also those who come late, and it ends
// with its host.
func TestMeetingApp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, err := configs.Load("")
	if err != nil {
		t.Fatal(err)
	}
	keys := testKeys
	c.API.Listen = freeAddress(t, "tcp")
	c.LiveKit = startLiveKit(t, plugin.DevServerOptions{Keys: keys, Webhook: "http://" + c.API.Listen + "/livekit/webhook"})
	c.Redis.URL, c.Data, c.Node = redisserver.Run(t).URL(), t.TempDir(), "node-a"
	serve(t, c)
	app := caller{t, "http://" + c.API.Listen, mustToken(t, keys)}

	server := meeting.Server{URL: c.LiveKit.URL, Key: keys.Key, Secret: keys.Secret}
	host, err := meeting.Join(ctx, server, meeting.Options{
		Room: "app", Identity: "anna", Name: "Anna", Metadata: `{"role":"host"}`, Publish: both, Width: 320, Height: 180,
	})
	if err != nil {
		t.Fatal(err)
	}
	early := listenIn(t, keys, c.LiveKit.URL, "bo")
	session := app.session(http.MethodPost, "/api/recording-sessions", `{"connectionId":"app"}`, http.StatusCreated)
	if !session.Notified {
		t.Error("nobody is told, although two people are there")
	}
	started := early.next(ctx, t)
	if started.Type != "recording-started" || started.RecordingID != session.Session.ID || started.ConnectionID != "app" ||
		started.Status != "recording" || started.Layout != "grid" || started.Format != "webm" || started.StartedAt == "" {
		t.Errorf("the members were told %+v", started)
	}
	late := listenIn(t, keys, c.LiveKit.URL, "carl")
	if greeting := late.next(ctx, t); greeting != started {
		t.Errorf("who came late was told %+v, want %+v", greeting, started)
	}

	var list api.RoomList
	_, err = client.Await(ctx, func() (api.RoomList, error) { app.get("/v1/rooms", &list); return list, nil }, func(l api.RoomList) bool {
		return len(l.Data) == 1 && len(l.Data[0].Participants) == 3 && len(l.Data[0].Participants[0].Tracks) == 2
	})
	if err != nil || len(list.Data) != 1 || list.Data[0].Name != "app" || !slices.Equal(list.Data[0].Recordings, []string{session.Session.ID}) {
		t.Fatalf("rooms: %+v", list)
	}
	var names []string
	for _, p := range list.Data[0].Participants {
		names = append(names, p.Identity+" "+p.Role)
	}
	if !slices.Equal(names, []string{"anna host", "bo ", "carl "}) {
		t.Errorf("who is in the room: %q; the recorder is nobody's business", names)
	}
	if tracks := list.Data[0].Participants[0].Tracks; len(tracks) != 2 || tracks[0].SID == "" || tracks[0].Codec == "" {
		t.Errorf("tracks: %+v", tracks)
	}
	var nodes api.NodeList
	app.get("/v1/nodes", &nodes)
	if len(nodes.Data) != 1 || nodes.Data[0].Rooms != 1 || !nodes.Data[0].CanAccept || nodes.Data[0].DiskFree == 0 {
		t.Errorf("nodes: %+v", nodes)
	}
	flowing := regexp.MustCompile(`roomreel_packets_total\{kind="video",node_id="node-a"\} [1-9]`)
	_, err = client.Await(ctx, func() (string, error) { return app.text("/metrics"), nil }, func(s string) bool {
		return flowing.MatchString(s) && strings.Contains(s, `roomreel_recordings{node_id="node-a"} 1`) &&
			strings.Contains(s, `roomreel_node_can_accept{node_id="node-a"} 1`)
	})
	if err != nil {
		t.Errorf("metrics: %v\n%s", err, app.text("/metrics"))
	}

	if err := host.Close(); err != nil {
		t.Fatal(err)
	}
	stopped := early.next(ctx, t)
	for stopped == started { // their own coming may have been told late
		stopped = early.next(ctx, t)
	}
	if stopped.Type != "recording-stopped" || stopped.Status != "stopped" || stopped.StoppedAt == "" {
		t.Errorf("after the host has left, the members were told %+v", stopped)
	}
	var rec api.Recording
	app.get("/v1/recordings/"+session.Session.ID, &rec)
	if rec.Ended != string(recording.EndedByHost) || rec.Parts != 1 {
		t.Errorf("after the host has left: %+v", rec)
	}
	var files api.MeetingFiles
	app.get("/api/recordings?meetingId=app", &files)
	at := slices.IndexFunc(files.Recordings, func(f api.MeetingFile) bool { return f.RecordingSource == "server" })
	if at < 0 || files.Recordings[at].Role != "host" || files.Recordings[at].Participants[0].Name != "Anna" {
		t.Errorf("files: %+v", files)
	}

	// Who stops a session is told of its film, and it is the only one.
	host, err = meeting.Join(ctx, server, meeting.Options{Room: "app", Identity: "anna", Publish: both, Width: 320, Height: 180})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	one := "/api/recording-sessions/" + app.session(http.MethodPost, "/api/recording-sessions", `{"connectionId":"app"}`, http.StatusCreated).Session.ID
	if _, err := client.Await(ctx, func() (api.MeetingSessionAnswer, error) {
		return app.session(http.MethodGet, one, "", http.StatusOK), nil
	},
		func(a api.MeetingSessionAnswer) bool { return a.Agent.Status == "receiving-media" }); err != nil {
		t.Fatal(err)
	}
	end := app.session(http.MethodDelete, one, "", http.StatusOK)
	if end.CompositionJob == nil || end.CompositionJob.ID != compose.WishedID(end.Session.ID, 0) || end.CompositionJob.Status == "failed" {
		t.Fatalf("film: %+v", end.CompositionJob)
	}
	var films api.MeetingFilms
	if _, err := client.Await(ctx, func() (api.MeetingFilms, error) { app.get("/api/recording-compositions", &films); return films, nil },
		func(l api.MeetingFilms) bool {
			return len(l.Jobs) == 2 && !slices.ContainsFunc(l.Jobs, func(f api.MeetingFilm) bool { return f.Status != "completed" })
		}); err != nil {
		t.Errorf("films: %+v", films)
	}
}

func mustToken(t *testing.T, keys plugin.Keys) string {
	t.Helper()
	token, err := keys.ServerToken("app", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// caller calls the API as the meeting application does.
type caller struct {
	t          *testing.T
	url, token string
}

func (c caller) do(method, path, body string) (int, []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, b
}

func (c caller) session(method, path, body string, want int) (answer api.MeetingSessionAnswer) {
	c.t.Helper()
	status, b := c.do(method, path, body)
	if err := json.Unmarshal(b, &answer); err != nil || status != want {
		c.t.Fatalf("%s %s: %d %s, %v", method, path, status, b, err)
	}
	return answer
}

func (c caller) get(path string, into any) {
	c.t.Helper()
	status, b := c.do(http.MethodGet, path, "")
	if err := json.Unmarshal(b, into); err != nil || status != http.StatusOK {
		c.t.Fatalf("GET %s: %d %s, %v", path, status, b, err)
	}
}

func (c caller) text(path string) string {
	c.t.Helper()
	_, b := c.do(http.MethodGet, path, "")
	return string(b)
}

// listener is a member of the room who only listens for messages.
type listener struct{ messages chan memberMessage }

func listenIn(t *testing.T, keys plugin.Keys, url, identity string) listener {
	t.Helper()
	token, err := keys.ParticipantToken("app", identity, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	l := listener{make(chan memberMessage, 100)}
	room, err := lksdk.ConnectToRoomWithToken(url, token, &lksdk.RoomCallback{ParticipantCallback: lksdk.ParticipantCallback{
		OnDataPacket: func(data lksdk.DataPacket, _ lksdk.DataReceiveParams) {
			packet, ok := data.(*lksdk.UserDataPacket)
			if !ok || packet.Topic != memberTopic {
				return
			}
			var m memberMessage
			if err := json.Unmarshal(packet.Payload, &m); err != nil {
				t.Errorf("message %s: %v", packet.Payload, err)
			}
			l.messages <- m
		},
	}}, lksdk.WithAutoSubscribe(false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(room.Disconnect)
	return l
}

func (l listener) next(ctx context.Context, t *testing.T) memberMessage {
	t.Helper()
	select {
	case m := <-l.messages:
		return m
	case <-ctx.Done():
		t.Fatal("no message came")
		return memberMessage{}
	}
}
