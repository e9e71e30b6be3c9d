package deliver

import (
	"embed"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/redisscript"
)

//go:embed lua/*.lua
var lua embed.FS

var (
	addScript    = script("add")
	claimScript  = script("claim")
	renewScript  = script("renew")
	finishScript = script("finish")
	redoScript   = script("redo")
	appendScript = script("append")
)

func script(name string) *redis.Script {
	return redisscript.Load(lua, name)
}
