package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/twitchtv/twirp"
	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/recording"
)

// Rooms asks LiveKit's room service.
type Rooms struct {
	client *lksdk.RoomServiceClient
	url    string
}

// NewRooms returns a client of the LiveKit server at url, which may be given
// as ws, wss, http or https.
func NewRooms(url string, keys Keys) *Rooms {
	return &Rooms{client: lksdk.NewRoomServiceClient(url, keys.Key, keys.Secret), url: url}
}

// requestTimeout bounds one call to LiveKit.
const requestTimeout = 5 * time.Second

// Check reports whether room exists. The error is a *recording.Error with
// CodeRoomNotFound or CodeRoomUnreachable.
func (r *Rooms) Check(ctx context.Context, room string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := r.client.ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{room}})
	if err != nil {
		return r.unreachable(err)
	}
	if len(res.Rooms) == 0 {
		return recording.Errorf(recording.CodeRoomNotFound, "room %q does not exist on LiveKit: a room exists from its first participant's join, or from CreateRoom, until it is empty", room)
	}
	return nil
}

// Room is a room that is open on LiveKit.
type Room struct {
	Name, SID string
	CreatedAt time.Time
	Members   []Member
}

// Member is somebody in a room whom its other members can see.
type Member struct {
	Identity, Name, SID string
	// Role is the attribute "role", or the member of that name in the metadata if
	// that is a JSON object.
	Role     string
	JoinedAt time.Time
	Tracks   []Track
}

// Track is a track that a member publishes.
type Track struct {
	SID           string
	Source        string // camera, microphone, screen_share, screen_share_audio or unknown
	Kind          recording.Kind
	Codec         string
	Muted         bool
	Width, Height int
}

// List returns the rooms that are open, by name, or the one that is named only.
func (r *Rooms) List(ctx context.Context, only string) ([]Room, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req := &livekit.ListRoomsRequest{}
	if only != "" {
		req.Names = []string{only}
	}
	res, err := r.client.ListRooms(ctx, req)
	if err != nil {
		return nil, r.unreachable(err)
	}
	const atOnce = 16
	rooms := make([]Room, len(res.Rooms))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, room := range res.Rooms {
		rooms[i] = Room{Name: room.Name, SID: room.Sid, CreatedAt: time.Unix(room.CreationTime, 0).UTC()}
		group.Go(func() (err error) {
			rooms[i].Members, err = r.Members(ctx, room.Name)
			if recording.CodeOf(err) == recording.CodeRoomNotFound {
				rooms[i].Name, err = "", nil // closed meanwhile
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	rooms = slices.DeleteFunc(rooms, func(room Room) bool { return room.Name == "" })
	slices.SortFunc(rooms, func(a, b Room) int { return cmp.Compare(a.Name, b.Name) })
	return rooms, nil
}

// Members returns who is in a room, by identity, those left out who are hidden.
// The error is CodeRoomNotFound or CodeRoomUnreachable.
func (r *Rooms) Members(ctx context.Context, room string) ([]Member, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := r.client.ListParticipants(ctx, &livekit.ListParticipantsRequest{Room: room})
	var te twirp.Error
	if errors.As(err, &te) && te.Code() == twirp.NotFound {
		return nil, recording.Errorf(recording.CodeRoomNotFound, "room %q does not exist on LiveKit", room)
	}
	if err != nil {
		return nil, r.unreachable(err)
	}
	members := []Member{}
	for _, p := range res.Participants {
		if p.Permission.GetHidden() || p.State == livekit.ParticipantInfo_DISCONNECTED {
			continue
		}
		m := Member{
			Identity: p.Identity, Name: p.Name, SID: p.Sid, Role: roleOf(p), JoinedAt: time.UnixMilli(p.JoinedAtMs).UTC(), Tracks: []Track{},
		}
		for _, t := range p.Tracks {
			m.Tracks = append(m.Tracks, trackOf(t))
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.Identity, b.Identity) })
	return members, nil
}

func roleOf(p *livekit.ParticipantInfo) string {
	if role := p.Attributes["role"]; role != "" {
		return role
	}
	var metadata struct {
		Role string `json:"role"`
	}
	if err := json.Unmarshal([]byte(p.Metadata), &metadata); err != nil {
		return "" // metadata is the application's own and need not be JSON
	}
	return metadata.Role
}

func trackOf(t *livekit.TrackInfo) Track {
	kind := recording.Audio
	if t.Type == livekit.TrackType_VIDEO {
		kind = recording.Video
	}
	_, codec, _ := strings.Cut(strings.ToLower(t.MimeType), "/")
	return Track{
		SID: t.Sid, Source: strings.ToLower(t.Source.String()), Kind: kind, Codec: codec, Muted: t.Muted,
		Width: int(t.Width), Height: int(t.Height),
	}
}

// Send sends data to the members of a room, or to those of the identities only.
// A room that is gone is no error: nobody is left who could hear.
func (r *Rooms) Send(ctx context.Context, room, topic string, data []byte, identities ...string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := r.client.SendData(ctx, &livekit.SendDataRequest{
		Room: room, Topic: &topic, Data: data, Kind: livekit.DataPacket_RELIABLE, DestinationIdentities: identities,
	})
	var te twirp.Error
	if err == nil || errors.As(err, &te) && te.Code() == twirp.NotFound {
		return nil
	}
	return r.unreachable(err)
}

// Ping reports whether LiveKit answers and accepts the API key.
func (r *Rooms) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if _, err := r.client.ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{"roomreel-ping"}}); err != nil {
		return r.unreachable(err)
	}
	return nil
}

// leavePatience is how long a participant who has said good-bye may take to be
// gone: LiveKit answers a removal that crosses it only after some seconds.
const leavePatience = time.Second

// Remove takes a participant out of a room, unless they leave by themselves
// within a moment. One that is not there is no error.
func (r *Rooms) Remove(ctx context.Context, room, identity string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if r.leaves(ctx, room, identity) {
		return nil
	}
	_, err := r.client.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
	var te twirp.Error
	if err == nil || errors.As(err, &te) && te.Code() == twirp.NotFound {
		return nil
	}
	return r.unreachable(err)
}

// leaves reports whether the participant is gone within leavePatience.
func (r *Rooms) leaves(ctx context.Context, room, identity string) bool {
	const every = 50 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for end := time.Now().Add(leavePatience); time.Now().Before(end); {
		_, err := r.client.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: identity})
		var te twirp.Error
		if errors.As(err, &te) && te.Code() == twirp.NotFound {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return false
}

func (r *Rooms) unreachable(err error) error {
	var te twirp.Error
	if errors.As(err, &te) && (te.Code() == twirp.Unauthenticated || te.Code() == twirp.PermissionDenied) {
		return recording.Errorf(recording.CodeRoomUnreachable, "LiveKit at %s refuses the API key: set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair from its keys section: %w", r.url, err)
	}
	return recording.Errorf(recording.CodeRoomUnreachable, "LiveKit at %s does not answer: check LIVEKIT_URL and that the server runs: %w", r.url, err)
}
