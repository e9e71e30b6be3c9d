// Package coord keeps in Redis what should be recorded, who records it and
// what happened, and makes it so.
//
// Callers write wishes with [Store]: a recording that should run, a recording
// that should end. Every [Node] watches for rooms that have wishes and nobody
// who records them, takes one with a fenced [Lease], and works until the room
// is as wished. Nothing hangs on one process: what a recording's state should
// be follows from the wish, the lease and the files.
//
// # Ownership of a record
//
// A record has two writers that never meet in one field. Callers own the stop
// flag. The holder of the room's lease owns all else, and each of its writes
// carries the epoch of its lease: a script in Redis refuses the write with
// [ErrFenced] once a newer epoch was granted, so what a node does that was
// given up for dead cannot count. A final record is never written again.
//
// # When Redis is away
//
// A Store's methods fail with CodeStoreUnavailable. Nodes go on recording and
// write their state when Redis is back, also when it comes back empty: epochs
// start from the clock, hence above those that were forgotten.
//
// Redis 6.2 or later, single, with Sentinel or as Cluster; it must not evict
// keys (maxmemory-policy noeviction). Give the client ContextTimeoutEnabled,
// or a Redis that hangs is noticed by its own read timeout only.
package coord
