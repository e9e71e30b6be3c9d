package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// callTimeout bounds one exchange with Redis.
const callTimeout = 2 * time.Second

// errLost says that a job is no longer the caller's to finish.
var errLost = errors.New("the job was given to another worker")

// QueueOptions say how jobs are queued and worked. Zero values stand for the
// defaults. Nodes that share a Redis should agree.
type QueueOptions struct {
	// Backoff is the pause after each attempt that failed: n pauses make n+1
	// attempts.
	Backoff []time.Duration
	// Workers is how many jobs this node works at once.
	Workers int
	// PerGroup is how many jobs of one receiver all nodes together work at once.
	PerGroup int
	// LeaseTTL is how long a job stays with a node that is silent, renewed at a
	// third of it; 10 s when zero.
	LeaseTTL time.Duration
	// MaxPending is how many jobs may wait for one receiver; what comes on top
	// is filed as failed. 100,000 when zero.
	MaxPending int
	// KeepFor and KeepMost bound what is kept of jobs that are over: 30 days
	// and 100,000 jobs when zero. A receiver's state is kept as long after its
	// last job.
	KeepFor  time.Duration
	KeepMost int
	// Attempted is called after each attempt with what it made of the job: Done,
	// Failed, or Pending when it is tried again. Nil counts nothing.
	Attempted func(State)
	// Log is slog.Default() when nil.
	Log *slog.Logger
}

func (o *QueueOptions) setDefaults(backoff []time.Duration, workers, perGroup int) {
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	setDefault(&o.Workers, workers)
	setDefault(&o.PerGroup, perGroup)
	setDefault(&o.LeaseTTL, 10*time.Second)
	setDefault(&o.MaxPending, 100_000)
	setDefault(&o.KeepFor, 30*24*time.Hour)
	setDefault(&o.KeepMost, 100_000)
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

func setDefault[T int | time.Duration](v *T, standard T) {
	if *v == 0 {
		*v = standard
	}
}

// State tells how far a job is.
type State string

// The states of a job. Done and Failed are final until somebody redoes it.
const (
	Pending State = "pending" // it waits for its turn, or for its next attempt
	Running State = "running" // it is being attempted
	Done    State = "done"    // the receiver has confirmed it
	Failed  State = "failed"  // it was given up; Error says why
)

// Attempt is one try at a job.
type Attempt struct {
	At      time.Time         `json:"at"`
	Latency recording.Seconds `json:"latency_s"`
	// Status is that of HTTP, zero when there was no answer.
	Status int `json:"status,omitempty"`
	// Answer is the beginning of the answer's body, 2 KiB at most.
	Answer string           `json:"answer,omitempty"`
	Error  *recording.Error `json:"error,omitempty"`
}

// queue keeps the jobs of one kind in Redis.
type queue struct {
	rdb    redis.UniversalClient
	prefix string
	// site names those who can work on the jobs that are added here.
	site string
	// disableAfter is how long a group may fail before it is disabled; 0 is for ever.
	disableAfter time.Duration
	opts         QueueOptions
}

// job is what is added: doc is opaque, and the jobs of a lane keep their order.
// A group belongs to one site.
type job struct {
	id, group, lane, recording string
	doc                        []byte
}

// add appends a job to its lane, once: later calls with its id do nothing.
func (q *queue) add(ctx context.Context, j job) error {
	reply, err := q.run(ctx, addScript, j.id, q.site, j.group, j.lane, j.recording, j.doc,
		q.opts.MaxPending, q.opts.KeepFor.Milliseconds(), q.opts.KeepMost)
	if err == nil && reply == "full" {
		q.opts.Log.Error("a receiver has too much pending, a job was filed as failed", "job", j.id)
	}
	return err
}

// redo makes a job due at once. A doc replaces what is to be done, and group
// who is to receive it.
func (q *queue) redo(ctx context.Context, id string, doc []byte, group, which string) (bool, error) {
	reply, err := q.run(ctx, redoScript, id, doc, group, which, q.opts.KeepFor.Milliseconds())
	if err == nil && reply == "absent" {
		err = notFound(id)
	}
	return reply == "ok", err
}

// claim takes up to n jobs that are due, and tells after which time to ask
// again; negative means when something is added.
func (q *queue) claim(ctx context.Context, n int) ([]*task, time.Duration, error) {
	reply, err := q.run(ctx, claimScript, q.site, n, q.opts.LeaseTTL.Milliseconds(), q.opts.PerGroup)
	if err != nil {
		return nil, 0, fmt.Errorf("claim jobs: %w", err)
	}
	list, _ := reply.([]any)
	if len(list) == 0 {
		return nil, 0, recording.Errorf(recording.CodeInternal, "claim jobs: the reply cannot be read")
	}
	next, _ := list[0].(int64)
	var tasks []*task
	for _, item := range list[1:] {
		fields := stringsOf(item)
		if len(fields) != 6 {
			return nil, 0, recording.Errorf(recording.CodeInternal, "claim jobs: the reply cannot be read")
		}
		tries, _ := strconv.Atoi(fields[3])
		tasks = append(tasks, &task{
			id: fields[0], token: fields[1], doc: []byte(fields[2]), tries: tries, disabled: fields[4] == "1",
			recording: fields[5],
		})
	}
	return tasks, time.Duration(next) * time.Millisecond, nil
}

// renew holds the leases of tasks and returns the tokens of those that are lost.
func (q *queue) renew(ctx context.Context, tasks []*task) ([]string, error) {
	args := []any{q.opts.LeaseTTL.Milliseconds()}
	for _, t := range tasks {
		args = append(args, t.id, t.token, t.sent.Load())
	}
	reply, err := q.run(ctx, renewScript, args...)
	if err != nil {
		return nil, fmt.Errorf("renew leases: %w", err)
	}
	return stringsOf(reply), nil
}

// finish writes what came of a task and gives its lease back; errLost says that
// it does not count. It reports whether the group was disabled by it.
func (q *queue) finish(ctx context.Context, t *task, o outcome) (disabled bool, err error) {
	var attempt []byte
	if o.attempt != nil {
		if attempt, err = json.Marshal(o.attempt); err != nil {
			return false, fmt.Errorf("finish job: %w", err)
		}
	}
	var code, message string
	if o.err != nil {
		code, message = string(o.err.Code), o.err.Message
	}
	reply, err := q.run(ctx, finishScript, t.id, t.token, string(o.state), o.pause.Milliseconds(), attempt, code, message,
		string(o.health), q.disableAfter.Milliseconds(), q.opts.KeepFor.Milliseconds(), q.opts.KeepMost, t.sent.Load())
	switch {
	case err != nil:
		return false, fmt.Errorf("finish job: %w", err)
	case reply == "lost":
		return false, fmt.Errorf("finish job: %w", errLost)
	}
	return reply == "disabled", nil
}

// run calls a script with a bounded patience.
func (q *queue) run(ctx context.Context, script *redis.Script, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := script.Run(ctx, q.rdb, []string{q.prefix}, args...).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	return reply, nil
}

func unavailable(err error) error {
	return recording.Errorf(recording.CodeStoreUnavailable, "redis cannot be asked: %w", err)
}

func notFound(id string) error {
	return recording.Errorf(recording.CodeNotFound, "there is no job %.100q", id)
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
