// Package deliver gets things out of the house: webhooks to whoever wants to
// know, and files to where they are wanted. Both are finite jobs that are
// tried, with growing pauses, until they have succeeded or are given up.
//
// [Webhooks] sends events, [Uploads] sends files. Any number of nodes may run
// either on one Redis: each job is worked by one of them at a time, under a
// lease, and goes to another one when its node dies. The URLs that callers give
// are dialled under a [URLPolicy].
//
// # Promises
//
// What Publish or Add has accepted is delivered at least once, as soon as that
// is possible and the back-off allows, or is kept as failed, with every attempt
// and its answer, for someone to redo. That holds across restarts of nodes, and
// of a Redis that persists (appendonly yes). Receivers tell repetitions by
// their webhook-id.
//
// Events of one recording reach an endpoint in the order of Publish: while one
// waits for its next attempt, those behind it wait too. When it is given up,
// the next one's turn comes. What is redone by hand goes to the end.
//
// # The queue
//
// Jobs stand in lanes, and only the first of a lane is worked: a lane is an
// endpoint and a recording, or one upload. Lanes form groups, an endpoint or an
// upload host, of which only so many lanes are worked at once, and only one
// after a failure; hence those that hang cannot use up the workers. A claimed
// lane is merely due again when its lease ends, so nothing needs to look for
// the dead.
//
// This is our own and not github.com/hibiken/asynq, which was weighed: asynq
// keeps no order between tasks (its issues 871 and 1090), bounds concurrency by
// server and not by endpoint, keeps the last error only instead of every
// attempt, and drops the task's place in line on each retry. Order per
// recording would have to be built around it, out of the same scripts.
//
// Queues are bounded: what exceeds MaxPending jobs of a group is filed as
// failed at once, and of what is over, the newest KeepMost are kept for
// KeepFor.
//
// Redis 6.2 or later, as for package coord.
package deliver
