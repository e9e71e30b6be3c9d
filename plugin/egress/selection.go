package egress

import (
	"slices"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/psrpc"

	"github.com/roomreel/roomreel/recording"
)

// awaited is how long tracks that a request names may take to be published.
const awaited = 10 * time.Second

// streamsOf are the names that a recording gives to the streams of a source.
func streamsOf(source string) []string {
	switch source {
	case "camera", "microphone":
		return []string{"camera"}
	case "screen_share", "screen_share_audio":
		return []string{"screen_share", "screen"}
	}
	return nil
}

// selection tells what to record. It is nil while the tracks that the request
// names are awaited; it ends the egress when they do not come.
func (k *keeper) selection() (*recording.Selection, error) {
	o := k.order
	switch o.kind {
	case ofParticipant:
		source := "camera"
		if o.screen {
			source = "screen_share"
		}
		return &recording.Selection{Identities: []string{o.identity}, Streams: streamsOf(source), Kinds: o.kinds}, nil
	case ofTracks:
	default:
		return &recording.Selection{Kinds: o.kinds}, nil
	}
	now, err := k.worker.rooms.look(k.ctx, o.room, 0)
	if err != nil {
		return nil, err
	}
	var found []Track
	for _, sid := range o.sids() {
		i := slices.IndexFunc(now.tracks, func(t Track) bool { return t.SID == sid })
		if i < 0 {
			if time.Since(k.job.CreatedAt) > awaited {
				fail(k.info, livekit.EgressStatus_EGRESS_FAILED, refuse(psrpc.NotFound, "track %s not found", sid))
			}
			return nil, nil
		}
		found = append(found, now.tracks[i])
	}
	k.job.Tracks = found
	sel := recording.Selection{}
	for _, t := range found {
		sel.Identities = append(sel.Identities, t.Identity)
		sel.Kinds = append(sel.Kinds, t.Kind)
		sel.Streams = append(sel.Streams, streamsOf(t.Source)...)
		if t.Stream != "" {
			sel.Streams = append(sel.Streams, t.Stream)
		}
	}
	sel = sel.Normal()
	return &sel, nil
}

// sids are the tracks that an egress of tracks takes.
func (o *order) sids() []string {
	return slices.DeleteFunc([]string{o.track, o.audioTrack, o.videoTrack}, func(s string) bool { return s == "" })
}

// gone reports whether what the egress takes has left the room for good: a
// participant's egress ends when they leave, that of tracks when they are
// unpublished. Before its first media it waits.
func (k *keeper) gone() bool {
	const every, reconnects = 3 * time.Second, 2
	if k.order.kind == ofRoom || k.info.Status != livekit.EgressStatus_EGRESS_ACTIVE || time.Since(k.checked) < every {
		return false
	}
	k.checked = time.Now()
	now, err := k.worker.rooms.look(k.ctx, k.order.room, every/2)
	if err != nil {
		return false // the recording ends with its room
	}
	there := slices.Contains(now.identities, k.order.identity)
	if k.order.kind == ofTracks {
		sids := k.order.sids()
		there = slices.ContainsFunc(now.tracks, func(t Track) bool { return slices.Contains(sids, t.SID) })
	}
	if there {
		k.missed = 0
		return false
	}
	k.missed++
	return k.missed >= reconnects
}
