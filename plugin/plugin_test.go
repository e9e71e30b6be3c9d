package plugin

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
)

var keys = Keys{Key: "key", Secret: "secret-0123456789abcdefghijklmnopqrs"}

func TestVerify(t *testing.T) {
	server, err := keys.ServerToken("app", "blue", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	join, err := keys.ParticipantToken("blue", "anna", "Anna", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": keys.Key, "sub": "app", "exp": time.Now().Add(-2 * time.Hour).Unix(), "video": map[string]any{"roomRecord": true},
	}).SignedString([]byte(keys.Secret))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := Keys{keys.Key, "another-secret-0123456789abcdefghijk"}.ServerToken("app", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := Keys{"other", keys.Secret}.ServerToken("app", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, token string
		want        Claims
		ok          bool
	}{
		{"a server's", server, Claims{Identity: "app", Room: "blue", RoomRecord: true, RoomAdmin: true, RoomList: true}, true},
		{"a participant's grants nothing", join, Claims{Identity: "anna", Room: "blue"}, true},
		{"expired", expired, Claims{}, false},
		{"signed with another secret", forged, Claims{}, false},
		{"of another key", foreign, Claims{}, false},
		{"empty", "", Claims{}, false},
		{"noise", "eyJhbGciOi.x.y", Claims{}, false},
		{"unsigned", server[:strings.LastIndexByte(server, '.')+1], Claims{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := keys.Verify(tt.token)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrToken) {
				t.Errorf("error: %v", err)
			}
			if err != nil && tt.token != "" && strings.Contains(err.Error(), tt.token) {
				t.Error("the error tells the token")
			}
		})
	}
}

// The recorder's token lets a bot watch unseen and do nothing else.
func TestRecorderToken(t *testing.T) {
	token, err := keys.RecorderToken("blue", "bot")
	if err != nil {
		t.Fatal(err)
	}
	v, err := auth.ParseAPIToken(token)
	if err != nil {
		t.Fatal(err)
	}
	_, grants, err := v.Verify(keys.Secret)
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	want := &auth.VideoGrant{
		RoomJoin: true, Room: "blue", Hidden: true, Recorder: true,
		CanSubscribe: &yes, CanPublish: &no, CanPublishData: &no, CanUpdateOwnMetadata: &no,
	}
	if d := cmp.Diff(want, grants.Video); d != "" {
		t.Error(d)
	}
	if got := grants.GetParticipantKind(); got != livekit.ParticipantInfo_EGRESS {
		t.Errorf("kind %v, want EGRESS", got)
	}
}

// LiveKit's SDK logs the URLs that it connects to, tokens and all: none may get
// through, in whatever place.
func TestBridgeLogsWithoutTokens(t *testing.T) {
	token, err := keys.ParticipantToken("blue", "anna", "Anna", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	BridgeLogs(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { BridgeLogs(slog.New(slog.DiscardHandler)) })
	log := logger.GetLogger().WithValues("bound", token)
	log.Infow("joining with "+token, "url", "wss://host/rtc?access_token="+token, "count", 3)
	log.Errorw("failed", errors.New("dial wss://host/rtc?access_token="+token), "nested", map[string]string{"token": token})
	if strings.Contains(out.String(), token[:20]) {
		t.Errorf("a token came through:\n%s", &out)
	}
	for _, want := range []string{`"level":"DEBUG"`, `"level":"ERROR"`, `"count":3`, "access_token=[token]"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &out)
		}
	}
}
