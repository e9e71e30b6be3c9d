package egress

import (
	"context"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
	"google.golang.org/protobuf/proto"
)

// StartEgressAffinity tells LiveKit how much this worker wants a request: 1 is
// chosen at once, less only after half a second, nothing never. A request that
// will be refused is wanted too, so that its caller learns of it at once.
func (w *Worker) StartEgressAffinity(ctx context.Context, req *rpc.StartEgressRequest) float32 {
	const never, first, last = -1, 1, 0.1
	if w.isDraining() {
		return never
	}
	refusal := float32(first)
	if w.opts.Defer {
		refusal = last // another takes it, or half a second later this one refuses
	}
	o, err := w.understand(req)
	if err != nil {
		return refusal
	}
	load := w.opts.Recordings.Load(ctx, o.room)
	if load.Full { // all workers see that
		return refusal
	}
	return max(last, first-0.1*float32(load.Ahead))
}

// understand reads a request and refuses what this worker cannot do.
func (w *Worker) understand(req *rpc.StartEgressRequest) (order, error) {
	o, err := read(req, w.opts.WebM)
	if err != nil {
		return o, err
	}
	for _, f := range o.files {
		if err := w.checkPlace(f); err != nil {
			return o, err
		}
		if spec, films := o.film(f); films {
			spec.Layout = filmLayout(o.layout)
			if err := w.opts.Files.Check(spec); err != nil {
				return o, recordingError(err)
			}
		}
	}
	return o, nil
}

// StartEgress takes a request: it is written down, and answered before anything
// of it is recorded.
func (w *Worker) StartEgress(ctx context.Context, req *rpc.StartEgressRequest) (*livekit.EgressInfo, error) {
	o, err := w.understand(req)
	if err != nil {
		w.log.Info("request refused", "egress", req.EgressId, "error", err)
		return nil, err
	}
	switch {
	case w.isDraining():
		return nil, refuse(psrpc.Unavailable, "server is shutting down")
	case w.opts.Recordings.Load(ctx, o.room).Full:
		return nil, errFull
	case req.EgressId == "":
		return nil, invalid("request has missing or invalid field: egress_id")
	}
	now := time.Now()
	info := newInfo(req, o.room, now)
	body, err := proto.Marshal(req)
	if err != nil {
		return nil, refuse(psrpc.Internal, "write request down: %w", err)
	}
	j := &job{ID: req.EgressId, Request: body, CreatedAt: now.Round(0)}
	if j.Info, err = proto.Marshal(info); err != nil {
		return nil, refuse(psrpc.Internal, "write request down: %w", err)
	}
	if err := w.jobs.create(ctx, j); err != nil {
		return nil, recordingError(err)
	}
	// Told first by this worker, so that no update of its own can come before it:
	// LiveKit would never say that the egress has started.
	if _, err := w.io.CreateEgress(ctx, info); err != nil {
		w.log.Warn("LiveKit was not told of the egress yet", "egress", j.ID, "error", err)
	}
	if err := w.keep(j); err != nil {
		return nil, refuse(psrpc.Internal, "begin egress: %w", err)
	}
	w.log.Info("egress begins", "egress", j.ID, "room", o.room)
	return info, nil
}

// errFull is not ResourceExhausted: on that, LiveKit would try three times more,
// for up to six seconds, before it answered.
var errFull = refuse(psrpc.Aborted, "every recorder node is full or shutting down: try again later, start another node, raise recorder.max_rooms, or make room on their disks")

// ListActiveEgress lists the egresses that this worker looks after.
func (w *Worker) ListActiveEgress(context.Context, *rpc.ListActiveEgressRequest) (*rpc.ListActiveEgressResponse, error) {
	var res rpc.ListActiveEgressResponse
	for _, k := range w.held() {
		res.EgressIds = append(res.EgressIds, k.job.ID)
	}
	return &res, nil
}

// poke wakes the reader of a channel with room for one signal.
func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
