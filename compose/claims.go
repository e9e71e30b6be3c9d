package compose

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Job is a composition that is to be made, as nodes tell each other of it.
type Job struct {
	Recording string    `json:"recording"`
	ID        string    `json:"id"`
	Priority  string    `json:"priority"`
	Live      bool      `json:"live,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// Claims is where the composers that share one data folder share their work: no
// job is made by two of them at a time, and what a dead one had is taken over.
type Claims interface {
	// Offer makes a job known to all nodes, until Done.
	Offer(ctx context.Context, j Job) error
	// Open lists the jobs that were offered and are not done, in any order.
	Open(ctx context.Context) ([]Job, error)
	// Claim grants a job to this node for ttl, or holds it for as long again;
	// false while another node has it.
	Claim(ctx context.Context, id string, ttl time.Duration) (bool, error)
	// Release lets go of a job, so that any node may claim it.
	Release(ctx context.Context, id string) error
	// Done takes a job off the list.
	Done(ctx context.Context, id string) error
}

// alone is Claims for a process that shares with nobody.
type alone struct {
	mu   sync.Mutex
	open map[string]Job
}

func (a *alone) Offer(_ context.Context, j Job) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[string]Job{}
	}
	a.open[j.ID] = j
	return nil
}

func (a *alone) Open(context.Context) ([]Job, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Job, 0, len(a.open))
	for _, j := range a.open {
		list = append(list, j)
	}
	return list, nil
}

func (a *alone) Claim(context.Context, string, time.Duration) (bool, error) { return true, nil }

func (a *alone) Release(context.Context, string) error { return nil }

func (a *alone) Done(_ context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, id)
	return nil
}

// The priorities of a job.
const (
	PriorityLow    = "low"
	PriorityNormal = "normal"
	PriorityHigh   = "high"
)

var priorities = []string{PriorityLow, PriorityNormal, PriorityHigh}

// inOrder sorts jobs as they should be taken: by priority, then by age.
func inOrder(jobs []Job) {
	slices.SortFunc(jobs, func(a, b Job) int {
		if d := slices.Index(priorities, b.Priority) - slices.Index(priorities, a.Priority); d != 0 {
			return d
		}
		return a.CreatedAt.Compare(b.CreatedAt)
	})
}
