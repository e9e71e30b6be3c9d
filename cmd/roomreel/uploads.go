package main

import (
	"context"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/configs"
	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// uploader brings what this node has recorded to where it is wanted: to the URL
// that its request named, and to storage.
type uploader struct {
	archive recording.Archive
	store   *coord.Store
	hooks   *deliver.Webhooks
	uploads *deliver.Uploads
	storage *deliver.Storage // nil without one
	policy  deliver.URLPolicy
	log     *slog.Logger

	due chan string // recordings to look at; a full one is made up for by the sweep
}

func newUploader(c configs.Config, archive recording.Archive, folder string, store *coord.Store, hooks *deliver.Webhooks, rdb redis.UniversalClient, m *metrics, log *slog.Logger) (*uploader, error) {
	const backlog = 1000
	u := &uploader{
		archive: archive, store: store, hooks: hooks, policy: urlPolicy(c.Outgoing), log: log, due: make(chan string, backlog),
	}
	o := deliver.UploadOptions{
		Dir: archive.Root(), Storage: folder, Policy: u.policy, Report: u.report, Ended: u.look,
		QueueOptions: deliver.QueueOptions{Attempted: m.attempted("uploads"), Log: log},
	}
	if c.Storage.Bucket == "" {
		u.uploads = deliver.NewUploads(rdb, o)
		return u, nil
	}
	bucket, err := openBucket(c.Storage)
	if err != nil {
		return nil, err
	}
	o.Targets = map[string]deliver.Target{"s3": bucket}
	u.uploads = deliver.NewUploads(rdb, o)
	u.storage = &deliver.Storage{Archive: archive, Bucket: bucket, Uploads: u.uploads, Release: c.Storage.ReleaseLocal}
	return u, nil
}

// removeStored deletes what storage has of a recording.
func (u *uploader) removeStored(ctx context.Context, id string) error {
	if u.storage == nil {
		return nil
	}
	return u.storage.Bucket.Remove(ctx, id)
}

// look has a recording looked at soon.
func (u *uploader) look(id string) {
	select {
	case u.due <- id:
	default:
	}
}

// deliverFor is how long after a recording's end its file is queued for the URL of
// its request: less than the queue remembers what it has done.
const deliverFor = 25 * 24 * time.Hour

// deliver queues the file of a recording for the URL that its request named,
// once.
func (u *uploader) deliver(ctx context.Context, r recording.Recording) error {
	if r.Delivery.UploadURL == "" || time.Since(r.StoppedAt) > deliverFor {
		return nil
	}
	if _, err := u.uploads.Get(ctx, deliveryID(r.ID)); recording.CodeOf(err) != recording.CodeNotFound {
		return err
	}
	part, err := u.onlyPart(r.ID)
	switch {
	case err == nil && !u.archive.Has(r.ID, part.File):
		return nil // its node delivers it
	case recording.CodeOf(err) == recording.CodeNotFound && r.State != recording.Failed:
		return nil // another node's disk has it
	case recording.CodeOf(err) == recording.CodeNotFound:
		err = recording.Errorf(recording.CodeNoMedia, "nothing was recorded")
	}
	if err == nil {
		_, err = u.uploads.Add(ctx, deliver.Upload{
			ID: deliveryID(r.ID), RecordingID: r.ID, Path: path.Join(r.ID, part.File), URL: r.Delivery.UploadURL,
			ContentType: part.MediaType(),
		})
	}
	if err == nil || recording.CodeOf(err) == recording.CodeStoreUnavailable {
		return err
	}
	// It is not to be: whoever waits for the file is told why.
	return u.tell(ctx, r, recording.Part{}, deliver.Upload{
		ID: deliveryID(r.ID), RecordingID: r.ID, URL: deliver.Redact(r.Delivery.UploadURL), State: deliver.Failed,
		Error: recording.AsError(err, recording.CodeInternal), EndedAt: r.StoppedAt,
	})
}

// onlyPart returns the one part that a recording of one stream has. While it is with a
// node that is away, the error is CodeNotFound.
func (u *uploader) onlyPart(id string) (recording.Part, error) {
	m, err := u.archive.Manifest(id)
	switch {
	case err != nil:
		return recording.Part{}, err
	case len(m.Parts) == 0 && len(m.WaitsFor()) > 0:
		return recording.Part{}, recording.Errorf(recording.CodeNotFound, "recording %s waits for %s", id, strings.Join(m.WaitsFor(), ", "))
	case len(m.Parts) == 0:
		return recording.Part{}, recording.Errorf(recording.CodeNoMedia, "nothing was recorded")
	case len(m.WaitsFor()) > 0:
		return recording.Part{}, recording.Errorf(api.CodeSeveralParts,
			"the recording has a file here and others with %s, which is away, and one URL takes one: upload each by POST /v1/recordings/%s/uploads",
			strings.Join(m.WaitsFor(), ", "), id)
	case len(m.Parts) > 1:
		return recording.Part{}, recording.Errorf(api.CodeSeveralParts,
			"the recording has %d files, and one URL takes one: upload each by POST /v1/recordings/%s/uploads", len(m.Parts), id)
	}
	return m.Parts[0], nil
}

// deliveryID names the upload to the URL of a recording's request.
func deliveryID(id string) string { return recording.DerivedID(deliver.PrefixUpload, "delivery "+id) }

// report publishes what came of an upload. Of those to storage it tells when a
// recording is there whole, and each that was given up.
func (u *uploader) report(ctx context.Context, up deliver.Upload) error {
	if removed, err := u.store.Removed(ctx, up.RecordingID); err != nil {
		return err
	} else if removed { // while it was on its way
		return u.removeStored(ctx, up.RecordingID)
	}
	if strings.HasPrefix(up.URL, "s3:") && up.State == deliver.Done && path.Base(up.Path) != recording.ManifestFile {
		return nil
	}
	r, err := u.store.Get(ctx, up.RecordingID)
	if err != nil && recording.CodeOf(err) != recording.CodeNotFound {
		return err
	}
	var part recording.Part
	if m, err := u.archive.Manifest(up.RecordingID); err == nil {
		for _, p := range m.Parts {
			if p.File == path.Base(up.Path) {
				part = p
			}
		}
	}
	return u.tell(ctx, r, part, up)
}
