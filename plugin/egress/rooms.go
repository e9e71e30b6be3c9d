package egress

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/roomreel/roomreel/recording"
)

// population is who is in a room, and what they publish.
type population struct {
	at         time.Time
	identities []string
	tracks     []Track
}

// rooms asks LiveKit's room service. Egresses of one room share what was seen.
type rooms struct {
	client *lksdk.RoomServiceClient
	mu     sync.Mutex
	seen   map[string]*sighting
}

// patience bounds a call to LiveKit.
const patience = 5 * time.Second

// sighting is the last look into a room; its lock is held while one is under way.
type sighting struct {
	sync.Mutex
	population
}

func (r *rooms) sighting(room string) *sighting {
	r.mu.Lock()
	defer r.mu.Unlock()
	const most = 1000 // rooms that have ended are forgotten with the rest
	if r.seen[room] == nil && len(r.seen) >= most {
		clear(r.seen)
	}
	if r.seen[room] == nil {
		r.seen[room] = &sighting{}
	}
	return r.seen[room]
}

// open returns nil if the room is open, and errClosed if it is not.
func (r *rooms) open(ctx context.Context, room string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := r.client.ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{room}})
	switch {
	case err != nil:
		return fmt.Errorf("look for room %q: %w", room, err)
	case len(res.Rooms) == 0:
		return errClosed
	}
	return nil
}

// look returns the population of a room as it was at most so long ago.
func (r *rooms) look(ctx context.Context, room string, age time.Duration) (population, error) {
	s := r.sighting(room)
	s.Lock()
	defer s.Unlock()
	if time.Since(s.at) < age {
		return s.population, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := r.client.ListParticipants(ctx, &livekit.ListParticipantsRequest{Room: room})
	if err != nil {
		return population{}, fmt.Errorf("look into room %q: %w", room, err)
	}
	p := population{at: time.Now()}
	for _, who := range res.Participants {
		p.identities = append(p.identities, who.Identity)
		for _, t := range who.Tracks {
			kind := recording.Video
			if t.Type == livekit.TrackType_AUDIO {
				kind = recording.Audio
			}
			p.tracks = append(p.tracks, Track{
				SID: t.Sid, Identity: who.Identity, Source: strings.ToLower(t.Source.String()), Stream: t.Stream, Kind: kind,
			})
		}
	}
	s.population = p
	return p, nil
}
