package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/roomreel/roomreel/api"
	"github.com/roomreel/roomreel/compose"
	"github.com/roomreel/roomreel/deliver"
	"github.com/roomreel/roomreel/recording"
)

// partsDeleter deletes the parts of recordings whose starters want their films only.
type partsDeleter struct {
	*uploader
	films api.Compositions
}

// one deletes what this folder and storage have of the parts, if that is wished and
// due: the recording has ended well and is not held, no node is away with parts, the
// URL of its request has its file, and the films are made. It reports whether it
// deleted any. The record is told first: of several folders each deletes its own.
func (d partsDeleter) one(ctx context.Context, r recording.Recording) (deleted bool, err error) {
	if !r.DeleteParts || r.State != recording.Stopped || r.Hold != nil || len(r.WaitingFor) > 0 {
		return false, nil
	}
	m, err := d.archive.Manifest(r.ID)
	if recording.CodeOf(err) == recording.CodeNotFound {
		return false, nil
	}
	if err != nil || !m.PartsDeletedAt.IsZero() {
		return false, err
	}
	if hold, err := d.archive.Hold(r.ID); err != nil || hold != nil {
		return false, err
	}
	if r.PartsDeletedAt.IsZero() {
		if here, err := d.filmsAreHere(ctx, r.ID); err != nil || !here {
			return false, err
		}
		if undelivered(ctx, d.uploads, r) {
			return false, nil
		}
		made, err := d.made(ctx, r, m)
		if err != nil || !made {
			return false, err
		}
		r.PartsDeletedAt = time.Now().UTC()
		if err := d.store.Amend(ctx, r.ID, func(stored *recording.Recording) { stored.PartsDeletedAt = r.PartsDeletedAt }); err != nil {
			return false, err
		}
		d.log.Info("deleting the parts of a recording whose films are made", "recording", r.ID)
	}
	return true, d.remove(ctx, r, m)
}

// filmsAreHere reports whether the films of a recording are made in this folder: it is
// that of the node which recorded last.
func (d partsDeleter) filmsAreHere(ctx context.Context, id string) (bool, error) {
	places, err := d.store.Places(ctx, id)
	if err != nil || len(places) == 0 || places[0].Folder == "" {
		return err == nil, err
	}
	folder, err := deliver.FolderID(d.archive.Root())
	return folder == places[0].Folder, err
}

// made reports whether all films that were wished are ready, one of them holds all that
// the parts do, no film is being made, and storage, where there is one, has each.
func (d partsDeleter) made(ctx context.Context, r recording.Recording, m *recording.Manifest) (bool, error) {
	films, err := d.films.List(ctx, r.ID)
	if err != nil {
		return false, err
	}
	ready := map[string]recording.Composition{}
	for _, film := range films {
		if !film.State.Final() {
			return false, nil
		}
		if film.State == recording.CompositionReady && (film.File == "" || d.storage == nil || film.Location != "") {
			ready[film.ID] = film
		}
	}
	whole := false
	for n := range r.Compositions {
		film, ok := ready[compose.WishedID(r.ID, n)]
		if !ok {
			return false, nil
		}
		whole = whole || film.Parts == len(m.Parts) && compose.IsWhole(m, film.Spec)
	}
	if !whole {
		d.log.Info("the parts of a recording are kept: no film that was wished at its start shows all of them from end to end", "recording", r.ID)
	}
	return whole, nil
}

func (d partsDeleter) remove(ctx context.Context, r recording.Recording, m *recording.Manifest) error {
	dir, err := d.archive.Dir(r.ID)
	if err != nil {
		return err
	}
	m.Parts = slices.Clone(m.Parts)
	for i, part := range m.Parts {
		if d.storage != nil && part.Location != "" {
			if err := d.storage.Bucket.Delete(ctx, part.Location); err != nil {
				return fmt.Errorf("delete part %s: %w", part.ID, err)
			}
		}
		if err := os.Remove(filepath.Join(dir, part.File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete part %s: %w", part.ID, err)
		}
		m.Parts[i].Location = ""
	}
	m.PartsDeletedAt = r.PartsDeletedAt
	return recording.WriteManifest(dir, m)
}
