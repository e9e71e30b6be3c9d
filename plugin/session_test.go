package plugin

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"
)

func TestSessionToken(t *testing.T) {
	mint := func(k Keys, s SessionToken) string {
		t.Helper()
		token, err := k.SessionToken(s)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	supervisor := SessionToken{Role: RoleSupervisor, Subject: "sam", Agent: "ann", API: "https://roomreel.example.com", TTL: time.Hour}
	expired := supervisor
	expired.TTL = -time.Hour
	foreign := func(claims jwt.MapClaims) string {
		t.Helper()
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(keys.Secret))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	soon := time.Now().Add(time.Hour).Unix()
	for _, tt := range []struct {
		name, token string
		want        Claims
		ok          bool
	}{
		{"a supervisor's", mint(keys, supervisor), Claims{Identity: "sam", Role: RoleSupervisor, Agent: "ann"}, true},
		{"expired", mint(keys, expired), Claims{}, false},
		{"signed with another secret", mint(Keys{keys.Key, "another-secret-0123456789abcdefghijk"}, supervisor), Claims{}, false},
		{"of another key", mint(Keys{"other", keys.Secret}, supervisor), Claims{}, false},
		{"without an end", foreign(jwt.MapClaims{"iss": keys.Key, "sub": "sam", "aud": []string{"roomreel"}, "role": "agent"}), Claims{}, false},
		{"without a subject", foreign(jwt.MapClaims{"iss": keys.Key, "aud": []string{"roomreel"}, "role": "agent", "exp": soon}), Claims{}, false},
		{"without a role", foreign(jwt.MapClaims{"iss": keys.Key, "sub": "sam", "aud": []string{"roomreel"}, "exp": soon}), Claims{}, false},
		{"LiveKit's with a role", foreign(jwt.MapClaims{"iss": keys.Key, "sub": "sam", "role": "agent", "exp": soon}), Claims{Identity: "sam"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := keys.Verify(tt.token)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrToken) {
				t.Errorf("error: %v", err)
			}
		})
	}
}

// The grants of who joins for a session: every one is said, because LiveKit takes
// an unsaid one for granted.
func TestJoinTokens(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		name string
		mint func(room, identity string) (string, error)
		kind livekit.ParticipantInfo_Kind
		want *auth.VideoGrant
	}{
		{"agent", keys.AgentToken, livekit.ParticipantInfo_STANDARD, &auth.VideoGrant{
			RoomJoin: true, Room: "blue", CanPublish: &yes, CanSubscribe: &no, CanPublishData: &no, CanUpdateOwnMetadata: &no,
		}},
		{"supervisor", keys.SupervisorToken, livekit.ParticipantInfo_AGENT, &auth.VideoGrant{
			RoomJoin: true, Room: "blue", Hidden: true, CanPublish: &no, CanSubscribe: &no, CanPublishData: &no, CanUpdateOwnMetadata: &no,
		}},
	} {
		token, err := tt.mint("blue", "ann")
		if err != nil {
			t.Fatal(err)
		}
		v, err := auth.ParseAPIToken(token)
		if err != nil {
			t.Fatal(err)
		}
		claims, grants, err := v.Verify(keys.Secret)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, grants.Video); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
		if got := grants.GetParticipantKind(); got != tt.kind {
			t.Errorf("%s: kind %v, want %v", tt.name, got, tt.kind)
		}
		if ttl := time.Until(claims.ExpiresAt.Time); ttl > time.Minute {
			t.Errorf("%s: it is good for %v", tt.name, ttl)
		}
	}
}

// No token of LiveKit's passes to a supervisor, nor what cannot be looked into.
func TestSignalHoldsTokensBack(t *testing.T) {
	for _, tt := range []struct {
		name         string
		message      *livekit.SignalResponse
		pass, joined bool
	}{
		{"join", &livekit.SignalResponse{Message: &livekit.SignalResponse_Join{Join: &livekit.JoinResponse{}}}, true, true},
		{"reconnect", &livekit.SignalResponse{Message: &livekit.SignalResponse_Reconnect{Reconnect: &livekit.ReconnectResponse{}}}, true, true},
		{"offer", &livekit.SignalResponse{Message: &livekit.SignalResponse_Offer{Offer: &livekit.SessionDescription{}}}, true, false},
		{"refreshed token", &livekit.SignalResponse{Message: &livekit.SignalResponse_RefreshToken{RefreshToken: "eyJ.a.b"}}, false, false},
		{"other room", &livekit.SignalResponse{Message: &livekit.SignalResponse_RoomMoved{RoomMoved: &livekit.RoomMovedResponse{Token: "eyJ.a.b"}}}, false, false},
		{"nothing", &livekit.SignalResponse{}, false, false},
	} {
		b, err := proto.Marshal(tt.message)
		if err != nil {
			t.Fatal(err)
		}
		pass, joined, err := fromServer(b)
		if err != nil || pass != tt.pass || joined != tt.joined {
			t.Errorf("%s: %v, %v, %v, want %v, %v", tt.name, pass, joined, err, tt.pass, tt.joined)
		}
	}
	for _, noise := range []string{"{\"refreshToken\":\"eyJ.a.b\"}", "\xff\xff\xff"} {
		if pass, _, err := fromServer([]byte(noise)); err == nil || pass {
			t.Errorf("%q passed", noise)
		}
	}
}

func FuzzFromServer(f *testing.F) {
	f.Add([]byte{})
	b, _ := proto.Marshal(&livekit.SignalResponse{Message: &livekit.SignalResponse_RefreshToken{RefreshToken: "eyJ.a.b"}})
	f.Add(b)
	f.Fuzz(func(t *testing.T, message []byte) {
		pass, _, err := fromServer(message)
		var m livekit.SignalResponse
		if proto.Unmarshal(message, &m) == nil && m.GetRefreshToken() != "" && pass || err != nil && pass {
			t.Errorf("%q passed", message)
		}
	})
}
