package main

import (
	"context"
	"log/slog"
	"mime"
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

func newUploader(c configs.Config, archive recording.Archive, store *coord.Store, hooks *deliver.Webhooks, rdb redis.UniversalClient, m *metrics, log *slog.Logger) (*uploader, error) {
	const backlog = 1000
	u := &uploader{
		archive: archive, store: store, hooks: hooks, policy: urlPolicy(c.Outgoing), log: log, due: make(chan string, backlog),
	}
	folder, err := deliver.FolderID(archive.Root())
	if err != nil {
		return nil, err
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

// run looks at each recording that has ended or got a film, at each of which
// something was uploaded, and now and then at all that are in the archive.
func (u *uploader) run(ctx context.Context) error {
	const every = time.Minute
	sweep := time.NewTicker(every)
	defer sweep.Stop()
	events, err := u.hooks.Feed(ctx, deliver.FeedQuery{Types: []string{
		string(deliver.RecordingStopped), string(deliver.RecordingFailed), string(deliver.CompositionReady),
	}})
	if err != nil {
		u.log.Warn("ended recordings are looked for once a minute only", "error", err)
	}
	settled := map[string]bool{} // looked at, and nothing to do since
	u.sweep(ctx, settled)
	for {
		select {
		case <-ctx.Done():
			for range events { // until the feed has ended
			}
			return nil
		case e, open := <-events:
			if !open {
				events = nil
				continue
			}
			u.settle(ctx, e.Event.RecordingID, settled)
		case id := <-u.due:
			u.settle(ctx, id, settled)
		case <-sweep.C:
			u.sweep(ctx, settled)
		}
	}
}

func (u *uploader) sweep(ctx context.Context, settled map[string]bool) {
	ids, err := u.archive.IDs()
	if err != nil {
		u.log.Error("archive cannot be listed", "error", err)
		return
	}
	for _, id := range ids {
		if ctx.Err() == nil && !settled[id] {
			u.settle(ctx, id, settled)
		}
	}
}

// settle does what is due for a recording. While something is on its way, the
// sweep comes back to it.
func (u *uploader) settle(ctx context.Context, id string, settled map[string]bool) {
	delete(settled, id)
	r, err := u.store.Get(ctx, id)
	switch {
	case err == nil && !r.State.Final():
		return
	case err == nil:
		err = u.deliver(ctx, r)
	case recording.CodeOf(err) == recording.CodeNotFound:
		err = nil // it is in the archive only
	}
	if err == nil && u.storage != nil {
		err = u.storage.Settle(ctx, id)
	}
	if err != nil && ctx.Err() == nil {
		u.log.Warn("a recording was not delivered yet", "recording", id, "error", err)
		return
	}
	page, err := u.uploads.List(ctx, deliver.Query{Recording: id, States: []deliver.State{deliver.Pending, deliver.Running, deliver.Failed}})
	settled[id] = err == nil && len(page.Items) == 0
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
	part, err := u.onlyPart(r.ID)
	switch {
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

// onlyPart returns the one part that a recording of one stream has.
func (u *uploader) onlyPart(id string) (recording.Part, error) {
	m, err := u.archive.Manifest(id)
	switch {
	case err != nil:
		return recording.Part{}, err
	case len(m.Parts) == 0:
		return recording.Part{}, recording.Errorf(recording.CodeNoMedia, "nothing was recorded")
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

// Check, List, Add and Retry serve the API.

func (u *uploader) Check(url string) error {
	_, err := u.policy.Check(url)
	return err
}

func (u *uploader) List(ctx context.Context, recordingID string) ([]api.Upload, error) {
	bodies := []api.Upload{}
	for query := (deliver.Query{Recording: recordingID, Limit: 200}); ; {
		page, err := u.uploads.List(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, up := range page.Items {
			bodies = append(bodies, uploadBody(up))
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			return bodies, nil
		}
	}
}

func (u *uploader) Add(ctx context.Context, r recording.Recording, want api.StartUpload) (api.Upload, error) {
	if err := u.Check(want.URL); err != nil {
		return api.Upload{}, err
	}
	file, contentType, err := u.file(ctx, r.ID, want)
	if err != nil {
		return api.Upload{}, err
	}
	page, err := u.uploads.List(ctx, deliver.Query{Recording: r.ID, States: []deliver.State{deliver.Pending, deliver.Running, deliver.Failed}, Limit: 200})
	if err != nil {
		return api.Upload{}, err
	}
	for _, up := range page.Items {
		if up.Path == file && !strings.HasPrefix(up.URL, "s3:") {
			return u.Retry(ctx, r.ID, up.ID, want.URL)
		}
	}
	up, err := u.uploads.Add(ctx, deliver.Upload{RecordingID: r.ID, Path: file, URL: want.URL, ContentType: contentType})
	return uploadBody(up), err
}

// file is the file that a caller wants uploaded, fetched if it is in storage only.
func (u *uploader) file(ctx context.Context, id string, want api.StartUpload) (file, contentType string, err error) {
	if want.Composition != "" {
		if err := recording.CheckID(recording.PrefixComposition, want.Composition); err != nil {
			return "", "", err
		}
		film, err := u.archive.Film(id, want.Composition)
		if err != nil {
			return "", "", err
		}
		return path.Join(id, "compositions", film.File), mime.TypeByExtension(path.Ext(film.File)), nil
	}
	part, err := u.onlyPart(id)
	if want.Part != "" {
		part, err = u.part(id, want.Part)
	}
	if err != nil {
		return "", "", err
	}
	if u.storage != nil && part.Location != "" {
		if err := u.storage.Fetch(ctx, id); err != nil {
			return "", "", err
		}
	}
	return path.Join(id, part.File), part.MediaType(), nil
}

func (u *uploader) part(id, part string) (recording.Part, error) {
	m, err := u.archive.Manifest(id)
	if err != nil {
		return recording.Part{}, err
	}
	for _, p := range m.Parts {
		if p.ID == part {
			return p, nil
		}
	}
	return recording.Part{}, recording.Errorf(recording.CodeNotFound, "recording %s has no part %.60q", id, part)
}

func (u *uploader) Retry(ctx context.Context, recordingID, id, url string) (api.Upload, error) {
	if err := recording.CheckID(deliver.PrefixUpload, id); err != nil {
		return api.Upload{}, err
	}
	up, err := u.uploads.Get(ctx, id)
	if err == nil && up.RecordingID != recordingID {
		err = recording.Errorf(recording.CodeNotFound, "recording %s has no upload %s", recordingID, id)
	}
	if err == nil && url != "" {
		err = u.Check(url)
	}
	if err != nil {
		return api.Upload{}, err
	}
	if err := u.uploads.Retry(ctx, id, url); err != nil {
		return api.Upload{}, err
	}
	up, err = u.uploads.Get(ctx, id)
	return uploadBody(up), err
}

func uploadBody(up deliver.Upload) api.Upload {
	return api.Upload{
		ID: up.ID, RecordingID: up.RecordingID, File: up.Path, URL: up.URL, Bytes: up.Size, Sent: up.Sent, State: string(up.State),
		Error: failureBody(up.Error), CreatedAt: up.CreatedAt, NextAttempt: up.NextAttempt, EndedAt: up.EndedAt,
		Attempts: attemptBodies(up.Attempts),
	}
}

// stored lets the API reach files in storage.
type stored struct {
	*deliver.Storage
	redirect bool
}

func (s stored) Open(ctx context.Context, location string) (api.StoredFile, error) {
	o, err := s.Bucket.Open(ctx, location)
	if err != nil {
		return api.StoredFile{}, err
	}
	return api.StoredFile{ReadSeekCloser: o, Size: o.Size, Modified: o.Modified}, nil
}

func (s stored) Remove(ctx context.Context, id string) error { return s.Bucket.Remove(ctx, id) }

func (s stored) Link(ctx context.Context, location, fileName, mediaType string) (string, error) {
	const valid = 15 * time.Minute
	if !s.redirect {
		return "", nil
	}
	return s.Bucket.Presign(ctx, location, valid, fileName, mediaType)
}
