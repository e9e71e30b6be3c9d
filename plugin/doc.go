// Package plugin is roomreel's seam to LiveKit: tokens and grants, the room
// service, the bridge for LiveKit's logs, and the server that `roomreel dev`
// embeds. Besides the recorder's bot it is the only importer of LiveKit.
package plugin
