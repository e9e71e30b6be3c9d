package egress

import (
	"context"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/psrpc"
	"google.golang.org/protobuf/proto"

	"github.com/roomreel/roomreel/recording"
)

// do runs f as the owner; it is dropped when ctx or the keeper ends first.
func (k *keeper) do(ctx context.Context, f func()) bool {
	ran := make(chan struct{})
	select {
	case k.calls <- func() { f(); close(ran) }:
		<-ran
		return true
	case <-k.done:
		return false
	case <-ctx.Done():
		return false
	}
}

// StopEgress asks for the end of the egress.
func (k *keeper) StopEgress(ctx context.Context, _ *livekit.StopEgressRequest) (info *livekit.EgressInfo, err error) {
	if !k.do(ctx, func() {
		if final(k.info.Status) || k.making {
			err = refuse(psrpc.FailedPrecondition, "egress with status %s cannot be stopped", k.info.Status)
			return
		}
		k.job.Stop = true
		if !k.save() {
			err = refuse(psrpc.Unavailable, "the stop could not be written down: try again")
			return
		}
		if k.job.Recording != "" {
			if _, err := k.worker.opts.Recordings.End(ctx, k.job.Recording, recording.EndedByStop); err != nil {
				k.log.Warn("the recording was not stopped yet", "error", err) // step tries again
			}
		}
		setStatus(k.info, livekit.EgressStatus_EGRESS_ENDING)
		info = proto.CloneOf(k.info)
	}) {
		return nil, refuse(psrpc.NotFound, "egress not found")
	}
	return info, err
}

// UpdateStream refuses: there are no streams.
func (k *keeper) UpdateStream(context.Context, *livekit.UpdateStreamRequest) (*livekit.EgressInfo, error) {
	return nil, invalid("UpdateStream called on non-streaming egress")
}

// UpdateEgress changes the layout; it refuses everything else.
func (k *keeper) UpdateEgress(ctx context.Context, req *livekit.UpdateEgressRequest) (info *livekit.EgressInfo, err error) {
	switch {
	case len(req.AddStreamUrls)+len(req.RemoveStreamUrls) > 0:
		return nil, invalid("UpdateStream called on non-streaming egress")
	case req.Url != "":
		return nil, beyond("web pages")
	}
	if !k.do(ctx, func() { err = k.relayout(req.Layout); info = proto.CloneOf(k.info) }) {
		return nil, refuse(psrpc.NotFound, "egress not found")
	}
	return info, err
}

// relayout has the film follow another layout from now on. The owner calls it.
func (k *keeper) relayout(layout string) error {
	if err := k.worker.opts.Files.Check(recording.CompositionSpec{Layout: filmLayout(layout)}); err != nil {
		return recordingError(err)
	}
	switch {
	case k.order.kind != ofRoom:
		return invalid("only a room composite has a layout")
	case k.job.Recording == "":
		k.order.layout = layout
		return nil
	}
	_, err := k.worker.opts.Recordings.SetLayout(k.ctx, k.job.Recording, filmLayout(layout))
	return recordingError(err)
}
