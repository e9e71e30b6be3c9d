// Package session keeps agents' sessions and supervisors' supervisions: who has
// one, who may watch whom, which streams are recorded, and why each came to its
// end. What decides is written to Redis by scripts, so that any number of nodes
// may serve one agent; the watcher of one node holds it against who is really
// in the rooms.
package session
