package main

import (
	"context"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// uploads lets the API have files of recordings sent to URLs.
type uploads struct {
	*uploader
	peers peers
}

func (u *uploader) Check(url string) error {
	_, err := u.policy.Check(url)
	return err
}

func (u uploads) List(ctx context.Context, recordingID string) ([]api.Upload, error) {
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

func (u uploads) Add(ctx context.Context, r recording.Recording, want api.StartUpload) (api.Upload, error) {
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
func (u uploads) file(ctx context.Context, id string, want api.StartUpload) (file, contentType string, err error) {
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
	if !u.archive.Has(id, part.File) {
		if err := u.peers.fetch(ctx, id); err != nil {
			return "", "", err
		}
	}
	return path.Join(id, part.File), part.MediaType(), nil
}

func (u uploads) part(id, part string) (recording.Part, error) {
	m, err := u.archive.Manifest(id)
	if err != nil {
		return recording.Part{}, err
	}
	if p := m.Part(part); p != nil {
		return *p, nil
	}
	return recording.Part{}, recording.Errorf(recording.CodeNotFound, "recording %s has no part %.60q", id, part)
}

func (u uploads) Retry(ctx context.Context, recordingID, id, url string) (api.Upload, error) {
	if err := recording.CheckID(deliver.PrefixUpload, id); err != nil {
		return api.Upload{}, err
	}
	up, err := u.uploads.Get(ctx, id)
	if err == nil && up.RecordingID != recordingID {
		err = recording.Errorf(recording.CodeNotFound, "recording %s has no upload %s", recordingID, id)
	}
	switch {
	case err != nil || url == "":
	case strings.HasPrefix(up.URL, "s3:"): // it would count as stored
		err = recording.Errorf(recording.CodeInvalidRequest, "url: upload %s is to storage; POST /v1/recordings/%s/uploads sends the file elsewhere, too", id, recordingID)
	default:
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

// RemoveFilm deletes the film, its document, and what was made beside it.
func (s stored) RemoveFilm(ctx context.Context, film recording.Composition) error {
	folder := path.Join(film.RecordingID, "compositions")
	for _, name := range []string{film.File, film.ID + ".json"} {
		if err := s.Bucket.Delete(ctx, s.Bucket.Location(path.Join(folder, name))); err != nil {
			return err
		}
	}
	return s.Bucket.Remove(ctx, path.Join(folder, film.ID))
}

func (s stored) Link(ctx context.Context, location, fileName, mediaType string) (string, error) {
	const valid = 15 * time.Minute
	if !s.redirect {
		return "", nil
	}
	return s.Bucket.Presign(ctx, location, valid, fileName, mediaType)
}
