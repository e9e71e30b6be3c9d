package coord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// prefix starts every key and channel. The braces are a hash tag (Redis
// Cluster specification, "Hash tags"): scripts touch several keys at once.
const prefix = "roomreel:{coord}:"

// callTimeout bounds one exchange with Redis.
const callTimeout = 2 * time.Second

// Store reads and writes wishes and records. It holds none of them itself: any
// number of Stores may work on one Redis. Its methods are safe for concurrent
// use; they fail with CodeStoreUnavailable when Redis cannot be asked.
type Store struct {
	rdb redis.UniversalClient
	now func() time.Time
	// generation is that of Redis' memory when it was met last; nil before.
	generation atomic.Pointer[string]
}

// NewStore returns a Store on rdb, which stays the caller's to close.
func NewStore(rdb redis.UniversalClient) *Store {
	return &Store{rdb: rdb, now: func() time.Time { return time.Now().UTC() }}
}

// Start writes the wish for a recording and returns it in state Queued; a node
// takes it from there. While a recording of the same room with the same selection is wanted
// or running, the error is CodeAlreadyRecording and Existing names it: of
// concurrent calls exactly one wins.
func (s *Store) Start(ctx context.Context, want recording.Request) (recording.Recording, error) {
	if err := want.Validate(); err != nil {
		return recording.Recording{}, err
	}
	want.Selection = want.Selection.Normal()
	r := recording.Recording{
		ID: recording.NewID(recording.PrefixRecording), Request: want,
		State: recording.Queued, CreatedAt: s.now(),
	}
	existing, err := s.text(ctx, startScript, r.ID, r.Room, r.Key(), encode(r))
	if err != nil {
		return recording.Recording{}, fmt.Errorf("start recording: %w", err)
	}
	if existing != "" {
		conflict := recording.Errorf(recording.CodeAlreadyRecording,
			"the room is being recorded with this selection already, by %s", existing)
		conflict.Existing = existing
		return recording.Recording{}, conflict
	}
	return r, nil
}

// Stop asks for the end of a recording and waits until its files are complete:
// the record it returns is final. Calls on a recording that is being stopped
// join the wait. A recording that no node has taken is stopped at once. When
// ctx ends first, the wish stands and ctx's error comes with the record as it
// is then. Other errors: CodeNotFound, and CodeAlreadyStopped with Existing
// when the record was final before the call.
func (s *Store) Stop(ctx context.Context, id string) (recording.Recording, error) {
	return s.StopFor(ctx, id, recording.EndedByStop)
}

// StopFor is Stop for another reason than that somebody wants it.
func (s *Store) StopFor(ctx context.Context, id string, why recording.EndReason) (recording.Recording, error) {
	r, err := s.End(ctx, id, why)
	if err != nil {
		return r, err
	}
	return s.Wait(ctx, id, func(r recording.Recording) bool { return r.State.Final() })
}

// End asks for the end of a recording and does not wait for it; see Stop.
func (s *Store) End(ctx context.Context, id string, why recording.EndReason) (recording.Recording, error) {
	r, err := s.read(ctx, id)
	if err != nil {
		return recording.Recording{}, fmt.Errorf("stop recording: %w", err)
	}
	if r.State.Final() {
		already := recording.Errorf(recording.CodeAlreadyStopped, "recording %s has ended already", id)
		already.Existing = id
		return r, already
	}
	stopped := r
	stopped.State, stopped.Ended = recording.Stopped, why
	stopped.StopWanted, stopped.StoppedAt = true, s.now()
	if why != recording.EndedByStop {
		if _, err := s.edit(ctx, id, func(w *wish) { w.Ended = why }); err != nil && recording.CodeOf(err) != recording.CodeAlreadyStopped {
			return r, fmt.Errorf("stop recording: %w", err)
		}
	}
	reply, err := s.text(ctx, stopScript, id, encode(stopped))
	switch {
	case err != nil:
		return r, fmt.Errorf("stop recording: %w", err)
	case reply == "absent":
		return recording.Recording{}, notFound(id)
	}
	return r, nil
}

// Get returns a recording, or CodeNotFound. While nobody works on it, because
// no node can take it or its node is gone, its Error says so with CodeCapacity.
func (s *Store) Get(ctx context.Context, id string) (recording.Recording, error) {
	r, err := s.read(ctx, id)
	if err != nil {
		return recording.Recording{}, err
	}
	one := []recording.Recording{r}
	err = s.explain(ctx, one)
	return one[0], err
}

// Remove forgets a final recording; its files are not touched. Nodes that have
// some learn by Removed that they are to go, and Restore does not bring it back.
// A recording that is not final yields CodeNotReady, one under a legal hold
// CodeLegalHold, an unknown one CodeNotFound.
func (s *Store) Remove(ctx context.Context, id string) error {
	const remembered = 90 * 24 * time.Hour
	reply, err := s.text(ctx, removeScript, id, remembered.Milliseconds())
	switch {
	case err != nil:
		return fmt.Errorf("remove recording: %w", err)
	case reply == "absent":
		return notFound(id)
	case reply == "live":
		return recording.Errorf(recording.CodeNotReady, "recording %s has not ended yet: stop it first", id)
	case reply == "held":
		return recording.Errorf(recording.CodeLegalHold, "recording %s is under a legal hold: lift that first", id)
	}
	return nil
}

// Removed reports whether the recording was removed, in the last 90 days.
func (s *Store) Removed(ctx context.Context, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n, err := s.rdb.Exists(ctx, prefix+"removed:"+id).Result()
	if err != nil {
		return false, unavailable(err)
	}
	return n > 0, nil
}

// Restore writes a final record that was read back from disk, where the truth
// is, unless Redis has a record of that name. It reports whether it wrote.
func (s *Store) Restore(ctx context.Context, r recording.Recording) (bool, error) {
	return s.restore(ctx, r, false)
}

// RestoreRepaired is Restore for a recording that has become final just now, by
// a repair: its end is news.
func (s *Store) RestoreRepaired(ctx context.Context, r recording.Recording) (bool, error) {
	return s.restore(ctx, r, true)
}

func (s *Store) restore(ctx context.Context, r recording.Recording, news bool) (bool, error) {
	if !r.State.Final() {
		return false, recording.Errorf(recording.CodeInvalidRequest, "recording %s is %s, only ended ones can be restored", r.ID, r.State)
	}
	untold := 0
	if news {
		untold = 1
	}
	kept := ""
	if r.Hold != nil {
		kept = wish{Hold: r.Hold}.encode()
	}
	reply, err := s.run(ctx, restoreScript, r.ID, r.Room, r.Key(), encode(r), string(r.State), r.Epoch, untold, kept)
	if err != nil {
		return false, fmt.Errorf("restore recording: %w", err)
	}
	return reply == int64(1), nil
}

// First reports whether it is the first call for what within ttl, of all nodes:
// it has several that learn of one thing act on it once.
func (s *Store) First(ctx context.Context, what string, ttl time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	first, err := s.rdb.SetNX(ctx, prefix+"first:"+what, "1", ttl).Result()
	if err != nil {
		return false, unavailable(err)
	}
	return first, nil
}

// read returns a record as it is stored.
func (s *Store) read(ctx context.Context, id string) (recording.Recording, error) {
	found, err := s.readAll(ctx, []string{id})
	if err != nil {
		return recording.Recording{}, err
	}
	if len(found) == 0 {
		return recording.Recording{}, notFound(id)
	}
	return found[0], nil
}

// readAll returns those of the records that exist, in the order asked for.
func (s *Store) readAll(ctx context.Context, ids []string) ([]recording.Recording, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	replies := make([]*redis.SliceCmd, len(ids))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			replies[i] = p.HMGet(ctx, prefix+"rec:"+id, "stop", "wish", "doc")
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(err)
	}
	found := make([]recording.Recording, 0, len(ids))
	for _, reply := range replies {
		stop, _ := reply.Val()[0].(string)
		wish, _ := reply.Val()[1].(string)
		doc, ok := reply.Val()[2].(string)
		if !ok {
			continue
		}
		r, err := decode(stop + wish + "\n" + doc)
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

// run calls a script with a bounded patience; nil stands for a nil reply.
func (s *Store) run(ctx context.Context, script *redis.Script, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := script.Run(ctx, s.rdb, []string{prefix}, args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable(err)
	}
	return reply, nil
}

func (s *Store) text(ctx context.Context, script *redis.Script, args ...any) (string, error) {
	reply, err := s.run(ctx, script, args...)
	text, _ := reply.(string)
	return text, err
}

func unavailable(err error) error {
	return recording.Errorf(recording.CodeStoreUnavailable, "redis cannot be asked: %w", err)
}

func notFound(id string) error {
	return recording.Errorf(recording.CodeNotFound, "there is no recording %.60q", id)
}

func encode(r recording.Recording) string {
	b, _ := json.Marshal(r) // strings, numbers and times between the years 0 and 9999: cannot fail
	return string(b)
}

// decode reads a record as it travels: a stop flag, '0' or '1', the wish if
// there is one, a newline, and the document.
func decode(s string) (recording.Recording, error) {
	var r recording.Recording
	head, doc, ok := strings.Cut(s, "\n")
	if !ok || head == "" {
		return r, recording.Errorf(recording.CodeInternal, "read record: it has no head")
	}
	if err := json.Unmarshal([]byte(doc), &r); err != nil {
		return r, recording.Errorf(recording.CodeInternal, "read record: %w", err)
	}
	r.StopWanted = head[0] == '1'
	w, err := decodeWish(head[1:])
	if err != nil {
		return r, err
	}
	w.apply(&r)
	return r, nil
}
