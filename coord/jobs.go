package coord

import (
	"context"
	"fmt"
	"time"
)

// Jobs is a list of finite jobs that nodes share. Each is claimed by one node at
// a time, for as long as it goes on saying so. What a job is about is its
// offerer's text; Jobs only keeps it.
type Jobs struct {
	store *Store
	list  string
	node  string
}

// NewJobs returns the named list as the named node sees it: nodes share a list, and
// must have different names.
func NewJobs(s *Store, list, node string) *Jobs {
	return &Jobs{store: s, list: "jobs:" + list, node: node}
}

// Offer puts a job on the list, or says anew what it is about.
func (j *Jobs) Offer(ctx context.Context, id, about string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := j.store.rdb.HSet(ctx, prefix+j.list, id, about).Err(); err != nil {
		return fmt.Errorf("offer job: %w", unavailable(err))
	}
	return nil
}

// Open returns what each job on the list is about, by id.
func (j *Jobs) Open(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := j.store.rdb.HGetAll(ctx, prefix+j.list).Result()
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", unavailable(err))
	}
	return all, nil
}

// Claim grants a job to this node for ttl, or holds it for as long again; it
// reports false while another node has it.
func (j *Jobs) Claim(ctx context.Context, id string, ttl time.Duration) (bool, error) {
	reply, err := j.store.run(ctx, jobClaimScript, id, j.node, ttl.Milliseconds())
	if err != nil {
		return false, fmt.Errorf("claim job: %w", err)
	}
	return reply == int64(1), nil
}

// Release lets go of a job that this node has.
func (j *Jobs) Release(ctx context.Context, id string) error { return j.release(ctx, id, 0) }

// Done takes a job off the list.
func (j *Jobs) Done(ctx context.Context, id string) error { return j.release(ctx, id, 1) }

func (j *Jobs) release(ctx context.Context, id string, done int) error {
	if _, err := j.store.run(ctx, jobReleaseScript, j.list, id, j.node, done); err != nil {
		return fmt.Errorf("release job: %w", err)
	}
	return nil
}
