// Package recording is the ground floor of roomreel: what a recording is, in
// memory and on disk. It knows the words (recording, selection, part, journal,
// manifest, composition), their states and their files, and nothing of how
// media arrives or where state is coordinated.
package recording
