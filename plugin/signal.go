package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"
)

// Signal passes LiveKit's signalling on for participants who must never hold a
// LiveKit token: such a token cannot be revoked, and LiveKit keeps handing out
// fresh ones, with every right the bearer has come to have, that join for ten
// more minutes. Here each connection is given a token of its own, once the right
// to it has been looked at, and fresh ones are held back. Media does not pass
// through: it goes between LiveKit and the participant as ever.
type Signal struct {
	// URL is LiveKit's WebSocket URL.
	URL string
	// Joined is called when LiveKit has let a connection into the room. When it
	// fails, the connection ends.
	Joined func(ctx context.Context, id string) error
	Log    *slog.Logger
}

// The paths of LiveKit's signalling below its URL.
var signalPaths = map[string]bool{"/rtc": true, "/rtc/v1": true, "/rtc/validate": true, "/rtc/v1/validate": true}

// maxSignal bounds a message, in bytes; a join answer with many participants is
// the largest.
const maxSignal = 4 << 20

// Serve connects a participant, who stands for id, to LiveKit with token. path
// is that of LiveKit's signalling.
func (s Signal) Serve(w http.ResponseWriter, r *http.Request, path, id, token string) {
	if !signalPaths[path] {
		http.NotFound(w, r)
		return
	}
	target, err := s.target(r, path, token)
	if err != nil {
		s.Log.Error("LiveKit's URL is not one", "error", err)
		http.Error(w, "LiveKit cannot be reached", http.StatusBadGateway)
		return
	}
	if strings.HasSuffix(path, "/validate") {
		s.validate(w, r, target)
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		http.Error(w, "this is a WebSocket", http.StatusUpgradeRequired)
		return
	}
	dialer := websocket.Dialer{HandshakeTimeout: connectPatience}
	server, answer, err := dialer.DialContext(r.Context(), target.String(), nil) //nolint:bodyclose // gorilla/websocket: it need not be closed
	if err != nil {
		s.refuse(w, id, answer, err)
		return
	}
	defer server.Close()
	// Any page may connect, as with LiveKit: it is the token that counts.
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	client, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer client.Close()
	s.pass(r.Context(), id, client, server)
}

const connectPatience = 10 * time.Second

// target is LiveKit's URL for what the client asks, with our token for its own.
func (s Signal) target(r *http.Request, path, token string) (*url.URL, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	query.Set("access_token", token)
	u.Path, u.RawQuery = strings.TrimSuffix(u.Path, "/")+path, query.Encode()
	switch {
	case strings.HasSuffix(path, "/validate"):
		u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	default:
		u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	}
	return u, nil
}

// validate is how clients ask why they could not connect.
func (s Signal) validate(w http.ResponseWriter, r *http.Request, target *url.URL) {
	ctx, cancel := context.WithTimeout(r.Context(), connectPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		http.Error(w, "LiveKit cannot be reached", http.StatusBadGateway)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, "LiveKit cannot be reached", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.CopyN(w, resp.Body, 1<<10) // the status is what counts
}

// refuse passes LiveKit's refusal on. Errors of the dialler hold no URL.
func (s Signal) refuse(w http.ResponseWriter, id string, answer *http.Response, err error) {
	s.Log.Warn("LiveKit refused a supervisor", "supervision", id, "error", redact(err.Error()))
	if answer != nil && answer.StatusCode >= http.StatusBadRequest {
		http.Error(w, "LiveKit refused the connection", answer.StatusCode)
		return
	}
	http.Error(w, "LiveKit cannot be reached", http.StatusBadGateway)
}

// pass moves messages both ways until either side ends, or who has joined may
// not stay.
func (s Signal) pass(ctx context.Context, id string, client, server *websocket.Conn) {
	client.SetReadLimit(maxSignal)
	server.SetReadLimit(maxSignal)
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	closeBoth := func() { cancel(); client.Close(); server.Close() }
	all.Go(func() {
		defer closeBoth()
		sayGoodbye(server, copyMessages(client, server, func([]byte) (bool, error) { return true, nil }))
	})
	all.Go(func() {
		defer closeBoth()
		sayGoodbye(client, copyMessages(server, client, func(message []byte) (bool, error) {
			pass, joined, err := fromServer(message)
			if joined {
				all.Go(func() {
					if err := s.Joined(ctx, id); err != nil && ctx.Err() == nil {
						s.Log.Warn("a supervisor was not let in", "supervision", id, "error", err)
						closeBoth()
					}
				})
			}
			return pass, err
		}))
	})
	all.Wait()
}

// sayGoodbye closes one side as the other was closed.
func sayGoodbye(to *websocket.Conn, why error) {
	code, text := websocket.CloseNormalClosure, ""
	var closed *websocket.CloseError
	if errors.As(why, &closed) && closed.Code != websocket.CloseNoStatusReceived && closed.Code != websocket.CloseAbnormalClosure {
		code, text = closed.Code, closed.Text
	}
	deadline := time.Now().Add(time.Second)
	_ = to.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), deadline) // it may be gone
}

func copyMessages(from, to *websocket.Conn, filter func([]byte) (bool, error)) error {
	for {
		kind, message, err := from.ReadMessage()
		if err != nil {
			return err
		}
		// Clients have spoken protobuf for years; JSON could not be looked into.
		if kind != websocket.BinaryMessage {
			return errors.New("a message is not binary")
		}
		pass, err := filter(message)
		if err != nil {
			return err
		}
		if !pass {
			continue
		}
		_ = to.SetWriteDeadline(time.Now().Add(connectPatience)) // or who does not read would keep both connections
		if err := to.WriteMessage(kind, message); err != nil {
			return err
		}
	}
}

// fromServer holds tokens back, and tells when the participant is in. What it
// does not understand does not pass.
func fromServer(message []byte) (pass, joined bool, err error) {
	var m livekit.SignalResponse
	if err := proto.Unmarshal(message, &m); err != nil {
		return false, false, fmt.Errorf("LiveKit sent what is no signal: %w", err)
	}
	switch m.Message.(type) {
	case nil, *livekit.SignalResponse_RefreshToken, *livekit.SignalResponse_RoomMoved:
		return false, false, nil
	case *livekit.SignalResponse_Join, *livekit.SignalResponse_Reconnect:
		return true, true, nil
	}
	return true, false, nil
}
