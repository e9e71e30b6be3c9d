// Package compose makes films of recordings.
//
// Work has two halves. NewPlan is a pure function: it turns a manifest and a
// wish into plain data, which segments the film has, what stands in each tile,
// where every sound begins. The rest carries a plan out with ffmpeg: segments
// side by side over the cores, sound once for the whole film, joined without
// encoding again. Only ffmpeg*.go know
// ffmpeg's command line.
//
// The package knows nothing of LiveKit: a recording's directory is all it needs.
package compose
