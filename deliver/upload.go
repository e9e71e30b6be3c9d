package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/roomreel/roomreel/recording"
)

// PrefixUpload begins the identifiers of uploads, see [recording.NewID].
const PrefixUpload = "upl"

// UploadOptions say which files are uploaded, and how. Dir is required, other
// zero values stand for the defaults.
type UploadOptions struct {
	// Dir is the folder that the files are in.
	Dir string
	// Storage names that folder: what is added under a name is worked by nodes
	// of the same name. Nodes that share the folder give it one name, a node
	// with a disk of its own takes the node's.
	Storage string
	// Policy says which URLs may be uploaded to.
	Policy URLPolicy
	// Targets takes the URLs of a scheme, instead of HTTP PUT. Such URLs are
	// trusted: hold those that callers give against the Policy first.
	Targets map[string]Target
	// Stall is how long an upload may make no progress; 60 s when zero.
	Stall time.Duration
	// Report is told of each upload that is Done or Failed, at least once, and
	// before others can see it so; when it fails, it is called again. Nil tells nobody.
	Report func(ctx context.Context, u Upload) error
	// Ended is told of the recording of an upload once others can see that it is
	// Done or Failed; not always, should this node die just then.
	Ended func(recordingID string)
	// QueueOptions default to pauses of 5 s, 30 s, 2 m, 10 m, 30 m, 1 h, 2 h, 4 h
	// and 8 h (twice), 8 workers and 4 uploads to one host at once.
	QueueOptions
}

// Upload is a file on its way to a receiver.
type Upload struct {
	// ID is that of recording.NewID(PrefixUpload).
	ID          string `json:"id"`
	RecordingID string `json:"recording_id,omitempty"`
	// Path is the file, relative to UploadOptions.Dir; it must not change.
	Path string `json:"path"`
	// Size is its length in bytes.
	Size int64 `json:"size"`
	// URL is where it goes. It is redacted in what Uploads returns.
	URL string `json:"url"`
	// ContentType is sent if it is not empty: a presigned URL may want it.
	ContentType string `json:"content_type,omitempty"`
	// Replaced says that the file may be replaced while it waits: what it is by then
	// is sent. Any other file must not change.
	Replaced bool `json:"replaced,omitempty"`

	State State            `json:"state"`
	Error *recording.Error `json:"error,omitempty"`
	// Sent is how many bytes the current or last attempt has handed to the
	// network, as of a few seconds ago.
	Sent        int64     `json:"sent"`
	Attempts    []Attempt `json:"attempts"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	NextAttempt time.Time `json:"next_attempt,omitzero"` // when a pending one is due
	EndedAt     time.Time `json:"ended_at,omitzero"`
}

// Uploads sends files to where callers want them, each at least once and whole.
// Done says that the receiver has confirmed with 2xx, after it was sent all
// bytes: before, nothing may be released. An attempt that fails is repeated
// from the file's beginning; what the receiver refuses (4xx) fails at once and
// waits for Retry. Its methods are safe for concurrent use; they fail with
// CodeStoreUnavailable when Redis cannot be asked.
type Uploads struct {
	opts   UploadOptions
	queue  *queue
	put    Target
	client *http.Client
}

// NewUploads returns Uploads on rdb, which stays the caller's to close.
func NewUploads(rdb redis.UniversalClient, opts UploadOptions) *Uploads {
	opts.setDefaults([]time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 8 * time.Hour,
	}, 8, 4)
	setDefault(&opts.Stall, time.Minute)
	client := opts.Policy.Client()
	return &Uploads{
		opts: opts, put: putTarget{opts.Policy, client}, client: client,
		queue: &queue{rdb: rdb, prefix: "roomreel:{deliver}:upload:", site: opts.Storage, opts: opts.QueueOptions},
	}
}

// Add queues an upload: ID, RecordingID, Path, URL, ContentType and Replaced count,
// and an empty ID is filled in. The file must be complete. A second call with the
// same ID does nothing. Errors are the codes of URLPolicy.Check,
// CodeFileChanged and CodeInvalidID.
func (u *Uploads) Add(ctx context.Context, up Upload) (Upload, error) {
	if up.ID == "" {
		up.ID = recording.NewID(PrefixUpload)
	}
	if err := recording.CheckID(PrefixUpload, up.ID); err != nil {
		return Upload{}, fmt.Errorf("add upload: %w", err)
	}
	group, err := u.group(u.opts.Storage, up.URL)
	if err != nil {
		return Upload{}, fmt.Errorf("add upload: %w", err)
	}
	file, err := u.open(up.Path)
	if err != nil {
		return Upload{}, fmt.Errorf("add upload: %w", err)
	}
	up.Size = file.size
	file.Close()
	doc, err := order{up.Path, up.Size, up.URL, up.ContentType, up.Replaced}.encode()
	if err != nil {
		return Upload{}, fmt.Errorf("add upload: %w", err)
	}
	if err := u.queue.add(ctx, job{id: up.ID, group: group, lane: up.ID, recording: up.RecordingID, doc: doc}); err != nil {
		return Upload{}, fmt.Errorf("add upload: %w", err)
	}
	return u.Get(ctx, up.ID)
}

// Retry begins an upload anew, in whichever state it is, and to another URL if
// one is given; the node that has the file does the work. An attempt under way
// with an old URL does not count. Errors: CodeNotFound and those of
// URLPolicy.Check.
func (u *Uploads) Retry(ctx context.Context, id, newURL string) error {
	r, err := u.queue.one(ctx, id)
	if err != nil {
		return fmt.Errorf("retry upload: %w", err)
	}
	var doc []byte
	group := r.group
	if newURL != "" {
		if group, err = u.group(r.site, newURL); err != nil {
			return fmt.Errorf("retry upload: %w", err)
		}
		o, err := decodeOrder(r.doc)
		if err != nil {
			return fmt.Errorf("retry upload: %w", err)
		}
		o.URL = newURL
		if doc, err = o.encode(); err != nil {
			return fmt.Errorf("retry upload: %w", err)
		}
	}
	if _, err := u.queue.redo(ctx, id, doc, group, "any"); err != nil {
		return fmt.Errorf("retry upload: %w", err)
	}
	return nil
}

// Get returns an upload with its last 50 attempts, or CodeNotFound.
func (u *Uploads) Get(ctx context.Context, id string) (Upload, error) {
	r, err := u.queue.one(ctx, id)
	if err != nil {
		return Upload{}, err
	}
	return readUpload(r)
}

// List returns uploads of all storages, newest first.
func (u *Uploads) List(ctx context.Context, query Query) (Page[Upload], error) {
	page, err := list(ctx, u.queue, query, readUpload)
	if err != nil {
		return page, fmt.Errorf("list uploads: %w", err)
	}
	return page, nil
}

// Run uploads until ctx ends; uploads under way are then cut off, for another
// node of this storage, or this one when it is back. It may be called once.
func (u *Uploads) Run(ctx context.Context) error {
	defer u.client.CloseIdleConnections()
	worker := worker{queue: u.queue, work: u.work, ended: u.ended}
	return worker.run(ctx)
}

func (u *Uploads) ended(t *task) {
	if u.opts.Ended != nil {
		u.opts.Ended(t.recording)
	}
}

// group names the receiver of a URL: its host, as seen from a storage.
func (u *Uploads) group(storage, raw string) (string, error) {
	parsed, err := url.Parse(raw)
	if err == nil && u.opts.Targets[parsed.Scheme] != nil {
		return storage + " " + parsed.Host, nil
	}
	if parsed, err = u.opts.Policy.Check(raw); err != nil {
		return "", err
	}
	return storage + " " + parsed.Host, nil
}

// work makes one attempt at an upload.
func (u *Uploads) work(ctx context.Context, t *task) outcome {
	a := Attempt{At: time.Now().UTC()}
	o, err := decodeOrder(t.doc)
	if err == nil {
		var answer Answer
		answer, err = u.send(ctx, t, o)
		a.Status, a.Answer = answer.Status, answer.Text
	}
	a.Latency = recording.Seconds(time.Since(a.At))
	if err != nil && ctx.Err() != nil {
		return putBack
	}
	a.Error = recording.AsError(err, CodeUploadFailed)
	out := outcome{state: Done, attempt: &a, health: good}
	switch {
	case errors.Is(err, ErrPermanent):
		out = outcome{state: Failed, attempt: &a, err: a.Error}
	case err != nil:
		out = u.queue.again(t, a, bad)
	}
	if err != nil {
		u.opts.Log.Warn("an upload failed", "upload", t.id, "url", Redact(o.URL), "attempt", t.tries+1, "error", a.Error)
	}
	if out.state != Pending && !u.report(ctx, t, out) {
		return putBack
	}
	return out
}

// report tells of an upload's end, until that has worked.
func (u *Uploads) report(ctx context.Context, t *task, out outcome) bool {
	if u.opts.Report == nil {
		return true
	}
	const pause = time.Second
	for {
		up, err := u.Get(ctx, t.id)
		if err == nil {
			up.State, up.Error, up.EndedAt, up.Sent = out.state, out.err, time.Now().UTC(), t.sent.Load()
			up.Attempts = append(up.Attempts, *out.attempt)
			err = u.opts.Report(ctx, up)
		}
		if err == nil || recording.CodeOf(err) == recording.CodeNotFound { // Redis forgot it
			return true
		}
		u.opts.Log.Warn("an upload was not reported", "upload", t.id, "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// send opens the file and puts it.
func (u *Uploads) send(ctx context.Context, t *task, o order) (Answer, error) {
	file, err := u.open(o.Path)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", err, ErrPermanent)
	}
	defer file.Close()
	if o.Replaced {
		o.Size = file.size
	}
	if file.size != o.Size {
		return Answer{}, fmt.Errorf("%w: %w",
			recording.Errorf(CodeFileChanged, "the file had %d bytes and has %d", o.Size, file.size), ErrPermanent)
	}
	target := u.put
	if parsed, err := url.Parse(o.URL); err == nil && u.opts.Targets[parsed.Scheme] != nil {
		target = u.opts.Targets[parsed.Scheme]
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	file.sent = &t.sent
	file.stall = u.opts.Stall
	file.watch = time.AfterFunc(u.opts.Stall, func() {
		cancel(recording.Errorf(CodeUploadFailed, "no progress for %v", u.opts.Stall))
	})
	defer file.watch.Stop()
	answer, err := target.Put(ctx, Upload{ID: t.id, Path: o.Path, Size: o.Size, URL: o.URL, ContentType: o.ContentType}, file)
	switch {
	case err != nil && ctx.Err() != nil:
		return answer, context.Cause(ctx)
	case err == nil && t.sent.Load() != o.Size:
		return answer, recording.Errorf(CodeUploadFailed, "the receiver answered %d after %d of %d bytes",
			answer.Status, t.sent.Load(), o.Size)
	}
	return answer, err
}

// order is what an upload is, as it is queued.
type order struct {
	Path        string `json:"path"`
	Size        int64  `json:"size"`
	URL         string `json:"url"`
	ContentType string `json:"content_type,omitempty"`
	Replaced    bool   `json:"replaced,omitempty"`
}

func (o order) encode() ([]byte, error) { return json.Marshal(o) }

func decodeOrder(doc []byte) (o order, err error) {
	if err := json.Unmarshal(doc, &o); err != nil {
		return o, fmt.Errorf("read upload: %w", err)
	}
	return o, nil
}

func readUpload(r record) (Upload, error) {
	o, err := decodeOrder(r.doc)
	if err != nil {
		return Upload{}, err
	}
	up := Upload{
		ID: r.id, RecordingID: r.recording, Path: o.Path, Size: o.Size, URL: Redact(o.URL), ContentType: o.ContentType, Replaced: o.Replaced,
		State: r.state, Error: r.err, Sent: r.sent, Attempts: r.attempts, CreatedAt: r.made, EndedAt: r.ended,
	}
	if up.State == Pending {
		up.NextAttempt = r.due
	}
	return up, nil
}
