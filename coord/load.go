package coord

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/roomreel/roomreel/recording"
)

// NodeInfo is what a living node tells of itself.
type NodeInfo struct {
	Name     string    `json:"name"`
	Version  string    `json:"version,omitempty"`   // of the program
	Rooms    int       `json:"rooms"`               // rooms it records
	MaxRooms int       `json:"max_rooms,omitempty"` // rooms it records at most; 0 is no limit
	Draining bool      `json:"draining,omitempty"`  // it is shutting down
	Since    time.Time `json:"since"`               // when it came up
	Folder   string    `json:"folder,omitempty"`    // names its data folder; who shares it has the same
	URL      string    `json:"url,omitempty"`       // where other nodes reach its API, if they can
	Health
}

// Health is how the machine of a node does.
type Health struct {
	// CPU is the share of the machine's processors that the node uses, 0 to 1.
	CPU float64 `json:"cpu"`
	// DiskFree is the space left for recordings, in bytes.
	DiskFree int64 `json:"disk_free_bytes"`
	// Full says that the space is so little that recordings would end at once.
	Full bool `json:"full,omitempty"`
}

// CanAccept reports whether the node would take another room.
func (i NodeInfo) CanAccept() bool {
	return !i.Draining && !i.Full && (i.MaxRooms == 0 || i.Rooms < i.MaxRooms)
}

// Load is how much of the node is in use, 0 to 1: of its processors or of its
// rooms, whichever is more.
func (i NodeInfo) Load() float64 {
	load := i.CPU
	if i.MaxRooms > 0 {
		load = max(load, float64(i.Rooms)/float64(i.MaxRooms))
	}
	return min(max(load, 0), 1)
}

// claimDelay is how long a node hesitates before it claims a room. An idle
// node does not, so it wins against a busy one; each doubling of the rooms adds
// the same step, busy processors count as well, and chance shares a burst among nodes that are equally busy. 60
// ms at most keep the way from command to effect below 100 ms.
func (i NodeInfo) claimDelay() time.Duration {
	const most = 48 * time.Millisecond
	full := i.MaxRooms
	if full == 0 {
		full = 255
	}
	load := max(math.Log1p(float64(i.Rooms))/math.Log1p(float64(full)), i.CPU*i.CPU)
	chance := 0.75 + rand.Float64()/2
	return time.Duration(min(load, 1) * chance * float64(most))
}

// Nodes returns the nodes that are alive, by name. One that is gone without a
// word leaves the list after its lease TTL.
func (s *Store) Nodes(ctx context.Context) ([]NodeInfo, error) {
	reply, err := s.run(ctx, nodesScript)
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	var alive []NodeInfo
	for _, doc := range stringsOf(reply) {
		var info NodeInfo
		if err := json.Unmarshal([]byte(doc), &info); err != nil {
			return nil, fmt.Errorf("list nodes: %w", err)
		}
		alive = append(alive, info)
	}
	slices.SortFunc(alive, func(a, b NodeInfo) int { return cmp.Compare(a.Name, b.Name) })
	return alive, nil
}

// Announced returns nil if the nodes know of the one of that name. The error is a
// CodeNotReady until its first heartbeat, and whenever its last one is too old.
func (s *Store) Announced(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	switch n, err := s.rdb.Exists(ctx, prefix+"node:"+name).Result(); {
	case err != nil:
		return fmt.Errorf("look for node: %w", unavailable(err))
	case n == 0:
		return recording.Errorf(recording.CodeNotReady, "the other nodes do not know of this one yet")
	}
	return nil
}

// heartbeat tells the others of a node for ttl; a ttl of zero says goodbye.
func (s *Store) heartbeat(ctx context.Context, info NodeInfo, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	doc, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("write heartbeat: %w", err)
	}
	tx := s.rdb.TxPipeline()
	if ttl > 0 {
		tx.Set(ctx, prefix+"node:"+info.Name, doc, ttl)
		tx.SAdd(ctx, prefix+"nodes", info.Name)
		if info.Folder != "" { // to be known of a node that is gone, too
			tx.HSet(ctx, prefix+"folders", info.Name, info.Folder)
		}
	} else {
		tx.Del(ctx, prefix+"node:"+info.Name)
		tx.SRem(ctx, prefix+"nodes", info.Name)
	}
	if _, err := tx.Exec(ctx); err != nil {
		return fmt.Errorf("write heartbeat: %w", unavailable(err))
	}
	return nil
}
