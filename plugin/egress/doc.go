// Package egress makes roomreel a worker for LiveKit's Egress API: it takes the
// requests that LiveKit sends over Redis (psrpc), has the room recorded as any
// other, hands the files over under the names that were asked for, and tells
// LiveKit how far each egress is. LiveKit keeps that state and sends the webhooks.
//
// # Who does what
//
// A request is written down as a job before it is answered. Every worker of the
// same Redis looks after the jobs: one of them holds a lease on each and follows
// its recording, and when that worker dies another goes on. An egress's state
// follows from its job and its recording alone, so it cannot stick.
//
// The worker that answers a request need not be the node that records: that is
// coord's to place. A job whose recording has ended is for workers that have its
// files.
package egress
