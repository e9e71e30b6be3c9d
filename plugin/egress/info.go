package egress

import (
	"errors"
	"net/http"
	"time"

	"github.com/livekit/protocol/egress"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
	"google.golang.org/protobuf/proto"
)

// newInfo is what LiveKit is told of an egress that begins: the request without
// its secrets.
func newInfo(req *rpc.StartEgressRequest, room string, at time.Time) *livekit.EgressInfo {
	req = proto.CloneOf(req)
	info := &livekit.EgressInfo{
		EgressId: req.EgressId, RoomId: req.RoomId, RoomName: room,
		SourceType: livekit.EgressSourceType_EGRESS_SOURCE_TYPE_SDK,
		Status:     livekit.EgressStatus_EGRESS_STARTING, UpdatedAt: at.UnixNano(),
	}
	for _, u := range uploads(req) {
		egress.RedactUpload(u)
	}
	switch r := req.Request.(type) {
	case *rpc.StartEgressRequest_RoomComposite:
		info.SourceType = livekit.EgressSourceType_EGRESS_SOURCE_TYPE_WEB
		info.Request = &livekit.EgressInfo_RoomComposite{RoomComposite: r.RoomComposite}
	case *rpc.StartEgressRequest_Participant:
		info.Request = &livekit.EgressInfo_Participant{Participant: r.Participant}
	case *rpc.StartEgressRequest_TrackComposite:
		info.Request = &livekit.EgressInfo_TrackComposite{TrackComposite: r.TrackComposite}
	case *rpc.StartEgressRequest_Track:
		info.Request = &livekit.EgressInfo_Track{Track: r.Track}
	case *rpc.StartEgressRequest_Egress:
		if r.Egress.GetTemplate() != nil {
			info.SourceType = livekit.EgressSourceType_EGRESS_SOURCE_TYPE_WEB
		}
		info.Request = &livekit.EgressInfo_Egress{Egress: r.Egress}
	}
	return info
}

// uploads are the parts of a request that hold secrets.
func uploads(req *rpc.StartEgressRequest) (list []egress.UploadRequest) {
	encoded := func(r egress.EncodedOutput, old egress.EncodedOutputDeprecated) {
		if old != nil && old.GetFile() != nil {
			list = append(list, old.GetFile())
		}
		for _, f := range r.GetFileOutputs() {
			list = append(list, f)
		}
	}
	switch r := req.Request.(type) {
	case *rpc.StartEgressRequest_RoomComposite:
		encoded(r.RoomComposite, r.RoomComposite)
	case *rpc.StartEgressRequest_Participant:
		encoded(r.Participant, nil)
	case *rpc.StartEgressRequest_TrackComposite:
		encoded(r.TrackComposite, r.TrackComposite)
	case *rpc.StartEgressRequest_Track:
		if f := r.Track.GetFile(); f != nil {
			list = append(list, f)
		}
	case *rpc.StartEgressRequest_Egress:
		if r.Egress.Storage != nil {
			list = append(list, r.Egress.Storage)
		}
		for _, out := range r.Egress.Outputs {
			if out.Storage != nil {
				list = append(list, out.Storage)
			}
		}
	}
	return list
}

// final reports whether a state can no longer change.
func final(s livekit.EgressStatus) bool { return s >= livekit.EgressStatus_EGRESS_COMPLETE }

// setStatus moves an egress on; it never goes back, and a final state stays.
func setStatus(info *livekit.EgressInfo, s livekit.EgressStatus) {
	if final(info.Status) || s <= info.Status {
		return
	}
	now := time.Now().UnixNano()
	info.Status, info.UpdatedAt = s, now
	if final(s) {
		info.EndedAt = now
	}
}

// fail ends an egress with its cause, under the code that LiveKit gives to it.
func fail(info *livekit.EgressInfo, s livekit.EgressStatus, err error) {
	if final(info.Status) {
		return
	}
	setStatus(info, s)
	info.Error, info.ErrorCode = err.Error(), http.StatusInternalServerError
	var coded psrpc.Error
	if errors.As(err, &coded) {
		info.ErrorCode = int32(coded.ToHttp())
	}
}
