package redisserver

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

// A server that is killed does not answer, and comes back at its address, with what
// its arguments have it keep.
func TestKilledAndStarted(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"keeps nothing":    {nil, ""},
		"keeps everything": {[]string{"--appendonly", "yes", "--appendfsync", "always"}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Run(t, c.args...)
			options, err := redis.ParseURL(s.URL())
			if err != nil {
				t.Fatal(err)
			}
			options.MaxRetries = -1
			rdb := redis.NewClient(options)
			defer rdb.Close()
			if err := rdb.Set(t.Context(), "key", 1, 0).Err(); err != nil {
				t.Fatal(err)
			}
			s.Kill()
			s.Kill()
			if err := rdb.Ping(t.Context()).Err(); err == nil {
				t.Error("it answers after its death")
			}
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, err := rdb.Get(t.Context(), "key").Result(); got != c.want || errors.Is(err, redis.Nil) != (c.want == "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
