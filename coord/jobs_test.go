package coord

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// Of two nodes one has a job; the other gets it when it is released, or when its
// holder has not been heard of.
func TestJobs(t *testing.T) {
	eachRedis(t, func(t *testing.T, rdb *redis.Client) {
		s := NewStore(rdb)
		ctx := t.Context()
		a, b := NewJobs(s, "films", "a"), NewJobs(s, "films", "b")
		claim := func(j *Jobs, ttl time.Duration) bool {
			t.Helper()
			granted, err := j.Claim(ctx, "cmp_1", ttl)
			if err != nil {
				t.Fatal(err)
			}
			return granted
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(a.Offer(ctx, "cmp_1", "first"))
		must(b.Offer(ctx, "cmp_1", "again"))
		if !claim(a, time.Minute) || claim(b, time.Minute) || !claim(a, time.Minute) {
			t.Error("a job is granted to another node than the first")
		}
		must(b.Release(ctx, "cmp_1")) // is not its own
		if claim(b, time.Minute) {
			t.Error("a job was released by who did not have it")
		}
		must(a.Release(ctx, "cmp_1"))
		if !claim(b, time.Minute) || claim(a, time.Minute) {
			t.Error("a released job is not free")
		}
		open, err := a.Open(ctx)
		must(err)
		if diff := cmp.Diff(map[string]string{"cmp_1": "again"}, open); diff != "" {
			t.Error(diff)
		}
		must(b.Done(ctx, "cmp_1"))
		if open, err = a.Open(ctx); err != nil || len(open) != 0 {
			t.Errorf("a job that is done stays open: %v, %v", open, err)
		}
		if !claim(a, time.Minute) {
			t.Error("a job that is done is held")
		}
	})
}
