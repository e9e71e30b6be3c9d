package coord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// ErrFenced refuses what a node asks for under a lease that is no longer its
// own: a newer epoch of the room was granted.
var ErrFenced = errors.New("the room was granted to another node")

// errFinal refuses a write to a record that is final already.
var errFinal = errors.New("the recording has ended")

// Lease is a node's fenced right to record one room.
type Lease struct {
	Room string
	Node string
	// Epoch orders the leases of a room: it grows by one with each grant. The
	// first one is taken from Redis' clock in milliseconds, so that epochs go
	// on growing when Redis loses its memory; it counts nothing.
	Epoch int64
	// generation tells whether Redis lost its memory since the grant.
	generation string
	ttl        time.Duration
}

// Claim asks for the right to record a room for ttl, and reports whether it
// was granted: it is not while anybody, the caller included, holds a live
// lease of the room, nor when no recording of it is wanted, nor for one ttl
// after this Store has met a Redis that lost its memory.
func (s *Store) Claim(ctx context.Context, room, node string, ttl time.Duration) (Lease, bool, error) {
	reply, err := s.meet(ctx, claimScript, room, node, ttl.Milliseconds())
	if err != nil {
		return Lease{}, false, fmt.Errorf("claim room: %w", err)
	}
	generation, granted := reply[0], reply[1:]
	if len(granted) == 0 {
		return Lease{}, false, nil
	}
	epoch, err := strconv.ParseInt(granted[0], 10, 64)
	if err != nil {
		return Lease{}, false, fmt.Errorf("claim room: read epoch: %w", err)
	}
	return Lease{Room: room, Node: node, Epoch: epoch, generation: generation, ttl: ttl}, true, nil
}

// Renew holds the lease for another ttl. A lease that ran out is taken back
// under its epoch as long as nobody else was granted the room; afterwards the
// error is ErrFenced.
func (s *Store) Renew(ctx context.Context, l Lease, ttl time.Duration) error {
	return s.asHolder(ctx, "renew lease", renewScript, l, ttl.Milliseconds())
}

// Release gives the room back, for any node to claim at once. ErrFenced says
// that l does not hold it.
func (s *Store) Release(ctx context.Context, l Lease) error {
	return s.asHolder(ctx, "release lease", releaseScript, l)
}

// Put writes what the holder of a lease has to say of a recording: all of r
// but its StopWanted, which stays set once it is, and what its callers change
// while it runs. A record that Redis forgot is written anew; a lease that ran
// out is taken back as by Renew. ErrFenced says that l was superseded; a record
// that is final is refused as well.
func (s *Store) Put(ctx context.Context, l Lease, r recording.Recording) error {
	return s.put(ctx, l, r, nil)
}

// put is Put; news of tracks are noted in the same step.
func (s *Store) put(ctx context.Context, l Lease, r recording.Recording, news []flow) error {
	stop := 0
	if r.StopWanted {
		stop = 1
	}
	args := []any{
		r.ID, r.Room, r.Key(), encode(r), string(r.State), stop,
		l.Epoch, l.Node, l.generation, l.ttl.Milliseconds(), wish{Paused: r.PauseWanted, Selection: &r.Selection, Layout: &r.Layout, Hold: r.Hold}.encode(),
	}
	for _, f := range news {
		track, err := json.Marshal(f.track)
		if err != nil {
			return fmt.Errorf("write record: %w", err)
		}
		args = append(args, string(f.kind), track)
	}
	reply, err := s.text(ctx, putScript, args...)
	switch {
	case err != nil:
		return fmt.Errorf("write record: %w", err)
	case reply == "fenced":
		return fmt.Errorf("write record: %w", ErrFenced)
	case reply == "final":
		return fmt.Errorf("write record: %w", errFinal)
	}
	return nil
}

// wishes returns the recordings of a room that are not final.
func (s *Store) wishes(ctx context.Context, room string) ([]recording.Recording, error) {
	reply, err := s.run(ctx, wishesScript, room)
	if err != nil {
		return nil, fmt.Errorf("read wishes: %w", err)
	}
	var list []recording.Recording
	for _, doc := range stringsOf(reply) {
		r, err := decode(doc)
		if err != nil {
			return nil, fmt.Errorf("read wishes: %w", err)
		}
		list = append(list, r)
	}
	return list, nil
}

// freeRooms returns the rooms that can be claimed for ttl: they should be
// recorded and nobody holds them.
func (s *Store) freeRooms(ctx context.Context, ttl time.Duration) ([]string, error) {
	reply, err := s.meet(ctx, freeScript, ttl.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("look for free rooms: %w", err)
	}
	return reply[1:], nil
}

// meet calls a script that tells the generation of Redis' memory first, and
// remembers that for the next call.
func (s *Store) meet(ctx context.Context, script *redis.Script, args ...any) ([]string, error) {
	seen := ""
	if generation := s.generation.Load(); generation != nil {
		seen = *generation
	}
	reply, err := s.run(ctx, script, append(args, seen)...)
	if err != nil {
		return nil, err
	}
	list := stringsOf(reply)
	if len(list) == 0 {
		return nil, recording.Errorf(recording.CodeInternal, "the script's answer has no generation")
	}
	s.generation.Store(&list[0])
	return list, nil
}

func (s *Store) asHolder(ctx context.Context, verb string, script *redis.Script, l Lease, more ...any) error {
	reply, err := s.run(ctx, script, append([]any{l.Room, l.Epoch, l.Node}, more...)...)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	if reply != int64(1) {
		return fmt.Errorf("%s: %w", verb, ErrFenced)
	}
	return nil
}

func stringsOf(reply any) []string {
	items, _ := reply.([]any)
	list := make([]string, 0, len(items))
	for _, item := range items {
		if s, ok := item.(string); ok {
			list = append(list, s)
		}
	}
	return list
}
