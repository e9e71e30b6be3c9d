package deliver

import (
	"embed"

	"github.com/redis/go-redis/v9"
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
	return redis.NewScript(source("prelude") + source(name))
}

func source(name string) string {
	b, err := lua.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // the file is embedded: only a misspelt name fails, at start
	}
	return string(b)
}
