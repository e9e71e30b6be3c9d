package redisscript

import (
	"testing"
	"testing/fstest"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/internal/redisserver"
)

var files = fstest.MapFS{
	"lua/prelude.lua": {Data: []byte("local P = KEYS[1]\n")},
	"lua/name.lua":    {Data: []byte("return P .. ARGV[1]\n")},
}

func TestLoad(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: redisserver.Run(t).Addr})
	defer rdb.Close()
	got, err := Load(files, "name").Run(t.Context(), rdb, []string{"roomreel:"}, "x").Text()
	if got != "roomreel:x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestLoadOfNone(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a script that is not there was loaded")
		}
	}()
	Load(files, "absent")
}
