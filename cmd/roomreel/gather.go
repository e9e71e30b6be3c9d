package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/roomreel/roomreel/coord"
	"github.com/roomreel/roomreel/recorder"
	"github.com/roomreel/roomreel/recording"
)

// gatherer makes manifests whole where several nodes have recorded, each on its own
// disk: every folder shares what its journal tells, and each manifest tells of all.
type gatherer struct {
	archive recording.Archive
	store   *coord.Store
	folder  string
	log     *slog.Logger
}

// one brings the manifest of a recording that is final up to date, if this folder has
// any of it, and the record with it. What a crash left here is repaired first. It may
// be called at any time, again and again.
func (g gatherer) one(ctx context.Context, r recording.Recording) error {
	dir, err := g.archive.Dir(r.ID)
	if err != nil {
		return err
	}
	turns, err := g.store.Turns(ctx, r.ID)
	if err != nil {
		return err
	}
	m, err := g.whole(ctx, dir, r)
	switch {
	case recording.CodeOf(err) == recording.CodeNotFound:
		return g.elsewhere(ctx, r, turns)
	case err != nil:
		return fmt.Errorf("repair what was left of %s: %w", r.ID, err)
	case len(turns) == 0 && len(m.Turns) == 1: // nothing was written, or Redis has lost its memory
		if _, _, err := g.store.Share(ctx, r.ID, g.folder, m.Turns, nil); err != nil {
			return err
		}
		return g.amend(ctx, r, m)
	case len(m.Turns) <= 1 && m.Covers(turns):
		return g.amend(ctx, r, m)
	}
	return g.merge(ctx, dir, r, m)
}

// gatherPatience is for how long after a recording's end films wait for nodes that live
// and have not shared what they have: after a crash they read every byte of it first.
const gatherPatience = 5 * time.Minute

// gathered reports whether the manifest of a recording here tells of all that can be had
// now: of every turn whose node, or another with its folder, lives.
func (g gatherer) gathered(ctx context.Context, id string) (bool, error) {
	r, err := g.store.Get(ctx, id)
	switch {
	case recording.CodeOf(err) == recording.CodeNotFound:
		return true, nil // it is in the archive only
	case err != nil:
		return false, err
	case !r.State.Final():
		return false, nil
	case time.Since(r.StoppedAt) > gatherPatience:
		return true, nil
	}
	turns, err := g.store.Turns(ctx, id)
	if err != nil || len(turns) < 2 {
		return true, err
	}
	m, err := g.archive.Manifest(id)
	if err != nil {
		return false, err
	}
	places, err := g.store.Places(ctx, id)
	if err != nil {
		return false, err
	}
	for _, t := range turns {
		lives := slices.ContainsFunc(places, func(p coord.Place) bool { return p.Node == t.Node && len(p.At) > 0 })
		if lives && !m.Covers([]recording.Turn{t}) {
			return false, nil
		}
	}
	return true, nil
}

// amend has the record tell what a manifest does.
func (g gatherer) amend(ctx context.Context, r recording.Recording, m *recording.Manifest) error {
	result, waits := resultOf(m), m.WaitsFor()
	if r.Parts == result.Parts && r.Bytes == result.Bytes && slices.Equal(r.WaitingFor, waits) {
		return nil
	}
	return g.store.Amend(ctx, r.ID, func(r *recording.Recording) {
		r.Parts, r.Bytes, r.Duration, r.WaitingFor = result.Parts, result.Bytes, result.Duration, waits
		if !result.StartedAt.IsZero() {
			r.StartedAt = result.StartedAt
		}
	})
}

// whole repairs what a crash left in the folder, and reads its manifest.
func (g gatherer) whole(ctx context.Context, dir string, r recording.Recording) (*recording.Manifest, error) {
	if unfinished, err := recorder.Unfinished(dir); err == nil && unfinished {
		g.log.Info("making a recording whole that a crash left", "recording", r.ID)
		if _, err := recorder.Repair(ctx, dir, r, recording.EndedByCrash); err != nil {
			return nil, err
		}
	}
	return g.archive.Manifest(r.ID)
}

// merge shares what this folder has, and writes down what all have.
func (g gatherer) merge(ctx context.Context, dir string, r recording.Recording, m *recording.Manifest) error {
	own, err := recorder.Snapshot(dir, r)
	if err != nil {
		return err
	}
	locate(own, m)
	turns, shared, err := g.store.Share(ctx, r.ID, g.folder, m.Turns, own)
	if err != nil {
		return err
	}
	merged := recording.Merge(turns, shared...)
	if m.TellsMore(merged) { // what Redis has forgotten of others, the manifest here has not
		merged = recording.Merge(turns, merged, m)
	}
	locate(merged, m)
	merged.PartsDeletedAt = m.PartsDeletedAt
	if !sameManifest(merged, m) {
		if err := recording.WriteManifest(dir, merged); err != nil {
			return err
		}
	}
	return g.amend(ctx, r, merged)
}

// elsewhere tells of a recording of which nothing is here that it waits for those who
// have it, if nobody else can: whoever recorded is away.
func (g gatherer) elsewhere(ctx context.Context, r recording.Recording, turns []recording.Turn) error {
	if r.Parts > 0 || len(r.WaitingFor) > 0 || len(turns) == 0 {
		return nil
	}
	places, err := g.store.Places(ctx, r.ID)
	if err != nil {
		return err
	}
	var away []string
	for _, p := range places {
		if len(p.At) > 0 {
			return nil
		}
		away = append(away, p.Node)
	}
	return g.store.Amend(ctx, r.ID, func(r *recording.Recording) {
		if r.Parts == 0 {
			r.WaitingFor = away
		}
	})
}

// locate fills in where parts are in storage, as another manifest tells.
func locate(m, from *recording.Manifest) {
	for i, p := range m.Parts {
		j := slices.IndexFunc(from.Parts, func(q recording.Part) bool { return q.ID == p.ID })
		if p.Location == "" && j >= 0 {
			m.Parts[i].Location = from.Parts[j].Location
		}
	}
}

func sameManifest(a, b *recording.Manifest) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}
