package session

import (
	"embed"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/redisscript"
)

//go:embed lua/*.lua
var lua embed.FS

var (
	openScript      = script("open")
	connectScript   = script("connect")
	endScript       = script("end")
	superviseScript = script("supervise")
	streamScript    = script("stream")
	recordScript    = script("record")
	stateScript     = script("state")
)

func script(name string) *redis.Script {
	return redisscript.Load(lua, name)
}
