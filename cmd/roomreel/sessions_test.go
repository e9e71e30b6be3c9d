package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/api/client"
	"github.com/roomreel/roomreel/internal/meeting"
	"github.com/roomreel/roomreel/recording"
)

// agent is one with their session token and their session.
type agent struct {
	client.Client
	session api.NewSession
	*meeting.Participant
}

// authToken asks /auth_v2 for a token, as an application's server does.
func (s *stage) authToken(ctx context.Context, t *testing.T, path string, body map[string]string) string {
	t.Helper()
	body["master_key"] = s.api.Key
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.api.URL+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Token string `json:"auth_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusCreated || answer.Token == "" {
		t.Fatalf("%s: status %d, %+v, %v", path, res.StatusCode, answer, err)
	}
	return answer.Token
}

func (s *stage) agentClient(ctx context.Context, t *testing.T, id string) client.Client {
	t.Helper()
	return client.Client{URL: s.api.URL, Key: s.authToken(ctx, t, "/auth_v2/client", map[string]string{"client_id": id})}
}

func (s *stage) supervisorClient(ctx context.Context, t *testing.T, id, agent string) client.Client {
	t.Helper()
	return client.Client{URL: s.api.URL, Key: s.authToken(ctx, t, "/auth_v2/supervisor", map[string]string{"client_id": id, "client_to_monitor": agent})}
}

// connectAgent opens a session and joins its room, publishing camera and
// microphone, which are the stream "camera".
func (s *stage) connectAgent(ctx context.Context, t *testing.T, id string, index int, webhookURL string) *agent {
	t.Helper()
	a := &agent{Client: s.agentClient(ctx, t, id)}
	var err error
	if a.session, err = a.OpenSession(ctx, api.OpenSession{Streams: []string{"camera"}, WebhookURL: webhookURL}); err != nil {
		t.Fatal(err)
	}
	a.Participant, err = meeting.Join(ctx, s.livekit, meeting.Options{Room: a.session.Room, Identity: id, Index: index, Publish: both})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// watcher is a supervisor's connection and what it hears.
type watcher struct {
	room *lksdk.Room
	mu   sync.Mutex
	// heard counts packets by the identity of who sent them.
	heard  map[string]int
	reason chan struct{}
}

// watch connects with LiveKit's own client, as a supervisor would.
func watch(ctx context.Context, url, token string) (*watcher, error) {
	w := &watcher{heard: map[string]int{}, reason: make(chan struct{})}
	var once sync.Once
	w.room = lksdk.NewRoom(&lksdk.RoomCallback{
		OnDisconnected: func() { once.Do(func() { close(w.reason) }) },
		ParticipantCallback: lksdk.ParticipantCallback{
			OnTrackSubscribed: func(t *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, rp *lksdk.RemoteParticipant) {
				go w.listen(t, rp.Identity())
			},
		},
	})
	return w, w.room.JoinWithContextAndToken(ctx, url, token, lksdk.WithDisableRegionDiscovery(), lksdk.WithConnectTimeout(20*time.Second))
}

func (w *watcher) listen(t *webrtc.TrackRemote, from string) {
	for {
		if _, _, err := t.ReadRTP(); err != nil {
			return
		}
		w.mu.Lock()
		w.heard[from]++
		w.mu.Unlock()
	}
}

func (w *watcher) packets(from string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard[from]
}

// hears waits until many packets of somebody came.
func (w *watcher) hears(ctx context.Context, t *testing.T, from string) {
	t.Helper()
	before := w.packets(from)
	if _, err := client.Await(ctx, func() (int, error) { return w.packets(from), nil }, func(n int) bool { return n >= before+20 }); err != nil {
		t.Fatalf("of %s %d packets were heard: %v", from, w.packets(from)-before, err)
	}
}

func wantCode(t *testing.T, what string, err error, code recording.Code) {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != string(code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// An agent's stream is recorded while supervisors watch; each end is told with
// its cause.
func TestAgentIsRecordedAndWatched(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	receiver := newUploadReceiver(t)
	ann := s.connectAgent(ctx, t, "ann", 0, receiver.URL+"/hooks")
	defer ann.Close()
	bob := s.connectAgent(ctx, t, "bob", 1, "")
	defer bob.Close()

	_, err := ann.OpenSession(ctx, api.OpenSession{Streams: []string{"camera"}})
	wantCode(t, "a second session", err, recording.CodeTwoTimer)
	again, err := ann.OpenSession(ctx, api.OpenSession{Streams: []string{"camera"}, ResumeKey: ann.session.ResumeKey})
	if err != nil || again.SessionID != ann.session.SessionID || !again.Resumed {
		t.Errorf("resumed %s, %v, want %s", again.SessionID, err, ann.session.SessionID)
	}
	if _, err = bob.Session(ctx, ann.session.SessionID); err == nil {
		t.Error("an agent can look at another's session")
	}

	began, err := ann.RecordStreams(ctx, ann.session.SessionID, map[string]api.StreamDelivery{
		"camera": {UploadURL: receiver.URL + "/camera.webm?signature=x", WebhookURL: receiver.URL + "/hooks"},
	})
	if err != nil || began["camera"].State != string(recording.StreamStarted) {
		t.Fatalf("recording %+v, %v, want STARTED", began, err)
	}
	_, err = ann.AddStream(ctx, ann.session.SessionID, "desk")
	wantCode(t, "adding a stream while recording", err, recording.CodeStreamsFixed)

	sam := s.supervisorClient(ctx, t, "sam", "ann")
	_, err = sam.Supervise(ctx, api.Supervise{AgentID: "bob"})
	wantCode(t, "watching another agent", err, recording.CodeNotPermitted)
	supervision, err := sam.Supervise(ctx, api.Supervise{Reason: "quality", WebhookURL: receiver.URL + "/hooks"})
	if err != nil {
		t.Fatal(err)
	}
	eyes, err := watch(ctx, supervision.LiveKitURL, supervision.LiveKitToken)
	if err != nil {
		t.Fatal(err)
	}
	defer eyes.room.Disconnect()
	eyes.hears(ctx, t, "ann")
	rooms, err := lksdk.NewRoomServiceClient(s.livekit.URL, s.livekit.Key, s.livekit.Secret).
		ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{ann.session.Room}})
	if err != nil || len(rooms.Rooms) != 1 || rooms.Rooms[0].NumParticipants != 1 {
		t.Errorf("rooms %+v, %v, want one in which one is counted", rooms, err)
	}
	_, err = sam.Supervise(ctx, api.Supervise{})
	wantCode(t, "a supervisor's second session", err, recording.CodeTwoTimer)
	for _, name := range []string{"tom", "uma"} {
		c := s.supervisorClient(ctx, t, name, "ann")
		if _, err := c.Supervise(ctx, api.Supervise{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	vic := s.supervisorClient(ctx, t, "vic", "ann")
	_, err = vic.Supervise(ctx, api.Supervise{})
	wantCode(t, "a fourth supervisor", err, recording.CodeMaxSupervisors)
	nobody := s.supervisorClient(ctx, t, "wim", "nobody")
	_, err = nobody.Supervise(ctx, api.Supervise{})
	wantCode(t, "watching nobody", err, recording.CodeNoActiveAgent)

	pass(ctx, 3*time.Second) // a keyframe comes every second
	stopped, err := ann.StopStreams(ctx, ann.session.SessionID)
	if err != nil || stopped["camera"].State != string(recording.StreamStopped) {
		t.Fatalf("stopped %+v, %v", stopped, err)
	}
	m, err := recording.ReadManifest(s.dir(began["camera"].RecordingID))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Parts) != 1 || len(m.Parts[0].Tracks) != 2 || m.Session != ann.session.SessionID || m.Client != "ann" {
		t.Errorf("manifest %+v, want one part with picture and sound of ann's session", m)
	}
	playsCleanly(ctx, t, s.path(m, m.Parts[0]))

	over, err := ann.EndSession(ctx, ann.session.SessionID)
	if err != nil || over.State != "ended" || over.Cause != string(recording.TermByClient) {
		t.Errorf("ended %+v, %v, want TERM_BY_CLIENT", over, err)
	}
	select {
	case <-eyes.reason:
	case <-ctx.Done():
		t.Error("the supervisor was not put out")
	}
	told, err := sam.Supervision(ctx, supervision.SupervisionID)
	if err != nil || told.Cause != string(recording.AgentSessionTerm) {
		t.Errorf("supervision %+v, %v, want AGENT_SESSION_TERM", told, err)
	}
	if n := eyes.packets("bob"); n > 0 {
		t.Errorf("%d packets of another agent were heard", n)
	}
	receiver.check(ctx, t, map[string]string{"/camera.webm?signature=x": s.path(m, m.Parts[0])},
		"upload_ready "+began["camera"].RecordingID, "session_finished "+ann.session.SessionID,
		"supervisor_session_finished "+supervision.SupervisionID)
	saw := ann.View().Snapshot()
	if len(saw.Seen) > 0 {
		t.Errorf("the agent saw %q", saw.Seen)
	}
	trail, err := s.api.Audit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, line := range slices.Backward(trail.Data) {
		if line.SupervisorID == "sam" {
			actions = append(actions, line.Action+" "+line.Cause)
		}
	}
	if want := []string{"requested ", "started ", "refused TWO_TIMER", "ended AGENT_SESSION_TERM"}; !slices.Equal(actions, want) {
		t.Errorf("audit trail of sam: %q, want %q", actions, want)
	}
}

// Whatever a supervisor was ever given is worth nothing once the supervision has
// ended, although the agent's session goes on.
func TestSupervisorHearsNothingAfterwards(t *testing.T) {
	s := startStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ann := s.connectAgent(ctx, t, "ann", 0, "")
	defer ann.Close()
	bob := s.connectAgent(ctx, t, "bob", 1, "")
	defer bob.Close()
	sam := s.supervisorClient(ctx, t, "sam", "ann")
	supervision, err := sam.Supervise(ctx, api.Supervise{})
	if err != nil {
		t.Fatal(err)
	}
	eyes, err := watch(ctx, supervision.LiveKitURL, supervision.LiveKitToken)
	if err != nil {
		t.Fatal(err)
	}
	eyes.hears(ctx, t, "ann")
	// Everything that came: the tokens for the API and for the signalling. LiveKit's
	// refreshed one would be in the SDK's hands by now.
	tokens := []string{sam.Key, supervision.LiveKitToken, eyes.room.LocalParticipant.Identity()}
	replay := func(when string) {
		t.Helper()
		for _, url := range []string{supervision.LiveKitURL, s.livekit.URL} {
			for _, token := range tokens {
				w, err := watch(ctx, url, token)
				if err == nil {
					w.room.Disconnect()
					t.Errorf("%s: a token of the supervisor's opens %s", when, url)
				}
			}
		}
	}
	other, err := bob.OpenSession(ctx, api.OpenSession{ResumeKey: bob.session.ResumeKey})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.api.EndSupervision(ctx, supervision.SupervisionID); err != nil {
		t.Fatal(err)
	}
	at := eyes.packets("ann")
	replay("after the supervision")
	if n := eyes.packets("ann") - at; n > 50 {
		t.Errorf("%d packets came after the end", n)
	}
	select {
	case <-eyes.reason:
	case <-ctx.Done():
		t.Error("the supervisor was not put out")
	}
	if n := eyes.packets("bob"); n > 0 {
		t.Errorf("%d packets of another agent were heard", n)
	}
	// A LiveKit token such as a server would hold, were it stolen, joins deaf and is
	// put out.
	thief := s.forgedSupervisor(t, other.Room, supervision.SupervisionID)
	w, err := watch(ctx, s.livekit.URL, thief)
	if err == nil {
		select {
		case <-w.reason:
		case <-ctx.Done():
			t.Error("a supervisor without a right was not put out")
		}
		w.room.Disconnect()
	}
	if len(w.heard) > 0 {
		t.Errorf("a supervisor without a right heard %v", w.heard)
	}
}

// uploadReceiver takes uploads and webhooks.
type uploadReceiver struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
	hooks []string // status and identifier of each, sorted
}

func newUploadReceiver(t *testing.T) *uploadReceiver {
	t.Helper()
	r := &uploadReceiver{files: map[string][]byte{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if req.Method == http.MethodPut {
			r.files[req.URL.RequestURI()] = body
			return
		}
		var hook struct {
			Status    string `json:"status"`
			Recording string `json:"rec_id"`
			Session   string `json:"session_id"`
		}
		_ = json.Unmarshal(body, &hook) // what is no JSON is missed by check
		r.hooks = append(r.hooks, hook.Status+" "+cmp.Or(hook.Recording, hook.Session))
		slices.Sort(r.hooks)
	}))
	t.Cleanup(r.Close)
	return r
}

// check waits for webhooks, each told by status and identifier, and holds uploads
// against the files they are of.
func (r *uploadReceiver) check(ctx context.Context, t *testing.T, files map[string]string, hooks ...string) {
	t.Helper()
	slices.Sort(hooks)
	got, err := client.Await(ctx, func() ([]string, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.Clone(r.hooks), nil
	}, func(got []string) bool { return len(got) >= len(hooks) })
	if err != nil || !slices.Equal(got, hooks) {
		t.Errorf("webhooks %q, %v, want %q", got, err, hooks)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for uri, file := range files {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if uploaded := r.files[uri]; !bytes.Equal(uploaded, whole) {
			t.Errorf("%s: %d bytes were uploaded, want the %d of the file", uri, len(uploaded), len(whole))
		}
	}
}

// forgedSupervisor is a token as roomreel mints for itself.
func (s *stage) forgedSupervisor(t *testing.T, room, supervision string) string {
	t.Helper()
	no := false
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": s.livekit.Key, "sub": recording.Supervision{ID: supervision}.Identity(), "kind": "agent",
		"exp": time.Now().Add(time.Minute).Unix(),
		"video": map[string]any{
			"roomJoin": true, "room": room, "hidden": true, "canSubscribe": &no, "canPublish": &no, "canPublishData": &no,
		},
	}).SignedString([]byte(s.livekit.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}
