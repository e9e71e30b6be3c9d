package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/roomreel/roomreel/recording"
)

// Run holds sessions and supervisions against who is in the rooms and what is
// recorded, until ctx ends. When no other node is there then, it ends what is
// left: SERVICE_SHUTDOWN.
func (s *Service) Run(ctx context.Context) error {
	var group errgroup.Group
	// Who follows must hear of the last ends too.
	telling, told := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { s.rouse(telling); return nil })
	group.Go(func() error {
		for r := range s.o.Recordings.Watch(ctx) {
			if r.Session == "" {
				continue
			}
			if _, err := s.note(ctx, r); err != nil {
				s.o.Log.Warn("a stream's state was not noted: the watcher will", "recording", r.ID, "error", err)
			}
		}
		return nil
	})
	group.Go(func() error { defer told(); s.watch(ctx); return nil })
	return group.Wait()
}

// alive is how long a node counts as there after it was last heard of.
const alive = 5 * time.Second

func (s *Service) watch(ctx context.Context) {
	w := watcher{Service: s, gone: map[string]time.Time{}, silent: map[string]time.Time{}}
	tick := time.NewTicker(s.o.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("sessions were not looked after: trying again", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	s.shutDown(context.WithoutCancel(ctx))
}

// shutDown leaves the work to the other nodes, or ends it where there are none.
func (s *Service) shutDown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, alive)
	defer cancel()
	s.rdb.ZRem(ctx, prefix+"nodes", s.o.Node)
	if holder, _ := s.rdb.Get(ctx, prefix+"watcher").Result(); holder == s.o.Node {
		s.rdb.Del(ctx, prefix+"watcher")
	}
	others, err := s.rdb.ZCount(ctx, prefix+"nodes", fmt.Sprint(s.now().Add(-alive).UnixMilli()), "+inf").Result()
	if err != nil || others > 0 {
		return
	}
	live, err := s.members(ctx, "live")
	if err != nil {
		s.o.Log.Warn("sessions were not ended", "error", err)
	}
	for _, id := range live {
		if _, err := s.End(ctx, id, recording.ServiceShutdown); err != nil {
			s.o.Log.Warn("session was not ended", "id", id, "error", err)
		}
	}
}

// watcher is one node's view of what it looks after.
type watcher struct {
	*Service
	gone   map[string]time.Time // since when somebody is not in their room, by session or supervision
	silent map[string]time.Time // since when nothing comes from an agent, by session
}

// look looks once at everything. One node does; each says that it is there.
func (w *watcher) look(ctx context.Context) error {
	now := w.now()
	if err := w.rdb.ZAdd(ctx, prefix+"nodes", redis.Z{Score: float64(now.UnixMilli()), Member: w.o.Node}).Err(); err != nil {
		return unavailable(err)
	}
	mine, err := w.leads(ctx)
	if err != nil {
		return err
	}
	if !mine { // what this node saw is out of date when its turn comes again
		clear(w.gone)
		clear(w.silent)
		return nil
	}
	closing, err := w.members(ctx, "closing")
	if err != nil {
		return err
	}
	for _, id := range closing {
		// End is at it itself for as long as it may last.
		if one, err := w.endedAt(ctx, id); err != nil || now.Sub(one) < finishWithin {
			continue
		}
		if err := w.finish(ctx, id); err != nil {
			w.o.Log.Warn("an end is not finished: trying again", "id", id, "error", err)
		}
	}
	live, err := w.members(ctx, "live")
	if err != nil {
		return err
	}
	over := func(id string, _ time.Time) bool {
		_, lives := slices.BinarySearch(live, id)
		return !lives
	}
	maps.DeleteFunc(w.gone, over)
	maps.DeleteFunc(w.silent, over)
	rooms, err := w.rooms(ctx, live)
	if err != nil {
		return err
	}
	for _, r := range rooms {
		if err := w.lookAt(ctx, now, r); err != nil {
			w.o.Log.Warn("room was not looked after: trying again", "room", r.name, "error", err)
		}
	}
	return nil
}

// leads reports whether this node is the one that looks.
func (w *watcher) leads(ctx context.Context) (bool, error) {
	key := prefix + "watcher"
	_, err := w.rdb.SetArgs(ctx, key, w.o.Node, redis.SetArgs{Mode: "NX", TTL: alive}).Result()
	if err == nil {
		return true, nil
	}
	if !isNil(err) {
		return false, unavailable(err)
	}
	holder, err := w.rdb.Get(ctx, key).Result()
	if err != nil && !isNil(err) {
		return false, unavailable(err)
	}
	if holder != w.o.Node {
		return false, nil
	}
	return true, w.rdb.PExpire(ctx, key, alive).Err()
}

func (w *watcher) endedAt(ctx context.Context, id string) (time.Time, error) {
	at, err := w.rdb.HGet(ctx, prefix+"doc:"+id, "ended").Result()
	if isNil(err) {
		return time.Time{}, nil // forgotten: finish forgets it too
	}
	return readTime(at), err
}

// watched is a room with those who have a right to be looked after in it.
type watched struct {
	name         string
	session      *recording.Session
	supervisions []recording.Supervision
}

func (w *watcher) rooms(ctx context.Context, live []string) (map[string]*watched, error) {
	var sessions, supervisions []string
	for _, id := range live {
		if kindOf(id) == "supervision" {
			supervisions = append(supervisions, id)
		} else {
			sessions = append(sessions, id)
		}
	}
	rooms := map[string]*watched{}
	room := func(name string) *watched {
		if rooms[name] == nil {
			rooms[name] = &watched{name: name}
		}
		return rooms[name]
	}
	agents, err := w.sessions(ctx, sessions...)
	if err != nil {
		return nil, err
	}
	for _, one := range agents {
		room(one.Room).session = &one
	}
	watching, err := w.supervisions(ctx, supervisions...)
	for _, one := range watching {
		r := room(one.Room)
		r.supervisions = append(r.supervisions, one)
	}
	return rooms, err
}

// lookAt holds a room's session and supervisions against who is in it.
func (w *watcher) lookAt(ctx context.Context, now time.Time, r *watched) error {
	people, err := w.o.Rooms.Participants(ctx, r.name)
	if err != nil {
		return err
	}
	standing := map[string]bool{}
	for _, one := range r.supervisions {
		standing[one.Identity()] = true
	}
	for _, p := range people {
		if strings.HasPrefix(p.Identity, "roomreel-supervisor-") && !standing[p.Identity] {
			if err := w.evictUnlessStanding(ctx, r.name, p.Identity); err != nil {
				return err
			}
		}
	}
	for _, one := range r.supervisions {
		if err := w.supervision(ctx, now, r, one, people); err != nil {
			return err
		}
	}
	if r.session == nil {
		return nil
	}
	return w.session(ctx, now, *r.session, people)
}

// evictUnlessStanding puts a supervisor out who has no right, unless they were
// given one since the rights were read.
func (w *watcher) evictUnlessStanding(ctx context.Context, room, identity string) error {
	_, err := w.Standing(ctx, strings.TrimPrefix(identity, "roomreel-supervisor-"))
	switch recording.CodeOf(err) {
	case recording.CodeNotFound, recording.CodeSessionEnded:
		w.o.Log.Warn("a supervisor without a right is put out", "room", room, "identity", identity)
		return w.o.Rooms.Evict(ctx, room, identity)
	}
	return err
}

func (w *watcher) session(ctx context.Context, now time.Time, one recording.Session, people []Participant) error {
	present := contains(people, one.ClientID)
	if err := w.presence(ctx, now, one.ID, one.State, one.CreatedAt, present, w.o.Grace); err != nil || !present {
		delete(w.silent, one.ID) // who comes back has time to publish again
		return err
	}
	flows := publishing(people, one.ClientID) || len(one.Streams) == 0
	for _, stream := range w.running(one, nil) {
		r, err := w.o.Recordings.Get(ctx, stream.RecordingID)
		if err != nil {
			return err
		}
		// The feed has told most of it already; this is the net below it.
		if stream, err = w.note(ctx, r); err != nil {
			return err
		}
		if stream.State == recording.StreamStarting && now.Sub(r.CreatedAt) > 2*w.o.MediaWithin {
			if _, err := w.fail(ctx, one.ID, stream); err != nil {
				return err
			}
		}
		flows = flows && (!stalled(r) || r.State != recording.Active)
	}
	if flows {
		delete(w.silent, one.ID)
		return nil
	}
	if w.silent[one.ID].IsZero() {
		w.silent[one.ID] = now
	}
	if now.Sub(w.silent[one.ID]) < w.o.SilentFor {
		return nil
	}
	delete(w.silent, one.ID)
	_, err := w.End(ctx, one.ID, recording.NoPacketReceived)
	return err
}

// stalled reports whether nothing comes of what a recording takes, although it
// is not muted.
func stalled(r recording.Recording) bool {
	unmuted := false
	for _, t := range r.Live {
		if t.Flowing {
			return false
		}
		unmuted = unmuted || !t.Muted
	}
	return unmuted
}

const supervisorGrace = 15 * time.Second

func (w *watcher) supervision(ctx context.Context, now time.Time, r *watched, one recording.Supervision, people []Participant) error {
	if one.SessionID != "" && r.session == nil || one.SessionID == "" && len(people) == 0 {
		_, err := w.End(ctx, one.ID, recording.AgentSessionTerm)
		return err
	}
	present := contains(people, one.Identity())
	if one.State == recording.SessionWaiting && present {
		return nil // Admit tells when they are in
	}
	return w.presence(ctx, now, one.ID, one.State, one.CreatedAt, present, supervisorGrace)
}

// presence notes who has come, and ends what belongs to whoever is gone for too long.
func (w *watcher) presence(ctx context.Context, now time.Time, id string, state recording.SessionState, created time.Time, present bool, grace time.Duration) error {
	if present {
		delete(w.gone, id)
		if state == recording.SessionWaiting {
			return w.connected(ctx, id)
		}
		return nil
	}
	since, patience := created, w.o.JoinWithin
	if state == recording.SessionActive {
		// While LiveKit could not be asked, and before this node looked, they may have
		// been there.
		if w.gone[id].IsZero() {
			w.gone[id] = now
		}
		since, patience = w.gone[id], grace
	}
	if now.Sub(since) < patience {
		return nil
	}
	delete(w.gone, id)
	_, err := w.End(ctx, id, recording.ConnTimeout)
	return err
}

func contains(people []Participant, identity string) bool {
	for _, p := range people {
		if p.Identity == identity {
			return true
		}
	}
	return false
}

func publishing(people []Participant, identity string) bool {
	for _, p := range people {
		if p.Identity == identity {
			return p.Publishing
		}
	}
	return false
}
