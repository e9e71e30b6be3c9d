package coord

import (
	"embed"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/redisscript"
)

//go:embed lua/*.lua
var lua embed.FS

var (
	startScript   = script("start")
	stopScript    = script("stop")
	editScript    = script("edit")
	putScript     = script("put")
	restoreScript = script("restore")
	removeScript  = script("remove")
	claimScript   = script("claim")
	renewScript   = script("renew")
	releaseScript = script("release")
	freeScript    = script("free")
	wishesScript  = script("wishes")
	nodesScript   = script("nodes")
	shareScript   = script("share")
	amendScript   = script("amend")

	jobClaimScript   = script("job_claim")
	jobReleaseScript = script("job_release")
)

func script(name string) *redis.Script {
	return redisscript.Load(lua, name)
}
