package egress

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	"github.com/roomreel/roomreel/recording"
)

// job is an egress as it is kept in Redis until its end has been told: what was
// asked for, and what has come of it.
type job struct {
	ID string `json:"id"`
	// Request is a rpc.StartEgressRequest. It holds what it takes to write into
	// the caller's bucket, and is removed with the job.
	Request []byte `json:"request"`
	// Info is the livekit.EgressInfo as it stands, Told its state as LiveKit was
	// told last.
	Info []byte               `json:"info"`
	Told livekit.EgressStatus `json:"told"`

	CreatedAt time.Time `json:"created_at"`
	Recording string    `json:"recording,omitempty"`
	// Tracks are the tracks that are taken, where the request names some.
	Tracks []Track `json:"tracks,omitempty"`
	// Films are the compositions under way, by the index of the file.
	Films map[int]string `json:"films,omitempty"`
	// Stop is set once somebody asked for the end.
	Stop bool `json:"stop,omitempty"`
}

func (j *job) request() (*rpc.StartEgressRequest, error) {
	var req rpc.StartEgressRequest
	if err := proto.Unmarshal(j.Request, &req); err != nil {
		return nil, fmt.Errorf("read job %s: %w", j.ID, err)
	}
	return &req, nil
}

func (j *job) info() (*livekit.EgressInfo, error) {
	var info livekit.EgressInfo
	if err := proto.Unmarshal(j.Info, &info); err != nil {
		return nil, fmt.Errorf("read job %s: %w", j.ID, err)
	}
	return &info, nil
}

// jobs keeps jobs in Redis, each under a lease.
type jobs struct {
	rdb    redis.UniversalClient
	holder string // this worker, in leases
	ttl    time.Duration
}

// The braces are a hash tag: the script touches a job's keys at once.
const jobPrefix = "roomreel:{egress}:"

const jobTimeout = 2 * time.Second

//go:embed lua/held.lua
var heldSource string

var heldScript = redis.NewScript(heldSource)

// errLost says that another worker holds the job now.
var errLost = errors.New("another worker has taken the egress over")

func keysOf(id string) []string {
	return []string{jobPrefix + "lease:" + id, jobPrefix + "job:" + id, jobPrefix + "jobs"}
}

// create writes a new job, held by this worker.
func (s *jobs) create(ctx context.Context, j *job) error {
	doc, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("write job: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	keys := keysOf(j.ID)
	tx := s.rdb.TxPipeline()
	tx.Set(ctx, keys[0], s.holder, s.ttl)
	tx.Set(ctx, keys[1], doc, 0)
	tx.SAdd(ctx, keys[2], j.ID)
	if _, err := tx.Exec(ctx); err != nil {
		return recording.Errorf(recording.CodeStoreUnavailable, "write job: redis cannot be asked: %w", err)
	}
	return nil
}

// free lists the jobs that nobody holds.
func (s *jobs) free(ctx context.Context) ([]*job, error) {
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	ids, err := s.rdb.SMembers(ctx, jobPrefix+"jobs").Result()
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	leases, docs := make([]*redis.IntCmd, len(ids)), make([]*redis.StringCmd, len(ids))
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			keys := keysOf(id)
			leases[i], docs[i] = p.Exists(ctx, keys[0]), p.Get(ctx, keys[1])
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	var free []*job
	for i := range ids {
		if leases[i].Val() > 0 {
			continue
		}
		var j job
		if err := json.Unmarshal([]byte(docs[i].Val()), &j); err == nil {
			free = append(free, &j)
		}
	}
	return free, nil
}

// claim takes a job that nobody holds, and returns it as it is now; nil when
// another worker was quicker.
func (s *jobs) claim(ctx context.Context, id string) (*job, error) {
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	keys := keysOf(id)
	won, err := s.rdb.SetNX(ctx, keys[0], s.holder, s.ttl).Result()
	if err != nil || !won {
		return nil, err
	}
	doc, err := s.rdb.Get(ctx, keys[1]).Bytes()
	if errors.Is(err, redis.Nil) { // it has just ended
		return nil, s.rdb.Del(ctx, keys[0]).Err()
	}
	if err != nil {
		return nil, fmt.Errorf("claim job: %w", err)
	}
	var j job
	if err := json.Unmarshal(doc, &j); err != nil {
		return nil, fmt.Errorf("claim job: %w", err)
	}
	return &j, nil
}

func (s *jobs) renew(ctx context.Context, id string) error { return s.as(ctx, id, "renew", "") }

func (s *jobs) release(ctx context.Context, id string) error { return s.as(ctx, id, "release", "") }

// finish forgets a job.
func (s *jobs) finish(ctx context.Context, id string) error { return s.as(ctx, id, "finish", "") }

// save writes a job's document.
func (s *jobs) save(ctx context.Context, id string, doc []byte) error {
	return s.as(ctx, id, "save", string(doc))
}

// as does something as the holder of a job; errLost says that it is not.
func (s *jobs) as(ctx context.Context, id, verb, doc string) error {
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	holds, err := heldScript.Run(ctx, s.rdb, keysOf(id), s.holder, id, verb, s.ttl.Milliseconds(), doc).Int()
	switch {
	case err != nil:
		return fmt.Errorf("%s job: %w", verb, err)
	case holds == 0:
		return fmt.Errorf("%s job: %w", verb, errLost)
	}
	return nil
}
