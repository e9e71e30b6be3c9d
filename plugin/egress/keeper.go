package egress

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/psrpc"
	"google.golang.org/protobuf/proto"

	"github.com/roomreel/roomreel/recording"
)

// keeper looks after one egress under the lease of its job. The goroutine of run
// owns it; calls from LiveKit reach it as functions.
type keeper struct {
	worker *Worker
	job    *job
	order  order
	info   *livekit.EgressInfo
	log    *slog.Logger

	ctx    context.Context // ends when the job is lost, or the worker stops
	cancel context.CancelFunc
	wake   chan struct{}
	calls  chan func()
	done   chan struct{}

	// saved is what Redis knows of the job.
	saved string
	// making is set while files are made; made tells their end.
	making bool
	made   chan outcome
	// checked is when the room was last asked whether the tracks are still there,
	// missed how often in a row they were not.
	checked time.Time
	missed  int
}

// outcome is what became of the files.
type outcome struct {
	files    []*livekit.FileInfo
	manifest string
	// backup says that a file is in the worker's folder, for want of its bucket.
	backup bool
	err    error
}

func newKeeper(w *Worker, j *job) (*keeper, error) {
	req, err := j.request()
	if err != nil {
		return nil, err
	}
	info, err := j.info()
	if err != nil {
		return nil, err
	}
	o, err := read(req, w.opts.WebM)
	if err != nil {
		return nil, err
	}
	k := &keeper{
		worker: w, job: j, order: o, info: info, log: w.log.With("egress", j.ID, "room", o.room),
		wake: make(chan struct{}, 1), calls: make(chan func()), done: make(chan struct{}), made: make(chan outcome, 1),
	}
	k.ctx, k.cancel = context.WithCancel(w.work)
	return k, nil
}

// run looks after the egress until its end has been told, another worker has
// taken it, or this one stops.
func (k *keeper) run() {
	defer close(k.done)
	defer k.cancel()
	handler, err := rpc.NewEgressHandlerServer(k, k.worker.bus)
	if err == nil {
		err = errors.Join(handler.RegisterStopEgressTopic(k.job.ID), handler.RegisterUpdateStreamTopic(k.job.ID), handler.RegisterUpdateEgressTopic(k.job.ID))
		defer handler.Kill()
	}
	if err != nil {
		k.log.Error("the egress cannot be controlled", "error", err)
	}
	if k.order.kind == ofRoom && k.order.takes(recording.Video) && !final(k.info.Status) {
		p := k.attend()
		defer p.leave()
	}
	const every = time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !k.step() {
		select {
		case <-k.ctx.Done():
			if k.making {
				<-k.made // it ends with the context too
			}
			k.release()
			return
		case <-k.wake:
		case <-tick.C:
		case call := <-k.calls:
			call()
		case out := <-k.made:
			k.conclude(out)
		}
	}
}

// release leaves the job to other workers at once.
func (k *keeper) release() {
	ctx, cancel := context.WithTimeout(context.Background(), jobTimeout)
	defer cancel()
	if err := k.worker.jobs.release(ctx, k.job.ID); err != nil && !errors.Is(err, errLost) {
		k.log.Warn("the lease was not released", "error", err)
	}
}

// step does what is due and reports whether nothing is left to do.
func (k *keeper) step() (done bool) {
	if !final(k.info.Status) && !k.making {
		if err := k.follow(); err != nil {
			k.log.Warn("egress waits", "error", err)
		}
	}
	if !k.save() {
		return false
	}
	k.tell()
	switch {
	case final(k.info.Status) && k.job.Told == k.info.Status:
		k.discard()
		if err := k.worker.jobs.finish(k.ctx, k.job.ID); err != nil && !errors.Is(err, errLost) {
			k.log.Warn("the job was not removed", "error", err)
			return false
		}
		k.log.Info("egress ended", "status", k.info.Status, "error", k.info.Error)
		return true
	case k.worker.isDraining() && !k.making && !k.ours():
		k.cancel() // its recording runs, or goes on elsewhere
	}
	return false
}

// discard deletes the recording of an egress that is complete, where that is wished.
func (k *keeper) discard() {
	whole := k.info.Status == livekit.EgressStatus_EGRESS_COMPLETE || k.info.Status == livekit.EgressStatus_EGRESS_LIMIT_REACHED
	if !k.worker.opts.Discard || !whole || k.job.Recording == "" {
		return
	}
	err := k.worker.opts.Files.Remove(k.ctx, k.job.Recording)
	if err != nil && recording.CodeOf(err) != recording.CodeNotFound {
		k.log.Warn("the recording stays", "recording", k.job.Recording, "error", err)
	}
}

// ours reports whether the recording ends on this node, which shuts down.
func (k *keeper) ours() bool {
	if k.job.Recording == "" {
		return false
	}
	r, err := k.worker.opts.Recordings.Get(k.ctx, k.job.Recording)
	return err == nil && r.Node == k.worker.opts.Node
}

// save writes the job down if it has changed, and reports whether Redis knows it.
func (k *keeper) save() bool {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(k.info)
	if err != nil {
		k.log.Error("the egress cannot be written down", "error", err)
		return false
	}
	k.job.Info = body
	doc, err := json.Marshal(k.job)
	if err != nil {
		k.log.Error("the egress cannot be written down", "error", err)
		return false
	}
	if string(doc) == k.saved {
		return true
	}
	switch err := k.worker.jobs.save(k.ctx, k.job.ID, doc); {
	case errors.Is(err, errLost):
		k.cancel()
		return false
	case err != nil:
		k.log.Warn("the egress was not written down", "error", err)
		return false
	}
	k.saved = string(doc)
	return true
}

// tell lets LiveKit know of a new state. What it was not told it is told again.
func (k *keeper) tell() {
	if k.info.Status == k.job.Told {
		return
	}
	ctx, cancel := context.WithTimeout(k.ctx, jobTimeout)
	defer cancel()
	if _, err := k.worker.io.UpdateEgress(ctx, k.info); err != nil {
		k.log.Warn("LiveKit was not told of the egress", "status", k.info.Status, "error", err)
		return
	}
	k.job.Told = k.info.Status
	k.save()
}

// follow makes the egress's state what its recording's is.
func (k *keeper) follow() error {
	if k.job.Recording == "" {
		return k.begin()
	}
	r, err := k.worker.opts.Recordings.Get(k.ctx, k.job.Recording)
	switch {
	case recording.CodeOf(err) == recording.CodeNotFound:
		fail(k.info, livekit.EgressStatus_EGRESS_FAILED, refuse(psrpc.Internal, "its recording %s was removed", k.job.Recording))
		return nil
	case err != nil:
		return err
	}
	if at := r.FirstMediaAt; !at.IsZero() {
		k.info.StartedAt = at.UnixNano()
		setStatus(k.info, livekit.EgressStatus_EGRESS_ACTIVE)
	}
	switch {
	case r.State.Final():
		k.end(r)
	case r.StopWanted:
		setStatus(k.info, livekit.EgressStatus_EGRESS_ENDING)
	case k.job.Stop:
		_, err = k.worker.opts.Recordings.End(k.ctx, r.ID, recording.EndedByStop)
	case k.gone():
		_, err = k.worker.opts.Recordings.End(k.ctx, r.ID, recording.EndedByLeave)
	}
	return err
}

// begin asks for the recording.
func (k *keeper) begin() error {
	if k.job.Stop {
		fail(k.info, livekit.EgressStatus_EGRESS_ABORTED, errNotStarted)
		return nil
	}
	sel, err := k.selection()
	if err != nil {
		return err
	}
	if sel == nil {
		return nil // the tracks are awaited
	}
	r, err := k.worker.opts.Recordings.Start(k.ctx, recording.Request{
		Room: k.order.room, Selection: *sel, Egress: k.job.ID, Layout: filmLayout(k.order.layout), Compositions: k.order.wishes(),
		Limits:  recording.Limits{MaxDuration: recording.Seconds(k.worker.opts.MaxDuration)},
		Subject: recording.Subject{Labels: map[string]string{"egress_id": k.job.ID}},
	})
	var conflict *recording.Error
	switch {
	case err == nil:
		k.job.Recording = r.ID
	case errors.As(err, &conflict) && conflict.Code == recording.CodeAlreadyRecording && conflict.Existing != "":
		k.job.Recording = conflict.Existing // begun by a worker that could not write it down
	case recording.CodeOf(err) == recording.CodeInvalidRequest:
		fail(k.info, livekit.EgressStatus_EGRESS_FAILED, recordingError(err))
	default:
		return err
	}
	return nil
}

// errNotStarted is LiveKit Egress's message for an egress without media.
var errNotStarted = refuse(psrpc.FailedPrecondition, "Stop called before pipeline could start")

// end takes a recording that has ended: it aborts, fails, or has files made.
func (k *keeper) end(r recording.Recording) {
	switch {
	case r.State == recording.Failed:
		err := error(r.Error)
		if r.Error == nil {
			err = refuse(psrpc.Internal, "the recording failed")
		}
		fail(k.info, livekit.EgressStatus_EGRESS_FAILED, recordingError(err))
	case r.Parts == 0 && r.Ended == recording.EndedByStop:
		fail(k.info, livekit.EgressStatus_EGRESS_ABORTED, errNotStarted)
	case r.Parts == 0:
		fail(k.info, livekit.EgressStatus_EGRESS_ABORTED, refuse(psrpc.FailedPrecondition, "nothing was published that this egress takes (%s)", r.Ended))
	default:
		setStatus(k.info, livekit.EgressStatus_EGRESS_ENDING)
		k.making = true
		job := *k.job
		job.Films = maps.Clone(job.Films)
		p := production{
			worker: k.worker, job: job, order: k.order, info: proto.CloneOf(k.info), record: r,
			began: func(file int, film string) {
				k.do(k.ctx, func() {
					if k.job.Films == nil {
						k.job.Films = map[int]string{}
					}
					k.job.Films[file] = film
				})
			},
		}
		go func() { k.made <- p.run(k.ctx) }()
	}
}

// conclude ends an egress whose files are made.
func (k *keeper) conclude(out outcome) {
	k.making = false
	if k.ctx.Err() != nil {
		return // another worker goes on
	}
	k.info.FileResults, k.info.ManifestLocation, k.info.BackupStorageUsed = out.files, out.manifest, out.backup
	if len(out.files) == 1 {
		k.info.Result = &livekit.EgressInfo_File{File: out.files[0]} // older SDKs read it
	}
	if out.err != nil {
		k.log.Error("files were not handed over; the recording is kept", "recording", k.job.Recording, "error", out.err)
		fail(k.info, livekit.EgressStatus_EGRESS_FAILED, recordingError(out.err))
		return
	}
	r, err := k.worker.opts.Recordings.Get(k.ctx, k.job.Recording)
	switch {
	case err == nil && r.Error != nil:
		fail(k.info, livekit.EgressStatus_EGRESS_FAILED, recordingError(r.Error)) // what there is was handed over
	case err == nil && r.Ended == recording.EndedByDuration:
		fail(k.info, livekit.EgressStatus_EGRESS_LIMIT_REACHED, errors.New("Session limit reached")) //nolint:staticcheck // LiveKit's words
		k.info.ErrorCode = 413
	default:
		if err == nil && r.Ended != recording.EndedByStop {
			k.info.Details = "End reason: " + string(r.Ended)
		}
		setStatus(k.info, livekit.EgressStatus_EGRESS_COMPLETE)
	}
}
