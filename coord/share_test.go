package coord

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roomreel/roomreel/internal/redisserver"
	"github.com/roomreel/roomreel/recording"
)

// What two folders have of a recording is shared by turn; the record follows, once, and
// nothing but what it tells of files.
func TestShare(t *testing.T) {
	s := NewStore(client(t, redisserver.Run(t).Addr))
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := mustStart(t, s, "standup", recording.Selection{})
	if err := s.Amend(ctx, r.ID, func(r *recording.Recording) { r.Parts = 7 }); recording.CodeOf(err) != recording.CodeNotReady {
		t.Errorf("amending a live record: %v", err)
	}
	record := func(node string, state recording.State) Lease {
		l := mustClaim(t, s, "standup", node, time.Minute)
		r.State, r.Node, r.Epoch, r.Parts = state, node, l.Epoch, 1
		must(s.Put(ctx, l, r))
		return l
	}
	one := record("n1", recording.Active)
	must(s.Put(ctx, one, r)) // a turn is noted once
	must(s.Release(ctx, one))
	two := record("n2", recording.Active)
	r.State = recording.Stopped
	must(s.Put(ctx, two, r))

	turns := []recording.Turn{{Epoch: one.Epoch, Node: "n1"}, {Epoch: two.Epoch, Node: "n2"}}
	got, err := s.Turns(ctx, r.ID)
	if d := cmp.Diff(turns, got); d != "" || err != nil {
		t.Errorf("turns: %s %v", d, err)
	}
	var told listener
	listen(t, s, &told)
	share := func(folder string, turn recording.Turn) []*recording.Manifest {
		m := &recording.Manifest{ID: r.ID, Turns: []recording.Turn{turn}}
		known, shared, err := s.Share(ctx, r.ID, folder, m.Turns, m)
		if d := cmp.Diff(turns, known); d != "" || err != nil {
			t.Errorf("%s: turns %s %v", folder, d, err)
		}
		return shared
	}
	if n := len(share("f2", turns[1])); n != 1 {
		t.Errorf("%d manifests, want 1", n)
	}
	must(s.Amend(ctx, r.ID, func(r *recording.Recording) { r.WaitingFor = []string{"n1"} }))
	_ = share("f1", turns[0])
	if n := len(share("f1", turns[0])); n != 2 {
		t.Errorf("%d manifests, want 2", n)
	}
	whole := func(r *recording.Recording) { r.WaitingFor, r.Parts = nil, 2 }
	must(s.Amend(ctx, r.ID, whole))
	must(s.Amend(ctx, r.ID, whole)) // changes nothing, and is no news
	now, err := s.Get(ctx, r.ID)
	r.Parts = 2
	if d := cmp.Diff(r, now, cmpopts.EquateEmpty()); d != "" || err != nil {
		t.Errorf("the record: %s %v", d, err)
	}
	until(t, "the news are told", func() bool { return len(told.of(r.ID)) >= 4 })
	if d := cmp.Diff([]NewsKind{Started, Stopped, Incomplete, Completed}, told.of(r.ID)); d != "" {
		t.Errorf("news: %s", d)
	}

	must(s.Remove(ctx, r.ID))
	if _, _, err := s.Share(ctx, r.ID, "f1", turns, nil); recording.CodeOf(err) != recording.CodeNotFound {
		t.Errorf("sharing what was removed: %v", err)
	}
	if n := s.rdb.Exists(ctx, prefix+"shares:"+r.ID).Val(); n != 0 {
		t.Error("what was shared is left")
	}
}

// Where files are: in the folder of whoever recorded, at every node that lives and has
// it, also when the one that recorded is gone.
func TestPlaces(t *testing.T) {
	s := NewStore(client(t, redisserver.Run(t).Addr))
	ctx := t.Context()
	r := mustStart(t, s, "standup", recording.Selection{})
	if places, err := s.Places(ctx, r.ID); err != nil || len(places) != 0 {
		t.Errorf("before it began: %+v, %v", places, err)
	}
	for _, node := range []string{"n1", "n2", "n1"} {
		l := mustClaim(t, s, "standup", node, time.Minute)
		r.State, r.Epoch = recording.Active, l.Epoch
		if err := errors.Join(s.Put(ctx, l, r), s.Release(ctx, l)); err != nil {
			t.Fatal(err)
		}
	}
	one, two := NodeInfo{Name: "n1", Folder: "f1", URL: "http://one"}, NodeInfo{Name: "n2", Folder: "f2"}
	twin := NodeInfo{Name: "n3", Folder: "f2", URL: "http://three"}
	for _, n := range []NodeInfo{one, two, twin} {
		if err := s.heartbeat(ctx, n, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.heartbeat(ctx, two, 0); err != nil { // it is gone
		t.Fatal(err)
	}
	want := []Place{{Node: "n1", Folder: "f1", At: []NodeInfo{one}}, {Node: "n2", Folder: "f2", At: []NodeInfo{twin}}}
	places, err := s.Places(ctx, r.ID)
	if d := cmp.Diff(want, places); d != "" || err != nil {
		t.Errorf("places: %s %v", d, err)
	}
}
