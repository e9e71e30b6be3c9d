package egress

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// A job is held by one worker at a time. Who has lost it can neither change nor
// remove it, and who claims it finds it as it was written last.
func TestJobs(t *testing.T) {
	server := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer rdb.Close()
	const ttl = time.Second
	a, b := &jobs{rdb, "a", ttl}, &jobs{rdb, "b", ttl}
	ctx := t.Context()
	free := func(s *jobs) (ids []string) {
		t.Helper()
		list, err := s.free(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range list {
			ids = append(ids, j.ID)
		}
		return ids
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(a.create(ctx, &job{ID: "EG_1"}))
	if got := free(b); got != nil {
		t.Errorf("a job that is held is free: %q", got)
	}
	if j, err := b.claim(ctx, "EG_1"); j != nil || err != nil {
		t.Errorf("a job that is held was claimed: %v, %v", j, err)
	}
	must(a.save(ctx, "EG_1", []byte(`{"id":"EG_1","recording":"rec_1","films":{"0":"cmp_1"}}`)))
	server.FastForward(ttl / 2)
	must(a.renew(ctx, "EG_1"))
	server.FastForward(ttl * 2 / 3)
	if got := free(b); got != nil {
		t.Errorf("a job whose lease was renewed is free: %q", got)
	}
	server.FastForward(ttl)
	if got := free(b); !cmp.Equal(got, []string{"EG_1"}) {
		t.Errorf("free: %q", got)
	}
	j, err := b.claim(ctx, "EG_1")
	must(err)
	if want := (&job{ID: "EG_1", Recording: "rec_1", Films: map[int]string{0: "cmp_1"}}); !cmp.Equal(want, j) {
		t.Error(cmp.Diff(want, j))
	}
	for verb, call := range map[string]func() error{
		"renew":   func() error { return a.renew(ctx, "EG_1") },
		"save":    func() error { return a.save(ctx, "EG_1", []byte("{}")) },
		"release": func() error { return a.release(ctx, "EG_1") },
		"finish":  func() error { return a.finish(ctx, "EG_1") },
	} {
		if err := call(); !errors.Is(err, errLost) {
			t.Errorf("%s by who has lost the job: %v", verb, err)
		}
	}
	must(b.release(ctx, "EG_1"))
	if j, err := a.claim(ctx, "EG_1"); err != nil || j == nil || j.Recording != "rec_1" {
		t.Errorf("a released job: %v, %v", j, err)
	}
	must(a.finish(ctx, "EG_1"))
	if got := free(b); got != nil {
		t.Errorf("a finished job is free: %q", got)
	}
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("left in Redis: %q", keys)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := a.free(gone); err == nil {
		t.Error("no error without Redis")
	}
}
