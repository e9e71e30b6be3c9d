// Package redisscript makes Redis scripts of Lua files that a package embeds.
package redisscript

import (
	"io/fs"

	"github.com/redis/go-redis/v9"
)

// Load returns the script of lua/name.lua behind the prelude.lua that a
// package's scripts share. It panics if there is no such file: files are
// embedded, so that only a misspelt name fails, at start.
func Load(files fs.FS, name string) *redis.Script {
	return redis.NewScript(source(files, "prelude") + source(files, name))
}

func source(files fs.FS, name string) string {
	b, err := fs.ReadFile(files, "lua/"+name+".lua")
	if err != nil {
		panic(err)
	}
	return string(b)
}
